"""Raw pages and their records as the checks need them: read a second time, without what the transform made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from etl.core.errors import EtlError, InvalidDataError
from etl.sources.auditing import whole_number
from etl.sources.source import get_source
from etl.storage.json_files import parse_json_body, read_bytes, sha256
from etl.storage.ledger import list_streams, read_ledger
from etl.verify.order import Fetch, rank, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.sources.source import Audit, Source
    from etl.storage.ledger import Ledger, PageEntry


class RawRecord(NamedTuple):
    """What one record says.

    Attributes:
        stream: The stream that contains it.
        where: Its file and JSON path.
        id: As spelled; empty if it has none.
        rejections: The codes of all reasons why it must never be published.
        flagged: Whether it is flagged as mature.
        level: The index in LEVELS of its mildest content; 0 for a source without levels.
        level_most: The index of its most explicit content.
        is_unrequested: Whether the request of its stream should have excluded it.
        leaks: What the API's own filters should have excluded.
        rank: Its value in the requested order, in steps; None if it says nothing.
        values: Its values in `value_fields` of its stream; None if it has none.
    """

    stream: str
    where: str
    id: str
    rejections: tuple[str, ...]
    flagged: bool
    level: int
    level_most: int
    is_unrequested: bool
    leaks: tuple[str, ...]
    rank: float | None
    values: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class RawPage:
    """A page of a stream: what its ledger says of it, and what it is and says itself.

    Attributes:
        entry: Its entry in the ledger.
        bytes: Its length.
        sha256: Its hash.
        record_count: How many records it has.
        records: Those of them that are objects.
        read_error: Why it could not be read; None if it was.
    """

    entry: PageEntry
    bytes: int
    sha256: str
    record_count: int
    records: list[RawRecord]
    read_error: str | None = None


@dataclass(frozen=True)
class RawStream:
    """A stream on disk: `params` are those of its request, `sort_key` what that sorts by, `where` its ledger.

    `value_fields` are the fields of models that filters order by and whose values its records state.
    """

    source: str
    name: str
    ledger: Ledger
    params: dict[str, list[str]]
    sort_key: str
    has_partial_records: bool
    pages: list[RawPage]
    where: str
    value_fields: tuple[str, ...] = ()

    @property
    def has_read_errors(self) -> bool:
        return any(page.read_error for page in self.pages)

    @cached_property
    def positions(self) -> dict[str, list[int]]:
        """The positions of the records of each model in the stream, rising, by `model_key`."""
        positions: dict[str, list[int]] = {}
        for position, record in enumerate(self.records):
            positions.setdefault(model_key(record.id), []).append(position)
        return positions

    @cached_property
    def records(self) -> list[RawRecord]:
        """All records in stream order."""
        return [record for page in self.pages for record in page.records]

    def records_of(self, key: str) -> list[RawRecord]:
        """Return the records of a model, by `model_key`."""
        return [self.records[position] for position in self.positions.get(key, ())]


def model_key(identity: str) -> str:
    """Return what all spellings of an id share: ids of the Hub are unique regardless of case."""
    return identity.casefold()


def read_raw_streams(data: DataDir, config: Config) -> tuple[dict[tuple[str, str], RawStream], list[str]]:
    """Return the raw streams on disk by source and name, and the errors of those whose ledgers cannot be read."""
    streams, errors = {}, []
    for source in config.sources:
        for name in list_streams(data, source.name):
            try:
                ledger = read_ledger(data, source.name, name)
                streams[source.name, name] = read_raw_stream(data, source.name, name, ledger, source.order_fields)
            except EtlError as error:
                errors.append(str(error))
    return streams, errors


def read_raw_stream(
    data: DataDir, source_name: str, stream: str, ledger: Ledger, order_fields: Sequence[str] = ()
) -> RawStream:  # fmt: skip
    """Read the pages of a stream; `order_fields` are the fields of models that filters order by."""
    source = get_source(source_name)
    audit = source.load_audit()
    params = parse_qs(ledger.pages[0].url.partition("?")[2])
    raw = RawStream(
        source_name, stream, ledger, params, audit.sort_key(params), audit.has_partial_records(params), [],
        str(data.ledger(source_name, stream)), tuple(field for field in order_fields if field in audit.field_values),
    )  # fmt: skip
    raw.pages.extend(_read_page(data.raw(source_name, stream) / entry.file, entry, raw, source, audit) for entry in ledger.pages)
    return raw


def _read_page(path: Path, entry: PageEntry, stream: RawStream, source: Source, audit: Audit) -> RawPage:
    try:
        body = read_bytes(path)
        values = _values(body, path, source)
    except EtlError as error:
        return RawPage(entry, 0, "", 0, [], str(error))
    fetch = Fetch(seconds(stream.ledger.pages[0].fetched_at), seconds(entry.fetched_at))
    records = list(_records(values, path, stream, fetch, source, audit))
    return RawPage(entry, len(body), sha256(body), len(values), records)


def _records(  # noqa: PLR0913, PLR0917 -- a page, its stream and its source
    values: list[Any], path: Path, stream: RawStream, fetch: Fetch, source: Source, audit: Audit
) -> Iterator[RawRecord]:
    is_time = stream.sort_key in audit.time_keys
    json_path = f"${source.records_path.rstrip('.')}"
    for index, value in enumerate(values):
        if isinstance(value, dict):
            safety = audit.read(value)
            sort_value = audit.sort_value(value, stream.sort_key) if stream.sort_key else None
            yield RawRecord(
                stream.name, f"{path}: {json_path}[{index}]", _identify(value), *safety,
                audit.is_unrequested(value, stream.params), tuple(audit.leaks(safety, stream.params)),
                rank(sort_value, fetch, is_time=is_time),
                tuple(audit.field_values[field](value) for field in stream.value_fields),
            )  # fmt: skip


def _values(body: bytes, path: Path, source: Source) -> list[Any]:
    value = parse_json_body(body, path)[1]
    if source.records_key is not None:
        value = value.get(source.records_key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise InvalidDataError(f"{path}: ${source.records_path.rstrip('.')} must be a list of records")
    return value


def _identify(record: dict[str, Any]) -> str:
    """Return the id of a record as text; empty if it has none."""
    identity = record.get("id")
    if isinstance(identity, str):
        return identity
    number = whole_number(identity)
    return "" if number is None else str(number)
