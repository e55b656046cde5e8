"""What a load published, and what it noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Withholding:
    """A stream whose records withhold models from manifests though no filter reads it, so that extract never renews it.

    Attributes:
        timestamp: When its newest page was fetched.
        models: How many models it withholds.
    """

    source: str
    stream: str
    timestamp: str
    models: int


@dataclass(frozen=True)
class LoadResult:
    """What a load published.

    Attributes:
        index: The content of index.json.
        non_atomic_reason: Why the set could not be swapped in by one system call; None if it was.
        kept: Files and folders in data/manifests and data/models that are not ours and stay, relative to the data folder.
        withholding: Streams that withhold models and that extract does not renew.
        respelled: By source, the published spelling of ids that records spell in several ways.
        removed: Manifests of the set before that are of no filter any more.
        warnings: Values in filters.toml that no model on disk has, doubtful expressions, and leftovers that could not be removed.
    """

    index: dict[str, Any]
    non_atomic_reason: str | None
    kept: list[str]
    withholding: list[Withholding]
    respelled: dict[str, list[str]]
    removed: list[str]
    warnings: list[str]
