"""All checks of data/manifests as it lies, against raw files, filters.toml and a base."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.files import Data
from etl.ledger import read_ledger, streams
from etl.selection import on_disk
from etl.sides import contents
from etl.verify import answers, checks
from etl.verify.equal import equal_lists
from etl.verify.freshness import fresh
from etl.verify.published import Check, Published, schemas
from etl.verify.said import said
from etl.verify.shrink import shrunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.filters import Filter, Filters
    from etl.sides import Side


@dataclass(frozen=True)
class Terms:
    """What verify is held against.

    Attributes:
        rebuild: Makes models and manifests below another data folder, whose raw files are those that are verified.
        base: An earlier set; null where there is none.
        allowed: Filters that may have lost their models since.
        now: The time.
        max_age_s: How long ago a stream may have been checked; null: any time.
    """

    rebuild: Callable[[Data], object]
    base: Side | None
    allowed: frozenset[Filter]
    now: str
    max_age_s: float | None = None


def verify(data: Data, filters: Filters, terms: Terms) -> list[Check]:
    """Run every check.

    Raises:
        BadAnswer: the raw files cannot be rebuilt from.
        Missing: there are none.
    """
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        again = Data(Path(folder), data.raws)
        terms.rebuild(again)
        drawn = {
            (source.name, each.name): on_disk(again, source, each.name) for source in filters.sources for each in source.streams
        }
        published = Published(data.manifests, contents(data.manifests), contents(again.manifests), filters, drawn)
    there = {
        (source.name, stream): said(data, source.name, stream, read_ledger(data, source.name, stream))
        for source in filters.sources
        for stream in streams(data, source.name)
    }
    every = list(there.values())
    return [
        schemas(published),
        answers.raw(every),
        answers.asked(every),
        answers.safety(published, there),
        checks.index(published),
        checks.all_models(published),
        checks.slugs(published),
        checks.exclusive(published),
        checks.order(published),
        equal_lists(published),
        shrunk(published, terms.base, terms.allowed),
        fresh([there[key] for key in drawn if key in there], terms.now, terms.max_age_s),
        checks.rebuild(published),
    ]
