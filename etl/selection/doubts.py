"""What is doubtful about the expressions of filters.toml: models on which they fail, matches without a value, no match at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.core.text import sanitize
from etl.selection.unmatched import find_unmatched

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.config.filters import Filter
    from etl.config.source_config import SourceConfig
    from etl.expressions.expression import Expression
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
            field, first = filter_.order_field, stream.selection.models[nulls[0]].id
            published = min(len(stream.selection.positions(filter_.matches)), filter_.limit)
            problem = f"orders by {field}, which is null in {len(nulls)} of {published} models, such as {first}"
            warnings.append(f"{filter_.qualified_path}: {problem}; to leave these out write: where = '.{field} != null'")
    return warnings


def find_doubts(filters: Iterable[Filter], selections: Sequence[Selection]) -> list[str]:
    """Return warnings about the expressions of filters of a source, by what they say of the models of its streams on disk."""
    conditions = dict.fromkeys(condition for filter_ in filters for condition in filter_.conditions)
    expressions = dict.fromkeys(condition.where for condition in conditions if condition.where)
    return [warning for expression in expressions if selections for warning in _doubts(expression, selections)]


def _doubts(expression: Expression, selections: Sequence[Selection]) -> list[str]:
    seen: set[str] = set()
    matches: set[str] = set()
    failures: dict[str, None] = {}
    unexpected: dict[str, dict[str, None]] = {}
    nulls: dict[str, dict[str, None]] = {}
    for selection in selections:
        for group in selection.groups:
            result = group.values[expression.key]
            ids = [selection.models[position].id for position in group.positions]
            seen.update(ids)
            if result.is_match:
                matches.update(ids)
            if result.is_error:
                failures |= dict.fromkeys(ids)
            if result.unexpected:
                unexpected.setdefault(result.unexpected, {}).update(dict.fromkeys(ids))
            for field in result.nulls:
                nulls.setdefault(field, {}).update(dict.fromkeys(ids))
    warnings = []
    if failures:
        id_, error = next(selection.conditions.errors[expression.key] for selection in selections
                          if expression.key in selection.conditions.errors)  # fmt: skip
        counts = f"fails on {len(failures)} of {len(seen)} models, which do not match"
        warnings.append(f"{expression.key}: {counts}; {id_}: {sanitize(error, 200)}")
    warnings += [
        f"{expression.key}: gives {kind} for {len(ids)} of {len(seen)} models, which do not match (expected true or false); "
        f"{next(iter(ids))}"
        for kind, ids in unexpected.items()
    ]
    if seen and not matches:
        warnings.append(f"{expression.key}: is true for none of {len(seen)} models on disk")
    warnings += [
        f"{expression.key}: is true for {len(matches)} models, in {len(ids)} of which {field} is null, "
        f"such as {next(iter(ids))}; to leave these out write: .{field} != null and (…)"
        for field, ids in nulls.items()
    ]
    return warnings
