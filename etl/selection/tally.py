"""How many models of a stream its filters select, while it is read: counts, and of each model only what tells it from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.core.ids import digest, model_key
from etl.selection.conditions import Conditions, FacetSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.source_config import SourceConfig
    from etl.expressions.evaluator import Evaluator
    from etl.selection.safety import Ruling, Safety


@dataclass(slots=True)
class _Group:
    """How many models have the same values, as `FacetGroup` has them."""

    values: Mapping[str, Any]
    own: Mapping[str, Any]
    is_forbidden: bool
    count: int = 0


class Tally:
    """The distinct models of one stream, counted page by page; `Selection` selects the same ones, and says which they are.

    The models of a source with levels are known by their ids, since any of them may be ruled; all others by hashes of 8 bytes,
    so that millions fit into memory. (Of 3,000,000, two have the same hash with a probability of 1 in 4,000,000.)

    Attributes:
        duplicates: How many later records of a model there are.
    """

    def __init__(self, source: SourceConfig, evaluator: Evaluator, stream: str) -> None:
        self.duplicates = 0
        self._conditions = Conditions(FacetSpec.by(source), evaluator)
        self._stream = stream
        self._skip = {model_key(id_) for id_ in source.skip}
        self._group_of: dict[int | str, _Group] = {}
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._inputs: dict[str, Mapping[str, Any] | None] = {}  # by id, of those known by it, what expressions may read again
        self._now = ""
        self._unfilled: Filter | None = None

    @property
    def models(self) -> int:
        """How many distinct models there are."""
        return len(self._group_of)

    def add_page(self, models: Iterable[Mapping[str, Any]], now: str) -> None:
        """Add the models of the next page; expressions measure ages against `now`.

        Raises:
            ExpressionError: an expression exceeds a limit or crashes jq.
        """
        self._now = now
        added: dict[int | str, Mapping[str, Any]] = {}
        for model in models:
            id_ = model_key(model["id"])
            if id_ in self._skip:
                continue
            key = id_ if "level" in model else digest(id_)
            if key in self._group_of or key in added:
                self.duplicates += 1
            else:
                added[key] = model
        for key, values in zip(added, self._conditions.values_of([*added.values()], now), strict=True):
            if isinstance(key, str):
                self._inputs[key] = added[key] if self._conditions.spec.reads_ruled_fields else None
            self._put(key, self._group(values))

    def count(self, matches: Callable[[Mapping[str, Any]], bool]) -> int:
        """Return how many models match that nothing forbids."""
        return sum(group.count for group in self._groups.values() if not group.is_forbidden and matches(group.values))

    def count_own(self, matches: Callable[[Mapping[str, Any]], bool]) -> int:
        """Return how many models match by their own records."""
        return sum(group.count for group in self._groups.values() if matches(group.own))

    def is_full(self, filters: Sequence[Filter]) -> bool:
        """Return whether every filter selects as many models as its limit, so that later pages change no manifest.

        A filter with an order of its own never does: any later page may have a greater value. The one that did not last time is
        looked at first.
        """
        ordered = sorted(filters, key=lambda filter_: filter_ is not self._unfilled)
        self._unfilled = next(
            (filter_ for filter_ in ordered if filter_.order_field or self.count(filter_.matches) < filter_.limit), None
        )
        return self._unfilled is None

    def apply(self, safety: Safety) -> None:
        """Regroup the models by what all their records decide: a model that is ruled once stays so, as the worst one counts."""
        ruled: list[tuple[int | str, Mapping[str, Any], Ruling]] = []
        for id_ in (*self._inputs, *(id_ for id_ in safety.forbidden if id_ not in self._inputs)):
            key = id_ if id_ in self._inputs else digest(id_)
            group = self._group_of.get(key)
            ruling = safety.ruling(self._stream, id_, group.own) if group else None
            if group and ruling:
                ruled.append((key, group.own, ruling))
        fields = [ruling.fields for _, _, ruling in ruled]
        models = [
            self._inputs.get(str(key)) if self._conditions.needs_model(ruling.fields) else None for key, _, ruling in ruled
        ]  # fmt: skip
        values = self._conditions.decide([own for _, own, _ in ruled], fields, models, self._now)
        for (key, own, ruling), decided in zip(ruled, values, strict=True):
            self._put(key, self._group(own, decided, is_forbidden=ruling.forbids))

    def _put(self, key: int | str, group: _Group) -> None:
        """Count a model to a group, and no longer to the one that it was in."""
        if previous := self._group_of.get(key):
            previous.count -= 1
        self._group_of[key] = group
        group.count += 1

    def _group(
        self, own: Mapping[str, Any], decided: Mapping[str, Any] | None = None, *, is_forbidden: bool = False
    ) -> _Group:  # fmt: skip
        key = self._conditions.key_of(own)
        if decided is not None:
            key = (key, self._conditions.key_of(decided), is_forbidden)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(own if decided is None else decided, own, is_forbidden)
        return group
