"""Columns of a table of models in the shortest of several forms, which page/data.d.ts describes. No I/O."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_MAX_EXCEPTIONS = 0.4  # of the values, where they are written by a rule
_MAX_DISTINCT = 0.5  # of the values, where they are written once in a table
_MIN_OCCURRENCES = 5  # of an item of lists in the table: rarer ones compress better beside those that they occur with
_EPOCH = date(1970, 1, 1)


def encode_column(ids: Sequence[str], values: Sequence[Any], *, is_exact: bool) -> dict[str, Any]:
    """Return the values of a field, one for each id, in a short form; unless `is_exact`, of times the date only."""
    if all(value == values[0] and type(value) is type(values[0]) for value in values):  # True == 1
        return {"constant": values[0] if values else None}
    if all(value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value)) for value in values):
        return _tabulated(values) or _lists(values)
    if all(value is None or isinstance(value, str) for value in values):
        if not is_exact and (days := _days(values)):
            return {"days": days}
        if column := _by_rule(ids, values):
            return column
    return _tabulated(values) or {"values": list(values)}


def _by_frequency(values: Iterable[str], least: int = 1) -> list[str]:
    """Return the distinct values that occur at least so often, the most frequent first."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return [value for value, count in counts if count >= least]


def _lists(values: Sequence[Sequence[str] | None]) -> dict[str, Any]:
    """Return lists of texts as indexes of a table, ascending, and then the texts that are too rare for it."""
    lists = [value or [] for value in values]
    table = _by_frequency(chain.from_iterable(lists), _MIN_OCCURRENCES)
    index_of = {item: index for index, item in enumerate(table)}
    indexes = [sorted(index_of[item] for item in items if item in index_of) for items in lists]
    rare = [[item for item in items if item not in index_of] for items in lists]
    column = {"table": table, "lists": [[*left, *right] for left, right in zip(indexes, rare, strict=True)]}
    absent = {str(row): None for row, value in enumerate(values) if value is None}
    return {**column, "except": absent} if absent else column


def _days(values: Sequence[str | None]) -> list[int | None] | None:
    """Return times as days since 1970-01-01; None if a value is not a time."""
    if any(value is not None and value[10:11] != "T" for value in values):  # `fromisoformat` reads 20260101 too
        return None
    try:
        return [None if value is None else _day(value) for value in values]
    except ValueError:
        return None


def _day(value: str) -> int:
    time = datetime.fromisoformat(value)
    return ((time.astimezone(UTC) if time.tzinfo else time).date() - _EPOCH).days


def _by_rule(ids: Sequence[str], values: Sequence[str | None]) -> dict[str, Any] | None:
    """Return the values as a function of the ids, except some; None if no rule fits most of them."""
    rules: list[tuple[dict[str, Any], Callable[[str], str]]] = [
        ({"after_slash": True}, lambda id_: id_.partition("/")[2] or id_),
        ({"before_slash": True}, lambda id_: id_.partition("/")[0]),
    ]
    prefixes = Counter(value.removesuffix(id_) for id_, value in zip(ids, values, strict=True) if value and value.endswith(id_))
    if prefixes:
        ((prefix, _),) = prefixes.most_common(1)
        rules.append(({"prefix": prefix}, lambda id_: prefix + id_))
    for column, rule in rules:
        pairs = enumerate(zip(ids, values, strict=True))
        exceptions = {str(row): value for row, (id_, value) in pairs if rule(id_) != value}
        if len(exceptions) <= _MAX_EXCEPTIONS * len(ids):
            return {**column, "except": exceptions} if exceptions else column
    return None


def _tabulated(values: Sequence[Any]) -> dict[str, Any] | None:
    """Return the values as indexes of a table of distinct ones; None if most are distinct."""
    keys = [orjson.dumps(value).decode() for value in values]
    by_key = dict(zip(keys, values, strict=True))
    table = [key for key in _by_frequency(keys) if key != "null"]
    if len(table) > _MAX_DISTINCT * len(values):
        return None
    index_of = {"null": -1, **{key: index for index, key in enumerate(table)}}
    return {"table": [by_key[key] for key in table], "indexes": [index_of[key] for key in keys]}
