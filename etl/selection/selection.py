"""Which models of a stream a filter selects. Load, verify and explain share this one implementation; extract counts: `tally`."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from functools import cached_property
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from etl.core.ids import model_key
from etl.expressions.evaluator import Evaluator
from etl.selection.conditions import RULED_FIELDS
from etl.selection.groups import Groups
from etl.selection.ordering import OrderValues
from etl.selection.stream_models import StreamModels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.expressions.expression import Expression
    from etl.selection.conditions import Conditions
    from etl.selection.facets import PageFacets
    from etl.selection.groups import FacetGroup
    from etl.selection.safety import Ruling, Safety
    from etl.selection.stream_models import Model


class Selection(StreamModels):
    """The models of one stream, and which of them filters select.

    Attributes:
        rulings: What other records decide about a model, by its position; filled by `apply`.
    """

    def __init__(
        self, conditions: Conditions, read_page: Callable[[str], Sequence[Model]], stream: str, skip: Iterable[str] = ()
    ) -> None:  # fmt: skip
        """Start without models; `read_page` returns those of a file, `skip` are the excluded ids."""
        super().__init__(read_page, skip)
        self.rulings: dict[int, Ruling] = {}
        self._conditions, self._stream = conditions, stream
        self._all_groups = Groups(conditions)
        self._order = OrderValues(conditions.spec.order_fields)
        self._firsts: dict[tuple[int, str, int], array[int]] = {}
        self._befores: dict[tuple[int, str, int], int] = {}
        self._safety: Safety | None = None
        self._now = ""

    @property
    def seen_groups(self) -> AbstractSet[int]:
        """The groups so far, see `Groups.seen`."""
        return self._all_groups.seen

    def add_page(self, file: str, facets: PageFacets, now: str) -> None:
        """Add the models of the next page; expressions measured ages against `now`."""
        self._now = now
        self._add(file, facets.columns.keys, facets.columns.spellings)
        self._all_groups.add_page(facets)
        self._order.add(facets.columns.order)

    @cached_property
    def groups(self) -> Groups:
        """The groups of the models, without duplicates and excluded ones."""
        self._all_groups.exclude((*self.duplicates, *self.skipped))
        return self._all_groups

    def group_at(self, position: int) -> FacetGroup:
        """Return the group of a model with the values of this model; the positions are empty."""
        group, model = self.groups.of(position), self.model(position)
        fields = {field: model[field] for field in self._conditions.named}
        own = {**group.own, **fields}
        ruling = self.rulings.get(position)
        return group._replace(own=own, values={**group.values, **fields, **ruling.fields} if ruling else own)

    def error_at(self, position: int, expression: Expression) -> str:
        """Return jq's message about an expression that fails on a model."""
        ruling = self.rulings.get(position)
        model = {**self.model(position), **(ruling.fields if ruling else {})}
        with Evaluator([expression]) as evaluator:
            ((outcome,),) = evaluator.evaluate([model], self._now)
        return outcome.error or "no message"

    def input_of(self, id_: str) -> Model | None:
        """Return what expressions on levels read of a model; None without any, or if the model has no level."""
        position = self.position_of(id_) if self._conditions.spec.reads_ruled_fields else None
        model = None if position is None else self.model(position)
        return model if model is not None and "level" in model else None

    def values_by_group(self, fields: Iterable[str]) -> dict[str, dict[int, Counter[str]]]:
        """Return how many models of each group have each value of some fields, by field and the index of the group.

        Of a list each item counts. All models are read.
        """
        counts: dict[str, dict[int, Counter[str]]] = {field: defaultdict(Counter) for field in fields}
        for position in self.positions_in_order if counts else ():
            model, index = self.model(position), self.groups.index_of(position)
            for field, by_group in counts.items():
                value = self.groups.of(position).values[field] if field in RULED_FIELDS else model[field]
                items = (value or [None]) if isinstance(value, list) else [value]
                by_group[index].update("none" if item is None else str(item) for item in items)
        return counts

    def count_matching(self, conditions: Iterable[Option]) -> int:
        """Return how many models match all conditions."""
        return self.groups.count(self.groups.published(conditions))

    def is_matching(self, position: int, filter_: Filter) -> bool:
        """Return whether a filter selects a model, beyond its limit as well."""
        return self.groups.index_of(position) in self.groups.published(filter_.conditions)

    def positions(self, filter_: Filter) -> list[int]:
        """Return the positions of the models that a filter selects, ascending, beyond its limit as well."""
        return self.groups.positions(self.groups.published(filter_.conditions))

    def ranking(self, filter_: Filter) -> list[int]:
        """Return the positions of the models that a filter selects, in the order of its manifest, beyond its limit as well."""
        return self.in_order(self.positions(filter_), filter_.order_field)

    def in_order(self, positions: list[int], order_field: str | None) -> list[int]:
        """Return ascending positions in the order of a field, or as they are without one."""
        return self._order.sort(positions, order_field)

    def published(self, filter_: Filter) -> list[int]:
        """Return the positions of the models in the manifest of a filter, in order."""
        field, limit = filter_.order_field, filter_.limit
        lists = (self._first(index, field, limit) for index in self.groups.published(filter_.conditions))
        return list(islice(merge(*lists, key=self._order.sort_key(field)), limit))

    def _first(self, index: int, field: str | None, limit: int) -> Sequence[int]:
        """Return the first models of a group in the order of a field."""
        positions = self.groups.all[index].positions
        if field is None:
            return positions
        key = (index, field, limit)
        if key not in self._firsts:
            self._firsts[key] = array("I", self._order.greatest(positions, field, limit))
        return self._firsts[key]

    def rank_of(self, position: int, filter_: Filter) -> int:
        """Return the rank, from 1, of a model among those that a filter selects, beyond its limit as well."""
        groups = self.groups.published(filter_.conditions)
        return 1 + sum(self._before(index, position, filter_.order_field) for index in groups)

    def _before(self, index: int, position: int, field: str | None) -> int:
        """Return how many models of a group are before a position in the order of a field."""
        positions = self.groups.all[index].positions
        if field is None:
            return bisect_left(positions, position)
        key = (index, field, position)
        if key not in self._befores:
            self._befores[key] = self._order.count_before(positions, field, position)
        return self._befores[key]

    def published_nulls(self, filter_: Filter) -> list[int]:
        """Return the positions of the models in the manifest of a filter that lack the value that orders them."""
        return [] if filter_.order_field is None else self._order.nulls(self.published(filter_), filter_.order_field)

    def respell(self, models: Mapping[str, Model]) -> None:
        """Replace models, by key, by what another of their records says; their positions stay. Before `apply`."""
        for key, model in sorted(models.items()):
            position = self.position_of(key)
            if position is not None:
                self._respelled[position] = model
                self._order.replace(position, model)
                (values,) = self._conditions.values_of([model], self._now)
                self.groups.move(position, values)

    def apply(self, safety: Safety) -> None:
        """Regroup the models by what all their records decide; before any filter is applied."""
        self._safety = safety
        positions = ((self.position_of(id_), id_) for id_ in safety.keys)
        rulings = (
            (position, safety.ruling(self._stream, id_, self.groups.of(position).own))
            for position, id_ in positions
            if position is not None
        )
        self.rulings = dict(sorted((position, ruling) for position, ruling in rulings if ruling))
        owns = [self.groups.of(position).own for position in self.rulings]
        fields = [ruling.fields for ruling in self.rulings.values()]
        models = [
            self.model(position) if self._conditions.needs_model(ruling.fields) else None
            for position, ruling in self.rulings.items()
        ]
        decided = self._conditions.decide(owns, fields, models, self._now)
        for (position, ruling), own, values in zip(self.rulings.items(), owns, decided, strict=True):
            self.groups.move(position, values, own, is_forbidden=ruling.forbids)

    def withheld(self, filter_: Filter) -> list[int]:
        """Return the positions, ascending, of the models that match by their own record but not by all their records."""
        if not self.rulings:
            return []
        return sorted(
            position
            for group in self.groups.all
            if (group.is_forbidden or group.values is not group.own) and filter_.matches(group.own)
            if group.is_forbidden or not filter_.matches(group.values)
            for position in group.positions
        )

    def decisive_rulings(self, filter_: Filter) -> dict[int, Ruling]:
        """Return of each withheld model, by position, what decides the first condition of the filter that it does not match."""
        withheld = set(self.withheld(filter_))
        rulings = {}
        for group in self.groups.all if withheld else ():
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
