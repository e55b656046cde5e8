"""All checks of data/manifests as it lies, against raw files, filters.toml and a base."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.core.errors import EtlError
from etl.core.layout import INDEX, DataDir
from etl.selection.stored import StoredStreams, read_summary
from etl.storage.ledger import list_streams, read_ledger
from etl.storage.owned import is_owned, listed_files
from etl.storage.snapshot import read_dir
from etl.verify import checks, raw_checks
from etl.verify.equality import check_equal_lists
from etl.verify.freshness import check_freshness
from etl.verify.losses import check_losses
from etl.verify.published import Check, Published, check_schemas
from etl.verify.raw_records import read_raw_stream
from etl.verify.shrinkage import check_shrinkage

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.model import Config, Filter
    from etl.selection.stored import StoredStream
    from etl.storage.snapshot import Snapshot
    from etl.verify.raw_records import RawStream


@dataclass(frozen=True)
class VerifyOptions:
    """What verify is held against.

    Attributes:
        rebuild: Makes models and manifests below another data folder, whose raw files are those that are verified.
        base: An earlier set; null where there is none.
        allowed: Filters that may have lost their models since.
        allowed_losses: `source/reason` or `source/field` of losses that are right.
        now: The time.
        max_age_s: How long ago a stream may have been checked; null: any time.
    """

    rebuild: Callable[[DataDir], object]
    base: Snapshot | None
    allowed: frozenset[Filter]
    allowed_losses: frozenset[str]
    now: str
    max_age_s: float | None = None


def verify(data: DataDir, config: Config, terms: VerifyOptions) -> list[Check]:
    """Run every check; where the raw files cannot be rebuilt from, those that need that are left out, and the last one fails."""
    there, unread = _said(data, config)
    used = [(source.name, each.name) for source in config.sources for each in source.streams]
    rebuilt = Check("rebuild from raw")
    drawn: dict[tuple[str, str], StoredStream | None] = {}
    losses: dict[str, list[dict[str, Any]]] = {}
    values: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        again = DataDir(Path(folder), data.raw_root)
        try:
            terms.rebuild(again)
            known = {source.name: StoredStreams(again, source) for source in config.sources}
            drawn = {(name, stream): known[name].get(stream) for name, stream in used}
            losses = {name: read_summary(again, name)["losses"] for name in known}
            values = [checks.check_values(config, known)]
        except EtlError as error:
            rebuilt.code = error.code
            rebuilt.problems = str(error).split("\n")
        published = Published(data.manifests, _ours(read_dir(data.manifests), config), read_dir(again.manifests), config, drawn)
    raw = raw_checks.check_raw_hashes([*there.values()])
    raw.problems += unread
    lost = check_losses(losses, terms.allowed_losses)
    by_models = [lost, check_equal_lists(published), *values, checks.check_rebuild(published)] if drawn else [rebuilt]
    return [
        check_schemas(published),
        raw,
        raw_checks.check_request_honored([*there.values()]),
        raw_checks.check_safety(published, there),
        raw_checks.check_order(published, there),
        checks.check_index(published),
        checks.check_missing(published),
        checks.check_all_models(published),
        checks.check_slug_collisions(published),
        checks.check_disjoint_options(published),
        check_shrinkage(published, terms.base, terms.allowed),
        check_freshness([stream for key, stream in there.items() if key in used], terms.now, terms.max_age_s),
        *by_models,
    ]


def _ours(content: dict[str, bytes], config: Config) -> dict[str, bytes]:
    """Return those of the files of a folder of manifests that are of this project."""
    listed, prefixes = listed_files(content.get(INDEX, b"")), {source.prefix for source in config.sources}
    return {name: body for name, body in content.items() if is_owned(name, listed, prefixes)}


def _said(data: DataDir, config: Config) -> tuple[dict[tuple[str, str], RawStream], list[str]]:
    """Return the streams on disk as their raw pages tell them, and what is wrong with the ledgers of the others."""
    there, unread = {}, []
    for source in config.sources:
        for stream in list_streams(data, source.name):
            try:
                there[source.name, stream] = read_raw_stream(data, source.name, stream, read_ledger(data, source.name, stream))
            except EtlError as error:
                unread.append(str(error))
    return there, unread
