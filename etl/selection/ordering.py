"""The values by which filters order the models of a stream: greatest first, null last, then by stream order."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_NULL = float("-inf")  # less than any number or time
_NUMBER = (int, float)  # as a union type, it would be made at each call


class OrderValues:
    """The values of some fields of the models of a stream, by position: 8 bytes each, numbers up to 2^53 are exact."""

    def __init__(self, fields: Iterable[str]) -> None:
        self._values = {field: array("d") for field in fields}

    def add(self, columns: Mapping[str, array[float]]) -> None:
        """Add the values of the next models, by field.

        Raises:
            KeyError: a field is missing.
        """
        for field, values in self._values.items():
            values.extend(columns[field])

    def replace(self, position: int, model: Mapping[str, Any]) -> None:
        """Replace the values of a model by those of another record."""
        for field, values in self._values.items():
            values[position] = order_value(model[field])

    def sort(self, positions: list[int], field: str | None) -> list[int]:
        """Return ascending positions in the order of a field, or as they are without one."""
        # The order of equal values stays, also in reverse.
        return positions if field is None else sorted(positions, key=self._values[field].__getitem__, reverse=True)

    def sort_key(self, field: str | None) -> Callable[[int], Any] | None:
        """Return the key by which positions are in the order of a field; None if they are as they are."""
        if field is None:
            return None
        values = self._values[field]
        return lambda position: (-values[position], position)

    def greatest(self, positions: Sequence[int], field: str, limit: int) -> list[int]:
        """Return the first of ascending positions in the order of a field."""
        return nlargest(limit, positions, key=self._values[field].__getitem__)

    def count_before(self, positions: Iterable[int], field: str, position: int) -> int:
        """Return how many of some positions are before another one in the order of a field."""
        values = self._values[field]
        own = values[position]
        return sum(values[other] > own or (values[other] == own and other < position) for other in positions)

    def nulls(self, positions: Iterable[int], field: str) -> list[int]:
        """Return those of the positions whose models have no value in a field."""
        values = self._values[field]
        return [position for position in positions if values[position] == _NULL]


def order_value(value: object) -> float:
    """Return a number, or a time as seconds since 1970, UTC if it names no zone; the least one for all else."""
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:  # such as February 30, which has no place among the times
            return _NULL
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, _NUMBER) else _NULL


def order_column(values: Sequence[object]) -> array[float]:
    """Return `order_value` of each value; numbers and null alone are converted at once."""
    try:
        return array("d", [_NULL if value is None else value for value in cast("Sequence[float | None]", values)])
    except TypeError:
        return array("d", map(order_value, values))
