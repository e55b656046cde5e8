"""How many pages an extraction takes at most, and for how long. No I/O."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.config.source_config import SourceConfig
    from etl.extract.stream_reader import StreamReader

_MIN_REQUESTS = 5  # before which their rate says little


class Estimate:
    """The pages of one source: how many came, and how many may come until each stream has read `depth` records."""

    def __init__(self, source: SourceConfig, depth: int) -> None:
        self.pages = self.requests = self.ended = 0
        self._depth, self._rate, self._page_size = depth, source.rate, source.page_size
        most = ceil(depth / source.page_size)
        self._streams = {stream.name: (0, most) for stream in source.streams}  # pages, and how many at most
        self.max_pages = most * len(self._streams)

    def add(self, reader: StreamReader) -> None:
        """Count the last step of a stream."""
        self.requests += reader.was_requested
        pages = len(reader.pages)
        has_ended = reader.next_request is None
        self.ended += has_ended
        most = pages if has_ended else pages + max(1, ceil((self._depth - reader.records) / self._page_size))
        pages_before, most_before = self._streams[reader.stream.name]
        self._streams[reader.stream.name] = pages, most
        self.pages += pages - pages_before
        self.max_pages += most - most_before

    def describe(self, elapsed_s: float) -> str:
        """Return pages, rate and remaining time: `137 of at most 6,000 pages, 1.7/s, at most 0:57:29`."""
        if self.ended == len(self._streams):
            return f"{self.requests:,} requests, {self.pages:,} pages"
        text = f"{self.pages:,} of at most {self.max_pages:,} pages"
        if self.requests < _MIN_REQUESTS or elapsed_s <= 0:
            return text
        rate = self.requests / elapsed_s
        sustained = min(rate, self._rate.requests / self._rate.seconds)  # at first the limit may allow more
        remaining = timedelta(seconds=ceil((self.max_pages - self.pages) / sustained))
        return f"{text}, {rate:.1f}/s, at most {remaining}"
