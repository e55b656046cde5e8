"""The tokens of a jq expression, bracket groups nested. No I/O."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

MAX_CHARS = 10_000
MAX_DEPTH = 100  # of brackets; deeper ones could exhaust the stack of jq's compiler

Kind = Literal["field", "word", "variable", "format", "number", "string", "operator", "(", "[", "{"]


class TokenError(ValueError):
    """The text is not a sequence of tokens with balanced brackets."""


class SizeError(TokenError):
    """The text is too long, or its brackets are too deep."""


@dataclass(frozen=True)
class Token:
    r"""A token, or a group of tokens between brackets.

    Attributes:
        text: The name of a field, word (function or keyword), variable or format; the value of a string; the operator.
        items: The tokens of a group; of a string, the code that it interpolates, a group for each `\(…)`.
    """

    kind: Kind
    text: str = ""
    items: tuple[Token, ...] = ()

    def is_operator(self, *texts: str) -> bool:
        """Return whether this is one of the operators."""
        return self.kind == "operator" and self.text in texts

    @property
    def is_literal(self) -> bool:
        """Return whether this is a string that interpolates nothing."""
        return self.kind == "string" and not self.items


# A comment with a carriage return, or continued by a backslash before the line break, means different things to versions of jq.
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\r\n]*(?<!\\)(?=\n|\Z))
    |(?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)
    |\$[ \t\n]*(?P<variable>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)
    |@(?P<format>[A-Za-z0-9_]+)
    |(?P<operator>\?//|//=|\|=|\+=|-=|\*=|/=|%=|!=|==|<=|>=|//|\.\.|[.?=;,:|+*/%<>-])
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<quote>")""",
    re.VERBOSE,
)
_TEXT = re.compile(r'[^"\\]+|\\u[A-Za-z0-9]{0,4}|\\[^u(]', re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass
class _Open:
    """A bracket or string that is not closed yet."""

    kind: Kind
    items: list[Token]
    text: list[str]  # of a string, as it is written


def tokenize(text: str) -> tuple[Token, ...]:
    """Return the tokens of an expression, without whitespace and comments.

    Raises:
        SizeError: it is too long or too deep.
        TokenError: it has an unknown character, or a bracket or string is not closed.
    """
    if len(text) > MAX_CHARS:
        raise SizeError(f"has {len(text):,} characters (expected at most {MAX_CHARS:,})")
    top = _Open("(", [], [])
    stack = [top]
    position = 0
    while position < len(text):
        position = (_read_string if stack[-1].kind == "string" else _read_code)(text, position, stack)
        if len(stack) > MAX_DEPTH:
            raise SizeError(f"has brackets within brackets (expected at most {MAX_DEPTH} levels)")
    if len(stack) > 1:
        raise TokenError("has a bracket or string that is not closed")
    return tuple(top.items)


def _read_string(text: str, position: int, stack: list[_Open]) -> int:
    """Add the next part of the innermost string; return where it ends."""
    string = stack[-1]
    if text[position] == '"':
        stack.pop()
        stack[-1].items.append(Token("string", _decode("".join(string.text)), tuple(string.items)))
        return position + 1
    if text.startswith("\\(", position):
        stack.append(_Open("(", [], []))
        return position + 2
    match = _TEXT.match(text, position)
    if match is None:
        raise TokenError("has a string that is not closed")
    string.text.append(match[0])
    return match.end()


def _read_code(text: str, position: int, stack: list[_Open]) -> int:
    """Add the next token to the innermost group; return where it ends."""
    match = _TOKEN.match(text, position)
    if match is None and text[position] == "#":
        raise TokenError("has a comment that jq may continue in the next line; end it without backslash or carriage return")
    if match is None:
        raise TokenError(f"has {text[position]!r}, which jq does not have outside strings and comments")
    kind: Any = match.lastgroup  # one of the groups below, or a kind
    value: Any = match[kind]
    if kind == "open":
        stack.append(_Open(value, [], []))
    elif kind == "quote":
        stack.append(_Open("string", [], []))
    elif kind == "close":
        group = stack.pop()
        if not stack or value != _CLOSING[group.kind]:
            raise TokenError(f"has {value!r} without its opening bracket")
        stack[-1].items.append(Token(group.kind, "", tuple(group.items)))
    elif kind != "space":
        stack[-1].items.append(Token(kind, value.removeprefix(".") if kind == "field" else value))
    return match.end()


def _decode(text: str) -> str:
    """Return the value of a string; its text if it has an escape that JSON has not, which jq's compiler refuses."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
