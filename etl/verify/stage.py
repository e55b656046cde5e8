"""All checks of data/manifests as it is on disk, against raw files, filters.toml and a base."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.core.errors import EtlError
from etl.core.layout import INDEX, DataDir
from etl.selection.stored import StoredStreams, read_summary
from etl.storage.owned import is_owned, listed_files
from etl.storage.snapshot import read_dir
from etl.verify import checks, raw_checks
from etl.verify.equality import check_equal_lists
from etl.verify.freshness import check_freshness
from etl.verify.losses import check_losses
from etl.verify.published import FETCH_AGAIN, Check, Published, check_schemas
from etl.verify.raw_records import read_raw_streams
from etl.verify.safety import check_safety
from etl.verify.shrinkage import check_shrinkage

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.filters import Filter
    from etl.config.source_config import Config
    from etl.selection.stored import StoredStream
    from etl.storage.snapshot import Snapshot


@dataclass(frozen=True)
class VerifyOptions:
    """What verify checks against.

    Attributes:
        rebuild: Makes models and manifests below another data folder that has the same raw files.
        base: An earlier set; None if absent.
        allowed: Filters that may have lost models since.
        allowed_losses: `source/reason` or `source/field` of losses that are right.
        now: The time.
        max_age_s: How long ago a stream may have been checked; None: any time.
    """

    rebuild: Callable[[DataDir], object]
    base: Snapshot | None
    allowed: frozenset[Filter]
    allowed_losses: frozenset[str]
    now: str
    max_age_s: float | None = None


def verify(data: DataDir, config: Config, options: VerifyOptions) -> list[Check]:
    """Run every check; if the raw files cannot be rebuilt, the checks that need that are left out, and the last one fails."""
    raw_streams, ledger_errors = read_raw_streams(data, config)
    read = {(source.name, stream.name) for source in config.sources for stream in source.streams}
    rebuild_check = Check("rebuild from raw", fix=FETCH_AGAIN)
    streams: dict[tuple[str, str], StoredStream | None] = {}
    losses: dict[str, list[dict[str, Any]]] = {}
    value_checks: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        rebuilt = DataDir(Path(folder), data.raw_root)
        try:
            options.rebuild(rebuilt)
            stored = {source.name: StoredStreams(rebuilt, source) for source in config.sources}
            streams = {
                (source.name, stream.name): stored[source.name].get(stream.filters[0])
                for source in config.sources for stream in source.streams
            }  # fmt: skip
            losses = {name: read_summary(rebuilt, name)["losses"] for name in stored}
            value_checks = [checks.check_values(config, stored)]
        except EtlError as error:
            rebuild_check.code = error.code
            rebuild_check.problems = str(error).split("\n")
        content = _owned_files(read_dir(data.manifests), config)
        published = Published(data.manifests, content, read_dir(rebuilt.manifests), config, streams)
        raw_check = raw_checks.check_raw_hashes([*raw_streams.values()])
        raw_check.problems += ledger_errors
        loss_check = check_losses(losses, options.allowed_losses)
        by_models = [rebuild_check]
        if streams:
            by_models = [loss_check, check_equal_lists(published), *value_checks, checks.check_rebuild(published)]
        return [
            check_schemas(published),
            raw_check,
            raw_checks.check_request_honored([*raw_streams.values()]),
            check_safety(published, raw_streams),
            raw_checks.check_order(published, raw_streams),
            checks.check_index(published),
            checks.check_missing(published),
            checks.check_all_models(published),
            checks.check_slug_collisions(published),
            checks.check_disjoint_options(published),
            check_shrinkage(published, options.base, options.allowed),
            check_freshness([stream for key, stream in raw_streams.items() if key in read], options.now, options.max_age_s),
            *by_models,
        ]


def _owned_files(content: dict[str, bytes], config: Config) -> dict[str, bytes]:
    """Return those files of a folder of manifests that are of this project."""
    listed, prefixes = listed_files(content.get(INDEX, b"")), {source.prefix for source in config.sources}
    return {name: body for name, body in content.items() if is_owned(name, listed, prefixes)}
