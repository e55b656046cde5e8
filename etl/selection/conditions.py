"""What the options of a source test in its models: the values of fields, and the results of expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.source_config import SourceConfig
    from etl.expressions.evaluator import Evaluator, Outcome
    from etl.expressions.expression import Expression

    GroupKey = tuple[Any, ...]

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
    def reads_ruled_fields(self) -> bool:
        """Whether an expression may read a field that other records of a model may decide."""
        return any(map(reads_ruled_fields, self.expressions))


class Conditions:
    """Takes from models what options test.

    Attributes:
        named: By field, the values that options include or exclude.
        errors: Why an expression failed first, with the id of the model, by the key of the expression.
    """

    def __init__(self, spec: FacetSpec, evaluator: Evaluator) -> None:
        self.spec = spec
        self.named = dict(spec.named)
        self.errors: dict[str, tuple[str, str]] = {}
        self._evaluator = evaluator
        self._expressions = spec.expressions
        self._has_ruled = spec.reads_ruled_fields

    def values_of(self, models: Sequence[Mapping[str, Any]], now: str) -> Iterator[dict[str, Any]]:
        """Yield of each model the fields and results that filters test; expressions measure ages against `now`.

        Raises:
            KeyError: a model lacks a field.
            ExpressionError: an expression exceeds a limit or crashes jq.
        """
        fields = [*self.named]
        for model, result in zip(models, self._results(models, now), strict=True):
            values = {field: model[field] for field in fields}
            if self._has_ruled:
                values |= {field: model[field] for field in RULED_FIELDS if field in model}
            yield values | result

    def key_of(self, values: Mapping[str, Any]) -> GroupKey:
        """Return what is equal for models that no option tells apart: of a field only the values that options name count."""
        key: list[Any] = []
        for field, value in values.items():
            named = self.named.get(field)
            if named is None or field in RULED_FIELDS:  # a result, or what rulings are compared with
                key.append(value)
            elif isinstance(value, list):
                key.append(tuple(sorted(named.intersection(value), key=str)))
            else:
                key.append(value if value in named else None)
        return tuple(key)

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
        for index, result in zip(outdated, self._results(inputs, now), strict=True):
            values[index] |= result
        return values

    def needs_model(self, fields: Mapping[str, Any]) -> bool:
        """Return whether expressions have to be evaluated again where these fields have other values."""
        return bool(fields) and self._has_ruled

    def _results(self, models: Sequence[Mapping[str, Any]], now: str) -> list[dict[str, ExpressionResult]]:
        """Return of each model the result of each expression, by its key."""
        if not self._expressions or not models:
            return [{} for _ in models]
        outcomes = self._evaluator.evaluate(models, now)
        return [
            {
                expression.key: self._result(expression, model, outcome)
                for expression, outcome in zip(self._expressions, row, strict=True)
            }
            for model, row in zip(models, outcomes, strict=True)
        ]

    def _result(self, expression: Expression, model: Mapping[str, Any], outcome: Outcome) -> ExpressionResult:
        if outcome.error is not None:
            self.errors.setdefault(expression.key, (model["id"], outcome.error))
        nulls = tuple(field for field in expression.fields if model[field] is None) if outcome.is_match else ()
        return ExpressionResult(outcome.is_match, outcome.error is not None, outcome.unexpected, nulls)


def reads_ruled_fields(expression: Expression) -> bool:
    """Return whether an expression may read a field that other records of a model may decide."""
    return not expression.is_narrow or not set(RULED_FIELDS).isdisjoint(expression.fields)
