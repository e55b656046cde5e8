"""Two published sets, compared. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.core.layout import INDEX
from etl.diff.models import ComparedFields, Key, Models, load_models, rejection_reasons, severity
from etl.storage.snapshot import is_manifest, parse_valid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.storage.snapshot import Snapshot

MIN_RANK_CHANGE = 10  # ranks, up to which a move is not told


@dataclass(frozen=True)
class FieldChange:
    """A model that both sides have, of which a field changed.

    Attributes:
        evidence: What a size was and is decided from; null of other fields.
        pages: The manifests that hold it now, or held it.
    """

    source: str
    id: str
    name: str
    before: Any
    after: Any
    evidence: tuple[str, str] | None
    pages: list[str]


@dataclass(frozen=True)
class RemovedModel:
    """A model that was published and that no stream has any more; `why` as far as the transform tells."""

    source: str
    id: str
    name: str
    why: str
    pages: list[str]


@dataclass(frozen=True)
class RankChange:
    """A model's ranks, from 1, among those that both lists hold."""

    id: str
    name: str
    before: int
    after: int


@dataclass(frozen=True)
class ManifestChange:
    """A manifest whose list changed; a count is null where there was or is no such manifest, or an unsound one."""

    file: str
    before: int | None
    after: int | None
    added: dict[str, str]  # names by id
    removed: dict[str, str]
    moved: list[RankChange]
    is_reordered: bool
    renamed: dict[str, str]  # new names by id


@dataclass(frozen=True)
class Diff:
    """All that changed, what matters most first.

    Attributes:
        untold: What could not be compared, and why.
        levels: Levels that changed, those that fell first: such models are new to safer pages.
        gated: Models that have become gated.
        unknown: How many published models had and have no known size; null where that is not told.
        added: Models that are in a manifest now and were in none, ids by source.
        removed: Models that were in a manifest and are in none now, ids by source.
        pages: The manifests that changed.
        unchanged: How many manifests did not.
    """

    base: str
    new: str
    untold: list[str]
    levels: list[FieldChange]
    gone: list[RemovedModel]
    sizes: list[FieldChange]
    licenses: list[FieldChange]
    gated: list[FieldChange]
    unknown: tuple[int, int] | None
    added: dict[str, list[str]]
    removed: dict[str, list[str]]
    pages: list[ManifestChange]
    unchanged: int


def compare(base: Snapshot, new: Snapshot) -> Diff:
    """Return what changed from one side to the other; fields are told of models that a manifest of either side holds.

    Raises:
        BadAnswer: a file of models is not what the transform makes.
    """
    read = parse_valid(base.manifests), parse_valid(new.manifests)
    sources = {entry["file"]: entry["source"] for each in read if INDEX in each for entry in each[INDEX]["manifests"]}
    before, after = (_published(each, sources) for each in read)
    pages = [page for file in {**after, **before} if (page := _page(file, before.get(file), after.get(file)))]
    unchanged = len(before.keys() & after.keys()) - sum(page.before is not None and page.after is not None for page in pages)
    was_on, is_on = _pages_of(before.items()), _pages_of(after.items())
    added, removed = _by_source(is_on.keys() - was_on.keys()), _by_source(was_on.keys() - is_on.keys())
    untold = [
        f"{file} of {each.name} is not there, or breaks its contract and counts as not there"
        for each, sound in zip((base, new), read, strict=True)
        for file in {INDEX: 0, **each.manifests}
        if file not in sound
    ]
    if lacking := [each.name for each in (base, new) if not each.models]:
        untold.append(f"levels, sizes and licences: no models in {' and '.join(lacking)}; commit data/models too, or keep a copy")
        return Diff(base.name, new.name, untold, [], [], [], [], [], None, added, removed, pages, unchanged)
    olds, news = load_models(base), load_models(new)
    on = _pages_of([*before.items(), *after.items()])

    both = [key for key in on if key in olds and key in news]

    def changes(field: str) -> list[FieldChange]:
        made = (_change(key, field, olds[key], news[key], on[key]) for key in both)
        return [each for each in made if each.before != each.after]

    return Diff(
        base.name, new.name, untold, sorted(changes("level"), key=_by_safety),
        _gone({key: olds[key] for key in was_on if key in olds and key not in news}, rejection_reasons(new), on),
        changes("size"), changes("license"), [each for each in changes("gated") if each.after and each.before is False],
        (_unknown(olds, was_on), _unknown(news, is_on)), added, removed, pages, unchanged,
    )  # fmt: skip


def _published(told: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, dict[Key, str]]:
    """Return the models of each sound manifest, with their names, in its order; manifests in the order of the index."""
    order = [*(file for file in sources if file in told), *(file for file in told if file not in sources)]
    return {
        file: {Key(sources.get(file, ""), model["id"]): model["name"] for model in told[file]["models"]}
        for file in order
        if is_manifest(file)
    }


def _pages_of(manifests: Iterable[tuple[str, Mapping[Key, str]]]) -> dict[Key, list[str]]:
    """Return the manifests that hold each model, each once; sorted by source and id."""
    on: dict[Key, list[str]] = {}
    for file, models in manifests:
        for key in models:
            files = on.setdefault(key, [])
            if file not in files:
                files.append(file)
    return dict(sorted(on.items()))


def _by_source(keys: Iterable[Key]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for key in sorted(keys):
        ids.setdefault(key.source, []).append(key.id)
    return ids


def _change(key: Key, field: str, old: ComparedFields, new: ComparedFields, pages: list[str]) -> FieldChange:
    evidence = (str(old.size_from), str(new.size_from)) if field == "size" else None
    return FieldChange(*key, new.name, getattr(old, field), getattr(new, field), evidence, pages)


def _by_safety(change: FieldChange) -> tuple[bool, int, str]:
    before, after = severity(change.before), severity(change.after)
    return after > before, after, change.id


def _gone(lost: Models, reasons: Mapping[Key, str], on: Mapping[Key, list[str]]) -> list[RemovedModel]:
    """Return published models that no stream has now; what the transform set aside has its reason."""
    why = {key: f"set aside: {reasons[key]}" if key in reasons else "in no stream any more" for key in lost}
    return [RemovedModel(*key, old.name, why[key], on[key]) for key, old in lost.items()]


def _unknown(models: Models, published: Iterable[Key]) -> int:
    return sum(key in models and models[key].size == "unknown" for key in published)


def _page(file: str, old: Mapping[Key, str] | None, new: Mapping[Key, str] | None) -> ManifestChange | None:
    """Return how a list changed; null where it did not."""
    before, after = old or {}, new or {}
    if list(before.items()) == list(after.items()) and (old is None) == (new is None):
        return None
    ranks = {key: rank for rank, key in enumerate((key for key in after if key in before), 1)}
    moves = [
        RankChange(key.id, after[key], rank, ranks[key]) for rank, key in enumerate((key for key in before if key in after), 1)
    ]
    far = [each for each in moves if abs(each.before - each.after) > MIN_RANK_CHANGE]
    return ManifestChange(
        file, None if old is None else len(old), None if new is None else len(new),
        {key.id: name for key, name in after.items() if key not in before},
        {key.id: name for key, name in before.items() if key not in after},
        sorted(far, key=lambda each: each.after), any(each.before != each.after for each in moves),
        {key.id: name for key, name in after.items() if before.get(key, name) != name},
    )  # fmt: skip
