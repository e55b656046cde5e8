"""The models of a stream by what conditions say of them, so that a filter is tested once per group instead of once per model."""

from __future__ import annotations

from array import array
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.selection.facets import group_key

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from etl.config.options import Option
    from etl.selection.conditions import Conditions
    from etl.selection.facets import PageFacets

_EXCLUDED = 0xFFFFFFFF  # the number of the group of models that are in no manifest and that nothing counts


class FacetGroup(NamedTuple):
    """Models with the same results of every condition.

    Attributes:
        values: The tested fields, of which only values that options name count, and results of expressions, as all records of a
            model decide them.
        own: These fields and results, as the model's own record has them.
        is_forbidden: Whether the models are in no manifest.
        positions: The models, by their positions in the stream, ascending.
    """

    values: Mapping[str, Any]
    own: Mapping[str, Any]
    is_forbidden: bool
    positions: array[int]


class Groups:
    """The groups of the models of a stream: 8 bytes a model. Results are about groups by their indexes in `all`."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._number_of = array("I")  # of the group of each position
        self._groups: list[FacetGroup] = []  # by number, without positions
        self._numbers: dict[int, int] = {}  # by the hash of the key
        self._matching: dict[Option, frozenset[int]] = {}

    @property
    def seen(self) -> AbstractSet[int]:
        """The hashes of the keys of the groups so far, whose values a page need not have."""
        return self._numbers.keys()

    def add_page(self, facets: PageFacets) -> None:
        """Add the models of the next page."""
        if not self.seen >= {*facets.group_keys}:
            for key, values in zip(facets.group_keys, facets.group_values(), strict=True):
                self._number(key, values, values, is_forbidden=False)
        numbers = [self._numbers[key] for key in facets.group_keys]
        self._number_of.extend(map(numbers.__getitem__, facets.group_of))

    def exclude(self, positions: Iterable[int]) -> None:
        """Take models out of their groups."""
        for position in positions:
            self._number_of[position] = _EXCLUDED
        self._forget()

    def move(
        self, position: int, values: Mapping[str, Any], own: Mapping[str, Any] | None = None, *, is_forbidden: bool = False
    ) -> None:  # fmt: skip
        """Put a model into the group with these values, of which `own` are by its own record where others decide."""
        key: tuple[Any, ...] = self._conditions.key_of(values)
        if own is not None:
            key = (self._conditions.key_of(own), key, is_forbidden)
        own = values if own is None else own
        self._number_of[position] = self._number(group_key(key), values, own, is_forbidden=is_forbidden)
        self._forget()

    def _number(self, key: int, values: Mapping[str, Any], own: Mapping[str, Any], *, is_forbidden: bool) -> int:
        """Return the number of a group, by the hash of its key; a new one has these values."""
        number = self._numbers.setdefault(key, len(self._groups))
        if number == len(self._groups):
            self._groups.append(FacetGroup(values, own, is_forbidden, array("I")))
        return number

    def _forget(self) -> None:
        """Find the groups again when they are needed next."""
        self._matching.clear()
        for name in ("all", "_permitted", "_indexes", "_sizes"):
            self.__dict__.pop(name, None)

    def of(self, position: int) -> FacetGroup:
        """Return the group of a model, without positions."""
        return self._groups[self._number_of[position]]

    @cached_property
    def all(self) -> list[FacetGroup]:
        """The groups that have models."""
        groups = [group._replace(positions=array("I")) for group in self._groups]
        appends = [group.positions.append for group in groups]
        for position, number in enumerate(self._number_of):
            if number != _EXCLUDED:
                appends[number](position)
        return [group for group in groups if group.positions]

    @cached_property
    def _indexes(self) -> dict[int, int]:
        return {self._number_of[group.positions[0]]: index for index, group in enumerate(self.all)}

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(group.positions) for group in self.all]

    @cached_property
    def _permitted(self) -> frozenset[int]:
        return frozenset(index for index, group in enumerate(self.all) if not group.is_forbidden)

    def index_of(self, position: int) -> int:
        """Return the index of the group of a model."""
        return self._indexes[self._number_of[position]]

    def without(self, positions: Container[int]) -> frozenset[int]:
        """Return all groups but those of some models; a group must be there entirely or not at all."""
        return frozenset(index for index, group in enumerate(self.all) if group.positions[0] not in positions)

    def matching(self, condition: Option) -> frozenset[int]:
        """Return the groups that match a condition."""
        if condition not in self._matching:
            groups = (index for index, group in enumerate(self.all) if condition.matches(group.values))
            self._matching[condition] = frozenset(groups)
        return self._matching[condition]

    def published(self, conditions: Iterable[Option]) -> frozenset[int]:
        """Return the groups that match all conditions and that nothing forbids."""
        groups = self._permitted
        for condition in conditions:
            groups &= self.matching(condition)
        return groups

    def count(self, groups: Iterable[int]) -> int:
        """Return how many models groups have."""
        return sum(map(self._sizes.__getitem__, groups))

    def positions(self, groups: Iterable[int]) -> list[int]:
        """Return the positions of the models of groups, ascending."""
        return sorted(position for index in groups for position in self.all[index].positions)
