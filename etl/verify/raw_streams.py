"""The raw streams on disk, read page by page in several processes; few records are kept, and some pages are read again.

Pages that the rebuild parses are read there: see `etl.verify.early_readings`.
"""

from __future__ import annotations

import tempfile
from array import array
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs

from etl.core.errors import EtlError
from etl.core.ids import digest
from etl.sources.source import get_source
from etl.storage.ledger import list_streams, read_ledger
from etl.verify.early_readings import EarlyReading
from etl.verify.order import ORDER_TOLERANCE, Fetch, count_out_of_order, seconds
from etl.verify.raw_pages import PageTask, location, read_page, write_hashes
from etl.verify.raw_records import RawOrder, RawPage, RawStream, model_key
from etl.verify.spellings import Spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.storage.json_files import JsonBody
    from etl.storage.ledger import Ledger, PageEntry
    from etl.verify.raw_pages import PageReading
    from etl.verify.raw_records import RawRecord

    StartWorkers = Callable[[int], AbstractContextManager["Workers"]]  # for so many bytes of raw pages

Key = tuple[str, str]  # of a stream: its source and its name


class Workers(Protocol):
    """What reads pages, in this process or in several."""

    def run(
        self, fn: Callable[[PageTask], PageReading], items: Iterable[PageTask], /
    ) -> Iterator[tuple[PageTask, Future[PageReading]]]:
        """Yield each item with its call, which has ended, in the order of the items; few are ahead."""


class ValueObserver(Protocol):
    """Sees the values of all records of a stream, page by page."""

    def add_page(self, first: int, reading: PageReading) -> None:
        """Take the records of the next page, with their values, of which `first` is the position."""


@dataclass
class _Page:
    """A page to read: `where` is its file and the JSON path of its records, `first` the position of the first in the stream."""

    stream: RawStream
    entry: PageEntry
    path: Path
    where: str
    first: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.stream.source, self.stream.name, self.entry.file


@dataclass
class RawStreams:
    """The raw streams on disk, by source and name.

    Attributes:
        errors: Those of streams whose ledgers cannot be read.
    """

    start_workers: StartWorkers
    streams: dict[Key, RawStream] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _pages: dict[str, list[_Page]] = field(default_factory=dict)
    _spellings: dict[str, Spellings] = field(default_factory=dict)
    _early: dict[tuple[str, str, str], EarlyReading] = field(default_factory=dict)

    def of_source(self, source: str) -> list[RawStream]:
        """Return the streams of a source."""
        return [stream for (name, _), stream in self.streams.items() if name == source]

    def add(self, stream: RawStream, folder: Path) -> None:
        """Add a stream whose pages are in a folder and were not read yet."""
        self.streams[stream.source, stream.name] = stream
        self._spellings.setdefault(stream.source, Spellings())
        pages = self._pages.setdefault(stream.source, [])
        source = get_source(stream.source)
        paths = [folder / entry.file for entry in stream.ledger.pages]
        pages.extend(
            _Page(stream, entry, path, location(path, source)) for entry, path in zip(stream.ledger.pages, paths, strict=True)
        )

    def prepare(self, folder: Path, listed: Mapping[str, Collection[str]], with_values: Collection[Key]) -> None:
        """Let other programs that parse pages read them, by what `observer` returns; `folder` is for the readings.

        `listed` and the streams of the observers, which are among `with_values`, must be those of `read`.
        """
        keys = folder / "keys"
        write_hashes(keys, _hashes(listed))
        self._early = {
            page.key: EarlyReading(_task(keys, with_values, page), folder / str(number))
            for number, page in enumerate(self._all_pages())
        }

    def observer(self, source: str, stream: str, file: str) -> Callable[[JsonBody], None] | None:
        """Return what reads a page that is parsed already, in any process; None of a page that is not to be read."""
        early = self._early.get((source, stream, file))
        return early and early.keep

    def read(self, listed: Mapping[str, Collection[str]], observers: Mapping[Key, ValueObserver]) -> None:
        """Read all pages; keep the records of listed models, by source and `model_key`, and of those with several spellings."""
        parts: dict[Key, _Part] = {}
        for page, reading in self._read_once(_hashes(listed), observers.keys()):
            stream = page.stream
            part = parts.setdefault((stream.source, stream.name), _Part(stream))
            page.first = stream.record_count
            if observer := observers.get((stream.source, stream.name)):
                observer.add_page(page.first, reading)
            part.add(page, reading)
            self._spellings[stream.source].add_page(reading.keys, reading.spellings)
            _keep(stream.records, page, reading, listed[stream.source])
            if len(stream.pages) == len(stream.ledger.pages):
                part.finish()
                del parts[stream.source, stream.name]
        for source in self._pages:
            self._keep_respelled(source, listed[source])

    def _keep_respelled(self, source: str, listed: Collection[str]) -> None:
        """Keep the records of models whose ids are spelled in several ways: those that the hashes name are read again."""
        records = self.records_of(source, self._spellings[source].find_several())
        spellings: dict[str, set[str]] = {}
        for by_key in records.values():
            for key, own in by_key.items():
                spellings.setdefault(key, set()).update(record.id for record in own)
        several = {key for key, ids in spellings.items() if len(ids) > 1 and key not in listed}
        for name, by_key in records.items():
            stream = self.streams[source, name]
            stream.records.update((key, own) for key, own in by_key.items() if key in several)
            stream.records = dict(sorted(stream.records.items(), key=lambda item: item[1][0].position))

    def records_of(self, source: str, hashes: Collection[int]) -> dict[str, dict[str, list[RawRecord]]]:
        """Return all records of some models by stream and `model_key`; `hashes` are those of these keys, and maybe of others'."""
        records: dict[str, dict[str, list[RawRecord]]] = {}
        if hashes:
            pages = [self._pages[source][number] for number in self._spellings[source].pages_of(hashes)]
            for page, reading in self._read(pages, hashes):
                _keep(records.setdefault(page.stream.name, {}), page, reading)
        return records

    def read_values(self, stream: RawStream, observer: ValueObserver) -> None:
        """Read the pages of a stream again for an observer."""
        pages = [page for page in self._pages[stream.source] if page.stream is stream]
        for page, reading in self._read(pages, (), {(stream.source, stream.name)}):
            observer.add_page(page.first, reading)

    def _all_pages(self) -> list[_Page]:
        return [page for pages in self._pages.values() for page in pages]

    def _read_once(self, hashes: Iterable[int], with_values: Collection[Key]) -> Iterator[tuple[_Page, PageReading]]:
        """Yield all pages, in order: those that were read early, and the others as they are read."""
        early = {key: reading for key, reading in self._early.items() if reading.path.exists()}
        others = self._read([page for page in self._all_pages() if page.key not in early], hashes, with_values)
        for page in self._all_pages():
            yield (page, early[page.key].take()) if page.key in early else next(others)
        yield from others  # nothing, but it ends the workers

    def _read(
        self, pages: Sequence[_Page], hashes: Iterable[int], with_values: Collection[Key] = ()
    ) -> Iterator[tuple[_Page, PageReading]]:
        """Yield pages as they are read, in order; of streams in `with_values` with the values of all records."""
        with (
            tempfile.TemporaryDirectory(prefix="verify-") as folder,
            self.start_workers(sum(page.entry.bytes for page in pages)) as workers,
        ):
            keys = Path(folder) / "keys"
            write_hashes(keys, hashes)
            tasks = map(partial(_task, keys, with_values), pages)
            for page, (_, future) in zip(pages, workers.run(read_page, tasks), strict=True):
                yield page, future.result()


def read_raw_streams(
    data: DataDir, config: Config, start_workers: StartWorkers, listed: Mapping[str, Collection[str]]
) -> RawStreams:  # fmt: skip
    """Read the raw streams on disk; keep the records of the listed models, by source and `model_key`."""
    raw = open_raw_streams(data, config, start_workers)
    raw.read({source.name: listed.get(source.name, ()) for source in config.sources}, {})
    return raw


def open_raw_streams(data: DataDir, config: Config, start_workers: StartWorkers) -> RawStreams:
    """Return the raw streams on disk, of which no page was read yet."""
    raw = RawStreams(start_workers)
    for source in config.sources:
        for name in list_streams(data, source.name):
            try:
                ledger = read_ledger(data, source.name, name)
            except EtlError as error:
                raw.errors.append(str(error))
                continue
            raw.add(_open_stream(data, source.name, name, ledger, source.order_fields), data.raw(source.name, name))
    return raw


def _open_stream(data: DataDir, source: str, name: str, ledger: Ledger, order_fields: Sequence[str]) -> RawStream:
    """Return a stream of which no page was read yet; `order_fields` are the fields of models that filters order by."""
    audit = get_source(source).load_audit()
    params = parse_qs(ledger.pages[0].url.partition("?")[2])
    return RawStream(
        source, name, ledger, params, audit.sort_key(params), audit.has_partial_records(params), str(data.ledger(source, name)),
        tuple(field for field in order_fields if field in audit.field_values),
    )  # fmt: skip


def _task(keys: Path, with_values: Collection[Key], page: _Page) -> PageTask:
    stream = page.stream
    fetch = Fetch(seconds(stream.ledger.pages[0].fetched_at), seconds(page.entry.fetched_at))
    has_values = (stream.source, stream.name) in with_values
    return PageTask(
        page.path, stream.source, stream.params, stream.sort_key, fetch, stream.value_fields, keys, has_values=has_values
    )  # fmt: skip


def _hashes(listed: Mapping[str, Collection[str]]) -> set[int]:
    return {digest(key) for keys in listed.values() for key in keys}


def _keep(
    records: dict[str, list[RawRecord]], page: _Page, reading: PageReading, keys: Collection[str] | None = None
) -> None:  # fmt: skip
    """Add the records of a page to those of its stream, by `model_key`; with `keys` only these."""
    for record in reading.records:
        key = model_key(record.id)
        if keys is None or key in keys:
            position, fetched_at = page.first + record.position, page.entry.fetched_at
            own = record._replace(page=page.where, position=position, stream=page.stream.name, fetched_at=fetched_at)
            records.setdefault(key, []).append(own)


class _Part:
    """A stream that is being read."""

    def __init__(self, stream: RawStream) -> None:
        self._stream, self._ranks, self._first_rise = stream, array("d"), ""

    def add(self, page: _Page, reading: PageReading) -> None:
        """Count the records of the next page."""
        stream = self._stream
        stream.pages.append(RawPage(page.entry, reading.bytes, reading.sha256, reading.record_count, reading.read_error))
        stream.record_count += reading.count
        count, first = reading.unrequested
        if count and not stream.unrequested:
            stream.first_unrequested = f"{page.where}[{first}]"
        stream.unrequested += count
        stream.leaks += reading.leaks
        if reading.ranks and not self._first_rise:
            if self._ranks and reading.ranks[0] > self._ranks[-1]:
                self._first_rise = f"{page.where}[{reading.first_ranked}]"
            elif reading.first_rise is not None:
                self._first_rise = f"{page.where}[{reading.first_rise}]"
        self._ranks.extend(reading.ranks)

    def finish(self) -> None:
        """Assess the order of all pages."""
        count = len(self._ranks)
        out_of_order = count_out_of_order(self._ranks, tolerated=1 + ORDER_TOLERANCE * count) if self._first_rise else 0
        self._stream.order = RawOrder(count, out_of_order, self._first_rise)
