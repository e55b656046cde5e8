"""The fields of data/models that a diff compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.errors import InvalidDataError
from etl.core.levels import LEVELS
from etl.core.schemas import load_schema
from etl.sources.licenses import BY_STRICTNESS

if TYPE_CHECKING:
    from collections.abc import Container

    from etl.storage.snapshot import Snapshot


class Key(NamedTuple):
    """A model of a source."""

    source: str
    id: str


class ComparedFields(NamedTuple):
    """The compared fields of a model: the highest level and the strictest verdict of all streams, the rest of the first."""

    name: str
    level: str | None
    commercial: str | None
    size: str | None
    size_from: str | None
    license: str | None
    gated: bool | str | None


Models = dict[Key, ComparedFields]


def load_models(snapshot: Snapshot, wanted: Container[Key]) -> Models:
    """Return the wanted ones of the models of all streams; one page is in memory at a time.

    Raises:
        InvalidDataError: a page of models is not valid output of the transform.
    """
    models: Models = {}
    for path in snapshot.models:
        if "/page-" in path:
            for model in _parse(snapshot, path):
                key = Key(model["source"], model["id"])
                if key not in wanted:
                    continue
                fields = ComparedFields(*(model.get(field) for field in ComparedFields._fields))
                first = models.setdefault(key, fields)
                level = max(first.level, fields.level, key=severity)
                commercial = min(first.commercial, fields.commercial, key=leniency)
                models[key] = first._replace(level=level, commercial=commercial)
    return models


def severity(level: str | None) -> int:
    """Return the index of a level, 0 for the safest; an unknown level is above all."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def leniency(commercial: str | None) -> int:
    """Return the index of a verdict in BY_STRICTNESS; any other, or none, is above all."""
    return BY_STRICTNESS.index(commercial) if commercial in BY_STRICTNESS else len(BY_STRICTNESS)


def rejection_reasons(snapshot: Snapshot) -> dict[Key, str]:
    """Return why the transform rejected records.

    Raises:
        InvalidDataError: a summary violates its schema.
    """
    reasons: dict[Key, str] = {}
    for path in snapshot.models:
        if path.endswith("/summary.json"):
            summary = _parse(snapshot, path)
            rejected = (record for stream in summary["streams"].values() for page in stream for record in page["set_aside"])
            reasons |= {Key(summary["source"], str(record["id"])): record["reason"] for record in rejected}
    return reasons


def _parse(snapshot: Snapshot, path: str) -> Any:
    """Return the value of a page of models, or of a summary."""
    try:
        value = orjson.loads(snapshot.models[path])
    except orjson.JSONDecodeError:
        value = None
    if path.endswith("summary.json"):
        is_valid = not load_schema("summary").violations(value)
    else:
        is_valid = isinstance(value, list) and all(map(_is_model, value))
    if not is_valid:
        raise InvalidDataError(f"{snapshot.name}: models/{path}: not valid output of the transform; rebuild it: make transform")
    return value


def _is_model(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("source", "id", "name"))
