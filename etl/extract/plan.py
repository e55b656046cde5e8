"""What an extraction will ask, before it asks."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from etl.extract.stage import APIS
from etl.ledger import Ledger, read_ledger, streams

if TYPE_CHECKING:
    from etl.extract.reading import Terms
    from etl.files import Data
    from etl.filters import Filter, Filters, Rate, Source, Stream


@dataclass(frozen=True)
class Planned:
    """A stream with its requests, of full pages: at least as many as may fill its manifests, at most as many as reach `depth`.

    `request` is path and query of its first page; `on_disk` the ledger of what was read before; what `is_fresh` is not asked.
    """

    source: Source
    stream: Stream
    request: str
    at_least: int
    at_most: int
    on_disk: Ledger | None
    is_fresh: bool


def plan(data: Data, filters: Filters, chosen: list[Source], terms: Terms) -> list[Planned]:
    """Return what the streams of the chosen sources will need, in the order in which they are asked."""
    planned = []
    for source in chosen:
        there = set(streams(data, source.name))
        for stream in source.streams:
            old = read_ledger(data, source.name, stream.name) if stream.name in there else None
            request = APIS[source.name].first(stream.asks)
            is_fresh = old is not None and terms.is_fresh(old, request)
            least = 0 if is_fresh else ceil(min(filters.limit * _apart(stream), filters.depth) / source.page)
            most = 0 if is_fresh else ceil(filters.depth / source.page)
            planned.append(Planned(source, stream, request, least, most, old, is_fresh))
    return planned


def _apart(stream: Stream) -> int:
    """Return of how many filters no two can share a model, so that each needs models of its own; not always the most."""
    chosen: list[Filter] = []
    for each in sorted(stream.filters, key=lambda each: -len(each.path.split("/"))):
        if all(each.is_disjoint(other) for other in chosen):
            chosen.append(each)
    return len(chosen)


def held_s(requests: int, rate: Rate) -> float:
    """Return the seconds for which the rate holds back the last of so many requests sent as early as it allows."""
    return max(0, requests - 1) // rate.requests * rate.seconds
