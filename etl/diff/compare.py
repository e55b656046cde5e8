"""Comparison of two snapshots. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.layout import INDEX
from etl.diff.changes import Diff, FieldChange, ManifestChange, RankChange, RemovedModel
from etl.diff.models import ComparedFields, Key, Models, leniency, load_models, rejection_reasons, severity
from etl.storage.snapshot import is_manifest, parse_valid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.storage.snapshot import Snapshot

MIN_RANK_CHANGE = 10  # moves of more ranks are reported


def compare(base: Snapshot, new: Snapshot) -> Diff:
    """Return what changed from one snapshot to the other; fields are compared for models that a manifest of either contains.

    Raises:
        InvalidDataError: a file of models is not valid output of the transform.
    """
    parsed = parse_valid(base.manifests), parse_valid(new.manifests)
    sources = {entry["file"]: entry["source"] for files in parsed if INDEX in files for entry in files[INDEX]["manifests"]}
    before, after = (_published(files, sources) for files in parsed)
    changed = [change for file in {**after, **before} if (change := _manifest_change(file, before.get(file), after.get(file)))]
    unchanged = len(before.keys() & after.keys()) - sum(None not in (change.before, change.after) for change in changed)
    was_in, is_in = _manifests_by_model(before.items()), _manifests_by_model(after.items())
    added, removed = _by_source(is_in.keys() - was_in.keys()), _by_source(was_in.keys() - is_in.keys())
    not_compared = [
        f"{file} of {snapshot.name}: not found, or violates its schema (counts as not found)"
        for snapshot, files in zip((base, new), parsed, strict=True)
        for file in {INDEX: 0, **snapshot.manifests}
        if file not in files
    ]
    if without := [snapshot.name for snapshot in (base, new) if not snapshot.models]:
        names = " and ".join(without)
        not_compared.append(
            f"levels, commercial use, sizes and licences: no models in {names}; commit data/models too, or keep a copy"
        )
        return Diff(base.name, new.name, not_compared, [], [], [], [], [], [], None, added, removed, changed, unchanged)
    manifests = _manifests_by_model([*before.items(), *after.items()])
    old_models, new_models = load_models(base, manifests), load_models(new, manifests)
    in_both = [key for key in manifests if key in old_models and key in new_models]

    def changes(field: str) -> list[FieldChange]:
        all_of = (_field_change(key, field, old_models[key], new_models[key], manifests[key]) for key in in_both)
        return [change for change in all_of if change.before != change.after]

    lost = {key: old_models[key] for key in was_in if key in old_models and key not in new_models}
    return Diff(
        base.name, new.name, not_compared, sorted(changes("level"), key=_by_safety),
        sorted((change for change in changes("commercial") if change.before is not None), key=_by_strictness),
        _removed_models(lost, rejection_reasons(new), manifests), changes("size"), changes("license"),
        [change for change in changes("gated") if change.after and change.before is False],
        (_count_unknown(old_models, was_in), _count_unknown(new_models, is_in)), added, removed, changed, unchanged,
    )  # fmt: skip


def _published(files: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, dict[Key, str]]:
    """Return the models of each valid manifest with their names, in rank order; manifests in the order of the index."""
    order = [*(file for file in sources if file in files), *(file for file in files if file not in sources)]
    return {
        file: {Key(sources.get(file, ""), model["id"]): model["name"] for model in files[file]["models"]}
        for file in order
        if is_manifest(file)
    }


def _manifests_by_model(manifests: Iterable[tuple[str, Mapping[Key, str]]]) -> dict[Key, list[str]]:
    """Return the distinct manifests that contain each model; sorted by source and id."""
    by_model: dict[Key, list[str]] = {}
    for file, models in manifests:
        for key in models:
            files = by_model.setdefault(key, [])
            if file not in files:
                files.append(file)
    return dict(sorted(by_model.items()))


def _by_source(keys: Iterable[Key]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for key in sorted(keys):
        ids.setdefault(key.source, []).append(key.id)
    return ids


def _field_change(key: Key, field: str, old: ComparedFields, new: ComparedFields, manifests: list[str]) -> FieldChange:
    evidence = (str(old.size_from), str(new.size_from)) if field == "size" else None
    return FieldChange(*key, new.name, getattr(old, field), getattr(new, field), evidence, manifests)


def _by_safety(change: FieldChange) -> tuple[bool, int, str]:
    before, after = severity(change.before), severity(change.after)
    return after > before, after, change.id


def _by_strictness(change: FieldChange) -> tuple[int, str]:
    return leniency(change.after), change.id


def _removed_models(
    lost: Models, reasons: Mapping[Key, str], manifests: Mapping[Key, list[str]]
) -> list[RemovedModel]:  # fmt: skip
    """Return published models that no stream has any more, with the rejection reason if there is one."""
    why = {key: f"set aside: {reasons[key]}" if key in reasons else "in no stream any more" for key in lost}
    return [RemovedModel(*key, old.name, why[key], manifests[key]) for key, old in lost.items()]


def _count_unknown(models: Models, published: Iterable[Key]) -> int:
    return sum(key in models and models[key].size == "unknown" for key in published)


def _manifest_change(file: str, old: Mapping[Key, str] | None, new: Mapping[Key, str] | None) -> ManifestChange | None:
    """Return how a list changed; None if it did not."""
    before, after = old or {}, new or {}
    if list(before.items()) == list(after.items()) and (old is None) == (new is None):
        return None
    new_ranks = {key: rank for rank, key in enumerate((key for key in after if key in before), 1)}
    moves = [
        RankChange(key.id, after[key], rank, new_ranks[key])
        for rank, key in enumerate((key for key in before if key in after), 1)
    ]
    far = [move for move in moves if abs(move.before - move.after) > MIN_RANK_CHANGE]
    return ManifestChange(
        file, None if old is None else len(old), None if new is None else len(new),
        {key.id: name for key, name in after.items() if key not in before},
        {key.id: name for key, name in before.items() if key not in after},
        sorted(far, key=lambda move: move.after), any(move.before != move.after for move in moves),
        {key.id: name for key, name in after.items() if before.get(key, name) != name},
    )  # fmt: skip
