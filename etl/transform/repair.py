"""Repair of models that violate their schema: an invalid field is dropped, and the model stays."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.schemas import load_schema
from etl.sources.source import DroppedField

if TYPE_CHECKING:
    import jsonschema_rs

_REASONS = {
    "type": "wrong type", "minLength": "empty", "maxLength": "too long", "minimum": "negative", "maximum": "too large",
    "pattern": "wrong form", "not": "wrong form", "allOf": "wrong form", "enum": "unknown value",
}  # fmt: skip


class _Rule(NamedTuple):
    """The schema of a field and, of a list, of its items; whether null is allowed."""

    value: jsonschema_rs.Draft202012Validator
    items: jsonschema_rs.Draft202012Validator | None
    is_nullable: bool


def repair(model: dict[str, Any], source: str) -> list[DroppedField]:
    """Make a model conform to its schema, and return what was dropped.

    An invalid value becomes null, an invalid item of a list is removed, an invalid name becomes the id. Required fields stay
    as they are: see `is_required`.
    """
    dropped = []
    for field, rule in _rules(source).items():
        value = model[field]
        reason = _violation(rule.value, value)
        if reason is None:
            continue
        if isinstance(value, list) and rule.items:
            model[field] = [item for item in value if _violation(rule.items, item) is None]
        elif field == "name":
            model[field] = model["id"]
            if value is None:
                continue
        elif rule.is_nullable:
            model[field] = None
        dropped.append(DroppedField(field, reason))
    return dropped


def is_required(field: str, source: str) -> bool:
    """Return whether a record without a valid value of the field is not a model."""
    return field != "name" and not _rules(source)[field].is_nullable


def expected(field: str, source: str) -> str:
    """Return the schema's description of a field."""
    schema = load_schema(f"{source}/model").schema
    described = schema["properties"][field]
    definition = schema["$defs"][described["$ref"].rpartition("/")[2]] if "$ref" in described else {}
    return str({**definition, **described}["description"]).rstrip(".")


@cache
def _rules(source: str) -> dict[str, _Rule]:
    """Return the rules of a source's fields, in the order of the schema."""
    import jsonschema_rs

    schema = load_schema(f"{source}/model").schema
    rules = {}
    for field, described in schema["properties"].items():
        resolved = schema["$defs"][described["$ref"].rpartition("/")[2]] if "$ref" in described else described
        value = jsonschema_rs.Draft202012Validator(resolved)
        items = jsonschema_rs.Draft202012Validator(resolved["items"]) if "items" in resolved else None
        rules[field] = _Rule(value, items, value.is_valid(None))
    return rules


def _violation(validator: jsonschema_rs.Draft202012Validator, value: object) -> str | None:
    """Return why a value violates its schema; None if it conforms."""
    try:
        error = next(validator.iter_errors(value), None)
    except ValueError:  # nested deeper than the validator goes
        return _REASONS["type"]
    return _REASONS.get(error.kind.name, error.kind.name) if error else None
