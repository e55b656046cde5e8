"""Looking up options and filters by path."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from etl.core.errors import UsageError
from etl.core.schemas import load_schema
from etl.core.text import MIN_SIMILARITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.filters import Filter
    from etl.config.options import Axis, Option
    from etl.config.source_config import Config, SourceConfig


def parse_filter_path(where: str, axes: Sequence[Axis], path: str) -> tuple[Option, ...]:
    """Return one option per axis for a path, which lists the non-default options in the order of the axes, or is `default`.

    `where` is only used in messages.

    Raises:
        UsageError: an option is unknown or out of order, or two options belong to the same axis.
    """
    options = {option.name: option for axis in axes for option in axis.options if not option.is_default}
    names = [] if path == "default" else path.split("/")
    for name in names:
        if name not in options:
            if default := next((axis for axis in axes if axis.options[0].name == name), None):
                raise UsageError(f"{where}: {name!r} is the default of axis {default.name}, which paths leave out; remove it")
            raise UsageError(f"{where}: unknown option {name!r}; choose from {', '.join(options)}{_nearest(axes, path, name)}")
    by_axis = {options[name].axis: options[name] for name in names}
    combination = tuple(by_axis.get(axis.name, axis.options[0]) for axis in axes)
    ordered = [option.name for option in combination if not option.is_default]
    if ordered != names:
        if len(by_axis) < len(names):
            raise UsageError(f"{where}: two options belong to the same axis; name at most one of each axis")
        raise UsageError(f"{where}: options must be in the order of the axes; write {'/'.join(ordered)}")
    return combination


def _nearest(axes: Sequence[Axis], path: str, name: str) -> str:
    """Return the end of a message about an unknown option: the path that a file's name or a prefix stands for, or near names."""
    for text in (path, path.partition("/")[2]):
        options = _match_words(axes, text.replace("/", "-").split("-")) if text else None
        if meant := [option.name for option in options or () if not option.is_default]:
            return did_you_mean(["/".join(meant)])
    names = [option.name for axis in axes for option in axis.options if not option.is_default]
    return did_you_mean(difflib.get_close_matches(name, names, 2, MIN_SIMILARITY))


def resolve_filter(config: Config, target: str) -> Filter:
    """Return a filter, published or not, by its path with prefix (`hf/likes/small`) or its manifest's name or path.

    Raises:
        UsageError: there is no such filter; the message has the reason and the nearest names.
    """
    file = target.rpartition("/")[2]
    published = [filter_ for source in config.sources for filter_ in source.filters]
    if match := next((filter_ for filter_ in published if target == filter_.qualified_path or file == filter_.file), None):
        return match
    prefix, _, path = target.partition("/")
    forms = " or ".join(f"{source.prefix}/…" for source in config.sources)
    reason = f"filter {target!r} not found (expected {forms}, or a manifest's file name; a model is {config.sources[0].name}:ID)"
    for source in config.sources:
        if options := _options_of_file(source, file):
            return source.filter(options)
        if source.prefix == prefix and path:
            try:
                return source.filter(parse_filter_path(target, source.axes, path))
            except UsageError as error:
                reason = str(error).partition("; nearest: ")[0]  # names follow that a command takes
    single = [
        source.filter(parse_filter_path("", source.axes, option.name))
        for source in config.sources for axis in source.axes for option in axis.options if not option.is_default
    ]  # fmt: skip
    names = dict.fromkeys(name for filter_ in [*published, *single] for name in (filter_.qualified_path, filter_.file))
    raise UsageError(f"{reason}{did_you_mean(difflib.get_close_matches(target, names, 3, MIN_SIMILARITY))}")


def _options_of_file(source: SourceConfig, file: str) -> tuple[Option, ...] | None:
    """Return one option per axis for the file name of a manifest; None if it is of no filter of the source."""
    start, end = f"{source.prefix}-filter-", ".json"
    if not file.startswith(start) or not file.endswith(end):
        return None
    rest = file[len(start) : -len(end)]
    return tuple(axis.options[0] for axis in source.axes) if rest == "default" else _match_words(source.axes, rest.split("-"))


def _match_words(axes: Sequence[Axis], words: Sequence[str]) -> tuple[Option, ...] | None:
    """Return one option per axis whose non-default names, split at hyphens, are `words`; None if there are no such options."""
    if not axes:
        return None if words else ()
    for option in axes[0].options:
        name = [] if option.is_default else option.name.split("-")
        others = _match_words(axes[1:], words[len(name) :]) if name == words[: len(name)] else None
        if others is not None:
            return (option, *others)
    return None


def did_you_mean(names: list[str]) -> str:
    """Return the end of a message that names the nearest matches; empty without any."""
    return f"; nearest: {', '.join(names)}" if names else ""


def included_models(source: str, option: Option) -> tuple[object, str | None]:
    """Return a key that is equal for options of an axis that match the same models by definition.

    It has the values that a model may have, None for any, and the text of `where`. For a field with a closed list of values these
    are the included ones; for an open one, those that the option names, included and excluded.
    """
    where = option.where.text if option.where else None
    if not option.tests_values:
        return None, where
    choices = load_schema(f"{source}/model").schema["properties"].get(option.field, {}).get("enum")
    if choices is None:
        return (option.includes, option.excludes), where
    included = frozenset(value for value in choices if option.matches_values({option.field: value}))
    return (None if included == frozenset(choices) else included), where
