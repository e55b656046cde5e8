"""Which models of a stream a filter selects. Load, verify and explain share this one implementation; extract counts: `tally`."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from functools import cached_property
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import model_key
from etl.selection.conditions import RULED_FIELDS
from etl.selection.facets import digest, group_key
from etl.selection.hash_index import HashIndex
from etl.selection.ordering import OrderValues

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.selection.conditions import Conditions
    from etl.selection.facets import PageFacets
    from etl.selection.safety import Ruling, Safety

    Model = Mapping[str, Any]

_EXCLUDED = 0xFFFFFFFF  # the group of duplicates, and of models that filters.toml excludes


class ModelRef(NamedTuple):
    """A model of a stream: what is published of it, and where it is on disk.

    Attributes:
        file: The file of its page.
        page_index: Its index in the page.
        record_id: Its id as its own record spells it.
    """

    id: str
    slug: str
    name: str
    file: str
    page_index: int
    record_id: str


class FacetGroup(NamedTuple):
    """Models with the same results of every condition.

    Attributes:
        values: The tested fields and results of expressions of its first model, as all records of the model decide them.
        own: These fields and results, as the model's own record has them.
        is_forbidden: Whether the models are in no manifest.
        positions: The models, by their positions in the stream, ascending.
    """

    values: Mapping[str, Any]
    own: Mapping[str, Any]
    is_forbidden: bool
    positions: array[int]


class Selection:
    """The models of one stream in stream order, added page by page; of each it keeps hashes, its group and what orders it.

    A position counts all models of the pages, also those that are not selected: duplicates and those excluded by id.
    `read_page` returns the models of a file; `skip` are the excluded ids.

    Attributes:
        keys: Hashes of the ids in any spelling, by position.
        spellings: Hashes of the ids as records spell them, by position.
        rulings: What other records decide about a model, by its position; filled by `apply`.
        errors: Why an expression failed first, with the id of the model, by the key of the expression.
    """

    def __init__(
        self, conditions: Conditions, read_page: Callable[[str], Sequence[Model]], stream: str = "", skip: Iterable[str] = ()
    ) -> None:  # fmt: skip
        self.keys, self.spellings = array("Q"), array("Q")
        self.rulings: dict[int, Ruling] = {}
        self.errors: dict[str, Sequence[str]] = {}
        self.conditions = conditions
        self._read_page, self._stream, self._skip = read_page, stream, {model_key(id_) for id_ in skip}
        self._order = OrderValues(conditions.spec.order_fields)
        self._files: list[str] = []
        self._starts = array("I")  # the position of the first model of each file
        self._group_of = array("I")
        self._groups: list[FacetGroup] = []
        self._numbers: dict[int, int] = {}  # of groups, by their keys
        self._respelled: dict[int, Model] = {}
        self._refs: dict[int, ModelRef] = {}
        self._safety: Safety | None = None
        self._now = ""

    def add_page(self, file: str, facets: PageFacets, now: str) -> None:
        """Add the models of the next page."""
        self._now = now
        self._files.append(file)
        self._starts.append(len(self.keys))
        self.keys.extend(facets.keys)
        self.spellings.extend(facets.spellings)
        self._order.add(facets.order)
        for name, error in facets.errors.items():
            self.errors.setdefault(name, error)
        if not self._numbers.keys() >= {*facets.group_keys}:
            for key, values in zip(facets.group_keys, facets.group_values(), strict=True):
                self._number(key, values, values)
        numbers = [self._numbers[key] for key in facets.group_keys]
        self._group_of.extend([numbers[index] for index in facets.group_of])

    @cached_property
    def _index(self) -> HashIndex:
        return HashIndex(self.keys)

    @cached_property
    def _dropped(self) -> tuple[array[int], array[int]]:
        """The positions of duplicates and of excluded models, ascending, whose group is changed."""
        skipped = sorted(position for id_ in self._skip for position in self._index.positions(digest(id_)))
        again = sorted(position for positions in self._index.repeated() for position in positions[1:])
        for position in (*skipped, *again):
            self._group_of[position] = _EXCLUDED
        return array("I", sorted({*again}.difference(skipped))), array("I", skipped)

    @property
    def duplicates(self) -> array[int]:
        """The positions of later records of a model, in any spelling of its id."""
        return self._dropped[0]

    @property
    def skipped(self) -> array[int]:
        """The positions of models that filters.toml excludes by id, in any spelling."""
        return self._dropped[1]

    @property
    def count(self) -> int:
        """How many distinct models there are that filters.toml does not exclude by id."""
        return len(self.keys) - sum(map(len, self._dropped))

    @cached_property
    def groups(self) -> list[FacetGroup]:
        """The models by the results of all conditions, so that a filter is tested once per group instead of once per model."""
        self._dropped  # noqa: B018 -- their group is set
        return self._filled()

    def _filled(self) -> list[FacetGroup]:
        groups = [group._replace(positions=array("I")) for group in self._groups]
        appends = [group.positions.append for group in groups]
        for position, number in enumerate(self._group_of):
            if number != _EXCLUDED:
                appends[number](position)
        return [group for group in groups if group.positions]

    @property
    def positions_in_order(self) -> Iterator[int]:
        """The positions of all selected models, ascending."""
        self._dropped  # noqa: B018 -- their group is set
        return (position for position, number in enumerate(self._group_of) if number != _EXCLUDED)

    def group_at(self, position: int) -> FacetGroup:
        """Return the group of a selected model with the values of this model; the positions are empty."""
        group, model = self._groups[self._group_of[position]], self.model(position)
        fields = {field: model[field] for field in self.conditions.named}
        own = {**group.own, **fields}
        ruling = self.rulings.get(position)
        return group._replace(own=own, values={**group.values, **fields, **ruling.fields} if ruling else own)

    def groups_matching(self, condition: Option) -> frozenset[int]:
        """Return which of the groups match a condition, by their indexes."""
        if condition not in self._matching:
            self._matching[condition] = frozenset(
                index for index, group in enumerate(self.groups) if condition.matches(group.values)
            )
        return self._matching[condition]

    @cached_property
    def _matching(self) -> dict[Option, frozenset[int]]:
        return {}

    def all_groups(self, without: Container[int] = ()) -> frozenset[int]:
        """Return the indexes of the groups but those of some positions."""
        return frozenset(index for index, group in enumerate(self.groups) if group.positions[0] not in without)

    def matching(self, conditions: Iterable[Option]) -> frozenset[int]:
        """Return which of the groups match all conditions, by their indexes, of those that nothing forbids."""
        groups = self._permitted
        for condition in conditions:
            groups &= self.groups_matching(condition)
        return groups

    @cached_property
    def _permitted(self) -> frozenset[int]:
        return frozenset(index for index, group in enumerate(self.groups) if not group.is_forbidden)

    @cached_property
    def _indexes(self) -> dict[int, int]:
        """The indexes of the groups by their numbers."""
        return {self._group_of[group.positions[0]]: index for index, group in enumerate(self.groups)}

    def is_matching(self, position: int, filter_: Filter) -> bool:
        """Return whether a filter selects a model, beyond its limit as well."""
        return self._indexes[self._group_of[position]] in self.matching(filter_.conditions)

    def count_matching(self, conditions: Iterable[Option]) -> int:
        """Return how many models match all conditions."""
        return self.count_of(self.matching(conditions))

    def values_by_group(self, fields: Iterable[str]) -> dict[str, dict[int, Counter[str]]]:
        """Return how many models of each group have each value of some fields, by field and the index of the group.

        Of a list each item counts. All models are read.
        """
        counts: dict[str, dict[int, Counter[str]]] = {field: defaultdict(Counter) for field in fields}
        if not counts:
            return counts
        for position in self.positions_in_order:
            model, index = self.model(position), self._indexes[self._group_of[position]]
            for field, by_group in counts.items():
                value = self.groups[index].values[field] if field in RULED_FIELDS else model[field]
                items = (value or [None]) if isinstance(value, list) else [value]
                by_group[index].update("none" if item is None else str(item) for item in items)
        return counts

    def count_of(self, groups: Iterable[int]) -> int:
        """Return how many models groups have, by their indexes."""
        return sum(map(self._sizes.__getitem__, groups))

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(group.positions) for group in self.groups]

    def positions_of(self, groups: Iterable[int]) -> list[int]:
        """Return the positions of the models of groups, ascending."""
        return sorted(position for index in groups for position in self.groups[index].positions)

    def positions(self, filter_: Filter) -> list[int]:
        """Return the positions of the models that a filter selects, ascending, beyond its limit as well."""
        return self.positions_of(self.matching(filter_.conditions))

    def ranking(self, filter_: Filter) -> list[int]:
        """Return the positions of the models that a filter selects, in the order of its manifest, beyond its limit as well."""
        return self.in_order(self.positions(filter_), filter_.order_field)

    def in_order(self, positions: list[int], order_field: str | None) -> list[int]:
        """Return ascending positions in the order of a field, or as they are without one."""
        return self._order.sort(positions, order_field)

    def published(self, filter_: Filter) -> list[int]:
        """Return the positions of the models in the manifest of a filter, in order."""
        field, limit = filter_.order_field, filter_.limit
        lists = (self._first(index, field, limit) for index in self.matching(filter_.conditions))
        return list(islice(merge(*lists, key=self._order.sort_key(field)), limit))

    def _first(self, index: int, field: str | None, limit: int) -> Sequence[int]:
        """Return the first models of a group in the order of a field."""
        if field is None:
            return self.groups[index].positions
        key = (index, field, limit)
        if key not in self._firsts:
            self._firsts[key] = array("I", self._order.greatest(self.groups[index].positions, field, limit))
        return self._firsts[key]

    @cached_property
    def _firsts(self) -> dict[tuple[int, str, int], array[int]]:
        return {}

    def rank_of(self, position: int, filter_: Filter) -> int:
        """Return the rank, from 1, of a model among those that a filter selects, beyond its limit as well."""
        return 1 + sum(self._before(index, position, filter_.order_field) for index in self.matching(filter_.conditions))

    def _before(self, index: int, position: int, field: str | None) -> int:
        """Return how many models of a group are before a position in the order of a field."""
        positions = self.groups[index].positions
        if field is None:
            return bisect_left(positions, position)
        key = (index, field, position)
        if key not in self._befores:
            self._befores[key] = self._order.count_before(positions, field, position)
        return self._befores[key]

    @cached_property
    def _befores(self) -> dict[tuple[int, str, int], int]:
        return {}

    def stream_rank(self, position: int) -> int:
        """Return the rank, from 1, of a model among all distinct ones of the stream."""
        return position + 1 - sum(bisect_left(dropped, position) for dropped in self._dropped)

    def published_nulls(self, filter_: Filter) -> list[int]:
        """Return the positions of the models in the manifest of a filter that lack the value that orders them."""
        return [] if filter_.order_field is None else self._order.nulls(self.published(filter_), filter_.order_field)

    def position_of(self, id_: str) -> int | None:
        """Return the position of a model, in any spelling of its id; None if the stream does not have it."""
        positions = self.records_of(id_)
        return positions[0] if positions and self._group_of[positions[0]] != _EXCLUDED else None

    def records_of(self, id_: str) -> list[int]:
        """Return the positions of all records of a model, in any spelling of its id: duplicates and excluded ones as well."""
        return self.records_by_hash(digest(model_key(id_)))

    def records_by_hash(self, hash_: int) -> list[int]:
        """Return the positions of all records of a model, by the hash of its id in any spelling."""
        self._dropped  # noqa: B018 -- their group is set
        return self._index.positions(hash_)

    def input_of(self, id_: str) -> Model | None:
        """Return what expressions on levels read of a model; None if there are none, or if the model has no level."""
        position = self.position_of(id_) if self.conditions.spec.reads_ruled_fields else None
        model = None if position is None else self.model(position)
        return model if model is not None and "level" in model else None

    def file_of(self, position: int) -> tuple[str, int]:
        """Return the file of the page of a position, and the index of the model in it."""
        number = bisect_right(self._starts, position) - 1
        return self._files[number], position - self._starts[number]

    def model(self, position: int) -> Model:
        """Return a model as its record has it that counts: of several spellings, the one fetched last."""
        if position in self._respelled:
            return self._respelled[position]
        file, index = self.file_of(position)
        return self._read_page(file)[index]

    def ref(self, position: int) -> ModelRef:
        """Return the model at a position."""
        if position in self._refs:
            return self._refs[position]
        file, index = self.file_of(position)
        record, model = self._read_page(file)[index], self.model(position)
        return ModelRef(model["id"], model["slug"], model["name"], file, index, record["id"])

    def refs(self, positions: Sequence[int]) -> list[ModelRef]:
        """Return the models at positions; each page is read once."""
        found = {position: self.ref(position) for position in sorted(set(positions))}
        return [found[position] for position in positions]

    def remember(self, positions: Iterable[int]) -> None:
        """Keep the models at positions, whose pages are read once now."""
        for position in sorted(set(positions) - self._refs.keys()):
            self._refs[position] = self.ref(position)

    def apply(self, safety: Safety) -> None:
        """Regroup the models by what all their records decide."""
        self._safety = safety
        ruled: list[tuple[int, Ruling]] = []
        for id_ in safety.keys:
            position = self.position_of(id_)
            if position is not None:
                own = self._groups[self._group_of[position]].own
                if ruling := safety.ruling(self._stream, id_, own):
                    ruled.append((position, ruling))
        ruled.sort()
        owns = [self._groups[self._group_of[position]].own for position, _ in ruled]
        models = [
            self.model(position) if self.conditions.needs_model(ruling.fields) else None for position, ruling in ruled
        ]  # fmt: skip
        decided = self.conditions.decide(owns, [ruling.fields for _, ruling in ruled], models, self._now)
        for (position, ruling), own, values in zip(ruled, owns, decided, strict=True):
            key = (self.conditions.key_of(own), self.conditions.key_of(values), ruling.forbids)
            self._group_of[position] = self._number(group_key(key), values, own, is_forbidden=ruling.forbids)
            self.rulings[position] = ruling
        self._forget_groups()

    def respell(self, models: Mapping[str, Model]) -> None:
        """Replace models, by key, by what another of their records says; their positions stay. Before `apply`."""
        for key, model in sorted(models.items()):
            position = self.position_of(key)
            if position is None:
                continue
            self._respelled[position] = model
            self._order.replace(position, model)
            (values,) = self.conditions.values_of([model], self._now)
            self._group_of[position] = self._number(group_key(self.conditions.key_of(values)), values, values)
        self._forget_groups()

    def withheld(self, filter_: Filter) -> list[int]:
        """Return the positions, ascending, of the models that match by their own record but not by all their records."""
        if not self.rulings:
            return []
        return sorted(
            position
            for group in self.groups
            if (group.is_forbidden or group.values is not group.own) and filter_.matches(group.own)
            if group.is_forbidden or not filter_.matches(group.values)
            for position in group.positions
        )

    def decisive_rulings(self, filter_: Filter) -> dict[int, Ruling]:
        """Return of each withheld model, by position, what decides the first condition of the filter that it does not match."""
        withheld = set(self.withheld(filter_))
        rulings = {}
        for group in self.groups if withheld else ():
            if group.positions[0] not in withheld:  # a group is withheld entirely or not at all
                continue
            failed = next((condition for condition in filter_.conditions if not condition.matches(group.values)), None)
            for position in group.positions:
                rulings[position] = self.ruling_on(position, group, failed) if failed else self.rulings[position]
        return dict(sorted(rulings.items()))

    def ruling_on(self, position: int, group: FacetGroup, condition: Option) -> Ruling:
        """Return what decides that a model with a ruling does not match a condition; `group` is that of the model."""
        own = {field: value for field, value in group.own.items() if condition.reads(field)}
        key = model_key(self.ref(position).id)
        ruling = self._safety.ruling(self._stream, key, own) if self._safety else None
        return ruling or self.rulings[position]

    def _number(
        self, key: int, values: Mapping[str, Any], own: Mapping[str, Any], *, is_forbidden: bool = False
    ) -> int:  # fmt: skip
        """Return the number of a group, by its key; a new one has these values."""
        number = self._numbers.setdefault(key, len(self._groups))
        if number == len(self._groups):
            self._groups.append(FacetGroup(values, own, is_forbidden, array("I")))
        return number

    def _forget_groups(self) -> None:
        """Group the models again when the groups are needed next."""
        for name in ("groups", "_permitted", "_matching", "_indexes", "_sizes", "_firsts", "_befores"):
            self.__dict__.pop(name, None)
