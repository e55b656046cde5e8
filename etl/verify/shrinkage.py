"""A guard against pages that lost their models since a base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.layout import INDEX
from etl.storage.snapshot import parse_valid
from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from etl.config.model import Filter
    from etl.storage.snapshot import Snapshot
    from etl.verify.published import Published

MIN_BASELINE = 10  # models, below which a page may lose all it has


def check_shrinkage(published: Published, base: Snapshot | None, allowed: Collection[Filter]) -> Check:
    """No page lost more than half of its models since the base, unless it is known why its stream is smaller by as much.

    It is known where filters.toml allows a lesser depth, or where the API has no more, as it had no more before, and still
    has some: one that ends sooner than it did may have broken off. A smaller limit, or a filter that filters.toml no longer
    names, are no loss.
    """
    check = Check("models lost since the base")
    if base is None:
        check.notes.append("no base to compare with: commit data/manifests, or name another with BASE")
        return check
    sound = parse_valid(base.manifests)
    if INDEX not in sound:
        check.problems.append(f"{base.name}: {INDEX} is missing or unsound; name another base")
    if INDEX not in published.values:
        check.problems.append(f"{published.where(INDEX)}: is missing or unsound, so that no count can be compared")
        return check
    before = _entries(sound)
    now = _entries(published.values)
    for each in (each for source in published.config.sources for each in source.filters):
        old, new = before.get(each.file), now.get(each.file)
        if old is None or old["count"] < MIN_BASELINE:
            continue
        check.looked_at += 1
        count = new["count"] if new else 0
        if 2 * count >= min(old["count"], published.config.limit):
            continue
        told = f"{published.where(each.file, '$.models')}: holds {count} models, and held {old['count']} in {base.name}"
        if each in allowed:
            check.notes.append(f"{told}; allowed")
        elif new and (reason := _known_reason(old, new)):
            check.warnings.append(f"{told}; {reason}")
        else:
            path = each.qualified_path
            check.problems.append(
                f"{told}; see make explain FILTER={path}, or allow it: ALLOW_SHRINK={path}, --allow-shrink {path}"
            )
    return check


def _entries(told: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["file"]: entry for entry in told.get(INDEX, {"manifests": []})["manifests"]}


def _known_reason(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return why the stream of a manifest is smaller than it was; null where it is not, or where nobody knows."""
    was, is_ = old.get("funnel"), new.get("funnel")
    if not was or not is_ or not 0 < 2 * is_["records"] < was["records"]:
        return None
    told = f"its stream has {is_['records']} records and had {was['records']}"
    if new["short"] == "depth":
        return f"{told}, as many as filters.toml allows"
    return f"{told}, and the API has no more, as before" if was["exhausted"] and is_["exhausted"] else None
