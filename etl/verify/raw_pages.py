"""One raw page, read a second time without what the transform made of it: small, so that another process may read it."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from operator import gt
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import EtlError, InvalidDataError
from etl.core.ids import hash_texts
from etl.sources.auditing import whole_number
from etl.sources.source import get_source
from etl.storage.json_files import parse_json_body, read_bytes, sha256
from etl.verify.order import Fetch, rank
from etl.verify.raw_records import RawRecord, model_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from etl.sources.source import Audit, Record, Source
    from etl.storage.json_files import JsonBody

NULL = float("-inf")  # the value of a record that has none, which is last


class PageTask(NamedTuple):
    """A page to read.

    Attributes:
        params: The parameters of its stream's request; `sort_key` is what that sorts by.
        value_fields: Fields of models whose values its records state.
        keys: A file of hashes: of the models of which all records are returned.
        has_values: Whether the id and the values of every record are returned.
    """

    path: Path
    source: str
    params: dict[str, list[str]]
    sort_key: str
    fetch: Fetch
    value_fields: tuple[str, ...]
    keys: Path
    has_values: bool


@dataclass(slots=True)
class PageReading:
    """What a page is, and what its records say; `count` of them are objects, and only these count.

    Attributes:
        read_error: Why it could not be read; None if it was.
        records: All records of some models, and others whose hashes are the same.
        unrequested: The number of records that the request should have excluded, and the index of the first.
        leaks: What the API's own filters should have excluded, by reason.
        ranks: The ranks of the records that have one.
        first_ranked: The index of the first of these.
        first_rise: The index of the first whose rank is above that of the one before; None without one.
        keys: Hashes of the ids of all records in any spelling, as those of a selection are.
        spellings: Hashes of these ids as spelled.
        ids: The ids of all records as spelled.
        values: By field, the values of all records.
    """

    bytes: int = 0
    sha256: str = ""
    record_count: int = 0
    read_error: str | None = None
    count: int = 0
    records: list[RawRecord] = field(default_factory=list)
    unrequested: tuple[int, int] = (0, 0)
    leaks: Counter[str] = field(default_factory=Counter)
    ranks: array[float] = field(default_factory=lambda: array("d"))
    first_ranked: int = 0
    first_rise: int | None = None
    keys: array[int] = field(default_factory=lambda: array("Q"))
    spellings: array[int] = field(default_factory=lambda: array("Q"))
    ids: list[str] = field(default_factory=list)
    values: list[array[float]] = field(default_factory=list)


def read_page(task: PageTask) -> PageReading:
    """Read a page; what is wrong with the file is in the result."""
    try:
        return read_body(task, parse_json_body(read_bytes(task.path), task.path))
    except EtlError as error:
        return PageReading(read_error=str(error))


def read_body(task: PageTask, body: JsonBody) -> PageReading:
    """Read a page that is parsed already.

    Raises:
        InvalidDataError: it has no list of records.
    """
    source = get_source(task.source)
    values = _values(body.value, task.path, source)
    reading = PageReading(len(body.content), sha256(body.content), len(values))
    indexes = [index for index, value in enumerate(values) if isinstance(value, dict)]
    records = [values[index] for index in indexes]
    reading.count = len(records)
    audit = source.load_audit()
    _read_records(reading, task, indexes, records, audit)
    if task.sort_key:
        is_time = task.sort_key in audit.time_keys
        values = [audit.sort_value(record, task.sort_key) for record in records]
        _read_ranks(reading, [rank(value, task.fetch, is_time=is_time) for value in values], indexes)
    return reading


def _read_records(reading: PageReading, task: PageTask, indexes: list[int], records: list[Record], audit: Audit) -> None:
    safety = [audit.read(record) for record in records]
    for own, count in Counter(safety).items():
        for leak in audit.leaks(own, task.params):
            reading.leaks[leak] += count
    unrequested = [audit.is_unrequested(record, task.params) for record in records]
    if True in unrequested:
        reading.unrequested = sum(unrequested), indexes[unrequested.index(True)]
    ids = [_identify(record) for record in records]
    reading.keys, reading.spellings = hash_texts(map(model_key, ids)), hash_texts(ids)
    fields = [audit.field_values[name] for name in task.value_fields]
    wanted = _hashes(task.keys)
    for position in [position for position, hash_ in enumerate(reading.keys) if hash_ in wanted]:
        own_values = tuple([read(records[position]) for read in fields])
        use = audit.use(records[position]) if audit.use else None
        reading.records.append(
            RawRecord(indexes[position], ids[position], *safety[position], unrequested[position], own_values, position, use)
        )
    if task.has_values:
        reading.ids = ids
        columns = ([read(record) for record in records] for read in fields)
        reading.values = [array("d", [NULL if value is None else value for value in column]) for column in columns]


def _read_ranks(reading: PageReading, ranks: list[float | None], indexes: list[int]) -> None:
    ranked = [index for index, number in zip(indexes, ranks, strict=True) if number is not None]
    if ranked:
        reading.ranks = array("d", [number for number in ranks if number is not None])
        reading.first_ranked = ranked[0]
        reading.first_rise = next(compress(ranked[1:], map(gt, reading.ranks[1:], reading.ranks)), None)


def location(path: Path, source: Source) -> str:
    """Return the file of a page and the JSON path of the records in it."""
    return f"{path}: ${source.records_path.rstrip('.')}"


def write_hashes(path: Path, keys: Iterable[int]) -> None:
    """Write the hashes of models for `PageTask.keys`."""
    path.write_bytes(array("Q", keys).tobytes())


@lru_cache(maxsize=2)  # all pages of one reading have the same
def _hashes(path: Path) -> frozenset[int]:
    hashes = array("Q")
    hashes.frombytes(path.read_bytes())
    return frozenset(hashes)


def _values(value: Any, path: Path, source: Source) -> list[Any]:
    if source.records_key is not None:
        value = value.get(source.records_key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise InvalidDataError(f"{location(path, source)} must be a list of records")
    return value


def _identify(record: Record) -> str:
    """Return the id of a record as text; empty if it has none."""
    identity = record.get("id")
    if isinstance(identity, str):
        return identity
    number = whole_number(identity)
    return "" if number is None else str(number)
