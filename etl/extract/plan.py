"""What extract will request, before it does."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from etl.sources.source import get_source
from etl.storage.ledger import Ledger, list_streams, read_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.filters import Filter, Stream
    from etl.config.source_config import Config, Rate, SourceConfig
    from etl.core.layout import DataDir
    from etl.extract.options import ExtractOptions


@dataclass(frozen=True)
class StreamPlan:
    """The requests of a stream, if its pages are full: the fewest that can fill its manifests, the most that `depth` allows.

    `request` is path and query of its first page, `on_disk` its ledger, None if absent; a fresh stream is not requested.
    """

    source: SourceConfig
    stream: Stream
    request: str
    min_requests: int
    max_requests: int
    on_disk: Ledger | None
    is_fresh: bool


def plan(data: DataDir, config: Config, selected: Sequence[SourceConfig], options: ExtractOptions) -> list[StreamPlan]:
    """Return the plans of the selected sources' streams, in the order in which they are requested."""
    plans = []
    for source in selected:
        on_disk = set(list_streams(data, source.name))
        for stream in source.streams:
            ledger = read_ledger(data, source.name, stream.name) if stream.name in on_disk else None
            request = get_source(source.name).first_request(stream.params)
            is_fresh = ledger is not None and options.is_fresh(ledger, request)
            min_records = min(_fewest_models(stream), config.depth)
            min_requests = 0 if is_fresh else ceil(min_records / source.page_size)
            max_requests = 0 if is_fresh else ceil(config.depth / source.page_size)
            plans.append(StreamPlan(source, stream, request, min_requests, max_requests, ledger, is_fresh))
    return plans


def _fewest_models(stream: Stream) -> int:
    """Return how many models the manifests of a stream need, at least: those of filters that share none, found greedily."""
    disjoint: list[Filter] = []
    for filter_ in sorted(
        stream.filters, key=lambda filter_: (sum(option.is_default for option in filter_.options), -filter_.limit)
    ):
        if all(filter_.is_disjoint(other) for other in disjoint):
            disjoint.append(filter_)
    return max(sum(filter_.limit for filter_ in disjoint), *(filter_.limit for filter_ in stream.filters))


def rate_limit_delay_s(requests: int, rate: Rate) -> float:
    """Return how many seconds the rate limit delays the last of a number of requests sent as early as it allows."""
    return max(0, requests - 1) // rate.requests * rate.seconds
