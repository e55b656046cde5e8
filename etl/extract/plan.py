"""What an extraction will ask, before it asks."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from etl.sources.source import get_source
from etl.storage.ledger import Ledger, list_streams, read_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.model import Config, Filter, Rate, SourceConfig, Stream
    from etl.core.layout import DataDir
    from etl.extract.stream_reader import ExtractOptions


@dataclass(frozen=True)
class StreamPlan:
    """A stream with its requests, of full pages: at least as many as may fill its manifests, at most as many as reach `depth`.

    `request` is path and query of its first page; `on_disk` the ledger of what was read before; what `is_fresh` is not asked.
    """

    source: SourceConfig
    stream: Stream
    request: str
    at_least: int
    at_most: int
    on_disk: Ledger | None
    is_fresh: bool


def plan(data: DataDir, filters: Config, chosen: Sequence[SourceConfig], terms: ExtractOptions) -> list[StreamPlan]:
    """Return what the streams of the chosen sources will need, in the order in which they are asked."""
    planned = []
    for source in chosen:
        there = set(list_streams(data, source.name))
        for stream in source.streams:
            old = read_ledger(data, source.name, stream.name) if stream.name in there else None
            request = get_source(source.name).first_request(stream.params)
            is_fresh = old is not None and terms.is_fresh(old, request)
            least = 0 if is_fresh else ceil(min(filters.limit * _count_disjoint(stream), filters.depth) / source.page_size)
            most = 0 if is_fresh else ceil(filters.depth / source.page_size)
            planned.append(StreamPlan(source, stream, request, least, most, old, is_fresh))
    return planned


def _count_disjoint(stream: Stream) -> int:
    """Return of how many filters no two can share a model, so that each needs models of its own; not always the most."""
    chosen: list[Filter] = []
    for each in sorted(stream.filters, key=lambda each: -len(each.path.split("/"))):
        if all(each.is_disjoint(other) for other in chosen):
            chosen.append(each)
    return len(chosen)


def rate_limit_delay_s(requests: int, rate: Rate) -> float:
    """Return the seconds for which the rate holds back the last of so many requests sent as early as it allows."""
    return max(0, requests - 1) // rate.requests * rate.seconds
