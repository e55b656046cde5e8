"""How many pages an extraction takes at most, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from etl.cli.estimate import Estimate
from etl.config.load import load_config
from tests.conftest import OWN_FILTERS

if TYPE_CHECKING:
    from etl.config.source_config import SourceConfig

DEPTH = 3_000_000


class Reader:
    """What the estimate reads of a stream's reader."""

    def __init__(self, source: SourceConfig, index: int = 0) -> None:
        self.stream = source.streams[index]
        self.pages: list[Any] = []
        self.next_request: str | None = "/x"
        self.records, self.was_requested = 0, True

    def read(self, pages: int, records: int, *, has_ended: bool = False) -> Any:
        self.pages, self.records = [None] * pages, records
        self.next_request = None if has_ended else "/x"
        return self


@pytest.fixture
def hub() -> SourceConfig:
    return load_config(OWN_FILTERS).source("huggingface")  # three streams, pages of 500, 500 requests in 300 s


def test_remaining_time_is_at_most_that_of_the_depth(hub: SourceConfig) -> None:
    estimate = Estimate(hub, DEPTH)
    assert estimate.describe(0) == "0 of at most 18,000 pages"
    reader = Reader(hub)
    for pages in range(1, 101):
        estimate.add(reader.read(pages, pages * 500))
    assert estimate.describe(100) == "100 of at most 18,000 pages, 1.0/s, at most 4:58:20"
    assert estimate.describe(10) == "100 of at most 18,000 pages, 10.0/s, at most 2:59:00"  # by the rate limit


def test_short_pages_and_the_end_of_a_stream_change_the_estimate(hub: SourceConfig) -> None:
    estimate = Estimate(hub, DEPTH)
    reader = Reader(hub)
    for pages in range(1, 11):
        estimate.add(reader.read(pages, pages * 250))
    assert estimate.max_pages == 18_000 + 5
    estimate.add(reader.read(11, 11 * 250, has_ended=True))
    assert (estimate.pages, estimate.max_pages, estimate.ended) == (11, 12_011, 1)


def test_resumed_pages_are_no_requests_and_a_restart_takes_them_back(hub: SourceConfig) -> None:
    estimate = Estimate(hub, DEPTH)
    reader = Reader(hub)
    estimate.add(reader.read(3001, 3001 * 500))
    assert (estimate.pages, estimate.requests, estimate.max_pages) == (3001, 1, 18_000)
    estimate.add(reader.read(0, 0))
    assert (estimate.pages, estimate.requests, estimate.max_pages) == (0, 2, 18_000)


def test_end_of_all_streams_leaves_no_estimate(hub: SourceConfig) -> None:
    estimate = Estimate(hub, DEPTH)
    for index in range(3):
        reader = Reader(hub, index)
        reader.was_requested = index > 0
        estimate.add(reader.read(2, 1000, has_ended=True))
    assert (estimate.describe(5), estimate.max_pages) == ("2 requests, 6 pages", 6)
