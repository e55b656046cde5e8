"""The values that the models on disk have in each field: what filters.toml can name."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from etl.config.fields import nearest_suffix, nearest_value
from etl.core.errors import InvalidDataError, MissingInputError, UsageError
from etl.core.ids import model_key
from etl.core.schemas import load_schema
from etl.selection.stored import StoredStreams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir

    Key = str | tuple[type, Any]  # a text, or another value with its type: true, 1 and 1.0 are three values

MAX_VALUES = 10  # of a field, unless it is listed alone
_NULL: Key = (type(None), None)
_EMPTY: Key = (list, ())
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_MIN_UNIQUE_SHARE = 0.9  # distinct values of all: few repeat
_QUANTILES = {
    "min": Fraction(0), "p10": Fraction(1, 10), "p25": Fraction(1, 4), "median": Fraction(1, 2),
    "p75": Fraction(3, 4), "p90": Fraction(9, 10), "max": Fraction(1),
}  # fmt: skip


@dataclass(frozen=True)
class ValueCount:
    """One value of a field. Attributes here and below are keys of `values --json`.

    Attributes:
        value: The value; of a list field, an item, or [] for an empty list; of a list of objects, how many it has.
        models: How many models of the source have it.
        streams: How many models of each stream have it, most first, without zeros; None unless the field is listed alone.
    """

    value: Any
    models: int
    streams: dict[str, int] | None


@dataclass(frozen=True)
class FieldValues:
    """The values of one field of a source's models.

    Attributes:
        kind: How they are shown: `values`; `range` for more than 10 numbers or times; `unique` for texts few of which repeat;
            `lengths` for lists of objects, of which only the lengths are counted.
        distinct: How many values there are, except null and [].
        null: How many models have null.
        empty: How many models have an empty list.
        range: Of numbers or times: `min`, `p10`, `p25`, `median`, `p75`, `p90` and `max`, each a value that occurs; else None.
        stream_ranges: The same for each stream that has a value; None unless the field is listed alone.
        values: The values, most frequent first, ties by value; up to 10 unless the field is listed alone.
    """

    kind: str
    distinct: int
    null: int
    empty: int
    range: dict[str, Any] | None
    stream_ranges: dict[str, dict[str, Any]] | None
    values: list[ValueCount]


@dataclass(frozen=True)
class SourceValues:
    """The models of a source, which `values --json` prints by source.

    Attributes:
        models: How many distinct models the complete streams have, by id in any spelling.
        streams: How many each stream has.
        fields: The fields in the order of the schema, or the one that is listed.
    """

    models: int
    streams: dict[str, int]
    fields: dict[str, FieldValues]


def list_values(data: DataDir, sources: Sequence[SourceConfig], field: str | None = None) -> dict[str, SourceValues]:
    """Return the values that the models of the sources have, by source; with `field`, of the sources that have this field.

    Models that are excluded by id or never published do not count. A model counts once for each value that a stream's record
    of it has, so a field may have more values than there are models.

    Raises:
        UsageError: no source has the field, or there is no source.
        MissingInputError: no stream is on disk, or the models of a stream have not been built.
        InvalidDataError: the summary or models violate their schemas.
    """
    if not sources:
        raise UsageError("--source: must be a source of the filters file")
    names = {source.name: list(load_schema(f"{source.name}/model").schema["properties"]) for source in sources}
    if field is not None:
        all_names = sorted({name for fields in names.values() for name in fields})
        if field not in all_names:
            nearest = nearest_suffix(field, nearest_value(field, all_names))
            raise UsageError(f"field {field!r} not found in the models of {', '.join(names)}{nearest}")
        names = {source: [field] for source, fields in names.items() if field in fields}
    streams = {source.name: StoredStreams(data, source) for source in sources if source.name in names}
    if not any(stored.ledgers for stored in streams.values()):
        raise MissingInputError(f"{data.raw_root}: no complete stream on disk; fetch with: make extract")
    return {name: _count(data, name, stored, names[name], is_alone=field is not None) for name, stored in streams.items()}


def _count(data: DataDir, source: str, streams: StoredStreams, names: Sequence[str], *, is_alone: bool) -> SourceValues:
    """Return the values of the named fields in the streams of a source.

    In memory are each distinct value, some 1.4 KB a model of the Hub over all fields, and what was counted of models of several
    streams.
    """
    shared: dict[str, int] = {}  # by the key of a model that is in several streams, its index
    properties = load_schema(f"{source}/model").schema["properties"]
    counters = {name: _FieldCounter(is_alone=is_alone, has_objects=_has_objects(properties[name])) for name in names}
    sizes, count = {}, 0
    selections = {name: stream.selection for name, stream in streams.all_streams().items()}
    for stream in selections:
        sizes[stream] = 0
        others = [selection for name, selection in selections.items() if name != stream]
        for model in streams.models(stream):
            sizes[stream] += 1
            is_shared = any(selection.position_of(model["id"]) is not None for selection in others)
            index = shared.setdefault(model_key(model["id"]), len(shared)) if is_shared else None
            count += not is_shared
            try:
                for name, counter in counters.items():
                    counter.add(index, model[name], stream)
            except (LookupError, TypeError) as error:
                where = f"{data.models(source, stream)}: {model['id']}"
                raise InvalidDataError(f"{where}: not valid output of the transform; rebuild it: make transform") from error
    return SourceValues(count + len(shared), sizes, {name: counter.result() for name, counter in counters.items()})


class _FieldCounter:
    """Counts the values of one field, each once per model of the source and, if it is alone, once per model of each stream."""

    def __init__(self, *, is_alone: bool, has_objects: bool) -> None:
        self._is_alone, self._has_objects = is_alone, has_objects
        self._models: Counter[Key] = Counter()
        self._streams: dict[str, Counter[Key]] = {}
        self._counted: list[tuple[Key, ...]] = []  # by index of a model that is in several streams
        self._tuples: dict[tuple[Key, ...], tuple[Key, ...]] = {}  # so that models share equal ones

    def add(self, index: int | None, value: Any, stream: str) -> None:
        """Count the value of a model; the first value of one that is in several streams has the next `index`."""
        if self._has_objects and value:
            value = len(value)
        keys = (tuple(dict.fromkeys(map(_key, value))) or (_EMPTY,)) if isinstance(value, list) else (_key(value),)
        self._models.update(keys if index is None else self._uncounted(index, keys))
        if self._is_alone:
            self._streams.setdefault(stream, Counter()).update(keys)

    def _uncounted(self, index: int, keys: tuple[Key, ...]) -> list[Key]:
        """Return the values of a model that no earlier stream has of it."""
        if index == len(self._counted):
            self._counted.append(())
        counted = self._counted[index]
        new = [key for key in keys if key not in counted]
        all_ = (*counted, *new)
        self._counted[index] = self._tuples.setdefault(all_, all_)
        return new

    def result(self) -> FieldValues:
        """Return the counts."""
        keys = sorted(self._models, key=lambda key: (-self._models[key], _order(key)))
        shown = keys if self._is_alone else keys[:MAX_VALUES]
        range_ = _range(self._models)
        ranges = {name: values for name, counts in self._streams.items() if (values := _range(counts))}
        distinct = len(self._models.keys() - {_NULL, _EMPTY})
        return FieldValues(
            self._kind(distinct, range_), distinct, self._models[_NULL], self._models[_EMPTY], range_,
            (ranges if range_ else {}) if self._is_alone else None,
            [ValueCount(_value(key), self._models[key], self._in_streams(key)) for key in shown],
        )  # fmt: skip

    def _kind(self, distinct: int, range_: Mapping[str, Any] | None) -> str:
        return "lengths" if self._has_objects else _kind(self._models, distinct, range_)

    def _in_streams(self, key: Key) -> dict[str, int] | None:
        if not self._is_alone:
            return None
        counts = {name: counts[key] for name, counts in self._streams.items() if counts[key]}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _has_objects(schema: Mapping[str, Any]) -> bool:
    """Return whether a field is a list of objects."""
    return "properties" in schema.get("items", {})


def _key(value: object) -> Key:
    return sys.intern(value) if isinstance(value, str) else (type(value), value)


def _value(key: Key) -> Any:
    value = key if isinstance(key, str) else key[1]
    return [] if value == () else value


def _order(key: Key) -> tuple[int, Any]:
    """Return the order of a value among equally frequent ones: numbers and booleans, texts, null and []."""
    if isinstance(key, str):
        return 1, key
    return (2, key == _EMPTY) if key in (_NULL, _EMPTY) else (0, key[1])


def _kind(counts: Counter[Key], distinct: int, range_: Mapping[str, Any] | None) -> str:
    if distinct <= MAX_VALUES:
        return "values"
    if range_:
        return "range"
    count = counts.total() - counts[_NULL] - counts[_EMPTY]
    return "unique" if distinct > _MIN_UNIQUE_SHARE * count else "values"


def _range(counts: Counter[Key]) -> dict[str, Any] | None:
    """Return the quantiles of numbers, or of times in the order of their text; None if a value is something else."""
    keys = [key for key in counts if key not in (_NULL, _EMPTY)]
    is_time = all(isinstance(key, str) and _TIME.match(key) for key in keys)
    if not keys or not (is_time or all(not isinstance(key, str) and key[0] in (int, float) for key in keys)):
        return None
    keys.sort(key=_order)
    sums = list(accumulate(counts[key] for key in keys))
    return {name: _value(keys[bisect_left(sums, share * sums[-1])]) for name, share in _QUANTILES.items()}
