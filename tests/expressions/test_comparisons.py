"""Tests of the comparisons that are read from an expression: those whose input is surely the model, and no others."""

from __future__ import annotations

import pytest

from etl.expressions.comparisons import literal_comparisons
from etl.expressions.tokens import tokenize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('.a < "1"', ["a 1"]),
        ('"1" != .a', ["a 1"]),
        ('.a == 5 or (.b == "x" and 2e9 >= .c)', ["a 5", "b x", "c 2e9"]),
        ('.x // .a == "b" // .c', ["a b"]),
        ('if .a == "b" then .c == 1 else 2 < .d end', ["a b", "c 1", "d 2"]),
        ('days_since(.a) < "30" and "1" > days_since(.b)', ["days_since 30", "days_since 1"]),
        ('.a == "b" | not', ["a b"]),
    ],
)
def test_comparisons_of_the_model(text: str, expected: list[str]) -> None:
    comparisons = [f"{name} {literal.text}" for name, literal in literal_comparisons(tokenize(text))]
    assert sorted(comparisons) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        '.a // "" == "b"', '.a | .b == "c"', '.i[].a == "b"', '.i.a == "b"', '"b" == .a.c', '"b" == .a[0]', ".a == null",
        '.a == "b" + .c', '.a + .b == "c"', '.a - .b == "c" * 2', '"b" + "c" == .a', '-.a < "b"', ".a == -1", '.a? == "b"',
        'any(.i[]; .a == "b")', '[.a == "b"]', '{a: "b"} | .a == "b"', '.x | (.a == "b")', '.x |= (.a == "b")',
        '.a == "b\\(.c)"', '.a == @json "b"', '.a == ("b" | tonumber)', '(.a | tostring) == "b"', '.a == "b" as $x | $x',
        '. as $m | .i[] | .a == "b"', 'def f: .a == "b"; .i[] | f', 'try error catch (.a == "b")', ".a == .b", '"a" == "b"',
        'reduce .i[] as $i (0; .a == "b")', '"b"[0:1] == .a', '$x.a == "b"', '.["a"] == "b"', '.i[(.a == "b")]', ".a == 5.b",
    ],
)  # fmt: skip
def test_no_other_comparison_is_read(text: str) -> None:
    assert list(literal_comparisons(tokenize(text))) == []
