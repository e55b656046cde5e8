"""What a publication changes for clients: models that came and went, and facts that changed, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.ids import model_key
from etl.core.levels import LEVELS
from etl.publish.catalogue import ModelKey
from etl.selection.stored import read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.core.layout import DataDir
    from etl.publish.catalogue import Catalogue
    from etl.publish.files import FileReference, Files
    from etl.publish.store import Publication, Store

    Cards = Mapping[ModelKey, Mapping[str, Any]]

MAX_PUBLICATIONS = 50
_COMPARED = ("size", "license", "level", "level_most", "flagged")


def add_changes(files: Files, catalogue: Catalogue, data: DataDir, store: Store, current: Publication | None) -> FileReference:
    """Add what changes since the current publication, and the list of recent ones; return the reference to the list.

    The first publication has nothing to compare with and states no changes.
    """
    before = _published_models(store, current)
    changes = {"generated": catalogue.generated, "since": current.value["generated"] if current else None}
    after = catalogue.models
    sets: dict[str, list[dict[str, Any]]] = {"added": [], "removed": [], "changed": []}
    if before is not None:
        sets["added"] = [{**key._asdict(), "name": after[key]["name"]} for key in after if key not in before]
        sets["removed"] = list(_removed(catalogue, data, before))
        sets["changed"] = [change for key in after if key in before for change in _changed(catalogue, key, before[key])]
    reference = files.add_json("changes/set", {**changes, **sets})
    counts = {name: len(rows) for name, rows in sets.items()}
    earlier = (store.read(current.value["changes"]["file"]) or {}).get("publications", []) if current else []
    publications = [{"generated": catalogue.generated, **counts, **reference}, *earlier][:MAX_PUBLICATIONS]
    return files.add_json("changes", {"publications": publications})


def _published_models(store: Store, current: Publication | None) -> dict[ModelKey, Mapping[str, Any]] | None:
    """Return the models of a publication; None without one, or if its files were removed."""
    shards = store.read(current.value["models"]["file"]) if current else None
    if shards is None:
        return None
    models: dict[ModelKey, Mapping[str, Any]] = {}
    for reference in shards["shards"].values():
        shard = store.read(reference["file"])
        if shard is None:
            return None
        models |= {ModelKey(model["source"], model["id"]): model for model in shard["models"]}
    return dict(sorted(models.items()))


def _removed(catalogue: Catalogue, data: DataDir, before: Cards) -> Iterator[dict[str, Any]]:
    rejected: dict[ModelKey, str] = {}
    for source in catalogue.sources:
        for pages in read_summary(data, source.name)["streams"].values():
            records = (record for page in pages for record in page["set_aside"])
            rejected |= {ModelKey(source.name, model_key(record["id"])): record["reason"] for record in records if record["id"]}
    for key, card in before.items():
        if key not in catalogue.models:
            reason = rejected.get(ModelKey(key.source, model_key(key.id)))
            why = f"It is no longer published: {reason}." if reason else _absence(catalogue, key, card)
            yield {**key._asdict(), "name": card["name"], "reason": why}


def _absence(catalogue: Catalogue, key: ModelKey, card: Mapping[str, Any]) -> str:
    """Return why no manifest has a model any more, as a sentence; by the first manifest that had it."""
    source = next((source for source in catalogue.sources if source.name == key.source), None)
    path = card["manifests"][0]["filter"]
    if source is None:
        return "Its source is no longer published."
    if model_key(key.id) in map(model_key, source.skip):
        return "The publisher excludes it."
    filter_ = next((filter_ for filter_ in source.filters if filter_.path == path), None)
    stream = catalogue.streams[source.name].get(filter_) if filter_ else None
    if filter_ is None or stream is None:
        return f"{path} is no longer published."
    position = stream.selection.position_of(key.id)
    if position is None:
        return f"It is no longer among the models that {path} is selected from."
    group = next(group for group in stream.selection.groups if position in group.positions)
    condition = next((condition for condition in filter_.conditions if not condition.matches(group.values)), None)
    if group.is_forbidden:
        return f"It is no longer published: {stream.selection.rulings[position].word}."
    return f"It no longer matches {condition.label}." if condition else f"Others rank before it in {path}."


def _changed(catalogue: Catalogue, key: ModelKey, before: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    model = catalogue.models[key]
    for field in _COMPARED:
        if field in model and field in before and model[field] != before[field]:
            change = {"field": field, "before": before[field], "after": model[field]}
            yield {**key._asdict(), "name": model["name"], **change, "reason": _reason(field, model, before)}


def _reason(field: str, model: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Return what decides a fact now, as a sentence."""
    if field == "size":
        origin = model["size_from"] if model["size_from"] != "none" else "nothing that is known"
        was = "" if before["size_from"] == model["size_from"] else f", before by {before['size_from']}"
        return f"It is now decided by {origin}{was}."
    if field == "license":
        return "Its tags state another licence." if model[field] else "Its tags state no licence any more."
    if field == "flagged":
        return "It is now flagged as mature." if model[field] else "Its flag was taken back."
    rises = LEVELS.index(model[field]) > (LEVELS.index(before[field]) if before[field] in LEVELS else -1)
    return f"What it shows is now rated {'more explicit' if rises else 'milder'}."
