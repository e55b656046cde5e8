"""Whether manifests that order models by a field have the greatest first, by the values in the raw records.

The values are read from raw records by the audit of the source. Which models of the stream match a filter is what the rebuild
says; other checks compare that. Not checked are fields that raw records do not state, and models whose records differ.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from etl.config.fields import model_fields
from etl.verify.missing import Query, Value, find_missing, value_of
from etl.verify.raw_pages import NULL
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.filters import Filter
    from etl.verify.matching import GreatestUnlisted
    from etl.verify.missing import Records
    from etl.verify.published import Published
    from etl.verify.raw_records import RawStream
    from etl.verify.raw_streams import Key, RawStreams


class ValueOrder:
    """Checks the order of manifests by values, of all sources.

    `greatest` is of the streams that were rebuilt: without it, only what a manifest lists is checked.
    """

    def __init__(self, published: Published, raw: RawStreams, greatest: Mapping[Key, GreatestUnlisted]) -> None:
        self._published, self._raw, self._greatest = published, raw, greatest
        self._listed: dict[tuple[str, str, int], dict[int, list[tuple[float, int, str]]]] = {}
        self._records: dict[str, Records] = {}
        self._unread: Counter[tuple[str, str]] = Counter()
        self._ambiguous: set[tuple[str, str]] = set()

    def problems(self) -> dict[Filter, list[str]]:
        """Return what is out of order in the manifests of filters that order by a field, and what is missing from them."""
        problems: dict[Filter, list[str]] = {}
        queries: dict[Key, list[Query]] = {}
        for filter_, ids in self._published.ids_by_filter:
            stream, field = self._raw.streams.get((filter_.source, filter_.stream)), filter_.order_field
            if stream is None or stream.has_read_errors or field is None:
                continue
            if field not in stream.value_fields:
                self._unread[filter_.source, field] += 1
                continue
            problems[filter_] = []
            query = self._check_listed(problems[filter_], filter_, ids, stream)
            if ids and self._may_lack(query, stream):
                queries.setdefault((stream.source, stream.name), []).append(query)
        for key, suspicious in queries.items():
            for query, id_, value in find_missing(self._raw, self._raw.streams[key], self._greatest[key].matching, suspicious):
                filter_ = query.filter
                missing = f"{id_} with {filter_.order_field} {self._text(filter_, value)} is missing"
                last = f"the last one has {self._text(filter_, query.last.number)}"
                problems[filter_].append(f"{self._published.where(filter_.file, '$.models')}: {missing}, and {last}")
        return problems

    def _check_listed(self, problems: list[str], filter_: Filter, ids: Sequence[str], stream: RawStream) -> Query:
        """Add what is out of order in a manifest; return what its last model and its keys are."""
        field, file = stream.value_fields.index(str(filter_.order_field)), self._published.folder / filter_.file
        last = Value(float("inf"), -1)
        seen: set[str] = set()
        for index, key in enumerate(map(model_key, ids)):
            where, positions = f"{file}: $.models[{index}].id", stream.positions_of(key)
            if key in seen:
                problems.append(f"{where}: {ids[index]} is a duplicate")
            if key in seen or not positions:
                continue  # the latter is reported by another check
            seen.add(key)
            value = self._value_of(stream, key, field)
            if value is None:
                self._ambiguous.add((stream.source, key))
                continue
            after = bisect_right(positions, last.position) if value == last.number else 0
            if value > last.number:
                problem = f", and a model before it {self._text(filter_, last.number)}"
            elif after == len(positions):
                problem = " as the model before it, and is out of stream order"
            else:
                last = Value(value, positions[after])
                continue
            problems.append(f"{where}: {ids[index]} has {filter_.order_field} {self._text(filter_, value)}{problem}")
        return Query(filter_, field, last, seen)

    def _may_lack(self, query: Query, stream: RawStream) -> bool:
        """Return whether a manifest may lack a model that comes before its last one."""
        greatest = self._greatest.get((stream.source, stream.name))
        if greatest is None:
            return False  # the streams cannot be rebuilt, which another check reports
        listed = self._listed_values(stream, query.field, greatest)
        for number in greatest.matching.classes_of(query.filter):
            if greatest.may_precede(number, query.field, query.last.number, query.last.position):
                return True
            for value, position, key in listed.get(number, ()):
                if value < query.last.number:
                    break
                if key not in query.listed and query.last.is_after(value, position):
                    return True
        return False

    def _listed_values(
        self, stream: RawStream, field: int, greatest: GreatestUnlisted
    ) -> dict[int, list[tuple[float, int, str]]]:  # fmt: skip
        """Return by class the values of the models in any manifest, greatest first, with their last positions and their keys."""
        key = (stream.source, stream.name, field)
        if key not in self._listed:
            by_class: dict[int, list[tuple[float, int, str]]] = {}
            for own, records in stream.records.items():
                value, number = self._value_of(stream, own, field), greatest.matching.find(own).match_class
                if number and value is not None:
                    by_class.setdefault(number, []).append((value, records[-1].position, own))
            self._listed[key] = {number: sorted(values, reverse=True) for number, values in by_class.items()}
        return self._listed[key]

    def _value_of(self, stream: RawStream, key: str, field: int) -> float | None:
        """Return the value of a model in a manifest; None if its records differ."""
        if stream.source not in self._records:
            self._records[stream.source] = {other.name: other.records for other in self._raw.of_source(stream.source)}
        return value_of(self._records[stream.source], stream.name, key, field)

    def _text(self, filter_: Filter, value: float) -> str:
        """Return a value of the field that a filter orders by, for a message."""
        if value == NULL:
            return "null"
        source = self._published.config.source(filter_.source)
        if model_fields(source.name, source.sizes)[str(filter_.order_field)].is_time:
            with suppress(ValueError):  # a time of year 0 or 10000 in UTC
                return datetime.fromtimestamp(value, UTC).isoformat()
            return f"{value:.0f} seconds since 1970"
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
