"""Validation against schemas/: every violation with its JSON path."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from etl.core.layout import ALL_MODELS, INDEX, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHARED = "../model.schema.json#/$defs/"
_MAX_MESSAGE_CHARS = 200  # a message quotes the invalid value, which may be megabytes long


@dataclass(frozen=True)
class Violation:
    """The JSON path at which a value violates its schema, and how.

    Attributes:
        rule: The keyword of JSON Schema that the value violates, such as `pattern`.
        expected: What the schema has for this keyword.
        got: The value.
        schema: The part of the schema that has the keyword.
    """

    path: tuple[str | int, ...]
    message: str
    rule: str
    expected: Any
    got: Any
    schema: Mapping[str, Any]

    def __str__(self) -> str:
        json_path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return f"${json_path}: {self.message}"


class Schema:
    """A JSON Schema.

    jsonschema_rs decides (100 times faster); jsonschema, the reference implementation, describes the violations.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        import jsonschema_rs

        self.schema = schema
        self._fast = jsonschema_rs.Draft202012Validator(schema)

    def is_valid(self, value: object) -> bool:
        """Return whether a value conforms to the schema; a number that JSON cannot express, such as infinity, does not."""
        try:
            return self._fast.is_valid(value)
        except ValueError:
            return False

    def violations(self, value: object) -> list[Violation]:
        """Return every violation, those of list items in order; empty if the value conforms to the schema."""
        return [] if self.is_valid(value) else list(self._describe(value))

    def _describe(self, value: object) -> Iterator[Violation]:
        import jsonschema

        for violated in jsonschema.Draft202012Validator(self.schema).iter_errors(value):
            error = violated
            while error.validator == "anyOf" and error.context:  # of the alternatives, the one that fits the most of the value
                error = max(error.context, key=lambda cause: len(cause.absolute_path))
            message = error.message
            if len(message) > _MAX_MESSAGE_CHARS:
                message = f"{message[: _MAX_MESSAGE_CHARS // 2]} … {message[-_MAX_MESSAGE_CHARS // 2 :]}"
            schema = error.schema if isinstance(error.schema, dict) else {}
            yield Violation(tuple(error.absolute_path), message, error.validator, error.validator_value, error.instance, schema)


@cache
def load_schema(name: str, field: str = "") -> Schema:
    """Return the schema of that name, such as `index` or `civitai/model`, or that of one of its properties; from a cache."""
    return Schema(_read(name, field))


@cache
def load_list_schema(name: str) -> Schema:
    """Return the schema of a list of what the schema of that name describes; from a cache."""
    schema = _read(name, "")
    outer: dict[str, Any] = {key: schema.pop(key) for key in ("$schema", "$defs") if key in schema}
    del schema["$id"]  # references in it would be relative to that
    return Schema({**outer, "type": "array", "items": schema})


def _read(name: str, field: str) -> dict[str, Any]:
    """Return `schemas/<name>.schema.json`; with `field`, only the schema of that property.

    Definitions of schemas/model.schema.json that a source's schema refers to are copied into it.
    """
    text = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text.replace(f'"{_SHARED}', '"#/$defs/'))
    if _SHARED in text:
        schema["$defs"] = load_schema("model").schema["$defs"] | schema.get("$defs", {})
    if field:
        definitions: dict[str, Any] = {key: schema[key] for key in ("$schema", "$defs") if key in schema}
        schema = {**definitions, **schema["properties"][field]}
    return schema


def published_schema(file: str) -> Schema:
    """Return the schema of a file in data/manifests."""
    return load_schema({INDEX: "index", ALL_MODELS: "all-models"}.get(file, "manifest"))
