"""The values of fields, laid out for a terminal: texts are quoted, and their unprintable characters escaped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from etl.core.text import quote
from etl.explain.render import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import RenderableType

    from etl.explain.values import FieldValues, SourceValues

_MAX_CHARS = 60  # of a value, unless its field is listed alone
_MAX_COLUMNS = 6  # streams beside each other
_MAX_EXAMPLES = 3
_MIN_ROUNDED = 10**6


def values(report: Mapping[str, SourceValues], field: str | None, with_commands: Callable[[str], str]) -> list[RenderableType]:
    """Return the fields of each source, or all values of one field.

    `with_commands` completes the `make` commands in our own messages.
    """
    parts: list[RenderableType] = []
    for name, source in report.items():
        if not source.streams:
            parts.append(
                Text(with_commands(f"{name}: no complete stream on disk; fetch with: make extract SOURCE={name}"), "red")
            )
            continue
        parts.append(Text(f"{name}: {_number(source.models, 'model')} in {_number(len(source.streams), 'stream')}", "bold"))
        parts += _alone(source, field) if field else [_overview(source)]
    if not field:
        parts.append(Text(with_commands("all values of a field, by stream: make values FIELD=tags"), "dim"))
    return parts


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _overview(source: SourceValues) -> Table:
    grid = Table.grid("", Column(overflow="fold"), padding=(0, 2))
    for name, field in source.fields.items():
        grid.add_row(f"  {name}", Text(_summary(field)))
    return grid


def _summary(field: FieldValues) -> str:
    """Return the values of a field in a line."""
    absent = "".join(f"; {name} {count}" for name, count in (("null", field.null), ("[]", field.empty)) if count)
    if field.kind == "range" and field.range:
        low, median, high = (_rounded(field.range[name]) for name in ("min", "median", "max"))
        return f"{low} to {high}, median {median}{absent}"
    present = [count for count in field.values if count.value not in (None, [])]
    if field.kind == "unique":
        return f"{field.distinct} values, such as {', '.join(_short(count.value) for count in present[:_MAX_EXAMPLES])}{absent}"
    if field.kind == "lengths":
        return (", ".join(f"{_number(count.value, 'object')} {count.models}" for count in present) + absent).removeprefix("; ")
    shown = [f"{_short(count.value)} {count.models}" for count in present]
    more = field.distinct - len(shown)
    return (", ".join([*shown, f"and {more} more"] if more else shown) + absent).removeprefix("; ")


def _alone(source: SourceValues, field_name: str) -> list[RenderableType]:
    """Return all values of a field with the models of each stream that have them; of many numbers or times, the quantiles."""
    field = source.fields[field_name]
    if field.kind == "range" and field.range:
        return [_quantiles(source, field, field.range)]
    if len(source.streams) <= _MAX_COLUMNS:
        return _columns(source, field)
    return _paragraphs(source, field)


def _quantiles(source: SourceValues, field: FieldValues, range_: Mapping[str, Any]) -> Table:
    nulls = next((count.streams or {} for count in field.values if count.value is None), {})
    rows = [(source.models, field.null, *range_.values(), "all")]
    for stream, values_ in (field.stream_ranges or {}).items():
        rows.append((source.streams[stream], nulls.get(stream, 0), *values_.values(), stream))
    return table(("models", "null", *range_, "stream"), [map(str, row) for row in rows], numbers=len(range_) + 2)


def _columns(source: SourceValues, field: FieldValues) -> list[RenderableType]:
    """Return a line for each value, with a column for each stream; the value is last, so that a long one is not cut."""
    rows: list[tuple[str, ...]] = [("all", *source.streams, "value")]
    rows.append((str(source.models), *map(str, source.streams.values()), "(models)"))
    for count in field.values:
        streams = count.streams or {}
        rows.append((str(count.models), *(str(streams.get(name, 0)) for name in source.streams), _text(count.value)))
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    return [
        Text(
            "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]),
            "bold" if not index else "",
        )
        for index, row in enumerate(rows)
    ]


def _paragraphs(source: SourceValues, field: FieldValues) -> list[RenderableType]:
    """Return a line for each value, followed by the streams whose models have it."""
    width = len(str(source.models))
    parts: list[RenderableType] = []
    for text, models, streams in [
        ("(models)", source.models, source.streams),
        *((_text(count.value), count.models, count.streams or {}) for count in field.values),
    ]:
        parts.append(Text(f"  {models:>{width}}  {text}"))
        parts.append(
            Padding(
                Text(", ".join(f"{name} {number}" for name, number in streams.items()), "dim"), (0, 0, 0, width + 6), expand=False
            )
        )
    return parts


def _short(value: Any) -> str:
    """Return a value for the overview, where a long one is cut."""
    text = _text(value)
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"


def _rounded(value: Any) -> str:
    """Return a number or a time for the overview: a large number in a form that jq reads, of a time the date."""
    if isinstance(value, str):
        return value[:10]
    return f"{value:.3g}".replace("e+0", "e").replace("e+", "e") if abs(value) >= _MIN_ROUNDED else json.dumps(value)


def _text(value: Any) -> str:
    return quote(value) if isinstance(value, str) else json.dumps(value)
