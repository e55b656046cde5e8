"""filters.toml, read and checked: unknown keys and what an API does not honour are refused before anything runs."""

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

_MAY_BE_FRACTIONS = ("seconds", "below", "through")
_MOST_EXACT = 2**53  # beyond it JSON readers disagree about integers
_DEEPEST = 20  # tables and lists in each other; the schema knows 7


def load_config(path: Path) -> Config:
    """Read and check filters.toml.

    Raises:
        BadUsage: it is missing, is not TOML (with the line), or breaks a rule (with the key).
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply; see the example in README.md") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not TOML: {error}") from error
    except ValueError as error:  # an integer of more digits than Python reads
        line = next((number for number, each in enumerate(text.split("\n"), 1) if len(each) > sys.get_int_max_str_digits()), 1)
        raise UsageError(f"{path}: a number has too many digits (at line {line})") from error
    lines = [f"{path}: {problem}" for problem in _unsupported(table)]
    if not lines:
        violations = load_schema("filters").violations(table)
        lines = [f"{path}: {'.'.join(map(str, each.path)) or 'the file'}: {each.message}" for each in violations]
    if lines:
        raise UsageError("\n".join(lines))
    names = [name for name in table if name not in ("limit", "depth")]
    try:
        made = tuple(_source(name, table[name]) for name in names)
    except UsageError as error:
        raise UsageError("\n".join(f"{path}: {line}" for line in str(error).split("\n"))) from None
    for one, other in itertools.combinations(made, 2):
        if one.prefix == other.prefix:
            raise UsageError(f"{path}: {other.name}.prefix: {other.prefix} is the prefix of {one.name} too")
    return Config(table["limit"], table["depth"], made)


def _unsupported(table: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each value that TOML allows and no key takes, with its key.

    These are dates, numbers that are not finite, fractions where a whole number is expected (also 5.0 and 1e3, which the schema
    would take for whole), integers beyond 2^53, and what is nested too deeply for the schema to be asked.
    """
    rest: list[tuple[tuple[str, ...], Any]] = [((), table)]
    while rest:
        path, value = rest.pop()
        where = sanitize(".".join(path))
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            if len(path) < _DEEPEST:
                rest.extend(((*path, str(key)), each) for key, each in items)
            else:
                yield f"{where}: nested too deeply (expected at most {_DEEPEST} levels)"
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{where}: must be a finite number (got {value})"
        elif isinstance(value, float) and path[-1] not in _MAY_BE_FRACTIONS:
            yield f"{where}: must be a whole number without point or exponent (got {value})"
        elif isinstance(value, int) and abs(value) > _MOST_EXACT:
            yield f"{where}: must be at most 2^53 (got a number of {value.bit_length()} bits)"
        elif not isinstance(value, str | int | float):
            yield f"{where}: must not be a date or time (got {value})"


def _source(name: str, table: dict[str, Any]) -> SourceConfig:
    if name not in source_names():
        raise UsageError(f"{name}: no source of that name; there are {', '.join(source_names())}")
    sizes = _sizes(name, table["sizes"]) if "sizes" in table else DEFAULT_SIZE_CLASSES
    known = model_fields(name, sizes)
    if problems := [*_wrong_values(name, table["axes"], known), *_wrong_ids(name, table.get("skip", ()), known["id"])]:
        raise UsageError("\n".join(problems))
    axes = tuple(_axis(axis, options, known.get(axis)) for axis, options in table["axes"].items())
    seen: dict[str, str] = {}
    for option in (option for axis in axes for option in axis.options if not option.is_default):
        if option.name in seen:
            where = f"{name}.axes.{option.axis}.{option.name}"
            raise UsageError(f"{where}: the name is an option of axis {seen[option.name]} too; paths could not tell them apart")
        seen[option.name] = option.axis
    if table["manifests"] == "all":
        choices = list(itertools.product(*(axis.options for axis in axes)))[1:]
    else:
        choices = [parse_filter_path(f"{name}.manifests: {path}", axes, path) for path in table["manifests"]]
    filters = tuple(Filter(name, table["prefix"], choice) for choice in choices)
    skip = frozenset(table.get("skip", ()))
    max_response_bytes = table.get("largest_mb", 64) * 10**6
    rate = Rate(**table["rate"])
    asks = table.get("asks", {})
    source = SourceConfig(
        name, table["prefix"], table["page"], get_source(name).page_param, max_response_bytes, rate, asks, axes, skip, filters,
        sizes,
    )  # fmt: skip
    _check_requests(source)
    return source


def _sizes(source: str, table: dict[str, dict[str, float]]) -> tuple[SizeClass, ...]:
    sizes = tuple(SizeClass(name, 1e9 * next(iter(most.values()), math.inf), "through" in most) for name, most in table.items())
    bounds = [(each.most, each.is_inclusive) for each in sizes]
    if sorted(set(bounds)) != bounds or bounds[-1][0] != math.inf:
        raise UsageError(f"{source}.sizes: each class has a greater bound than the one before, and only the last has none")
    return sizes


def _wrong_values(source: str, axes: dict[str, dict[str, Any]], known: Mapping[str, Field]) -> Iterator[str]:
    """Yield what is wrong with the values that options keep or drop: no model's field could have them."""
    for axis, options in axes.items():
        for name, option in options.items():
            for key in option.keys() & {"keeps", "drops"}:
                where = f"{source}.axes.{axis}.{name}.{key}"
                if field := known.get(axis):
                    yield from (f"{where}: {problem}" for value in option[key] if (problem := field.problem(value)))
                else:
                    near = nearest_suffix(axis, nearest_value(axis, known))
                    yield f"{where}: models have no field {axis} (expected {', '.join(known)}){near}"


def _wrong_ids(source: str, skip: list[str], field: Field) -> Iterator[str]:
    """Yield which ids to skip have not the form of an id, so that they would skip nothing."""
    yield from (f"{source}.skip: {problem}" for identity in skip if (problem := field.problem(identity)))


def _check_requests(source: SourceConfig) -> None:
    """Refuse parameters that the API does not honour, which it would ignore in silence or refuse."""
    page = {source.page_param: source.page} if source.page_param else {}
    asked = {f"{source.name}.page": page, f"{source.name}.asks": source.params}
    for option in (option for axis in source.axes for option in axis.options):
        asked[f"{source.name}.axes.{option.axis}.{option.name}.asks"] = option.params
    for where, asks in asked.items():
        for violation in load_schema(f"{source.name}/request").violations(asks):
            raise UsageError(f"{where}: {violation}; see what the API honours in schemas/{source.name}/request.schema.json")
    keys = [set(source.params), *({key for option in axis.options for key in option.params} for axis in source.axes), set(page)]
    for one, other in itertools.combinations(keys, 2):
        for key in one & other:
            raise UsageError(f"{source.name}: {key} is asked in two places (asks, axes, page); one would undo the other")


def _axis(axis: str, options: dict[str, Any], field: Field | None) -> Axis:
    is_multivalued = field is not None and field.is_list
    return Axis(
        axis,
        tuple(
            Option(
                axis, name, option["label"], option.get("asks", {}),
                frozenset(option.get("keeps", option.get("drops", ()))), "drops" in option, is_default=place == 0,
                is_multivalued=is_multivalued,
            )
            for place, (name, option) in enumerate(options.items())
        ),
    )  # fmt: skip
