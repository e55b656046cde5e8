"""What extract prints as it goes: a bar per source on a terminal, a line per stream elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Self

from etl.cli.estimate import Estimate
from etl.cli.output import print_error, with_commands

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from etl.config.source_config import SourceConfig
    from etl.extract.http_client import Wait
    from etl.extract.stream_reader import StreamReader
    from etl.pipeline import ExtractResult

_LONG_WAIT_S = 2  # shorter waits are printed on a terminal only


def show_log(name: str) -> None:
    """Print the log of a package to stderr, a line per message."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class ExtractProgress:
    """Progress of an extraction: a bar per source on a terminal, elsewhere a line per finished stream."""

    def __init__(self, sources: Sequence[SourceConfig], depth: int) -> None:
        self._start = time.monotonic()
        self._estimates = {source.name: Estimate(source, depth) for source in sources}
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._shown_waits: set[tuple[str, str]] = set()
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),  # what the text leaves of the line
                TextColumn("{task.fields[ended]}/{task.fields[streams]} streams, {task.fields[state]}"),
            )
            self._bars = Progress(*columns, console=Console(stderr=True), expand=True)
            state = "waiting for the first response"
            for source in sources:
                total = self._estimates[source.name].max_pages
                self._tasks[source.name] = self._bars.add_task(
                    source.name, total=total, ended=0, streams=len(source.streams), state=state
                )
            self._bars.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def update(self, reader: StreamReader) -> None:
        """Show a response, and the end of its stream."""
        estimate = self._estimates[reader.source.name]
        estimate.add(reader)
        if self._bars:
            state = estimate.describe(time.monotonic() - self._start)
            self._bars.update(
                self._tasks[reader.source.name],
                completed=estimate.pages, total=estimate.max_pages, ended=estimate.ended, state=state,
            )  # fmt: skip
        elif reader.next_request is None and not reader.failed:
            print(f"{_stream_path(reader)}: {_counts(reader)}; {_ending(reader)}", flush=True)

    def show_wait(self, source: str, wait: Wait) -> None:
        """Show why a request waits, each reason once; without a terminal only long waits."""
        state = f"attempt {wait.attempt} of {wait.attempts} in {wait.seconds:.0f} s" if wait.seconds else "waiting for a turn"
        if self._bars:
            self._bars.update(self._tasks[source], state=state)
        elif wait.seconds is not None and wait.seconds < _LONG_WAIT_S:
            return
        if (source, wait.reason) not in self._shown_waits:
            self._shown_waits.add((source, wait.reason))
            print_error(f"{source}: {wait.reason}; {state}")

    def summarize(self, result: ExtractResult) -> None:
        """Print which manifests will be short, what was fetched, and what failed."""
        readers = result.readers
        for reader in (reader for reader in readers if not reader.failed and not reader.is_fresh):
            tally = result.tallies[reader.source.name].get(reader.stream.name)
            if tally is None:
                which = f"the {len(reader.stream.filters)} manifests of {_stream_path(reader)}"
                print(with_commands(f"short: not known of {which}, whose models are not counted before: make manifests"))
                continue
            for filter_ in reader.stream.filters:
                if (count := tally.count(filter_.matches)) < filter_.limit:
                    print(f"short: {filter_.file}: {count} of {filter_.limit}; {_ending(reader)}")
        pages = sum(len(reader.pages) for reader in readers)
        failed = [reader for reader in readers if reader.failed]
        requests = sum(estimate.requests for estimate in self._estimates.values())
        size_mb = sum(reader.size_bytes for reader in readers) / 1e6
        print(
            f"{len(readers)} streams, {len(failed)} failed; {requests} requests; "
            f"{sum(reader.records for reader in readers):,} records in {pages} pages, "
            f"{sum(reader.changed for reader in readers)} of them new; {size_mb:.1f} MB; "
            f"{time.monotonic() - self._start:.1f} s"
        )
        by_error: dict[str, list[str]] = {}
        for reader in failed:
            by_error.setdefault(f"page {len(reader.pages) + 1}: {reader.failed}", []).append(_stream_path(reader))
        for error, streams in by_error.items():
            print(f"failed: {', '.join(streams)}: {error}", file=sys.stderr)


def _stream_path(reader: StreamReader) -> str:
    return f"{reader.source.name}/{reader.stream.name}"


def _counts(reader: StreamReader) -> str:
    pages, progress = len(reader.pages), reader.progress
    counts = (
        f"{pages} page{'s' * (pages != 1)}, {reader.changed} new, {reader.records:,} records, {reader.size_bytes / 1e6:.2f} MB"
    )
    counts += f", {progress.duplicates} duplicates" if progress.duplicates else ""
    return counts + (f", {progress.unrequested} unrequested" if progress.unrequested else "")


def _ending(reader: StreamReader) -> str:
    if reader.is_fresh:
        return "fresh, not fetched"
    if reader.exhausted:
        return "the API has no more"
    return "its manifests are full" if reader.progress.is_sufficient else "the depth in filters.toml is reached"
