"""A guard against manifests that lost their models since a base."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.core.layout import INDEX
from etl.storage.snapshot import LAST_COMMIT, parse_valid
from etl.verify.published import FETCH_AGAIN, Check

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from etl.config.filters import Filter
    from etl.storage.snapshot import Snapshot
    from etl.verify.published import Published

MIN_BASELINE = 10  # models, below which a manifest may lose all of them


def check_shrinkage(published: Published, base: Snapshot | None, allowed: Collection[Filter]) -> Check:
    """No manifest lost more than half of its models since the base, unless it is known why its stream shrank by as much.

    It is known if filters.toml allows a smaller depth, or if the API has no more, had no more before, and still has some: a
    stream that ends sooner than it did may be truncated. A smaller limit, and a filter that was removed, are not losses;
    the latter is a warning.
    """
    fix = f"{diff_command(base)} shows what changed; allow a loss that is right with ALLOW_SHRINK, else {FETCH_AGAIN}"
    check = Check("models lost since the base", fix=fix)
    if base is None:
        check.notes.append("no base to compare with: commit data/manifests, or name another with BASE")
        return check
    base_values = parse_valid(base.manifests)
    if INDEX not in base_values:
        check.problems.append(f"{base.name}: {INDEX} is missing or not valid; name another base")
    if INDEX not in published.values:
        check.problems.append(f"{published.where(INDEX)}: missing or not valid, so that no count can be compared")
        return check
    before, now = _entries(base_values), _entries(published.values)
    for filter_ in (filter_ for source in published.config.sources for filter_ in source.filters):
        old, new = before.get(filter_.file), now.get(filter_.file)
        if old is None or old["count"] < MIN_BASELINE:
            continue
        check.looked_at += 1
        count = new["count"] if new else 0
        if 2 * count >= min(old["count"], filter_.limit):
            continue
        message = f"{published.where(filter_.file, '$.models')}: has {count} models, and had {old['count']} in {base.name}"
        name = filter_.qualified_path
        if filter_ in allowed:
            check.notes.append(f"{message}; allowed")
        elif new and (reason := _known_reason(old, new)):
            check.warnings.append(f"{message}; {reason}")
        else:
            check.problems.append(
                f"{message}; see make explain FILTER={name}, or allow it: ALLOW_SHRINK={name}, --allow-shrink {name}"
            )
    filters = {filter_.file for source in published.config.sources for filter_ in source.filters}
    check.warnings += [
        f"{file}: is no longer in filters.toml, and had {entry['count']} models in {base.name}"
        for file, entry in before.items() if file not in filters
    ]  # fmt: skip
    return check


def diff_command(base: Snapshot | None) -> str:
    """Return the command that shows what changed since a base; the path in it is absolute, since it may run elsewhere."""
    if base is None or base.name == LAST_COMMIT:
        return "make diff"
    ref = str(Path(base.name).resolve()) if Path(base.name).is_dir() else base.name
    return f"make diff BASE={shlex.quote(ref)}"


def _entries(values: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["file"]: entry for entry in values.get(INDEX, {"manifests": []})["manifests"]}


def _known_reason(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return why the stream of a manifest is smaller than it was; None if it is not, or if nothing explains it."""
    before, after = old.get("funnel"), new.get("funnel")
    if not before or not after or not 0 < 2 * after["records"] < before["records"]:
        return None
    change = f"its stream has {after['records']} records and had {before['records']}"
    if new["short"] == "depth":
        return f"{change}, as many as filters.toml allows"
    return f"{change}, and the API has no more, as before" if before["exhausted"] and after["exhausted"] else None
