"""The first model that an ordered manifest lacks although one that it lists comes after it; raw pages are read again for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from etl.core.ids import digest
from etl.verify.matching import RecordClasses
from etl.verify.raw_pages import NULL
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.verify.matching import Matching
    from etl.verify.raw_pages import PageReading
    from etl.verify.raw_records import RawRecord, RawStream
    from etl.verify.raw_streams import RawStreams

    Records = Mapping[str, Mapping[str, Sequence[RawRecord]]]  # by stream and model_key

_MAX_SUSPECTS = 8  # of one manifest, looked at after one reading


class Value(NamedTuple):
    """What a model is ordered by: its number, or its time in seconds, and the position of its record in the stream."""

    number: float
    position: int

    def is_after(self, number: float, position: int) -> bool:
        """Return whether it comes after a greater number, or after an equal one at an earlier position."""
        return number > self.number or (number == self.number and position < self.position)


@dataclasses.dataclass
class Query:
    """A manifest that may lack a model.

    Attributes:
        field: The index of the field that orders it.
        last: What it lists last.
        listed: The keys of the models that it lists.
        tried: The last position, of the rebuild, that was looked at.
        suspects: By the next positions, the keys of models that it may lack.
        has_more: Whether there were more than that.
    """

    filter: Filter
    field: int
    last: Value
    listed: Container[str]
    tried: int = -1
    suspects: dict[int, str] = dataclasses.field(default_factory=dict)
    has_more: bool = False

    def add(self, position: int, key: str) -> None:
        """Take a suspect after the last position that was looked at; only the first ones are kept."""
        if position <= self.tried:
            return
        self.suspects[position] = key
        if len(self.suspects) > _MAX_SUSPECTS:
            del self.suspects[max(self.suspects)]
            self.has_more = True

    def advance(self) -> None:
        """Go on after the suspects. All are after `tried`, which so rises with each round: the rounds end."""
        self.tried, self.suspects, self.has_more = max(self.suspects), {}, False


class MissingModel(NamedTuple):
    """A model that a manifest lacks, and its value."""

    query: Query
    id: str
    value: float


def value_of(records: Records, stream: str, key: str, index: int) -> float | None:
    """Return the value of a model of a stream by all its records there; None if they differ, or if any spell its id otherwise."""
    values = {NULL if (value := record.values[index]) is None else value for record in records[stream][key]}
    spellings = {record.id for by_key in records.values() for record in by_key.get(key, ())}
    return values.pop() if len(values) == len(spellings) == 1 else None


def find_missing(raw: RawStreams, stream: RawStream, matching: Matching, queries: list[Query]) -> Iterator[MissingModel]:
    """Yield of each manifest of a stream the first model, in the order of the rebuild, that it lacks."""
    while queries:
        raw.read_values(stream, _Suspects(matching, queries))
        hashes = {digest(key) for query in queries for key in query.suspects.values()}
        records = raw.records_of(stream.source, hashes)
        unresolved = []
        for query in queries:
            missing = next(_missing(records, stream, query), None)
            if missing:
                yield missing
            elif query.has_more:
                query.advance()
                unresolved.append(query)
        queries = unresolved


def _missing(records: Records, stream: RawStream, query: Query) -> Iterator[MissingModel]:
    for _, key in sorted(query.suspects.items()):
        value, own = value_of(records, stream.name, key, query.field), records[stream.name][key]
        if value is not None and query.last.is_after(value, own[-1].position):
            yield MissingModel(query, own[0].id, value)


class _Suspects:
    """Finds, page by page, models with a record that comes before what a manifest lists last."""

    def __init__(self, matching: Matching, queries: Sequence[Query]) -> None:
        self._matching, self._classes = matching, RecordClasses(matching)
        self._queries: dict[int, list[Query]] = {}
        for query in queries:
            for number in matching.classes_of(query.filter):
                self._queries.setdefault(number, []).append(query)

    def add_page(self, first: int, reading: PageReading) -> None:
        """Take the records of the next page, with their values, of which `first` is the position."""
        for index, number in enumerate(self._classes.next_page(reading)):
            for query in self._queries.get(number, ()):
                if query.last.is_after(reading.values[query.field][index], first + index):
                    position, key = self._matching.find(reading.ids[index]).position, model_key(reading.ids[index])
                    if key not in query.listed:
                        query.add(position, key)
