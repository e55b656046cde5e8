"""The columns of the tables: what a card shows, flat, with the types that the sources' schemas state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.schemas import load_schema
from etl.publish.cards import FIELDS, STATED_FIELDS, card
from etl.sources.source import get_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_IMAGE = {"url": "text", "width": "integer", "height": "integer", "level": "text", "blurhash": "text"}


class Column(NamedTuple):
    """The name of a column, and its kind: integer, real, boolean or text."""

    name: str
    kind: str


def model_columns(sources: Sequence[str]) -> list[Column]:
    """Return the columns of models: the fields of the cards of all these sources, each once, and those of the image."""
    of_sources = (field for source in sources for field in get_source(source).card_fields)
    fields = [Column(field, _kind(field, sources)) for field in dict.fromkeys((*FIELDS, *of_sources, *STATED_FIELDS))]
    return fields + [Column(f"image_{field}", kind) for field, kind in _IMAGE.items()]


def model_row(columns: Sequence[Column], model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a model by column; None where its source does not have the field."""
    values = card(model)
    image = values["image"] or {}
    values |= {f"image_{field}": image.get(field) for field in _IMAGE}
    return {name: _as_text(values.get(name)) if kind == "text" else values.get(name) for name, kind in columns}


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _kind(field: str, sources: Sequence[str]) -> str:
    """Return the kind whose values a field may have in any of the sources; text if they have no other in common."""
    schemas = [load_schema(f"{source}/model").schema for source in sources]
    types = {type_ for schema in schemas for type_ in _json_types(schema["properties"].get(field, {}), schema["$defs"])} - {
        "null"
    }
    if types and types <= {"integer", "number"}:
        return "integer" if types == {"integer"} else "real"
    return "boolean" if types == {"boolean"} else "text"


def _json_types(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """Yield the JSON types that a schema of a field names; nothing if it names none, as with `enum`."""
    if "$ref" in schema:
        yield from _json_types(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    types = schema.get("type", ())
    yield from [types] if isinstance(types, str) else types
