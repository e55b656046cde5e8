"""What data/models of one side tells of its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.errors import InvalidDataError
from etl.core.levels import LEVELS
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from etl.storage.snapshot import Snapshot


class Key(NamedTuple):
    """A model of a source."""

    source: str
    id: str


class ComparedFields(NamedTuple):
    """What is compared of a model; `level` is the highest that any stream tells, the rest as the first one does."""

    name: str
    level: str | None
    size: str | None
    size_from: str | None
    license: str | None
    gated: bool | str | None


Models = dict[Key, ComparedFields]


def load_models(told: Snapshot) -> Models:
    """Return the models of all streams."""
    found: Models = {}
    for path, content in told.models.items():
        if "/page-" in path:
            for model in _value(told, path, content):
                key = Key(model["source"], model["id"])
                facts = ComparedFields(*(model.get(field) for field in ComparedFields._fields))
                known = found.setdefault(key, facts)
                if severity(facts.level) > severity(known.level):
                    found[key] = known._replace(level=facts.level)
    return found


def severity(level: str | None) -> int:
    """Return the place of a level, from the safest; what is none is above all."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _value(told: Snapshot, path: str, content: bytes) -> Any:
    """Return the value of a page of models, or of a summary."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        value = None
    if path.endswith("summary.json"):
        is_sound = not load_schema("summary").violations(value)
    else:
        is_sound = isinstance(value, list) and all(map(_is_model, value))
    if not is_sound:
        raise InvalidDataError(f"{told.name}: models/{path}: is not what the transform makes; make it again: make transform")
    return value


def _is_model(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("source", "id", "name"))


def rejection_reasons(told: Snapshot) -> dict[Key, str]:
    """Return why the transform set models aside.

    Raises:
        BadAnswer: a summary is not what the transform makes.
    """
    reasons: dict[Key, str] = {}
    for path, content in told.models.items():
        if path.endswith("/summary.json"):
            summary = _value(told, path, content)
            aside = (each for stream in summary["streams"].values() for page in stream for each in page["set_aside"])
            reasons |= {Key(summary["source"], str(each["id"])): each["reason"] for each in aside}
    return reasons
