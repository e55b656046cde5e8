"""The schema of what clients download, closed: no unknown keys, and only known words where the published one has a string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.layout import source_names
from etl.core.levels import LEVELS
from etl.core.schemas import Schema, load_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.source_config import Config
    from etl.core.schemas import Violation

STATUSES = ("full", "short", "empty", "stale")
_COMPARED = ("size", "license", "level", "level_most", "flagged")  # the fields that change sets have
_UNKNOWN_SIZE = "unknown"
_NOTHING: dict[str, Any] = {"not": {}}
_LEVEL: dict[str, Any] = {"enum": [*LEVELS]}

_DERIVED_FROM = {
    "variants": "root"
}  # keys of cards that are no fields of models, and the field without which a source lacks them


class ClosedSchemas:
    """The closed schema of each kind of file, such as `index`."""

    def __init__(self, config: Config) -> None:
        published = load_schema("site").schema
        inherited = _inherited(published)
        definitions: dict[str, Any] = {
            name: _close(schema, inherited, is_open=f"#/$defs/{name}" in inherited) for name, schema in published["$defs"].items()
        }
        sizes = {size.name for source in config.sources for size in source.sizes}
        _restrict(definitions, sorted(sizes | {_UNKNOWN_SIZE}))
        common = {"$schema": published["$schema"], "$defs": definitions}
        self._kinds = {kind: Schema({**common, **reference}) for kind, reference in published["properties"].items()}

    def violations(self, kind: str, value: object) -> list[str]:
        """Return what is wrong with a file of a kind, each with its JSON path."""
        violations = self._kinds[kind].violations(value)
        return [str(violation) for violation in violations if not _follows(violation, violations)]


def _follows(violation: Violation, violations: list[Violation]) -> bool:
    """Return whether a violation follows from one inside the same object: then all its keys count as unknown."""
    if not violation.message.startswith("Unevaluated"):
        return False
    depth = len(violation.path)
    return any(len(inner.path) > depth and inner.path[:depth] == violation.path for inner in violations)


def _inherited(schema: Any) -> set[str]:
    """Return the definitions that others extend by `allOf`, which cannot be closed by themselves."""
    if isinstance(schema, list):
        return {reference for item in schema for reference in _inherited(item)}
    if not isinstance(schema, dict):
        return set()
    own = {item["$ref"] for item in schema.get("allOf", ()) if isinstance(item, dict) and "$ref" in item}
    return own.union(*map(_inherited, schema.values()))


def _close(schema: Any, inherited: set[str], *, is_open: bool = False) -> Any:
    """Return a schema whose objects have no unknown keys."""
    if isinstance(schema, list):
        return [_close(item, inherited) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: value if key == "allOf" else _close(value, inherited) for key, value in schema.items()}
    is_object = schema.get("type") == "object" and "properties" in schema and "additionalProperties" not in schema
    if (is_object and not is_open) or result.get("$ref") in inherited:
        result["unevaluatedProperties"] = False
    return result


def _restrict(definitions: dict[str, Any], sizes: list[str]) -> None:
    """Restrict the growing vocabularies to what is known, and the keys of cards to those of their source."""
    sources = source_names()
    models: dict[str, Mapping[str, Any]] = {name: load_schema(f"{name}/model").schema["properties"] for name in sources}
    definitions["source_name"] = {"enum": sources}
    definitions["manifest"]["properties"]["status"] = {"enum": [*STATUSES]}
    definitions["changed_model"]["properties"]["field"] = {"enum": [*_COMPARED]}
    definitions["image"]["properties"]["level"] = _LEVEL
    card = definitions["card"]
    card["properties"] |= {"level": _LEVEL, "level_most": _LEVEL, "size": {"enum": sizes}}
    for key in ("size_from", "commercial"):
        words = {word: None for model in models.values() for word in model.get(key, {}).get("enum", ())}
        card["properties"][key] = {"enum": [*words]}
    optional = card["properties"].keys() - {*card["required"], "image"}
    own = {name: {key for key in optional if _DERIVED_FROM.get(key, key) in models[name]} for name in sources}
    card["allOf"] = [_keys_of_source(name, own[name], optional - own[name]) for name in sources]


def _keys_of_source(source: str, own: set[str], foreign: set[str]) -> dict[str, Any]:
    """Return a schema that requires the keys that models of a source have, and refuses those that they have not."""
    return {
        "if": {"properties": {"source": {"const": source}}, "required": ["source"]},
        "then": {"required": sorted(own), "properties": dict.fromkeys(sorted(foreign), _NOTHING)},
    }
