"""Comparisons of a field of the model with a literal in a jq expression. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etl.expressions.names import DAYS_SINCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.expressions.tokens import Token

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_LOOSER = ("|", ",", "//")  # operators that bind less than a comparison
_WORDS_BEFORE = ("if", "then", "elif", "else", "and", "or")
_WORDS_AFTER = ("then", "elif", "else", "end", "and", "or")
# What follows one of these may have another input than the model.
_NEW_INPUT = ("|", "|=", "=", "+=", "-=", "*=", "/=", "%=", "//=")
_NEW_INPUT_WORDS = ("def", "reduce", "foreach", "try", "catch", "label")


class Comparison(NamedTuple):
    """A comparison of a field with a literal.

    Attributes:
        field: The name of the field; `days_since` for the age of one.
        literal: A number as it is written, or a string.
    """

    field: str
    literal: Token


def literal_comparisons(tokens: Sequence[Token]) -> Iterator[Comparison]:
    """Yield the comparisons, in either order, whose input is surely the model: before any pipe, in no argument of a function."""
    operands = _operands(tokens)
    for index, token in enumerate(operands):
        if token.kind == "(" and _is_start(operands, index):
            yield from literal_comparisons(token.items)
        if not token.is_operator(*_COMPARISONS):
            continue
        left, right = operands[:index], operands[index + 1 :]
        size = 2 if len(right) > 1 and right[1].kind == "(" else 1
        if not _is_end(right, size):
            continue
        size_before = 2 if left and left[-1].kind == "(" else 1
        if not _is_start(left, len(left) - size_before):
            continue
        pairs = ((left[-size_before:], right[:size]), (right[:size], left[-size_before:]))
        yield from (Comparison(name, value[0]) for field, value in pairs if (name := _field(field)) and _is_literal(value))


def _operands(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens whose input is that of the group."""
    end = next((index for index, token in enumerate(tokens) if _changes_input(token)), len(tokens))
    return tokens[: end + 1]  # with the token itself, which ends an operand


def _changes_input(token: Token) -> bool:
    return token.is_operator(*_NEW_INPUT) or (token.kind == "word" and token.text in _NEW_INPUT_WORDS)


def _is_start(tokens: Sequence[Token], index: int) -> bool:
    """Return whether an operand of a comparison begins at an index."""
    if index <= 0:
        return index == 0
    token = tokens[index - 1]
    return token.is_operator(*_LOOSER, *_COMPARISONS) or (token.kind == "word" and token.text in _WORDS_BEFORE)


def _is_end(tokens: Sequence[Token], index: int) -> bool:
    """Return whether an operand of a comparison ends before an index."""
    if index >= len(tokens):
        return index == len(tokens)
    token = tokens[index]
    return token.is_operator(*_LOOSER) or (token.kind == "word" and token.text in _WORDS_AFTER)


def _field(operand: Sequence[Token]) -> str | None:
    """Return the name of the field that an operand is, or days_since; None if it is anything else."""
    if [token.kind for token in operand] == ["word", "("] and operand[0].text == DAYS_SINCE:
        return DAYS_SINCE
    return operand[0].text if [token.kind for token in operand] == ["field"] else None


def _is_literal(operand: Sequence[Token]) -> bool:
    return len(operand) == 1 and (operand[0].kind == "number" or operand[0].is_literal)
