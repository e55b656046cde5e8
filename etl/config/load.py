"""Loading and checking filters.toml: an unknown key, or a parameter that an API does not honour, ends a run before it starts."""

from __future__ import annotations

import itertools
import math
import sys
import tomllib
from typing import TYPE_CHECKING, Any

from etl.config.fields import model_fields, nearest_suffix, nearest_value
from etl.config.lookup import parse_filter_path
from etl.config.model import Axis, Config, Filter, Option, Rate, SourceConfig
from etl.core.errors import UsageError
from etl.core.layout import source_names
from etl.core.schemas import load_schema
from etl.core.text import sanitize
from etl.sources.source import DEFAULT_SIZE_CLASSES, SizeClass, get_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.config.fields import Field

_FRACTIONAL_KEYS = ("seconds", "below", "through")
_MAX_INTEGER = 2**53  # JSON readers disagree about larger ones
_MAX_DEPTH = 20  # of nested tables and lists; the schema has 7 levels


def load_config(path: Path) -> Config:
    """Return the validated content of filters.toml.

    Raises:
        UsageError: the file cannot be read, is not valid TOML (with the line), or violates a rule (with the key).
    """
    table = _read_toml(path)
    lines = [f"{path}: {problem}" for problem in _unsupported(table)]
    if not lines:
        violations = load_schema("filters").violations(table)
        lines = [f"{path}: {'.'.join(map(str, violation.path)) or 'the file'}: {violation.message}" for violation in violations]
    if lines:
        raise UsageError("\n".join(lines))
    names = [name for name in table if name not in ("limit", "depth")]
    try:
        sources = tuple(_source(name, table[name]) for name in names)
    except UsageError as error:
        raise UsageError("\n".join(f"{path}: {line}" for line in str(error).split("\n"))) from None
    for left, right in itertools.combinations(sources, 2):
        if left.prefix == right.prefix:
            raise UsageError(f"{path}: {right.name}.prefix: {right.prefix} is also the prefix of {left.name}; choose another")
    return Config(table["limit"], table["depth"], sources)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply; see the example in docs/filters.md") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    except ValueError as error:  # an integer with more digits than Python converts
        lines = enumerate(text.split("\n"), 1)
        number = next((number for number, line in lines if len(line) > sys.get_int_max_str_digits()), 1)
        raise UsageError(f"{path}: a number has too many digits (at line {number})") from error


def _unsupported(table: dict[str, Any]) -> Iterator[str]:
    """Yield a line, with its key, for each value that is valid TOML but that no key takes.

    These are dates, non-finite numbers, fractions where a whole number is expected (also 5.0 and 1e3, which the schema would
    take for integers), integers beyond 2^53, and tables nested too deeply for the validator.
    """
    pending: list[tuple[tuple[str, ...], Any]] = [((), table)]
    while pending:
        path, value = pending.pop()
        where = sanitize(".".join(path))
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            if len(path) < _MAX_DEPTH:
                pending.extend(((*path, str(key)), item) for key, item in items)
            else:
                yield f"{where}: nested too deeply (expected at most {_MAX_DEPTH} levels)"
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{where}: must be a finite number (got {value})"
        elif isinstance(value, float) and path[-1] not in _FRACTIONAL_KEYS:
            yield f"{where}: must be a whole number without point or exponent (got {value})"
        elif isinstance(value, int) and abs(value) > _MAX_INTEGER:
            yield f"{where}: must be at most 2^53 (got a number of {value.bit_length()} bits)"
        elif not isinstance(value, str | int | float):
            yield f"{where}: must not be a date or time (got {value})"


def _source(name: str, table: dict[str, Any]) -> SourceConfig:
    if name not in source_names():
        raise UsageError(f"{name}: unknown source; choose from {', '.join(source_names())}")
    sizes = _sizes(name, table["sizes"]) if "sizes" in table else DEFAULT_SIZE_CLASSES
    fields = model_fields(name, sizes)
    if problems := [*_invalid_values(name, table["axes"], fields), *_invalid_ids(name, table.get("skip", ()), fields["id"])]:
        raise UsageError("\n".join(problems))
    axes = tuple(_axis(axis, options, fields.get(axis)) for axis, options in table["axes"].items())
    _check_option_names(name, axes)
    if table["manifests"] == "all":
        combinations = list(itertools.product(*(axis.options for axis in axes)))[1:]
    else:
        combinations = [parse_filter_path(f"{name}.manifests: {path}", axes, path) for path in table["manifests"]]
    source = SourceConfig(
        name, table["prefix"], table["page"], get_source(name).page_param, table.get("largest_mb", 64) * 10**6,
        Rate(**table["rate"]), table.get("asks", {}), axes, frozenset(table.get("skip", ())),
        tuple(Filter(name, table["prefix"], options) for options in combinations), sizes,
    )  # fmt: skip
    _check_requests(source)
    return source


def _check_option_names(source: str, axes: tuple[Axis, ...]) -> None:
    """Refuse two non-default options with the same name: a path would not say which one it means."""
    owner_of: dict[str, str] = {}
    for option in (option for axis in axes for option in axis.options if not option.is_default):
        if option.name in owner_of:
            where = f"{source}.axes.{option.axis}.{option.name}"
            raise UsageError(f"{where}: axis {owner_of[option.name]} already has an option with this name; rename one of them")
        owner_of[option.name] = option.axis


def _sizes(source: str, table: dict[str, dict[str, float]]) -> tuple[SizeClass, ...]:
    sizes = tuple(SizeClass(name, 1e9 * next(iter(row.values()), math.inf), "through" in row) for name, row in table.items())
    bounds = [(size.upper_bound, size.is_inclusive) for size in sizes]
    if sorted(set(bounds)) != bounds or bounds[-1][0] != math.inf:
        raise UsageError(f"{source}.sizes: bounds must increase from class to class, and only the last class must have none")
    return sizes


def _invalid_values(source: str, axes: dict[str, dict[str, Any]], fields: Mapping[str, Field]) -> Iterator[str]:
    """Yield a line for each value of `keeps` or `drops` that no model can have."""
    for axis, options in axes.items():
        for name, option in options.items():
            for key in option.keys() & {"keeps", "drops"}:
                where = f"{source}.axes.{axis}.{name}.{key}"
                if field := fields.get(axis):
                    yield from (f"{where}: {problem}" for value in option[key] if (problem := field.problem(value)))
                else:
                    nearest = nearest_suffix(axis, nearest_value(axis, fields))
                    yield f"{where}: models have no field {axis} (expected {', '.join(fields)}){nearest}"


def _invalid_ids(source: str, ids: list[str], field: Field) -> Iterator[str]:
    """Yield a line for each id of `skip` that no model can have."""
    yield from (f"{source}.skip: {problem}" for id_ in ids if (problem := field.problem(id_)))


def _check_requests(source: SourceConfig) -> None:
    """Refuse request parameters that the API would ignore silently or reject."""
    page = {source.page_param: source.page_size} if source.page_param else {}
    params: dict[str, Any] = {f"{source.name}.page": page, f"{source.name}.asks": source.params}
    for option in (option for axis in source.axes for option in axis.options):
        params[f"{source.name}.axes.{option.axis}.{option.name}.asks"] = option.params
    for where, value in params.items():
        for violation in load_schema(f"{source.name}/request").violations(value):
            raise UsageError(f"{where}: {violation}; see schemas/{source.name}/request.schema.json for what the API honours")
    keys = [set(source.params), *({key for option in axis.options for key in option.params} for axis in source.axes), set(page)]
    for left, right in itertools.combinations(keys, 2):
        for key in left & right:
            raise UsageError(f"{source.name}: parameter {key} is set twice (by 'asks', axes or page); set it once")


def _axis(axis: str, options: dict[str, Any], field: Field | None) -> Axis:
    is_multivalued = field is not None and field.is_list
    return Axis(
        axis,
        tuple(
            Option(
                axis, name, option["label"], option.get("asks", {}),
                frozenset(option.get("keeps", option.get("drops", ()))), "drops" in option, is_default=index == 0,
                is_multivalued=is_multivalued,
            )
            for index, (name, option) in enumerate(options.items())
        ),
    )  # fmt: skip
