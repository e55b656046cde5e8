"""Which models of a stream a filter selects. Load, verify and explain share this one implementation; extract counts: `tally`."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import model_key
from etl.selection.conditions import Conditions
from etl.selection.ordering import OrderValues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import SourceConfig
    from etl.expressions.evaluator import Evaluator
    from etl.selection.safety import Ruling, Safety


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
    """Models with the same values in every field that options test, and the same results of every expression.

    Attributes:
        values: These fields and results, as all records of the models decide them.
        own: These fields and results, as the models' own records have them.
        is_forbidden: Whether the models are in no manifest.
        positions: The models, by their positions in the stream.
    """

    values: Mapping[str, Any]
    own: Mapping[str, Any]
    is_forbidden: bool
    positions: list[int]


class Selection:
    """The distinct models of one stream in stream order, added page by page.

    `evaluator` evaluates the expressions of the source.

    Attributes:
        duplicates: Later records of a model, in any spelling of its id.
        skipped: Models that filters.toml excludes by id, in any spelling.
        rulings: What other records decide about a model, by its position; filled by `apply`.
    """

    def __init__(self, source: SourceConfig, evaluator: Evaluator, stream: str = "") -> None:
        self.models: list[ModelRef] = []
        self.duplicates: list[ModelRef] = []
        self.skipped: list[ModelRef] = []
        self.rulings: dict[int, Ruling] = {}
        self.conditions = Conditions(source, evaluator)
        self._order = OrderValues(source.order_fields)
        self._stream = stream
        self._skip = {model_key(id_) for id_ in source.skip}
        self._safety: Safety | None = None
        self._position_by_key: dict[str, int] = {}
        self._groups: dict[tuple[Any, ...], FacetGroup] = {}

    @property
    def groups(self) -> list[FacetGroup]:
        """The models grouped by field values, so that a filter is tested once per group instead of once per model."""
        return list(self._groups.values())

    def refs(self, groups: Iterable[FacetGroup], order_field: str | None = None) -> list[ModelRef]:
        """Return the models of the groups, in the order of a field, or in stream order."""
        return [self.models[position] for position in self._order.sort(_positions(groups), order_field)]

    def position_of(self, id_: str) -> int | None:
        """Return the position of a model, in any spelling of its id; None if the stream does not have it."""
        return self._position_by_key.get(model_key(id_))

    def input_of(self, id_: str) -> Mapping[str, Any] | None:
        """Return what expressions on levels read of a model, as its own record has it; None if they need nothing of it."""
        position = self.position_of(id_)
        return None if position is None else self.conditions.inputs.get(position)

    def add_page(self, models: Iterable[Mapping[str, Any]], now: str, file: str = "") -> None:
        """Add the models of the next page, whose file is `file`; expressions measure ages against `now`.

        Raises:
            TypeError, KeyError, AttributeError: the models are not output of the transform.
            ExpressionError: an expression exceeds a limit or crashes jq.
        """
        added: list[Mapping[str, Any]] = []
        for index, model in enumerate(models):
            if not all(isinstance(model[field], str) for field in ("id", "slug", "name")):
                raise TypeError("the id, slug and name of a model must be text")
            ref = ModelRef(model["id"], model["slug"], model["name"], file, index, model["id"])
            key = model_key(ref.id)
            if key in self._skip:
                self.skipped.append(ref)
            elif key in self._position_by_key:
                self.duplicates.append(ref)
            else:
                self._order.add(model)
                self._position_by_key[key] = len(self.models)
                self.models.append(ref)
                added.append(model)
        first = len(self.models) - len(added)
        for position, values in enumerate(self.conditions.values_of(first, added, now), first):
            self._group(values).positions.append(position)

    def apply(self, safety: Safety) -> None:
        """Regroup the models by what all their records decide."""
        self._safety = safety
        groups = [(group.own, group.positions) for group in self.groups]
        self._groups, self.rulings = {}, {}
        ruled: list[tuple[int, Mapping[str, Any]]] = []
        for own, positions in groups:
            for position in positions:
                ruling = safety.ruling(self._stream, model_key(self.models[position].id), own)
                if ruling:
                    self.rulings[position] = ruling
                    ruled.append((position, own))
                else:
                    self._group(own).positions.append(position)
        fields = [self.rulings[position].fields for position, _ in ruled]
        for (position, own), values in zip(ruled, self.conditions.with_fields(ruled, fields), strict=True):
            self._group(own, values, is_forbidden=self.rulings[position].forbids).positions.append(position)

    def respell(self, models: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace models, by key, by what another of their records says; their positions stay."""
        for key in sorted(self._position_by_key.keys() & models.keys()):
            position, model = self._position_by_key[key], models[key]
            self.models[position] = self.models[position]._replace(id=model["id"], slug=model["slug"], name=model["name"])
            self._order.replace(position, model)
            for group in self.groups:
                if position in group.positions:
                    group.positions.remove(position)
            self._groups = {key: group for key, group in self._groups.items() if group.positions}
            (values,) = self.conditions.values_of(position, [model], self.conditions.now)
            self._group(values).positions.append(position)

    def positions(self, matches: Callable[[Mapping[str, Any]], bool]) -> list[int]:
        """Return the positions, ascending, of the models whose fields match and that nothing forbids."""
        return _positions(group for group in self._groups.values() if not group.is_forbidden and matches(group.values))

    def ranking(self, filter_: Filter) -> list[int]:
        """Return the positions of the models that a filter selects, in the order of its manifest, beyond its limit as well."""
        return self.in_order(self.positions(filter_.matches), filter_.order_field)

    def in_order(self, positions: list[int], order_field: str | None) -> list[int]:
        """Return ascending positions in the order of a field, or as they are without one."""
        return self._order.sort(positions, order_field)

    def published_nulls(self, filter_: Filter) -> list[int]:
        """Return the positions of the models in the manifest of a filter that lack the value that orders them."""
        if filter_.order_field is None:
            return []
        positions = self.positions(filter_.matches)
        nulls = self._order.nulls(positions, filter_.order_field)
        return nulls[: max(0, filter_.limit - len(positions) + len(nulls))]

    def withheld(self, matches: Callable[[Mapping[str, Any]], bool]) -> list[int]:
        """Return the positions, ascending, of the models that match by their own record but not by all their records."""
        if not self.rulings:
            return []
        return _positions(
            group
            for group in self._groups.values()
            if (group.is_forbidden or group.values is not group.own) and matches(group.own)
            if group.is_forbidden or not matches(group.values)
        )

    def decisive_rulings(self, filter_: Filter) -> dict[int, Ruling]:
        """Return of each withheld model, by position, what decides the first condition of the filter that it does not match."""
        withheld = set(self.withheld(filter_.matches))
        rulings = {}
        for group in self._groups.values():
            if group.positions[0] not in withheld:  # a group is withheld entirely or not at all
                continue
            failed = next((condition for condition in filter_.conditions if not condition.matches(group.values)), None)
            for position in group.positions:
                rulings[position] = self.ruling_on(position, group, failed) if failed else self.rulings[position]
        return dict(sorted(rulings.items()))

    def ruling_on(self, position: int, group: FacetGroup, condition: Option) -> Ruling:
        """Return what decides that a model with a ruling does not match a condition; `group` is that of the model."""
        own = {field: value for field, value in group.own.items() if condition.reads(field)}
        key = model_key(self.models[position].id)
        ruling = self._safety.ruling(self._stream, key, own) if self._safety else None
        return ruling or self.rulings[position]

    def _group(
        self, own: Mapping[str, Any], decided: Mapping[str, Any] | None = None, *, is_forbidden: bool = False
    ) -> FacetGroup:
        """Return the group of the models with these values, and those that other records decide; a new one is empty."""
        key = facet_key(own) if decided is None else (*facet_key(own), *facet_key(decided), is_forbidden)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = FacetGroup(own if decided is None else decided, own, is_forbidden, [])
        return group


def facet_key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a key that is equal for models with the same values."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values.values())


def _positions(groups: Iterable[FacetGroup]) -> list[int]:
    return sorted(chain.from_iterable(group.positions for group in groups))
