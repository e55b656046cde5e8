"""Which files in data/manifests belong to this project; all others are left unchanged. No I/O."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from etl.core.layout import ALL_MODELS, INDEX

if TYPE_CHECKING:
    from collections.abc import Collection

_MANIFEST = re.compile(r"([a-z0-9]+)-filter(-[a-z0-9]+)+\.json")


def is_owned(name: str, listed: Collection[str], prefixes: Collection[str] | None = None) -> bool:
    """Return whether a file is ours: index.json, all-models.json, one in `listed`, or `<prefix>-filter-*.json`.

    `listed` are the files in the index; `prefixes` those of the sources in filters.toml, or None for any prefix.
    """
    match = _MANIFEST.fullmatch(name)
    return name in (INDEX, ALL_MODELS) or name in listed or (match is not None and (prefixes is None or match[1] in prefixes))


def listed_files(index: bytes) -> set[str]:
    """Return the names of the manifests that an index.json lists; empty if it is invalid."""
    try:
        entries = json.loads(index)["manifests"]
        names = {entry["file"] for entry in entries}
    except (ValueError, LookupError, TypeError, RecursionError):
        return set()
    return {name for name in names if isinstance(name, str) and _MANIFEST.fullmatch(name)}
