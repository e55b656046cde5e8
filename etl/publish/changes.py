"""What a publication changes for clients: models that came and went, and facts that changed, with the reason."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from etl.core.ids import model_key
from etl.core.levels import LEVELS
from etl.publish.catalogue import ModelKey
from etl.selection.stored import read_summary
from etl.sources.source import get_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.core.layout import DataDir
    from etl.publish.catalogue import Catalogue
    from etl.publish.files import FileReference, Files
    from etl.publish.store import Publication, Store

    Cards = Mapping[ModelKey, Mapping[str, Any]]

MAX_PUBLICATIONS = 50
_FORBIDDEN = "It must not be published any more."  # no more than that: this file stays
_COMPARED = ("size", "license", "level", "level_most", "flagged")


def add_changes(files: Files, catalogue: Catalogue, data: DataDir, store: Store, current: Publication | None) -> FileReference:
    """Add what changes since the current publication, and the list of recent ones; return the reference to the list.

    The first publication has nothing to compare with and states no changes.
    """
    before = _published_models(store, current)
    since = current.value["generated"] if current and before is not None else None
    changes = {"generated": catalogue.generated, "since": since}
    after = {_any_spelling(key): key for key in catalogue.models}
    sets: dict[str, list[dict[str, Any]]] = {"added": [], "removed": [], "changed": []}
    if before is not None:
        was = {_any_spelling(key): card for key, card in before.items()}
        sets["added"] = [_row(key, catalogue.models[key]) for spelling, key in after.items() if spelling not in was]
        gone = {key: card for key, card in before.items() if _any_spelling(key) not in after}
        sets["removed"] = list(_removed(catalogue, data, gone))
        both = [(key, was[spelling]) for spelling, key in after.items() if spelling in was]
        sets["changed"] = [change for key, card in both for change in _changed(catalogue, key, card)]
    reference = files.add_json("changes/set", {**changes, **sets}, "change_set")
    counts = {name: len(rows) for name, rows in sets.items()}
    earlier = earlier_publications(store, current) if current else []
    publications = [{"generated": catalogue.generated, **counts, **reference}, *(earlier or [])][:MAX_PUBLICATIONS]
    return files.add_json("changes", {"publications": publications}, "changes")


def earlier_publications(store: Store, current: Publication) -> list[dict[str, Any]] | None:
    """Return the list of recent publications; up to the first whose file is lost, and None if the list itself is."""
    listed = store.read(current.value["changes"]["file"])
    return listed and [*takewhile(lambda publication: store.read(publication["file"]) is not None, listed["publications"])]


def has_all_changes(store: Store, current: Publication) -> bool:
    """Return whether no file of recent changes is lost."""
    listed = store.read(current.value["changes"]["file"])
    return listed is not None and listed["publications"] == earlier_publications(store, current)


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


def _any_spelling(key: ModelKey) -> ModelKey:
    return ModelKey(key.source, model_key(key.id))


def _row(key: ModelKey, model: Mapping[str, Any]) -> dict[str, Any]:
    return {**key._asdict(), "name": model["name"]}


def _removed(catalogue: Catalogue, data: DataDir, gone: Cards) -> Iterator[dict[str, Any]]:
    """Yield the models that are no longer published, each with the reason."""
    rejected: dict[ModelKey, str] = {}
    for source in catalogue.sources:
        for pages in read_summary(data, source.name)["streams"].values():
            records = (record for page in pages for record in page["set_aside"])
            rejected |= {ModelKey(source.name, model_key(record["id"])): record["reason"] for record in records if record["id"]}
    for key, card in gone.items():
        reason = rejected.get(_any_spelling(key))
        if reason is None:
            sentence = _absence(catalogue, key, card)
        elif reason in get_source(key.source).never_published:
            sentence = _FORBIDDEN
        else:
            sentence = f"Its record at the source is no longer valid ({reason})."
        yield {**_row(key, card), "reason": sentence}


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
    group = stream.selection.group_at(position)
    condition = next((condition for condition in filter_.conditions if not condition.matches(group.values)), None)
    if group.is_forbidden:
        return _FORBIDDEN
    return f"It no longer matches {condition.label}." if condition else f"Others rank before it in {path}."


def _changed(catalogue: Catalogue, key: ModelKey, before: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    model = catalogue.models[key]
    for field in _COMPARED:
        if field in model and field in before and model[field] != before[field]:
            change = {"field": field, "before": before[field], "after": model[field]}
            yield {**_row(key, model), **change, "reason": _reason(field, model, before)}


def _reason(field: str, model: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Return what decides a fact now, as a sentence."""
    if field == "size":
        origins = [values.get("size_from") or "none" for values in (model, before)]
        now, was = ("nothing that is known" if origin == "none" else origin for origin in origins)
        return f"It is now decided by {now}." if now == was else f"It is now decided by {now}, before by {was}."
    if field == "license":
        return "Its tags state another licence." if model[field] else "Its tags state no licence any more."
    if field == "flagged":
        return "It is now flagged as mature." if model[field] else "Its flag was taken back."
    level, earlier = (LEVELS.index(values[field]) if values[field] in LEVELS else -1 for values in (model, before))
    rises = level > earlier
    return f"What it shows is now rated {'more explicit' if rises else 'milder'}."
