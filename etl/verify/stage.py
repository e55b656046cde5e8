"""All checks of data/manifests as it is on disk, against raw files, filters.toml and a base."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from etl.core.layout import INDEX, DataDir
from etl.storage.owned import is_owned, listed_files
from etl.storage.snapshot import read_dir
from etl.verify import checks, raw_checks
from etl.verify.freshness import check_freshness
from etl.verify.published import Check, Published, check_schemas
from etl.verify.raw_streams import open_raw_streams
from etl.verify.rebuilt import check_rebuilt
from etl.verify.safety import check_safety
from etl.verify.shrinkage import check_shrinkage
from etl.verify.use import check_use

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from etl.config.filters import Filter
    from etl.config.source_config import Config
    from etl.selection.stored import StoredStreams
    from etl.storage.json_files import JsonBody
    from etl.storage.snapshot import Snapshot
    from etl.verify.raw_streams import StartWorkers

    Observe = Callable[[str, str, str], Callable[[JsonBody], None] | None]

    class Rebuild(Protocol):
        """See `VerifyOptions`."""

        def __call__(self, data: DataDir, observe: Observe) -> Mapping[str, StoredStreams]: ...


@dataclass(frozen=True)
class VerifyOptions:
    """What verify checks against.

    Attributes:
        rebuild: Makes models and manifests below another data folder that has the same raw files; returns its streams by source.
            `observe` (source, stream, file) gives what is called with the raw page before it is transformed, in any process.
        start_workers: Starts what reads so many bytes of raw pages.
        base: An earlier set; None if absent.
        allowed: Filters that may have lost models since.
        allowed_losses: `source/reason` or `source/field` of losses that are right.
        now: The time.
        max_age_s: How long ago a stream may have been checked; None: any time.
    """

    rebuild: Rebuild
    start_workers: StartWorkers
    base: Snapshot | None
    allowed: frozenset[Filter]
    allowed_losses: frozenset[str]
    now: str
    max_age_s: float | None = None


def verify(data: DataDir, config: Config, options: VerifyOptions) -> list[Check]:
    """Run every check; if the raw files cannot be rebuilt, the checks that need that are left out, and the last one fails."""
    published = Published(data.manifests, _owned_files(read_dir(data.manifests), config), config)
    raw = open_raw_streams(data, config, options.start_workers)
    with tempfile.TemporaryDirectory(prefix="verify-") as readings:
        raw.prepare(Path(readings), published.listed, published.ordered_streams)
        with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
            rebuild = partial(options.rebuild, observe=raw.observer)
            rebuilt = check_rebuilt(published, DataDir(Path(folder), data.raw_root), rebuild, options.allowed_losses)
        raw.read(published.listed, rebuilt.greatest)
    streams = [*raw.streams.values()]
    read = {(source.name, stream.name) for source in config.sources for stream in source.streams}
    raw_check = raw_checks.check_raw_hashes(streams)
    raw_check.problems += raw.errors
    return [
        check_schemas(published),
        raw_check,
        raw_checks.check_request_honored(streams),
        check_safety(published, raw.streams, rebuilt.inputs),
        check_use(published, raw),
        raw_checks.check_order(published, raw, rebuilt.greatest),
        checks.check_index(published),
        checks.check_missing(published),
        checks.check_all_models(published),
        checks.check_slug_collisions(published),
        checks.check_disjoint_options(published),
        check_shrinkage(published, options.base, options.allowed),
        check_freshness([stream for stream in streams if (stream.source, stream.name) in read], options.now, options.max_age_s),
        *rebuilt.checks,
    ]


def _owned_files(content: dict[str, bytes], config: Config) -> dict[str, bytes]:
    """Return those files of a folder of manifests that are of this project."""
    listed, prefixes = listed_files(content.get(INDEX, b"")), {source.prefix for source in config.sources}
    return {name: body for name, body in content.items() if is_owned(name, listed, prefixes)}
