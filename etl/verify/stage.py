"""All checks of data/manifests as it lies, against raw files and filters.toml."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import BadUsage
from etl.files import Data
from etl.ledger import models_in_order, read_ledger, streams
from etl.selection import Selection
from etl.verify import checks
from etl.verify.diff import diff, last_commit
from etl.verify.equal import equal_lists
from etl.verify.published import Check, Published, contents, schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.filters import Filters


def verify(data: Data, filters: Filters, rebuild: Callable[[Data], object]) -> list[Check]:
    """Run every check.

    `rebuild` makes models and manifests below another data folder, whose raw files are those of `data`.

    Raises:
        BadAnswer: the raw files cannot be rebuilt from.
        Missing: there are none.
    """
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        again = Data(Path(folder), data.raws)
        rebuild(again)
        published = Published(
            data.manifests,
            contents(data.manifests),
            contents(again.manifests),
            filters,
            _order(again, filters),
            _exhausted(data, filters),
        )
        return [
            schemas(published),
            checks.raw(data, [source.name for source in filters.sources]),
            checks.index(published),
            checks.all_models(published),
            checks.slugs(published),
            checks.exclusive(published),
            checks.order(published),
            equal_lists(published),
            checks.rebuild(published),
        ]


def changes(data: Data, base: Path | None) -> list[str] | None:
    """Return what changed since a folder of manifests, by default since the last commit; None without a base."""
    if base and not base.is_dir():
        raise BadUsage(f"--base {base}: is not a folder of manifests")
    before = contents(base) if base else last_commit(data.root)
    return None if before is None else diff(before, contents(data.manifests))


def _order(data: Data, filters: Filters) -> Callable[[str, str], list[dict[str, Any]]]:
    known = {(source.name, stream.name): (source, stream) for source in filters.sources for stream in source.streams}

    @cache
    def models(source: str, stream: str) -> list[dict[str, Any]]:
        if stream not in streams(data, source):
            return []
        return Selection(*known[source, stream], filters.limit).feed(models_in_order(data, source, stream))

    return models


def _exhausted(data: Data, filters: Filters) -> frozenset[tuple[str, str]]:
    return frozenset(
        (source.name, stream)
        for source in filters.sources
        for stream in streams(data, source.name)
        if read_ledger(data, source.name, stream).exhausted
    )
