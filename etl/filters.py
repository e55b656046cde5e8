"""The words: sources with their axes and options, the filters published of them and the streams they draw on."""

from __future__ import annotations

import difflib
import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from etl.contracts import contract
from etl.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, eq=False)
class Option:
    """One value of an axis: what it adds to the request, and which values of the model's field it keeps."""

    axis: str
    name: str
    label: str
    asks: Mapping[str, Any]
    values: frozenset[str | int]
    drops: bool  # whether `values` are those not kept
    is_default: bool
    is_of_list: bool = False  # whether the field is a list, of which one value is enough

    def keeps(self, model: Mapping[str, Any]) -> bool:
        """Tell whether the model's field has one of the kept values, or none of the dropped ones."""
        if not self.values:
            return True
        field = model[self.axis]
        found = not self.values.isdisjoint(field) if isinstance(field, list) else field in self.values
        return found is not self.drops

    def is_disjoint(self, other: Option) -> bool:
        """Tell whether no model can be kept by both."""
        if not self.values or not other.values or (self.drops and other.drops):
            return False
        if self.is_of_list and not self.drops and not other.drops:
            return False
        if self.drops or other.drops:
            kept, dropped = (other, self) if self.drops else (self, other)
            return kept.values <= dropped.values
        return self.values.isdisjoint(other.values)


@dataclass(frozen=True)
class Axis:
    """Something a page can be filtered by; its first option is the default."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class Filter:
    """One option per axis."""

    source: str
    prefix: str
    options: tuple[Option, ...]

    @property
    def path(self) -> str:
        """The options that are not defaults, in the order of the axes: `likes/small`."""
        return "/".join(option.name for option in self.options if not option.is_default)

    @property
    def name(self) -> str:
        """What people call it: `hf/likes/small`."""
        return f"{self.prefix}/{self.path}"

    @property
    def title(self) -> str:
        """What a manifest calls its filter: `filter/likes/small`."""
        return f"filter/{self.path}"

    @property
    def file(self) -> str:
        return f"{self.prefix}-filter-{self.path.replace('/', '-')}.json"

    @property
    def label(self) -> str:
        return " · ".join(option.label for option in self.options if not option.is_default)

    @cached_property
    def stream(self) -> str:
        """The name of the stream it draws on: its asked options that are not defaults."""
        return "-".join(option.name for option in self.options if option.asks and not option.is_default) or "default"

    def keeps(self, model: Mapping[str, Any]) -> bool:
        """Tell whether a model belongs on the page: the one rule of what a filter keeps."""
        return all(option.keeps(model) for option in self.options)

    def is_disjoint(self, other: Filter) -> bool:
        """Tell whether no model can belong on the pages of both."""
        return any(one.is_disjoint(another) for one, another in zip(self.options, other.options, strict=True))


@dataclass(frozen=True)
class Rate:
    """At most `requests` in any `seconds`, at most `in_flight` at once."""

    requests: int
    seconds: float
    in_flight: int


class SizeClass(NamedTuple):
    """Models up to so many parameters, those with exactly `most` included or not."""

    name: str
    most: float
    is_through: bool = False


SIZES = (SizeClass("small", 7e9), SizeClass("medium", 13e9, is_through=True), SizeClass("large", math.inf))


@dataclass(frozen=True, eq=False)
class Stream:
    """One request with its following pages: the parameters it asks with, and the filters that draw on it."""

    name: str
    asks: Mapping[str, Any]
    filters: tuple[Filter, ...]

    def keeps(self, model: Mapping[str, Any]) -> bool:
        """Tell whether a model is what was asked for, as far as its fields tell."""
        return all(option.keeps(model) for option in self.filters[0].options if option.asks)


@dataclass(frozen=True, eq=False)
class Source:
    """One API: how it is asked, its axes, what is never published of it, and its filters in the order of filters.toml."""

    name: str
    prefix: str
    page: int  # records asked per request
    largest_bytes: int  # of an answer
    rate: Rate
    asks: Mapping[str, Any]  # what every request asks
    axes: tuple[Axis, ...]
    skip: frozenset[str]
    filters: tuple[Filter, ...]
    sizes: tuple[SizeClass, ...] = SIZES  # from the smallest to the largest

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the filters draw on, in the order of the first filter of each."""
        shared: dict[str, list[Filter]] = {}
        for each in self.filters:
            shared.setdefault(each.stream, []).append(each)
        return tuple(Stream(name, self.asks_of(drawing[0]), tuple(drawing)) for name, drawing in shared.items())

    @cached_property
    def every(self) -> tuple[Filter, ...]:
        """The filters of all combinations but the default one; those that are published are the same objects."""
        published = {each.path: each for each in self.filters}
        choices = list(itertools.product(*(axis.options for axis in self.axes)))[1:]
        made = (Filter(self.name, self.prefix, choice) for choice in choices)
        return tuple(published.get(each.path, each) for each in made)

    @cached_property
    def requests(self) -> dict[str, Mapping[str, Any]]:
        """The parameters of every stream that a filter could read, by its name."""
        every = (Filter(self.name, self.prefix, choice) for choice in itertools.product(*(axis.options for axis in self.axes)))
        return {each.stream: self.asks_of(each) for each in every}

    def asks_of(self, one: Filter) -> dict[str, Any]:
        """Return the parameters that the stream of a filter is asked with."""
        asks = dict(self.asks)
        for option in one.options:
            asks |= option.asks
        return asks | {"limit": self.page}


@dataclass(frozen=True)
class Filters:
    """All of filters.toml that is decided before anything is asked."""

    limit: int
    depth: int
    sources: tuple[Source, ...]

    def source(self, name: str) -> Source:
        """Return the source of that name, which there must be."""
        return next(source for source in self.sources if source.name == name)


def query(asks: Mapping[str, Any]) -> str:
    """Return parameters as they stand in a request: of a list one each, and truth in small letters."""
    return urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in asks.items()}, doseq=True)


def choose(where: str, axes: tuple[Axis, ...], path: str) -> tuple[Option, ...]:
    """Return one option per axis for a path, which names those that are not defaults in the order of the axes.

    Raises:
        BadUsage: it does not; `where` is only named in the message.
    """
    named = {option.name: option for axis in axes for option in axis.options if not option.is_default}
    words = path.split("/")
    for word in words:
        if word not in named:
            raise BadUsage(f"{where}: no axis has an option {word} to name; there are {', '.join(named)}")
    chosen = {named[word].axis: named[word] for word in words}
    choice = tuple(chosen.get(axis.name, axis.options[0]) for axis in axes)
    right = "/".join(option.name for option in choice if not option.is_default)
    if right != path:
        reason = f"in the order of the axes it is {right}" if len(chosen) == len(words) else "two of its options are of one axis"
        raise BadUsage(f"{where}: {reason}")
    return choice


def find_filter(filters: Filters, told: str) -> Filter:
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
            choose(told, source.axes, path)
        except BadUsage as error:
            reason = str(error)
    near = difflib.get_close_matches(told, [name for each in every for name in (each.name, each.file)], 3, 0.5)
    raise BadUsage(f"{reason}{nearest(near)}")


def nearest(names: list[str]) -> str:
    """Return the end of a message that names what may have been meant."""
    return f"; nearest: {', '.join(names)}" if names else ""


def kept_values(source: str, option: Option) -> frozenset[object] | None:
    """Return what identifies the values that an option keeps of a field; None when it keeps them all.

    Of a closed list they are the values kept; of an open one, those that the option names, with whether it drops them.
    """
    known = contract("model", source).schema["$defs"][source]["properties"].get(option.axis, {}).get("enum")
    if not option.values:
        return None
    if known is None:
        return frozenset((option.drops, value) for value in option.values)
    kept = frozenset(value for value in known if (value in option.values) is not option.drops)
    return None if kept == frozenset(known) else kept
