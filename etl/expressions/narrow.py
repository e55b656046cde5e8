"""Whether a jq expression reads only the fields that it names. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.expressions.names import DAYS_SINCE, literal_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.expressions.tokens import Token

_OPERATORS = ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "//", ",", "?")
_WORDS = ("and", "or", "true", "false", "null")


def is_narrow(tokens: Sequence[Token]) -> bool:
    """Return whether an expression reads nothing of its input but the fields that it names.

    Up to the first `|` only fields, literals and operators may stand, or groups of them. What follows the pipe has these as its
    input, and cannot reach the model: variables and functions that would are defined before it.
    """
    end = next((index for index, token in enumerate(tokens) if token.is_operator("|")), len(tokens))
    return end > 0 and all(_is_allowed(tokens[:end], index) for index in range(end))


def _is_allowed(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    previous = tokens[index - 1] if index else None
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if token.kind == "operator":
        return _is_name_after_dot(previous, following) if token.text == "." else token.text in _OPERATORS
    if token.kind == "word":
        return token.text in _WORDS or (token.text == DAYS_SINCE and following is not None and following.kind == "(")
    if token.kind == "(":
        return not any(item.is_operator(";") for item in token.items) and is_narrow(token.items)
    if token.kind == "[":
        return all(not part or is_narrow(part) for part in _slice_parts(token.items))
    if token.kind == "string":
        return all(is_narrow(group.items) for group in token.items)
    return token.kind in {"field", "number"}


def _is_name_after_dot(previous: Token | None, following: Token | None) -> bool:
    """Return whether a dot stands in `."name"`, `.["name"]`, or before an index of a field, as in `.tags.[0]`."""
    if following is None:
        return False
    if following.kind == "[":
        return literal_names(following) is not None or (previous is not None and previous.kind == "field")
    return following.is_literal


def _slice_parts(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Return what is between the colons of `[from:to]`, each of which may contain a pipe of its own."""
    colons = [index for index, token in enumerate(tokens) if token.is_operator(":")]
    return [tokens[start + 1 : end] for start, end in zip([-1, *colons], [*colons, len(tokens)], strict=True)]
