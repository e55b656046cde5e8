"""Loading and checking filters.toml: an unknown key, or a parameter that an API does not honour, ends a run before it starts."""

from __future__ import annotations

import itertools
import json
import math
import sys
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from etl.config.axes import check_option_names, check_orders, parse_axes, parse_requirement
from etl.config.fields import model_fields, nearest_suffix, nearest_value
from etl.config.manifests import parse_manifests
from etl.config.requests import check_requests
from etl.config.source_config import Config, Rate, SourceConfig
from etl.config.violations import describe, misspelt_axis_key, unknown_key
from etl.core.errors import UsageError
from etl.core.layout import source_names
from etl.core.schemas import load_schema
from etl.core.text import sanitize
from etl.expressions.check import check_expressions
from etl.sources.source import DEFAULT_SIZE_CLASSES, SizeClass, get_source
from etl.storage.json_files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.config.fields import Field
    from etl.core.schemas import Violation

_KEYS = ("limit", "depth")  # all others are tables of sources
_FRACTIONAL_KEYS = ("seconds", "below", "through")
_MAX_INTEGER = 2**53  # JSON readers disagree about larger ones
_MAX_DEPTH = 20  # of nested tables and lists; the schema has 7 levels


def load_config(path: Path, *, compiles: bool = True) -> Config:
    """Return the validated content of filters.toml; unless `compiles`, expressions are not passed to jq's compiler.

    Raises:
        UsageError: the file cannot be read, is not valid TOML (with the line), or violates a rule (with the key).
    """
    table = _read_toml(path)
    lines = [f"{path}: {problem}" for problem in _unsupported(table)]
    if not lines:
        lines = [f"{path}: {name}: {problem}" for name in table if (problem := _unknown_source(name, table[name]))]
    if not lines:
        violations = load_schema("filters").violations(table)
        lines = [*dict.fromkeys(f"{path}: {_describe(violation)}" for violation in violations)]  # one for all missing keys
    names = [name for name in table if name not in _KEYS]
    if not names:
        lines.append(f"{path}: the file: must have the table of a source; choose from {', '.join(source_names())}")
    if lines:
        raise UsageError("\n".join(lines))
    try:
        sources = tuple(_source(name, table[name], table["limit"]) for name in names)
        if compiles:
            check_expressions([expression for source in sources for expression in source.expressions])
    except UsageError as error:
        raise UsageError("\n".join(f"{path}: {line}" for line in str(error).split("\n"))) from None
    for left, right in itertools.combinations(sources, 2):
        if left.prefix == right.prefix:
            raise UsageError(f"{path}: {right.name}.prefix: {right.prefix} is also the prefix of {left.name}; choose another")
    return Config(table["limit"], table["depth"], sources, sha256(json.dumps(table).encode()))


def _describe(violation: Violation) -> str:
    """Return where a value violates the schema, and what is wrong with it."""
    where = sanitize(".".join(map(str, violation.path))) or "the file"
    if len(violation.path) == 1 and violation.rule == "type" and where not in (names := [*_KEYS, *source_names()]):
        return f"the file: {unknown_key(where, names)}"
    if problem := misspelt_axis_key(violation):
        return f"{where.rpartition('.')[0]}: {problem}"
    return f"{where}: {describe(violation)}"


def _unknown_source(name: str, value: object) -> str | None:
    """Return what is wrong with a table at the top that is of no source; None if it is of one."""
    if name in (*_KEYS, *source_names()) or not isinstance(value, dict):
        return None
    nearest = nearest_suffix(name, nearest_value(name, source_names()))
    return f"unknown source (expected {' or '.join(source_names())}){nearest}"


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


def _source(name: str, table: dict[str, Any], limit: int) -> SourceConfig:
    if name not in source_names():
        raise UsageError(f"{name}: unknown source; choose from {', '.join(source_names())}")
    sizes = _sizes(name, table["sizes"]) if "sizes" in table else DEFAULT_SIZE_CLASSES
    fields = model_fields(name, sizes)
    axes, problems = parse_axes(name, table["axes"], fields)
    requirement = None
    try:
        requirement = parse_requirement(name, table.get("require"), fields)
    except UsageError as error:
        problems.append(str(error))
    if problems := [*problems, *_invalid_ids(name, table.get("skip", ()), fields["id"])]:
        raise UsageError("\n".join(problems))
    check_option_names(name, axes)
    api = get_source(name)
    check_orders(name, axes, api.sort_param)
    source = SourceConfig(
        name, table["prefix"], table["page"], api.page_param, table.get("largest_mb", 64) * 10**6,
        Rate(**table["rate"]), table.get("asks", {}), axes, frozenset(table.get("skip", ())),
        (), limit, requirement, api.narrowing_params, sizes,
        tuple(sorted(table.get("image_hosts", ()))),
    )  # fmt: skip
    check_requests(source)
    return replace(source, filters=parse_manifests(source, table["manifests"]))


def _sizes(source: str, table: dict[str, dict[str, float]]) -> tuple[SizeClass, ...]:
    sizes = tuple(SizeClass(name, 1e9 * next(iter(row.values()), math.inf), "through" in row) for name, row in table.items())
    bounds = [(size.upper_bound, size.is_inclusive) for size in sizes]
    if sorted(set(bounds)) != bounds or bounds[-1][0] != math.inf:
        raise UsageError(f"{source}.sizes: bounds must increase from class to class, and only the last class must have none")
    return sizes


def _invalid_ids(source: str, ids: list[str], field: Field) -> Iterator[str]:
    """Yield a line for each id of `skip` that no model can have."""
    yield from (f"{source}.skip: {problem}" for id_ in ids if (problem := field.problem(id_)))
