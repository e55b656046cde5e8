"""All checks of data/manifests as it lies, against raw files, filters.toml and a base."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.files import INDEX, Data
from etl.ledger import read_ledger, streams
from etl.ours import is_ours, listed_in
from etl.sides import contents
from etl.stored import Streams, read_summary
from etl.verify import answers, checks
from etl.verify.equal import equal_lists
from etl.verify.freshness import fresh
from etl.verify.losses import lost_too_much
from etl.verify.published import Check, Published, schemas
from etl.verify.said import said
from etl.verify.shrink import shrunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.filters import Filter, Filters
    from etl.sides import Side
    from etl.stored import OnDisk
    from etl.verify.said import SaidStream


@dataclass(frozen=True)
class Terms:
    """What verify is held against.

    Attributes:
        rebuild: Makes models and manifests below another data folder, whose raw files are those that are verified.
        base: An earlier set; null where there is none.
        allowed: Filters that may have lost their models since.
        allowed_losses: `source/reason` or `source/field` of losses that are right.
        now: The time.
        max_age_s: How long ago a stream may have been checked; null: any time.
    """

    rebuild: Callable[[Data], object]
    base: Side | None
    allowed: frozenset[Filter]
    allowed_losses: frozenset[str]
    now: str
    max_age_s: float | None = None


def verify(data: Data, filters: Filters, terms: Terms) -> list[Check]:
    """Run every check; where the raw files cannot be rebuilt from, those that need that are left out, and the last one fails."""
    there, unread = _said(data, filters)
    used = [(source.name, each.name) for source in filters.sources for each in source.streams]
    rebuilt = Check("rebuild from raw")
    drawn: dict[tuple[str, str], OnDisk | None] = {}
    losses: dict[str, list[dict[str, Any]]] = {}
    values: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        again = Data(Path(folder), data.raws)
        try:
            terms.rebuild(again)
            known = {source.name: Streams(again, source) for source in filters.sources}
            drawn = {(name, stream): known[name].get(stream) for name, stream in used}
            losses = {name: read_summary(again, name)["losses"] for name in known}
            values = [checks.values(filters, known)]
        except EtlError as error:
            rebuilt.code = error.code
            rebuilt.problems = str(error).split("\n")
        published = Published(data.manifests, _ours(contents(data.manifests), filters), contents(again.manifests), filters, drawn)
    raw = answers.raw([*there.values()])
    raw.problems += unread
    lost = lost_too_much(losses, terms.allowed_losses)
    by_models = [lost, equal_lists(published), *values, checks.rebuild(published)] if drawn else [rebuilt]
    return [
        schemas(published),
        raw,
        answers.asked([*there.values()]),
        answers.safety(published, there),
        answers.order(published, there),
        checks.index(published),
        checks.missing(published),
        checks.all_models(published),
        checks.slugs(published),
        checks.exclusive(published),
        shrunk(published, terms.base, terms.allowed),
        fresh([stream for key, stream in there.items() if key in used], terms.now, terms.max_age_s),
        *by_models,
    ]


def _ours(content: dict[str, bytes], filters: Filters) -> dict[str, bytes]:
    """Return those of the files of a folder of manifests that are of this project."""
    listed, prefixes = listed_in(content.get(INDEX, b"")), {source.prefix for source in filters.sources}
    return {name: body for name, body in content.items() if is_ours(name, listed, prefixes)}


def _said(data: Data, filters: Filters) -> tuple[dict[tuple[str, str], SaidStream], list[str]]:
    """Return the streams on disk as their raw pages tell them, and what is wrong with the ledgers of the others."""
    there, unread = {}, []
    for source in filters.sources:
        for stream in streams(data, source.name):
            try:
                there[source.name, stream] = said(data, source.name, stream, read_ledger(data, source.name, stream))
            except EtlError as error:
                unread.append(str(error))
    return there, unread
