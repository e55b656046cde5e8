"""What the options of a source test in its models: the values of fields, and the results of expressions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.expressions.evaluator import MATCH, NO_MATCH
from etl.selection.roots import ROOT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.config.source_config import SourceConfig
    from etl.expressions.evaluator import Evaluator, Outcome
    from etl.expressions.expression import Expression

    GroupKey = tuple[Any, ...]
    Results = tuple["ExpressionResult", ...]

PUBLISHED_FIELDS = ("id", "slug", "name")
RULED_FIELDS = ("level", "level_most", "flagged")  # that other records of a model may decide


class ExpressionResult(NamedTuple):
    """What an expression says of a model.

    Attributes:
        is_match: Whether it is true.
        is_error: Whether it failed; a model on which it fails does not match.
        unexpected: What it gave instead of true, false or null, which does not match either; None if absent.
        nulls: Of a match, the fields that the expression names and that are null.
    """

    is_match: bool
    is_error: bool
    unexpected: str | None
    nulls: tuple[str, ...]


_MATCH = ExpressionResult(is_match=True, is_error=False, unexpected=None, nulls=())
_NO_MATCH = ExpressionResult(is_match=False, is_error=False, unexpected=None, nulls=())


@dataclass(frozen=True)
class FacetSpec:
    """What filters.toml tests in the models of a source, and what it orders them by.

    Attributes:
        named: Fields, each with the values that options include or exclude.
        expressions: The expressions, in the order of filters.toml.
        order_fields: The fields that options order by.
    """

    named: tuple[tuple[str, frozenset[str | int]], ...]
    expressions: tuple[Expression, ...]
    order_fields: tuple[str, ...]

    @classmethod
    def by(cls, source: SourceConfig) -> FacetSpec:
        """Return what the options of a source test."""
        named: dict[str, frozenset[str | int]] = {}
        for option in (option for axis in source.axes for option in axis.options if option.tests_values):
            named[option.field] = named.get(option.field, frozenset()) | option.includes | option.excludes
        return cls(tuple(named.items()), source.expressions, source.order_fields)

    @property
    def fields(self) -> frozenset[str] | None:
        """The fields of models that selection and load read; None if an expression may read any."""
        if not all(expression.is_narrow for expression in self.expressions):
            return None
        tested = [*(field for field, _ in self.named), *(field for expression in self.expressions for field in expression.fields)]
        lineage = ROOT_FIELDS if "root" in {*tested, *self.order_fields} else ()  # facets are made of all of these or of none
        return frozenset((*PUBLISHED_FIELDS, *RULED_FIELDS, *tested, *self.order_fields, *lineage))

    @property
    def reads_ruled_fields(self) -> bool:
        """Whether an expression may read a field that other records of a model may decide."""
        return any(map(reads_ruled_fields, self.expressions))


class Conditions:
    """Takes from models what options test.

    Attributes:
        named: By field, the values that options include or exclude.
    """

    def __init__(self, spec: FacetSpec, evaluator: Evaluator) -> None:
        self.spec = spec
        self.named = dict(spec.named)
        self._evaluator = evaluator
        self._expressions = spec.expressions
        self._keys = [expression.key for expression in spec.expressions]
        self._has_ruled = spec.reads_ruled_fields

    def values_of(self, models: Sequence[Mapping[str, Any]], now: str) -> Iterator[dict[str, Any]]:
        """Return an iterator over the fields and results of each model that filters test; expressions measure ages against `now`.

        Raises:
            KeyError: a model lacks a field.
            ExpressionError: an expression exceeds a limit or crashes jq.
        """
        return map(self.values, models, self.results_of(models, now))

    def values(self, model: Mapping[str, Any], results: Results) -> dict[str, Any]:
        """Return the fields and results of a model that filters test."""
        values = {field: model[field] for field in self.named}
        if self._has_ruled:
            values |= {field: model[field] for field in RULED_FIELDS if field in model}
        return values | dict(zip(self._keys, results, strict=True))

    def keys_of(self, models: Sequence[Mapping[str, Any]], results: Sequence[Results]) -> list[GroupKey]:
        """Return `key_of` the values of each model."""
        columns = [self._key_parts(field, [model[field] for model in models]) for field in self._fields(models)]
        return [*zip(*columns, *zip(*results, strict=True), strict=True)] if columns or self._keys else [()] * len(models)

    def key_names(self, models: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Return of which field or expression each part of the keys of models is."""
        return (*self._fields(models), *self._keys)

    def _fields(self, models: Sequence[Mapping[str, Any]]) -> Iterable[str]:
        ruled = [field for field in RULED_FIELDS if self._has_ruled and models and field in models[0]]
        return dict.fromkeys([*self.named, *ruled])

    def key_of(self, values: Mapping[str, Any]) -> GroupKey:
        """Return what is equal for models that no option tells apart: of a field only the values that options name count."""
        return tuple(part for field, value in values.items() for part in self._key_parts(field, [value]))

    def _key_parts(self, field: str, values: list[Any]) -> list[Any]:
        """Return of each value of a field, or result of an expression, what is in the key."""
        named = None if field in RULED_FIELDS else self.named.get(field)
        if named is None:  # a result, or what rulings are compared with
            return values
        return [_intersection(named, value) if isinstance(value, list) else value if value in named else None for value in values]

    def decide(
        self, own: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]],
        models: Sequence[Mapping[str, Any] | None], now: str,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Return the values of models, given by their own ones, as they are with other values of some fields.

        `models` are the models themselves where an expression has to be evaluated again; see `needs_model`.
        """
        values = [{**mine, **changed} for mine, changed in zip(own, fields, strict=True)]
        outdated = [index for index, model in enumerate(models) if model is not None]
        inputs = [{**(models[index] or {}), **fields[index]} for index in outdated]
        for index, result in zip(outdated, self.results_of(inputs, now), strict=True):
            values[index] |= zip(self._keys, result, strict=True)
        return values

    def needs_model(self, fields: Mapping[str, Any]) -> bool:
        """Return whether expressions have to be evaluated again where these fields have other values."""
        return bool(fields) and self._has_ruled

    def results_of(self, models: Sequence[Mapping[str, Any]], now: str) -> Sequence[Results]:
        """Return of each model the result of each expression, in the order of filters.toml.

        Raises:
            ExpressionError: an expression exceeds a limit or crashes jq.
        """
        if not self._expressions or not models:
            return [()] * len(models)
        outcomes = zip(*self._evaluator.evaluate(models, now), strict=True)
        return [*zip(*map(partial(self._column, models), self._expressions, outcomes), strict=True)]

    def _column(
        self, models: Sequence[Mapping[str, Any]], expression: Expression, outcomes: Iterable[Outcome]
    ) -> list[ExpressionResult]:
        """Return of each model the result of an expression."""
        return [
            _NO_MATCH if outcome is NO_MATCH else self._result(expression, model, outcome)
            for model, outcome in zip(models, outcomes, strict=True)
        ]

    def _result(self, expression: Expression, model: Mapping[str, Any], outcome: Outcome) -> ExpressionResult:
        if outcome is MATCH and None not in map(model.__getitem__, expression.fields):
            return _MATCH
        nulls = tuple(field for field in expression.fields if model[field] is None) if outcome.is_match else ()
        return ExpressionResult(outcome.is_match, outcome.error is not None, outcome.unexpected, nulls)


def _intersection(named: frozenset[str | int], values: list[Any]) -> tuple[str | int, ...]:
    """Return the named ones of some values, in an order that depends on nothing else."""
    common = named.intersection(values)
    return tuple(sorted(common, key=str) if len(common) > 1 else common)


def reads_ruled_fields(expression: Expression) -> bool:
    """Return whether an expression may read a field that other records of a model may decide."""
    return not expression.is_narrow or not set(RULED_FIELDS).isdisjoint(expression.fields)
