"""Two manifests that hold the same list, and whether that can be explained."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from etl.filters import kept_values
from etl.verify.published import Check, Published

if TYPE_CHECKING:
    from etl.filters import Filter


def equal_lists(published: Published) -> Check:
    """No two manifests of a source hold the same list without an explanation."""
    check = Check("equal lists")
    same: dict[tuple[str, ...], list[Filter]] = {}
    for each, held in published.known:
        check.looked_at += 1
        same.setdefault((each.source, *held), []).append(each)
    for (_, *held), twins in same.items():
        for one, other in itertools.combinations(twins, 2):
            reason = _explained(published, one, other)
            if reason is None:
                where = published.where(other.file, "$.models")
                check.problems.append(f"{where}: is the list of {one.file}, {len(held)} models, and nothing explains it")
            elif one is twins[0]:
                check.notes.append(f"{other.file} = {one.file} ({len(held)} models): {reason}")
    return check


def _explained(published: Published, one: Filter, other: Filter) -> str | None:
    """Return why two filters of a source may hold the same list; None when nothing explains it."""
    shared = one.stream == other.stream
    kept = [[kept_values(each.source, option) for option in each.options] for each in (one, other)]
    if shared and kept[0] == kept[1]:
        return "they keep the same values by definition"
    models = [published.order(each.source, each.stream) for each in (one, other)]
    if shared:
        limit = published.filters.limit
        counts = [0, 0]
        for model in models[0]:
            keeps = (one.keeps(model), other.keeps(model))
            if keeps[0] != keeps[1]:
                return None
            counts = [count + is_kept for count, is_kept in zip(counts, keeps, strict=True)]
            if max(counts) >= limit:
                break
        return f"they share stream {one.stream}, and no model before the cut is kept by one of them only"
    kept_ids = [
        {model["id"] for model in ordered if each.keeps(model)} for each, ordered in zip((one, other), models, strict=True)
    ]
    if kept_ids[0] == kept_ids[1] and _exhausted(published, one) and _exhausted(published, other):
        return f"streams {one.stream} and {other.stream} have no more, and hold the same {len(kept_ids[0])} models that they keep"
    return None


def _exhausted(published: Published, each: Filter) -> bool:
    return (each.source, each.stream) in published.exhausted
