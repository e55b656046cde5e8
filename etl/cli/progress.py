"""What extract prints as it goes: a bar per source on a terminal, a line per stream elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Self

from etl.cli.output import print_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from etl.config.model import Config, SourceConfig
    from etl.extract.http_client import Wait
    from etl.extract.stream_reader import StreamReader
    from etl.pipeline import ExtractResult

_LONG_S = 2  # from which on a wait is told where there is no terminal


def show_log(name: str) -> None:
    """Print what a package logs, a line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class ExtractProgress:
    """An extraction as it goes: a bar a source on a terminal, elsewhere a line for each stream that ends."""

    def __init__(self, sources: Sequence[SourceConfig]) -> None:
        self._start = time.monotonic()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._asked: dict[str, int] = {}
        self._waited: set[tuple[str, str]] = set()
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=16),
                MofNCompleteColumn(),
                TextColumn("streams, {task.fields[state]}"),
            )
            self._bars = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
            state = "waiting for the first answer"
            self._tasks = {each.name: self._bars.add_task(each.name, total=len(each.streams), state=state) for each in sources}
            self._bars.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def update(self, reading: StreamReader) -> None:
        """Show an answer, and the end of its stream."""
        name = reading.source.name
        self._asked[name] = self._asked.get(name, 0) + reading.is_asked
        if self._bars:
            self._bars.update(self._tasks[name], state=f"{self._asked[name]} requests", advance=reading.target is None)
        elif reading.target is None and not reading.failed:
            print(f"{_where(reading)}: {_count(reading)}; {_ending(reading)}", flush=True)

    def show_wait(self, source: str, wait: Wait) -> None:
        """Show what a request waits for, each reason once; elsewhere than on a terminal only where it takes long."""
        state = f"attempt {wait.attempt} of {wait.attempts} in {wait.seconds:.0f} s" if wait.seconds else "waiting for a turn"
        if self._bars:
            self._bars.update(self._tasks[source], state=state)
        elif wait.seconds is not None and wait.seconds < _LONG_S:
            return
        if (source, wait.reason) not in self._waited:
            self._waited.add((source, wait.reason))
            print_error(f"{source}: {wait.reason}; {state}")

    def summarize(self, result: ExtractResult, config: Config) -> None:
        """Print which manifests will be short, what was read, and what failed."""
        readings = result.readers
        for reading in (reader for reader in readings if not reader.failed and not reader.is_fresh):
            selection = result.selections[reading.source.name][reading.stream.name]
            for filter_ in reading.stream.filters:
                if (count := len(selection.positions(filter_.matches))) < config.limit:
                    print(f"short: {filter_.file}: {count} of {config.limit}; {_ending(reading)}")
        pages = [page for reading in readings for page in reading.pages]
        failed = [reading for reading in readings if reading.failed]
        print(
            f"{len(readings)} streams, {len(failed)} failed; {sum(self._asked.values())} requests; "
            f"{sum(page.records for page in pages):,} records in {len(pages)} pages, "
            f"{sum(reading.changed for reading in readings)} of them new; {sum(page.bytes for page in pages) / 1e6:.1f} MB; "
            f"{time.monotonic() - self._start:.1f} s"
        )
        told: dict[str, list[str]] = {}
        for reading in failed:
            told.setdefault(f"page {len(reading.pages) + 1}: {reading.failed}", []).append(_where(reading))
        for why, where in told.items():
            print(f"failed: {', '.join(where)}: {why}", file=sys.stderr)


def _where(reading: StreamReader) -> str:
    return f"{reading.source.name}/{reading.stream.name}"


def _count(reading: StreamReader) -> str:
    pages, judged = len(reading.pages), reading.judged
    told = (
        f"{pages} page{'s' * (pages != 1)}, {reading.changed} new, {reading.records:,} records, {reading.size_bytes / 1e6:.2f} MB"
    )
    told += f", {judged.duplicates} came twice" if judged.duplicates else ""
    return told + (f", {judged.strangers} not asked for" if judged.strangers else "")


def _ending(reading: StreamReader) -> str:
    if reading.is_fresh:
        return "checked not long ago, not asked"
    if reading.exhausted:
        return "the API has no more"
    return "its manifests are full" if reading.judged.is_sufficient else "as deep as filters.toml allows"
