"""Comparisons in expressions of filters.toml with a value that the field never has: jq orders types, so they tell nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from etl.core.errors import UsageError
from etl.core.text import sanitize
from etl.expressions.names import DAYS_SINCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.fields import Field
    from etl.expressions.expression import Expression
    from etl.expressions.tokens import Token

_TYPES = {"array": "a list", "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
_MAX_CHARS = 60  # of a literal in a message


def check_comparisons(expression: Expression, fields: Mapping[str, Field]) -> None:
    """Refuse a comparison of a field with a literal of a type that the field never has.

    Raises:
        UsageError: there is one.
    """
    for name, literal in expression.comparisons:
        types = ["number"] if name == DAYS_SINCE else [type_ for type_ in fields[name].types if type_ in _TYPES]
        if not types or _is_possible(types, literal):
            continue
        compared = f"compares {name} ({' or '.join(_TYPES[type_] for type_ in types)}) with the {_quote(literal)}"
        raise UsageError(f"{expression.key}: {compared} ({_advice(name, types, literal)}")


def _is_possible(types: Sequence[str], literal: Token) -> bool:
    if literal.kind == "number":
        return not {"integer", "number"}.isdisjoint(types)
    return "string" in types and not ("boolean" in types and literal.text in ("true", "false"))


def _quote(literal: Token) -> str:
    """Return a literal for a message, with its type."""
    if literal.kind == "number":
        return f"number {literal.text[:_MAX_CHARS]}"
    return f"text {sanitize(json.dumps(literal.text, ensure_ascii=False), _MAX_CHARS)}"


def _advice(name: str, types: Sequence[str], literal: Token) -> str:
    """Return the end of a message: what is expected, and what to write if that is evident."""
    text = sanitize(literal.text, _MAX_CHARS)
    if "array" in types:
        return f'expected a value of its items); write any(.{name}[]?; . == "{text}")'
    if "boolean" in types and text in ("true", "false"):
        return f"expected {' or '.join(_TYPES[type_] for type_ in types)}); write {text}"
    if "string" in types:
        return f'expected text in quotes, such as "{text}")'
    if "boolean" in types:
        return "expected true or false)"
    if _is_number(text):
        return f"expected a number); write {text}"
    return f"expected a number, such as {30 if name == DAYS_SINCE else '8e9'})"


def _is_number(text: str) -> bool:
    try:
        json.loads(text, parse_constant=float)
    except ValueError:
        return False
    return text[-1].isdigit()
