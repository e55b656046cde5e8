"""Looking up options and filters by their paths and names."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from etl.core.errors import UsageError
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from etl.config.model import Axis, Config, Filter, Option


def parse_filter_path(where: str, axes: tuple[Axis, ...], path: str) -> tuple[Option, ...]:
    """Return one option per axis for a path, which names those that are not defaults in the order of the axes.

    Raises:
        BadUsage: it does not; `where` is only named in the message.
    """
    named = {option.name: option for axis in axes for option in axis.options if not option.is_default}
    words = path.split("/")
    for word in words:
        if word not in named:
            raise UsageError(f"{where}: no axis has an option {word} to name; there are {', '.join(named)}")
    chosen = {named[word].axis: named[word] for word in words}
    choice = tuple(chosen.get(axis.name, axis.options[0]) for axis in axes)
    right = "/".join(option.name for option in choice if not option.is_default)
    if right != path:
        reason = f"in the order of the axes it is {right}" if len(chosen) == len(words) else "two of its options are of one axis"
        raise UsageError(f"{where}: {reason}")
    return choice


def resolve_filter(filters: Config, told: str) -> Filter:
    """Return a filter, published or not, by its name (`hf/likes/small`) or that of its manifest, with or without its folder.

    Raises:
        BadUsage: there is none; the reason and the nearest are named.
    """
    every = [each for source in filters.sources for each in source.every]
    if found := next((each for each in every if told == each.name or told.rpartition("/")[2] == each.file), None):
        return found
    prefix, _, path = told.partition("/")
    source = next((source for source in filters.sources if source.prefix == prefix), None)
    prefixes = " or ".join(f"{source.prefix}/…" for source in filters.sources)
    reason = f"no filter is called {told!r}; it is {prefixes}, or the name of a manifest; a model is huggingface:owner/name"
    if source and path:
        try:
            parse_filter_path(told, source.axes, path)
        except UsageError as error:
            reason = str(error)
    near = difflib.get_close_matches(told, [name for each in every for name in (each.name, each.file)], 3, 0.5)
    raise UsageError(f"{reason}{did_you_mean(near)}")


def did_you_mean(names: list[str]) -> str:
    """Return the end of a message that names what may have been meant."""
    return f"; nearest: {', '.join(names)}" if names else ""


def included_values(source: str, option: Option) -> frozenset[object] | None:
    """Return what identifies the values that an option keeps of a field; None when it keeps them all.

    Of a closed list they are the values kept; of an open one, those that the option names, with whether it drops them.
    """
    known = load_schema(f"{source}/model").schema["properties"].get(option.axis, {}).get("enum")
    if not option.values:
        return None
    if known is None:
        return frozenset((option.is_exclusion, value) for value in option.values)
    kept = frozenset(value for value in known if (value in option.values) is not option.is_exclusion)
    return None if kept == frozenset(known) else kept
