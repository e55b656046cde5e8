"""Expressions that do not compile."""

from __future__ import annotations

import pytest

from etl.core.errors import UsageError
from etl.expressions.evaluator import check_expressions
from tests.expressions.examples import parse


def _problem(*texts: str) -> str:
    with pytest.raises(UsageError) as caught:
        check_expressions([parse(text, f"key{number}") for number, text in enumerate(texts, 1)])
    return str(caught.value)


def test_expressions_that_compile_are_accepted() -> None:
    check_expressions([])
    check_expressions([parse(text) for text in (".tags", "days_since(.updated) < 1", "1 # comment", "def f: .id; f", "1, 2")])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (".tags |", "does not compile: syntax error, unexpected end of file at line 1, column 7"),
        (".tags\n| foo", "does not compile: foo/0 is not defined at line 2, column 3"),
        ("$x", "does not compile: $x is not defined at line 1, column 1"),
        ("true) , (true", "does not compile: syntax error, unexpected INVALID_CHARACTER"),
        ("((true)", "does not compile: syntax error"),
        ("", "does not compile: Top-level program not given"),
        ("# nothing", "does not compile: Top-level program not given"),
        ("def f: 1;", "does not compile: Top-level program not given"),
        ('"abc', "does not compile: "),
        ("'abc'", "does not compile: syntax error, unexpected INVALID_CHARACTER"),
        ("days_since", "does not compile: days_since/0 is not defined at line 1"),
        # These compile alone, and would hide the closing parenthesis.
        ("true # \\", "does not compile: syntax error, unexpected end of file"),
        ("true # \\\n\n", "has a comment that jq may continue in the next line"),
        ("true\0)", "does not compile: syntax error"),
        ('"x" * 1e9 | length', "needed more than 1 GiB of memory to compile"),
    ],
)  # fmt: skip
def test_a_message_is_that_of_jq_with_the_key(text: str, problem: str) -> None:
    line = _problem(text)
    assert line.startswith(f"key1: {problem}")
    assert line.endswith("; fix the jq expression")
    assert "\n" not in line


def test_all_wrong_expressions_are_in_one_error() -> None:
    first, second = _problem("1 +", ".tags", "foo").splitlines()
    assert first.startswith("key1: does not compile: syntax error")
    assert second.startswith("key3: does not compile: foo/0 is not defined")


def test_an_expression_that_ends_the_compiler_is_named() -> None:
    first, second = _problem(".tags", '"x" * 1e9 | length', "foo").splitlines()
    assert first.startswith("key2: needed more than 1 GiB of memory to compile")
    assert second.startswith("key3: does not compile: foo/0 is not defined")
