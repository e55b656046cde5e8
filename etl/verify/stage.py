"""All checks of data/manifests as it lies, against raw files and filters.toml."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import BadUsage
from etl.files import Data
from etl.selection import on_disk
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
            {
                (source.name, stream.name): on_disk(again, source, stream.name)
                for source in filters.sources
                for stream in source.streams
            },
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
