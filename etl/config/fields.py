"""The fields of a source's models (schemas/<source>/model.schema.json), and the values that filters.toml may name."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from etl.core.schemas import load_schema
from etl.core.text import MIN_SIMILARITY, sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from etl.sources.source import SizeClass

    Value = str | int | float | None

_TYPES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
# What precedes an id in a URL, a git remote, a name with its source or a URN.
_ID_PREFIX = re.compile(r"(?:https?://[^/]*/|[\w-]+@[\w.-]+:|(?:[\w-]+\.)+[a-z]{2,}/|[a-z][a-z0-9]*:/*)*", re.IGNORECASE)
_PATH_SEGMENTS = ("api", "v1", "models")  # of URLs, before the id


@dataclass(frozen=True)
class Field:
    """A field of a source's models.

    Attributes:
        choices: All its values (of its items, if it is a list) if the schema has a closed list of them; else None.
        is_list: Whether it is a list, of which filters name values of items.
        expected: The valid values, for a message.
        item_names: The names in its items if it is a list of objects, which `keeps` and `drops` cannot test.
        types: The types of JSON Schema that it may have.
        is_time: Whether it is a time in ISO 8601.
    """

    source: str
    name: str
    choices: tuple[Value, ...] | None
    is_list: bool
    expected: str
    item_names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    is_time: bool = False

    @property
    def has_order(self) -> bool:
        """Whether models can be ordered by it: it is a number or a time, or null."""
        types = {*self.types} - {"null"}
        return self.is_time or (bool(types) and types <= {"integer", "number"})

    def accepts(self, value: Value) -> bool:
        """Return whether a model may have the value; types count: true, 1 and 1.0 are three values."""
        if self.choices is not None:
            return any(type(value) is type(choice) and value == choice for choice in self.choices)
        if isinstance(value, float):
            return False
        return not load_schema(f"{self.source}/model", self.name).violations([value] if self.is_list else value)

    def problem(self, value: Value) -> str | None:
        """Return why the value is not valid, with the expected values and the nearest one; None if it is valid."""
        if self.accepts(value):
            return None
        quoted = sanitize(json.dumps(value, ensure_ascii=False))
        return f"{quoted} is not valid for {self.name} (expected {self.expected}){nearest_suffix(value, self._nearest(value))}"

    def _nearest(self, value: Value) -> Value:
        candidates = _likely_ids(_text(value)) if self.name == "id" else _conversions(value)
        candidate = next((candidate for candidate in candidates if self.accepts(candidate)), None)
        return nearest_value(value, self.choices or ()) if candidate is None else candidate


def model_fields(source: str, sizes: Sequence[SizeClass]) -> dict[str, Field]:
    """Return the fields of a source's models by name; the values of `size` are the size classes and `unknown`."""
    schema = load_schema(f"{source}/model").schema
    fields = {}
    for name, definition in schema["properties"].items():
        resolved = _resolve(definition, schema["$defs"])
        is_list = "array" in _types(resolved)
        item = _resolve(resolved.get("items", {}), schema["$defs"]) if is_list else resolved
        choices = (*(size.name for size in sizes), "unknown") if name == "size" else _choices(item)
        item_names, types = tuple(item.get("properties", ())), tuple(_types(resolved) or map(_json_type, choices or ()))
        is_time = definition.get("$ref") == "#/$defs/time"
        fields[name] = Field(source, name, choices, is_list, _expected(item, choices), item_names, types, is_time)
    return fields


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its reference resolved; its description is that of the definition (the form), not of the field."""
    if "$ref" not in schema:
        return {key: value for key, value in schema.items() if key != "description"}
    definition: dict[str, Any] = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return {**schema, "description": "", **definition}


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _json_type(value: Value) -> str:
    return {str: "string", bool: "boolean", int: "integer"}.get(type(value), "null")


def _choices(schema: dict[str, Any]) -> tuple[Value, ...] | None:
    """Return the closed list of a schema's values; None if the vocabulary is open."""
    if "enum" in schema:
        return tuple(schema["enum"])
    if "const" in schema:
        return (schema["const"],)
    values: dict[str, tuple[Value, ...]] = {"boolean": (True, False), "null": (None,)}
    types = _types(schema)
    return tuple(value for type_ in types for value in values[type_]) if types and values.keys() >= set(types) else None


def _expected(schema: dict[str, Any], choices: Sequence[Value] | None) -> str:
    if "properties" in schema:
        return f"objects, which only `where` can test: with {', '.join(schema['properties'])}"
    if choices is not None:
        values = [format_value(choice) for choice in choices if choice is not None]
        return _join_or(values) or "nothing: it is null in every model"
    expected = _join_or([_TYPES[type_] for type_ in _types(schema) if type_ in _TYPES])
    if "maximum" in schema:
        expected += f" from {schema.get('minimum', 0)} to {schema['maximum']}"
    if "maxLength" in schema:
        expected += f" of at most {schema['maxLength']} characters"
    form = schema.get("description") or schema.get("pattern")
    return f"{expected}: {form.rstrip('.')}" if form else expected


def _join_or(items: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def nearest_suffix(value: Value, nearest: Value) -> str:
    """Return the end of a message that names the value nearest to `value`; quoted where only the types differ."""
    if nearest is None:
        return ""
    return f"; nearest: {json.dumps(nearest) if _text(nearest) == _text(value) else format_value(nearest)}"


def format_value(value: Value) -> str:
    """Return a value for a message: sanitized text without quotes, booleans as in TOML."""
    return sanitize(_text(value))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def nearest_value(value: Value, values: Iterable[Value]) -> Value:
    """Return the nearest of the values: for an integer by distance, else by similarity of the text; None if none is similar.

    Letter case does not count. Of several that are equally near, the first in order.
    """
    ordered = sorted((item for item in values if item is not None), key=lambda item: (_text(item), isinstance(item, str)))
    integers = [item for item in ordered if type(item) is int]
    if type(value) is int and integers:
        return min(integers, key=lambda item: (abs(item - value), item))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(_text(value).casefold())
    nearest, score = None, math.nextafter(MIN_SIMILARITY, 0)
    for candidate in ordered:
        matcher.set_seq1(_text(candidate).casefold())
        # The first two are cheap upper bounds of the third.
        if matcher.real_quick_ratio() > score and matcher.quick_ratio() > score and (ratio := matcher.ratio()) > score:
            nearest, score = candidate, ratio
    return nearest


def _conversions(value: Value) -> Iterator[Value]:
    """Yield conversions of a value of the wrong type, most likely first."""
    text = _text(value)
    if text.casefold() in ("true", "false"):
        yield text.casefold() == "true"
    if isinstance(value, str):
        yield from map(int, re.findall(r"[0-9]{1,16}", re.sub(r"[\s,_']", "", value)))
        return
    if isinstance(value, int | float) and math.isfinite(value):
        if value in (0, 1):
            yield bool(value)
        yield max(int(value), 0)
    yield text


def _likely_ids(text: str) -> Iterator[str]:
    """Yield the ids that a text may contain: in a URL, as a slug, after a sign, between spaces."""
    rest = _ID_PREFIX.sub("", text.strip(), count=1).lstrip("/#@ ")
    rest = re.split(r"[?#@:]", rest, maxsplit=1)[0].removesuffix(".git")
    parts = [re.sub(r"[^\w.-]+", "-", part.strip()).strip("-.") for part in re.split(r"[/\\]|--", rest)]
    parts = [part for part in parts if part]
    while len(parts) > 1 and parts[0] in _PATH_SEGMENTS:
        del parts[0]
    yield "/".join(parts[:2])
    yield from re.findall(r"\b[0-9]+\b", rest)
    last = text.strip().rpartition("/")[2]
    yield from (last, last.partition(":")[2])  # ids of some sources contain a colon
