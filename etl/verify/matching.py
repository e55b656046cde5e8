"""Which models of a stream match which filters, as the rebuild says, and the greatest values of those in no manifest. No I/O."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from etl.config.filters import Filter
    from etl.selection.selection import Selection

_NONE = 2**63 - 1  # beyond any position


class Match(NamedTuple):
    """The position of a model among those of the rebuild, and its class: models of a class match the same filters, of 0 none."""

    position: int
    match_class: int


_NO_MATCH = Match(-1, 0)


class Matching:
    """Which models of a stream match which of some filters: 4 bytes for each beside the selection of the rebuild."""

    def __init__(self, selection: Selection, filters: Sequence[Filter]) -> None:
        self._selection = selection
        conditions = {filter_.conditions: filter_ for filter_ in filters}
        numbers: dict[tuple[bool, ...], int] = {(False,) * len(conditions): 0}
        groups = [group for group in selection.groups.all if not group.is_forbidden]
        self._classes = array("I", bytes(4 * (1 + max((max(group.positions) for group in groups), default=-1))))
        for group in groups:
            matches = tuple([filter_.matches(group.values) for filter_ in conditions.values()])
            number = numbers.setdefault(matches, len(numbers))
            for position in group.positions:
                self._classes[position] = number
        self.count = len(numbers)
        self._matching = {
            key: [number for matches, number in numbers.items() if matches[index]] for index, key in enumerate(conditions)
        }

    def find(self, identity: str) -> Match:
        """Return where a model is, in any spelling of its id; of class 0 if the rebuild does not have it."""
        position = self._selection.position_of(identity)
        if position is None or position >= len(self._classes):
            return _NO_MATCH
        return Match(position, self._classes[position])

    def classes_of(self, filter_: Filter) -> list[int]:
        """Return the classes of the models that match a filter."""
        return self._matching[filter_.conditions]


class GreatestUnlisted:
    """By class, the greatest value of each field in the records of models that no manifest lists, and the first that has it."""

    def __init__(self, matching: Matching, fields: int, listed: Container[str]) -> None:
        self.matching, self._listed = matching, listed
        self._values = [array("d", [float("nan")]) * matching.count for _ in range(fields)]
        self._firsts = [array("q", [_NONE]) * matching.count for _ in range(fields)]

    def add_page(self, first: int, ids: Sequence[str], values: Sequence[array[float]]) -> None:
        """Take the ids and, by field, the values of the records of the next page, of which `first` is the position."""
        find, listed = self.matching.find, self._listed
        columns = list(zip(values, self._values, self._firsts, strict=False))  # an empty page has no values
        for index, id_ in enumerate(ids):
            number = find(id_).match_class
            if number and model_key(id_) not in listed:
                for own, greatest, firsts in columns:
                    if not own[index] <= greatest[number]:  # which is not a number at first
                        greatest[number], firsts[number] = own[index], first + index

    def may_precede(self, number: int, field: int, value: float, position: int) -> bool:
        """Return whether a record of a class has a greater value, or this one at an earlier position."""
        greatest, first = self._values[field][number], self._firsts[field][number]
        return greatest > value or (greatest == value and first < position)
