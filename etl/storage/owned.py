"""Which files in data/manifests are of this project: all else stays as it is. No I/O."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from etl.core.layout import ALL_MODELS, INDEX

if TYPE_CHECKING:
    from collections.abc import Collection

_MANIFEST = re.compile(r"([a-z0-9]+)-filter(-[a-z0-9]+)+\.json")


def is_owned(name: str, listed: Collection[str], prefixes: Collection[str] | None = None) -> bool:
    """Return whether a file is ours: index.json, all-models.json, what the index lists, `<prefix>-filter-*.json`.

    `prefixes` are those of the sources of filters.toml; without them any prefix counts.
    """
    match = _MANIFEST.fullmatch(name)
    return name in (INDEX, ALL_MODELS) or name in listed or (match is not None and (prefixes is None or match[1] in prefixes))


def listed_files(index: bytes) -> set[str]:
    """Return the names of manifests that an index.json lists; none where it is not a valid one."""
    try:
        entries = json.loads(index)["manifests"]
        names = {entry["file"] for entry in entries}
    except (ValueError, LookupError, TypeError, RecursionError):
        return set()
    return {name for name in names if isinstance(name, str) and _MANIFEST.fullmatch(name)}
