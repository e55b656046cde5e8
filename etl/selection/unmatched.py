"""Values in filters.toml that no model on disk has; of open vocabularies, since filters.toml is refused for others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.config.fields import format_value, model_fields, nearest_suffix, nearest_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.config.fields import Value
    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import SourceConfig
    from etl.selection.selection import Selection


class UnmatchedValues(NamedTuple):
    """How many values of open vocabularies were looked up among the models on disk, and a warning for each that none has."""

    values: int
    warnings: list[str]


def find_unmatched(source: SourceConfig, filters: Iterable[Filter], selections: Sequence[Selection]) -> UnmatchedValues:
    """Look up the values that filters of a source name among the models of its streams on disk; none without streams."""
    named = named_values(source, filters)
    if not selections:
        return UnmatchedValues(0, [])
    seen: dict[str, set[Value]] = {option.field: set() for option, _ in named}
    for selection in selections:
        _add_named_values(seen, selection)
    if absent := {option.field for option, value in named if value not in seen[option.field]}:
        seen |= all_values(absent, selections)  # for the nearest one
    return UnmatchedValues(len(named), unmatched(source, named, seen))


def unmatched(source: SourceConfig, named: Iterable[tuple[Option, Value]], seen: Mapping[str, set[Value]]) -> list[str]:
    """Return a warning for each named value that is not among the values seen in its field, with the nearest seen one."""
    warnings = []
    for option, value in named:
        if value in seen[option.field]:
            continue
        nearest = nearest_value(value, seen[option.field])
        text = json.dumps(value) if format_value(nearest) == value else format_value(value)
        where = f"{source.name}.axes.{option.axis}.{option.name}"
        warnings.append(f"{where}: no model on disk has {option.field} {text}{nearest_suffix(value, nearest)}")
    return warnings


def _add_named_values(seen: dict[str, set[Value]], selection: Selection) -> None:
    """Add the values of a stream's models that options name to those seen, by field."""
    for group in selection.groups.all:
        for field, values in seen.items():
            values.update(_items(group.values[field]))


def all_values(fields: Iterable[str], selections: Iterable[Selection]) -> dict[str, set[Value]]:
    """Return the values that the models of streams have in some fields; of a list its items. It reads all models."""
    seen: dict[str, set[Value]] = {field: set() for field in fields}
    for selection in selections:
        for position in selection.positions_in_order:
            model = selection.model(position)
            for field, values in seen.items():
                values.update(_items(model[field]))
    return seen


def _items(value: Any) -> list[Value]:
    return value if isinstance(value, list) else [value]


def named_values(source: SourceConfig, filters: Iterable[Filter]) -> list[tuple[Option, Value]]:
    """Return the values of open vocabularies that the options of filters name, in the order of filters.toml."""
    used = {option for filter_ in filters for option in filter_.options if option.tests_values}
    fields = model_fields(source.name, source.sizes)
    options = [
        option for axis in source.axes for option in axis.options if option in used and fields[option.field].choices is None
    ]
    return [(option, value) for option in options for value in sorted(option.includes | option.excludes, key=str)]
