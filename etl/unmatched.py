"""Values that filters name and no model on disk has. A closed list has no such values: those are refused with filters.toml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from etl.fields import fields, nearest_value, nearest_words, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.fields import Value
    from etl.filters import Filter, Option, Source
    from etl.selection import Selection


class Examined(NamedTuple):
    """How many values of open vocabularies were looked for among the models on disk, and a warning for each that none has."""

    values: int
    warnings: list[str]


def examine(source: Source, filters: Iterable[Filter], selections: Sequence[Selection]) -> Examined:
    """Look for the values that filters of a source name among the models of its streams on disk; without any, for none."""
    named = _named(source, filters)
    seen: dict[str, set[Value]] = {option.axis: set() for option, _ in named}
    for selection in selections:
        add_values(seen, selection)
    return Examined(len(named), unmatched(source, named, seen)) if selections else Examined(0, [])


def unmatched(source: Source, named: Iterable[tuple[Option, Value]], seen: Mapping[str, set[Value]]) -> list[str]:
    """Return a warning for each named value that is not among the values seen in its field, with the nearest that is."""
    warnings = []
    for option, value in named:
        if value not in seen[option.axis]:
            nearest = nearest_value(value, seen[option.axis])
            near, quoted = nearest_words(value, nearest), json.dumps(value) if shown(nearest) == value else shown(value)
            where = f"{source.name}.axes.{option.axis}.{option.name}"
            warnings.append(f"{where}: no model on disk has {option.axis} {quoted}{near}")
    return warnings


def add_values(seen: dict[str, set[Value]], selection: Selection) -> None:
    """Add the values that the models of a stream have to those seen, by field; of a list its items."""
    for group in selection.groups:
        for axis, values in seen.items():
            value = group.facts[axis]
            values.update(value if isinstance(value, list) else [value])


def _named(source: Source, filters: Iterable[Filter]) -> list[tuple[Option, Value]]:
    """Return the values of open vocabularies that the options of filters name, in the order of filters.toml."""
    used = {option for each in filters for option in each.options if option.values}
    known = fields(source.name, source.sizes)
    options = [option for axis in source.axes for option in axis.options if option in used and known[axis.name].choices is None]
    return [(option, value) for option in options for value in sorted(option.values, key=str)]
