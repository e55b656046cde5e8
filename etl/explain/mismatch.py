"""Which values of a model decide that it does not match a condition. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.options import Option

_MAX_ITEMS = 5  # of a list that is shown whole


def deciding_fields(condition: Option) -> tuple[str, ...]:
    """Return the fields that `deciding_values` needs."""
    own = (condition.field,) if condition.tests_values else ()
    return tuple(dict.fromkeys((*own, *(condition.where.fields if condition.where else ()))))


def deciding_values(condition: Option, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by which a model, given by the needed fields, does not match a condition.

    Of a list these are its excluded items, or, if it is short, all of it. Of an expression they are the fields that it names.
    """
    if condition.matches_values(fields):
        return {name: fields[name] for name in condition.where.fields} if condition.where else {}
    value = fields[condition.field]
    if isinstance(value, list):
        value = _excluded(condition, value) or value
        return {condition.field: value} if len(value) <= _MAX_ITEMS else {}
    return {condition.field: value}


def describe_mismatch(condition: Option, values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return why a model does not match a condition, and the fields whose values belong behind it.

    `values` are those of `Option.matches`: `size small excludes large`, or `popular: .likes > 9 is not true` and `likes`.
    """
    if condition.where is None or not condition.matches_values(values):
        return _describe_values(condition, values[condition.field]), ()
    result = values[condition.where.key]
    failed = "fails" if result.is_error else f"gives {result.unexpected}" if result.unexpected else "is not true"
    return f"{condition.title}: {condition.where.text} {failed}", condition.where.fields


def _describe_values(condition: Option, value: Any) -> str:
    """Return why a value of the field of a condition does not match it: `size small excludes large`."""
    if not condition.is_multivalued:
        return f"{condition.title} excludes {format_value(value)}"
    if excluded := _excluded(condition, value or []):
        return f"{condition.title} drops {format_value(excluded)}"
    return f"{condition.title}: has none of {format_value(sorted(condition.includes, key=str))}"


def _excluded(condition: Option, value: list[Any]) -> list[Any]:
    return [item for item in value if item in condition.excludes]


def format_value(value: object) -> str:
    """Return the value of a field for a message."""
    if isinstance(value, list):
        return ", ".join(map(format_value, value)) or "none"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
