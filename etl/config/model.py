"""The words: sources with their axes and options, the filters published of them and the streams they draw on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.sources.source import DEFAULT_SIZE_CLASSES, TransformOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.sources.source import SizeClass


@dataclass(frozen=True, eq=False)
class Option:
    """One value of an axis: what it adds to the request, and which values of the model's field it keeps."""

    axis: str
    name: str
    label: str
    params: Mapping[str, Any]
    values: frozenset[str | int]
    is_exclusion: bool  # whether `values` are those not kept
    is_default: bool
    is_multivalued: bool = False  # whether the field is a list, of which one value is enough

    def matches(self, model: Mapping[str, Any]) -> bool:
        """Tell whether the model's field has one of the kept values, or none of the dropped ones."""
        if not self.values:
            return True
        field = model[self.axis]
        found = not self.values.isdisjoint(field) if isinstance(field, list) else field in self.values
        return found is not self.is_exclusion

    def is_disjoint(self, other: Option) -> bool:
        """Tell whether no model can be kept by both."""
        if not self.values or not other.values or (self.is_exclusion and other.is_exclusion):
            return False
        if self.is_multivalued and not self.is_exclusion and not other.is_exclusion:
            return False
        if self.is_exclusion or other.is_exclusion:
            kept, dropped = (other, self) if self.is_exclusion else (self, other)
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
        return "-".join(option.name for option in self.options if option.params and not option.is_default) or "default"

    def matches(self, model: Mapping[str, Any]) -> bool:
        """Tell whether a model belongs on the page: the one rule of what a filter keeps."""
        return all(option.matches(model) for option in self.options)

    def is_disjoint(self, other: Filter) -> bool:
        """Tell whether no model can belong on the pages of both."""
        return any(one.is_disjoint(another) for one, another in zip(self.options, other.options, strict=True))


@dataclass(frozen=True)
class Rate:
    """At most `requests` in any `seconds`, at most `in_flight` at once."""

    requests: int
    seconds: float
    in_flight: int


@dataclass(frozen=True, eq=False)
class Stream:
    """One request with its following pages: the parameters it asks with, and the filters that draw on it."""

    name: str
    params: Mapping[str, Any]
    filters: tuple[Filter, ...]

    def matches(self, model: Mapping[str, Any]) -> bool:
        """Tell whether a model is what was asked for, as far as its fields tell."""
        return all(option.matches(model) for option in self.filters[0].options if option.params)


@dataclass(frozen=True, eq=False)
class SourceConfig:
    """One API: how it is asked, its axes, what is never published of it, and its filters in the order of filters.toml."""

    name: str
    prefix: str
    page: int  # records per request
    page_param: str | None  # the parameter that says so
    max_response_bytes: int  # of an answer
    rate: Rate
    params: Mapping[str, Any]  # what every request asks
    axes: tuple[Axis, ...]
    skip: frozenset[str]
    filters: tuple[Filter, ...]
    sizes: tuple[SizeClass, ...] = DEFAULT_SIZE_CLASSES  # from the smallest to the largest

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the filters draw on, in the order of the first filter of each."""
        shared: dict[str, list[Filter]] = {}
        for each in self.filters:
            shared.setdefault(each.stream, []).append(each)
        return tuple(Stream(name, self.request_params(drawing[0]), tuple(drawing)) for name, drawing in shared.items())

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
        return {each.stream: self.request_params(each) for each in every}

    @property
    def transform_options(self) -> TransformOptions:
        """What the transform needs of this table."""
        return TransformOptions(self.sizes)

    def request_params(self, one: Filter) -> dict[str, Any]:
        """Return the parameters that the stream of a filter is asked with."""
        params = dict(self.params)
        for option in one.options:
            params |= option.params
        return params | ({self.page_param: self.page} if self.page_param else {})


@dataclass(frozen=True)
class Config:
    """All of filters.toml that is decided before anything is asked."""

    limit: int
    depth: int
    sources: tuple[SourceConfig, ...]

    def source(self, name: str) -> SourceConfig:
        """Return the source of that name, which there must be."""
        return next(source for source in self.sources if source.name == name)
