"""Tokens, compared with what jq compiles."""

from __future__ import annotations

import jq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from etl.expressions.names import collect_names
from etl.expressions.tokens import MAX_CHARS, MAX_DEPTH, SizeError, Token, TokenError, tokenize


def _show(tokens: tuple[Token, ...]) -> str:
    """Return tokens in a line: kind and text, groups in their brackets."""
    shown = []
    for token in tokens:
        inner = f"<{_show(token.items)}>" if token.items or token.kind in "([{" else ""
        shown.append(f"{token.kind}:{token.text}{inner}" if token.text or not inner else f"{token.kind}{inner}")
    return " ".join(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (".tags", "field:tags"),
        ('. "tags"', "operator:. string:tags"),
        (".a.b", "field:a field:b"),
        (".if", "field:if"),
        ("if .a then 1 end", "word:if field:a word:then number:1 word:end"),
        ("..", "operator:.."),
        ("..a", "operator:.. word:a"),
        ('"now"', "string:now"),
        ('"\\u006eow"', "string:now"),
        ('"a\nb"', "string:a\nb"),
        ('"\\"(now)"', 'string:"(now)'),
        ('"\\\\(now)"', "string:\\(now)"),
        ('"a\\(now)b"', "string:ab<(<word:now>>"),
        ('"\\("\\(1)")"', "string<(<string<(<number:1>>>>"),
        ("1 # now\n", "number:1"),
        ("1 # )\n+ 2", "number:1 operator:+ number:2"),
        ('"#" | 1', "string:# operator:| number:1"),
        ("@base64", "format:base64"),
        ('@json "\\(.)"', "format:json string<(<operator:.>>"),
        ("1.5e-3 .5 2.", "number:1.5e-3 number:.5 number:2."),
        (".e0", "field:e0"),
        ("1.e2", "number:1.e2"),
        (".a?//1", "field:a operator:?// number:1"),
        (".a // 1", "field:a operator:// number:1"),
        (".a //= 1", "field:a operator://= number:1"),
        ("$x|$__loc__", "variable:x operator:| variable:__loc__"),
        ("$ x", "variable:x"),
        ("a::b", "word:a::b"),
        ("[{(1)}]", "[<{<(<number:1>>>"),
        ("", ""),
    ],
)  # fmt: skip
def test_tokens_are_those_of_jq(text: str, shown: str) -> None:
    assert _show(tokenize(text)) == shown


@pytest.mark.parametrize(
    "text",
    ["(", ")", "(]", "1)", '"', '"\\(1"', '"\\(', "'a'", "!", "é", "1\xa0", "1\0", "# a\r", "1 # a\\\n", '"a\\', "\\", "@", "$"],
)
def test_what_jq_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        tokenize(text)


def test_length_and_depth_are_limited() -> None:
    tokenize("1" * MAX_CHARS)
    tokenize("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    with pytest.raises(SizeError, match=r"has 10,001 characters \(expected at most 10,000\)"):
        tokenize("1" * (MAX_CHARS + 1))
    with pytest.raises(SizeError, match="expected at most 100 levels"):
        tokenize("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(SizeError):
        tokenize('"\\(' * MAX_DEPTH)


_FRAGMENTS = st.lists(
    st.sampled_from(
        ["probe", "probe", '"', '"', "\\", "\\(", "(", ")", "[", "]", "{", "}", "#", "\n", "\r", " ", ".", ":", ",", "|", "1",
         "e", "$", "@json", "a", "?", "/", "//", "=", "\\u0022", "\\\\", "'", ". as ", "::", "-", ";", "def f: ", "0.", "\t"]
    ),
    max_size=14,
)  # fmt: skip


def _compiles(text: str) -> bool:
    try:
        jq.compile(text)
    except ValueError:
        return False
    return True


@given(_FRAGMENTS)
@settings(max_examples=400, suppress_health_check=[HealthCheck.filter_too_much])  # most are not valid
def test_no_call_is_hidden_from_the_tokens(fragments: list[str]) -> None:
    text = "".join(fragments)
    assume("probe" in text and _compiles(f"def probe: 1; ({text}\n)") and _compiles(f"def probe: 1; {text}"))
    try:
        tokens = tokenize(text)
    except TokenError:
        return  # refused
    assert "probe" in collect_names(tokens).calls or _compiles(text)  # jq leaves out functions that are not called


CALLS = r"""
"\(probe)"
"#" + probe
"\\" + probe
"\"" + probe
{a: probe}
{(probe): 1}
probe::x
"\(")" + probe)"
.[probe]?
{"a": 1 | probe}
. as [$a] | probe
. as {(probe): $a} | 1
$__loc__ | probe
{a: 1, b: (1, probe)}
@json "x\(probe)"
1 as $probe | probe
{probe: 1} | probe
.probe | probe
""".strip().splitlines()


@pytest.mark.parametrize("text", CALLS)
def test_a_call_is_seen(text: str) -> None:
    assert "probe" in collect_names(tokenize(text)).calls or not _compiles(f"def probe: 1; {text}")


NO_CALLS = r"""
{probe}
{probe: 1}
.probe
"probe"
$probe
."probe"
# probe
. as {probe: $x} | 1
{a: 1, probe: 2}
@probe
""".strip().splitlines()


@pytest.mark.parametrize("text", NO_CALLS)
def test_other_uses_of_a_name_are_not_calls(text: str) -> None:
    assert collect_names(tokenize(text)).calls == set()
