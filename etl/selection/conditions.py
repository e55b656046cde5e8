"""What the options of a source test in its models: the values of fields, and the results of expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.source_config import SourceConfig
    from etl.expressions.evaluator import Evaluator, Outcome
    from etl.expressions.expression import Expression

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


class Conditions:
    """Takes from the models of one stream what options test.

    Attributes:
        now: The time against which expressions measured ages last.
        errors: Why an expression failed first, with the id of the model, by the key of the expression.
        inputs: By position, what the expressions that read ruled fields need of a model, so that they can be evaluated again.
    """

    def __init__(self, source: SourceConfig, evaluator: Evaluator) -> None:
        self.now = ""
        self.errors: dict[str, tuple[str, str]] = {}
        self.inputs: dict[int, Mapping[str, Any]] = {}
        self._evaluator = evaluator
        self._expressions = source.expressions
        self._ruled = [expression for expression in self._expressions if reads_ruled_fields(expression)]
        options = [option for axis in source.axes for option in axis.options if option.tests_values]
        self._fields = list(dict.fromkeys(option.field for option in options))

    def values_of(self, first: int, models: Sequence[Mapping[str, Any]], now: str) -> Iterator[dict[str, Any]]:
        """Yield of each model the fields and results that filters test; `first` is the position of the first one.

        Raises:
            KeyError: a model lacks a field.
            ExpressionError: an expression exceeds a limit or crashes jq.
        """
        self.now = now
        results = self._results(models, now)
        for position, (model, result) in enumerate(zip(models, results, strict=True), first):
            values = {field: model[field] for field in self._fields}
            if self._ruled:
                values |= {field: model[field] for field in RULED_FIELDS if field in model}
                if RULED_FIELDS[0] in model:
                    self.inputs[position] = model
            yield values | result

    def with_fields(
        self, models: Sequence[tuple[int, Mapping[str, Any]]], fields: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the values of models, given by position and own values, as they are with other values of some fields."""
        values = [{**own, **changed} for (_, own), changed in zip(models, fields, strict=True)]
        changed_indexes = [index for index, changed in enumerate(fields) if changed and self._ruled]
        inputs = [{**self.inputs[models[index][0]], **fields[index]} for index in changed_indexes]
        for index, result in zip(changed_indexes, self._results(inputs, self.now), strict=True):
            values[index] |= result
        return values

    def _results(self, models: Sequence[Mapping[str, Any]], now: str) -> list[dict[str, ExpressionResult]]:
        """Return of each model the result of each expression, by its key."""
        if not self._expressions:
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
