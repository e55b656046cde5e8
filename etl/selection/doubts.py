"""What is doubtful about the expressions of filters.toml: models on which they fail, matches without a value, no match at all."""

from __future__ import annotations

from array import array
from functools import partial
from typing import TYPE_CHECKING

from etl.core.hash_arrays import count_distinct
from etl.core.text import sanitize
from etl.selection.unmatched import find_unmatched

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from etl.config.filters import Filter
    from etl.config.source_config import SourceConfig
    from etl.expressions.expression import Expression
    from etl.selection.conditions import ExpressionResult
    from etl.selection.groups import FacetGroup
    from etl.selection.selection import Selection
    from etl.selection.stored import StoredStreams


def find_warnings(source: SourceConfig, filters: Sequence[Filter], streams: StoredStreams) -> list[str]:
    """Return warnings about the values, expressions and orders of filters of a source, by the models of its streams on disk."""
    selections = streams.selections()
    unmatched = find_unmatched(source, filters, selections).warnings
    return [*unmatched, *find_doubts(filters, selections), *find_nulls(filters, streams)]


def find_nulls(filters: Iterable[Filter], streams: StoredStreams) -> list[str]:
    """Return a warning for each filter whose manifest has models without the value that orders them."""
    warnings = []
    for filter_ in filters:
        stream = streams.get(filter_) if filter_.order_field else None
        if stream and (nulls := stream.selection.published_nulls(filter_)):
            field, first = filter_.order_field, stream.selection.ref(nulls[0]).id
            published = len(stream.selection.published(filter_))
            problem = f"orders by {field}, which is null in {len(nulls)} of {published} models, such as {first}"
            warnings.append(f"{filter_.qualified_path}: {problem}; to leave these out write: where = '.{field} != null'")
    return warnings


def find_doubts(filters: Iterable[Filter], selections: Sequence[Selection]) -> list[str]:
    """Return warnings about the expressions of filters of a source, by what they say of the models of its streams on disk."""
    conditions = dict.fromkeys(condition for filter_ in filters for condition in filter_.conditions)
    expressions = dict.fromkeys(condition.where for condition in conditions if condition.where)
    return [warning for expression in expressions if selections for warning in _doubts(expression, selections)]


def _doubts(expression: Expression, selections: Sequence[Selection]) -> list[str]:
    models = _count([(selection, selection.groups.all) for selection in selections])
    results = {group.values[expression.key]: None for selection in selections for group in selection.groups.all}

    def where(has_result: Callable[[ExpressionResult], bool]) -> _Models:
        return _Models(selections, expression, {result for result in results if has_result(result)})

    failing, matching = where(lambda result: result.is_error), where(lambda result: result.is_match)
    warnings = []
    if failing.count:
        selection, position = failing.first_position
        id_, error = selection.ref(position).record_id, selection.error_at(position, expression)
        counts = f"fails on {failing.count} of {models} models, which do not match"
        warnings.append(f"{expression.key}: {counts}; {id_}: {sanitize(error, 200)}")
    for kind in dict.fromkeys(result.unexpected for result in results if result.unexpected):
        others = where(partial(_gives, kind))
        counts = f"gives {kind} for {others.count} of {models} models, which do not match (expected true or false)"
        warnings.append(f"{expression.key}: {counts}; {others.first}")
    if models and not matching.count:
        warnings.append(f"{expression.key}: is true for none of {models} models on disk")
    for field in dict.fromkeys(field for result in results for field in result.nulls):
        lacking = where(partial(_lacks, field))
        counts = f"is true for {matching.count} models, in {lacking.count} of which {field} is null, such as {lacking.first}"
        warnings.append(f"{expression.key}: {counts}; to leave these out write: .{field} != null and (…)")
    return warnings


def _gives(kind: str, result: ExpressionResult) -> bool:
    return result.unexpected == kind


def _lacks(field: str, result: ExpressionResult) -> bool:
    return field in result.nulls


class _Models:
    """The models of which an expression gives one of certain results, each once."""

    def __init__(self, selections: Sequence[Selection], expression: Expression, results: Container[ExpressionResult]) -> None:
        self._groups = [
            (selection, [group for group in selection.groups.all if group.values[expression.key] in results])
            for selection in selections
        ]

    @property
    def count(self) -> int:
        return _count(self._groups)

    @property
    def first(self) -> str:
        """The id of the first of them."""
        selection, position = self.first_position
        return selection.ref(position).id

    @property
    def first_position(self) -> tuple[Selection, int]:
        """The stream of the first of them, and its position there."""
        selection, groups = next((selection, groups) for selection, groups in self._groups if groups)
        return selection, min(group.positions[0] for group in groups)


def _count(groups: Sequence[tuple[Selection, Sequence[FacetGroup]]]) -> int:
    """Return how many models groups of streams have together; a model may be in several streams."""
    if len(groups) == 1:
        return sum(len(group.positions) for group in groups[0][1])
    return count_distinct([
        array("Q", (selection.keys[position] for group in own for position in group.positions)) for selection, own in groups
    ])  # fmt: skip
