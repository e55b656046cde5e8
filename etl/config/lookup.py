"""Looking up options and filters by path."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from etl.core.errors import UsageError
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from etl.config.model import Axis, Config, Filter, Option


def parse_filter_path(where: str, axes: tuple[Axis, ...], path: str) -> tuple[Option, ...]:
    """Return one option per axis for a path, which lists the non-default options in the order of the axes.

    `where` is only used in messages.

    Raises:
        UsageError: an option is unknown or out of order, or two options belong to the same axis.
    """
    options = {option.name: option for axis in axes for option in axis.options if not option.is_default}
    names = path.split("/")
    for name in names:
        if name not in options:
            raise UsageError(f"{where}: unknown option {name!r}; choose from {', '.join(options)}")
    by_axis = {options[name].axis: options[name] for name in names}
    combination = tuple(by_axis.get(axis.name, axis.options[0]) for axis in axes)
    ordered = "/".join(option.name for option in combination if not option.is_default)
    if ordered != path:
        if len(by_axis) < len(names):
            raise UsageError(f"{where}: two options belong to the same axis; name at most one of each axis")
        raise UsageError(f"{where}: options must be in the order of the axes; write {ordered}")
    return combination


def resolve_filter(config: Config, target: str) -> Filter:
    """Return a filter, published or not, by its path with prefix (`hf/likes/small`) or its manifest's name or path.

    Raises:
        UsageError: there is no such filter; the message has the reason and the nearest names.
    """
    filters = [filter_ for source in config.sources for filter_ in source.all_filters]
    file = target.rpartition("/")[2]
    if match := next((filter_ for filter_ in filters if target == filter_.qualified_path or file == filter_.file), None):
        return match
    prefix, _, path = target.partition("/")
    source = next((source for source in config.sources if source.prefix == prefix), None)
    forms = " or ".join(f"{source.prefix}/…" for source in config.sources)
    reason = f"filter {target!r} not found (expected {forms}, or a manifest's file name; a model is {config.sources[0].name}:ID)"
    if source and path:
        try:
            parse_filter_path(target, source.axes, path)
        except UsageError as error:
            reason = str(error)
    names = [name for filter_ in filters for name in (filter_.qualified_path, filter_.file)]
    raise UsageError(f"{reason}{did_you_mean(difflib.get_close_matches(target, names, 3, 0.5))}")


def did_you_mean(names: list[str]) -> str:
    """Return the end of a message that names the nearest matches; empty without any."""
    return f"; nearest: {', '.join(names)}" if names else ""


def included_values(source: str, option: Option) -> frozenset[object] | None:
    """Return a key that is equal for options that include the same values of a field; None if the option includes all.

    For a field with a closed list of values the key is the included values; for an open one, the values that the option names,
    each with whether it is excluded.
    """
    choices = load_schema(f"{source}/model").schema["properties"].get(option.axis, {}).get("enum")
    if not option.values:
        return None
    if choices is None:
        return frozenset((option.is_exclusion, value) for value in option.values)
    included = frozenset(value for value in choices if (value in option.values) is not option.is_exclusion)
    return None if included == frozenset(choices) else included
