"""Which models of a stream match which filters, as the rebuild says, and the greatest values of those in no manifest. No I/O."""

from __future__ import annotations

from array import array
from itertools import compress
from operator import le, not_
from typing import TYPE_CHECKING, NamedTuple

from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from etl.config.filters import Filter
    from etl.selection.selection import Selection
    from etl.verify.raw_pages import PageReading

_NONE = 2**63 - 1  # beyond any position


class Match(NamedTuple):
    """The position of a model among those of the rebuild, and its class: models of a class match the same filters, of 0 none."""

    position: int
    match_class: int


_NO_MATCH = Match(-1, 0)


class Matching:
    """Which models of a stream match which of some filters: 4 bytes for each beside the selection of the rebuild.

    Attributes:
        keys: Hashes of the ids of the models in any spelling, by position.
        left_out: The positions of duplicates and of models that filters.toml excludes by id.
        classes: By position, the classes of the models; 0 for those that are left out or rejected.
        count: How many classes there are.
    """

    def __init__(self, selection: Selection, filters: Sequence[Filter]) -> None:
        self._selection = selection
        self.keys, self.left_out = selection.keys, {*selection.duplicates, *selection.skipped}
        conditions = {filter_.conditions: filter_ for filter_ in filters}
        numbers: dict[tuple[bool, ...], int] = {(False,) * len(conditions): 0}
        groups = [group for group in selection.groups.all if not group.is_forbidden]
        self.classes = array("I", bytes(4 * len(self.keys)))
        for group in groups:
            matches = tuple([filter_.matches(group.values) for filter_ in conditions.values()])
            number = numbers.setdefault(matches, len(numbers))
            for position in group.positions:
                self.classes[position] = number
        self.count = len(numbers)
        self._matching = {
            key: [number for matches, number in numbers.items() if matches[index]] for index, key in enumerate(conditions)
        }

    def find(self, identity: str) -> Match:
        """Return where a model is, in any spelling of its id; of class 0 if the rebuild does not have it."""
        position = self._selection.position_of(identity)
        return _NO_MATCH if position is None else Match(position, self.classes[position])

    def classes_of(self, filter_: Filter) -> list[int]:
        """Return the classes of the models that match a filter."""
        return self._matching[filter_.conditions]


class RecordClasses:
    """The classes of the models of a stream's records, page by page: most are in the order of the models, few are searched."""

    def __init__(self, matching: Matching) -> None:
        self._matching, self._next = matching, 0

    def next_page(self, reading: PageReading) -> list[int]:
        """Return the classes of the records of the next page."""
        keys, left_out, classes = self._matching.keys, self._matching.left_out, self._matching.classes
        result, position = [], self._next
        end = position + len(reading.keys)
        if keys[position:end] == reading.keys and left_out.isdisjoint(range(position, end)):
            self._next = end
            return classes[position:end].tolist()
        for id_, key in zip(reading.ids, reading.keys, strict=True):
            is_next = position < len(keys) and keys[position] == key
            if is_next and position not in left_out:
                result.append(classes[position])
            else:
                result.append(self._matching.find(id_).match_class)
            position += is_next
        self._next = position
        return result


class GreatestUnlisted:
    """By class, the greatest value of each field in the records of models that no manifest lists, and the first that has it."""

    def __init__(self, matching: Matching, fields: int, listed: Container[str]) -> None:
        self.matching, self._classes, self._listed = matching, RecordClasses(matching), listed
        self._values = [array("d", [float("inf"), *[float("nan")] * (matching.count - 1)]) for _ in range(fields)]
        self._firsts = [array("q", [_NONE]) * matching.count for _ in range(fields)]

    def add_page(self, first: int, reading: PageReading) -> None:
        """Take the records of the next page, with their values, of which `first` is the position."""
        classes = self._classes.next_page(reading)
        for values, greatest, firsts in zip(reading.values, self._values, self._firsts, strict=False):  # a lost page has none
            are_greater = map(not_, map(le, values, map(greatest.__getitem__, classes)))  # than what is not a number at first
            for index in compress(range(len(values)), are_greater):
                if model_key(reading.ids[index]) not in self._listed:
                    greatest[classes[index]], firsts[classes[index]] = values[index], first + index

    def may_precede(self, number: int, field: int, value: float, position: int) -> bool:
        """Return whether a record of a class has a greater value, or this one at an earlier position."""
        greatest, first = self._values[field][number], self._firsts[field][number]
        return greatest > value or (greatest == value and first < position)
