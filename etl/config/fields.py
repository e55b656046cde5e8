"""The fields of a source's models as schemas/<source>/model.schema.json defines them: which values filters.toml may name."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from etl.core.schemas import load_schema
from etl.core.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from etl.sources.source import SizeClass

    Value = str | int | float | None

_KINDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
# What stands before an id where people copy it from: an address, a name with its source, a URN.
_BEFORE_AN_ID = re.compile(r"(?:https?://[^/]*/|[\w-]+@[\w.-]+:|(?:[\w-]+\.)+[a-z]{2,}/|[a-z][a-z0-9]*:/*)*", re.IGNORECASE)
_PATH_WORDS = ("api", "v1", "models")  # of addresses, before the id


@dataclass(frozen=True)
class Field:
    """A field of a source's models.

    Attributes:
        choices: All its values, where these are a closed list; of a field that is a list, those of its items; else None.
        is_list: Whether it is a list. Filters then name values of its items.
        expected: The values it takes, for a message.
    """

    source: str
    name: str
    choices: tuple[Value, ...] | None
    is_list: bool
    expected: str

    def accepts(self, value: Value) -> bool:
        """Return whether some model may have the value; true is not 1, and 1.0 is not 1."""
        if self.choices is not None:
            return any(type(value) is type(choice) and value == choice for choice in self.choices)
        if isinstance(value, float):
            return False
        return not load_schema(f"{self.source}/model", self.name).violations([value] if self.is_list else value)

    def problem(self, value: Value) -> str | None:
        """Return why filters.toml cannot name the value: what is expected, and the nearest value; None if it can."""
        if self.accepts(value):
            return None
        quoted = sanitize(json.dumps(value, ensure_ascii=False))
        return f"{quoted} is not valid for {self.name} (expected {self.expected}){nearest_suffix(value, self._nearest(value))}"

    def _nearest(self, value: Value) -> Value:
        guesses = _likely_ids(_text(value)) if self.name == "id" else _conversions(value)
        found = next((guess for guess in guesses if self.accepts(guess)), None)
        return nearest_value(value, self.choices or ()) if found is None else found


def model_fields(source: str, sizes: Sequence[SizeClass]) -> dict[str, Field]:
    """Return the fields of a source's models by name; the size classes of filters.toml close the list of `size`."""
    schema = load_schema(f"{source}/model").schema
    found = {}
    for name, its in schema["properties"].items():
        resolved = _resolve(its, schema["$defs"])
        is_list = "array" in _types(resolved)
        item = _resolve(resolved.get("items", {}), schema["$defs"]) if is_list else resolved
        choices = (*(size.name for size in sizes), "unknown") if name == "size" else _choices(item)
        found[name] = Field(source, name, choices, is_list, _expected(item, choices))
    return found


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with what it refers to; a description is that of the form, not that of the field."""
    if "$ref" not in schema:
        return {key: value for key, value in schema.items() if key != "description"}
    definition: dict[str, Any] = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return {**schema, "description": "", **definition}


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _choices(schema: dict[str, Any]) -> tuple[Value, ...] | None:
    """Return the closed list of a schema's values; None where the vocabulary is open."""
    if "enum" in schema:
        return tuple(schema["enum"])
    if "const" in schema:
        return (schema["const"],)
    known: dict[str, tuple[Value, ...]] = {"boolean": (True, False), "null": (None,)}
    types = _types(schema)
    return tuple(value for each in types for value in known[each]) if types and known.keys() >= set(types) else None


def _expected(schema: dict[str, Any], choices: Sequence[Value] | None) -> str:
    if choices is not None:
        return _listed([format_value(choice) for choice in choices if choice is not None]) or "nothing: it is null in every model"
    told = _listed([_KINDS[each] for each in _types(schema) if each in _KINDS])
    if "maximum" in schema:
        told += f" from {schema.get('minimum', 0)} to {schema['maximum']}"
    if "maxLength" in schema:
        told += f" of at most {schema['maxLength']} characters"
    form = schema.get("description") or schema.get("pattern")
    return f"{told}: {form.rstrip('.')}" if form else told


def _listed(words: Sequence[str]) -> str:
    return " or ".join(each for each in (", ".join(words[:-1]), *words[-1:]) if each)


def nearest_suffix(value: Value, near: Value) -> str:
    """Return the end of a message about a value that names the nearest; with quotes where only the type differs."""
    if near is None:
        return ""
    return f"; nearest: {json.dumps(near) if _text(near) == _text(value) else format_value(near)}"


def format_value(value: Value) -> str:
    """Return a value for a message: text without quotes and harmless on a terminal, truth as in TOML."""
    return sanitize(_text(value))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def nearest_value(value: Value, values: Iterable[Value]) -> Value:
    """Return the nearest of some values: of numbers by distance, of text the one that differs least; None of none.

    Letter case does not count. Of several that are as near, the first in order.
    """
    known = sorted((each for each in values if each is not None), key=lambda each: (_text(each), isinstance(each, str)))
    numbers = [each for each in known if type(each) is int]
    if type(value) is int and numbers:
        return min(numbers, key=lambda each: (abs(each - value), each))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(_text(value).casefold())
    nearest, score = None, -1.0
    for each in known:
        matcher.set_seq1(_text(each).casefold())
        # The first two are cheap upper bounds of the third.
        if matcher.real_quick_ratio() > score and matcher.quick_ratio() > score and (ratio := matcher.ratio()) > score:
            nearest, score = each, ratio
    return nearest


def _conversions(value: Value) -> Iterator[Value]:
    """Yield what may have been meant by a value of the wrong type, the likeliest first."""
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
    """Yield the ids that a text may have been copied with: an address, a slug, a number with a sign, spaces around it."""
    rest = _BEFORE_AN_ID.sub("", text.strip(), count=1).lstrip("/#@ ")
    rest = re.split(r"[?#@:]", rest, maxsplit=1)[0].removesuffix(".git")
    parts = [re.sub(r"[^\w.-]+", "-", part.strip()).strip("-.") for part in re.split(r"[/\\]|--", rest)]
    parts = [part for part in parts if part]
    while len(parts) > 1 and parts[0] in _PATH_WORDS:
        del parts[0]
    yield "/".join(parts[:2])
    yield from re.findall(r"\b[0-9]+\b", rest)
