"""Whether manifests that order models by a field have the greatest first, by the values in the raw records. No I/O.

The values are read from raw records by the audit of the source. Which models of the stream match a filter is what the rebuild
says; other checks compare that. Not checked are fields that raw records do not state, and models whose records differ.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from etl.config.fields import model_fields
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.verify.published import Published
    from etl.verify.raw_records import RawStream

_LEAST = float("-inf")  # null, which is last


class _Value(NamedTuple):
    """What a model is ordered by: its number, or its time in seconds, and the position of its record in the stream."""

    number: float
    position: int


class ValueOrder:
    """Checks the order of manifests by values, of all sources; `streams` are all raw streams on disk."""

    def __init__(self, published: Published, streams: Mapping[tuple[str, str], RawStream]) -> None:
        self._published, self._streams = published, streams
        self._respelled: dict[str, set[str]] = {}
        self._values: dict[tuple[str, str, str], dict[str, float | None]] = {}
        self._unread: Counter[tuple[str, str]] = Counter()
        self._ambiguous: set[tuple[str, str]] = set()

    def problems(self, filter_: Filter, field: str, ids: Sequence[str], stream: RawStream) -> Iterator[str]:
        """Yield what is out of order in the manifest of a filter that orders by a field, and what is missing from it."""
        if field not in stream.value_fields:
            self._unread[filter_.source, field] += 1
            return
        values = self._values_of(stream, field)
        last = _Value(float("inf"), -1)
        seen: set[str] = set()
        for index, key in enumerate(map(model_key, ids)):
            where = self._published.where(filter_.file, f"$.models[{index}].id")
            if key in seen:
                yield f"{where}: {ids[index]} is a duplicate"
            if key in seen or key not in stream.positions:
                continue  # the latter is reported by another check
            seen.add(key)
            positions, value = stream.positions[key], values[key]
            if value is None:
                self._ambiguous.add((stream.source, key))
                continue
            after = bisect_right(positions, last.position) if value == last.number else 0
            text = f"{ids[index]} has {field} {self._text(filter_, value)}"
            if value > last.number:
                yield f"{where}: {text}, and a model before it {self._text(filter_, last.number)}"
            elif after == len(positions):
                yield f"{where}: {text} as the model before it, and is out of stream order"
            else:
                last = _Value(value, positions[after])
        if ids:
            yield from self._missing(filter_, seen, last, stream, values)

    def _missing(
        self, filter_: Filter, listed: set[str], last: _Value, stream: RawStream, values: Mapping[str, float | None]
    ) -> Iterator[str]:
        """Yield the first matching model that is not listed although it comes before the last one that is."""
        stored = self._published.streams.get((filter_.source, filter_.stream))
        if stored is None:
            return  # the streams cannot be rebuilt, which another check reports
        for position in stored.selection.positions(filter_):
            identity = stored.selection.ref(position).id
            value = values.get(key := model_key(identity))
            if key in listed or value is None:
                continue
            if value > last.number or (value == last.number and stream.positions[key][-1] < last.position):
                missing = f"{identity} with {filter_.order_field} {self._text(filter_, value)} is missing"
                where = self._published.where(filter_.file, "$.models")
                yield f"{where}: {missing}, and the last one has {self._text(filter_, last.number)}"
                return

    def _values_of(self, stream: RawStream, field: str) -> dict[str, float | None]:
        """Return the value of each model of a stream; None if its records differ."""
        name = (stream.source, stream.name, field)
        if name not in self._values:
            if stream.source not in self._respelled:
                self._respelled[stream.source] = _respelled(self._streams, stream.source)
            index = stream.value_fields.index(field)
            values: dict[str, float | None] = {}
            for record in stream.records:
                key = model_key(record.id)
                value = _LEAST if (own := record.values[index]) is None else own
                is_ambiguous = key in self._respelled[stream.source] or values.get(key, value) != value
                values[key] = None if is_ambiguous else value
            self._values[name] = values
        return self._values[name]

    def _text(self, filter_: Filter, value: float) -> str:
        """Return a value of the field that a filter orders by, for a message."""
        if value == _LEAST:
            return "null"
        source = self._published.config.source(filter_.source)
        if model_fields(source.name, source.sizes)[str(filter_.order_field)].is_time:
            return datetime.fromtimestamp(value, UTC).isoformat()
        return str(int(value) if value == int(value) else value)

    def notes(self) -> list[str]:
        """Return what was not checked."""
        unread = [
            f"{source}: raw records do not state {field}, so that the order of {count} manifests by it was not read again"
            for (source, field), count in self._unread.items()
        ]
        ambiguous = Counter(source for source, _ in self._ambiguous)
        return [
            *unread,
            *(
                f"{source}: {count} models have records with different values or ids, so that their order was not checked"
                for source, count in sorted(ambiguous.items())
            ),
        ]


def _respelled(streams: Mapping[tuple[str, str], RawStream], source: str) -> set[str]:
    """Return the models of a source whose ids its records spell in several ways: a record of another stream may count."""
    first: dict[str, str] = {}
    records = (record for (name, _), stream in streams.items() if name == source for record in stream.records)
    return {key for record in records if first.setdefault(key := model_key(record.id), record.id) != record.id}
