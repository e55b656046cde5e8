"""Domain types of filters.toml: sources with their axes (facets) and options, the published filters and their streams."""

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
    """One value of an axis.

    Attributes:
        params: Request parameters of a server-side option; empty for a purely client-side one.
        values: Values of the model field named like the axis, to include or, with `is_exclusion`, to exclude; empty for any.
        is_default: Whether the option is the first of its axis, which paths leave out.
        is_multivalued: Whether the model field is a list, which matches by any of its values.
    """

    axis: str
    name: str
    label: str
    params: Mapping[str, Any]
    values: frozenset[str | int]
    is_exclusion: bool
    is_default: bool
    is_multivalued: bool = False

    def matches(self, model: Mapping[str, Any]) -> bool:
        """Return whether the model's field matches: any included value, or no excluded one."""
        if not self.values:
            return True
        field = model[self.axis]
        is_listed = not self.values.isdisjoint(field) if isinstance(field, list) else field in self.values
        return is_listed is not self.is_exclusion

    def is_disjoint(self, other: Option) -> bool:
        """Return whether no model can match both options."""
        if not self.values or not other.values or (self.is_exclusion and other.is_exclusion):
            return False
        if self.is_multivalued and not self.is_exclusion and not other.is_exclusion:
            return False
        if self.is_exclusion or other.is_exclusion:
            including, excluding = (other, self) if self.is_exclusion else (self, other)
            return including.values <= excluding.values
        return self.values.isdisjoint(other.values)


@dataclass(frozen=True)
class Axis:
    """One thing a manifest can be filtered by; its first option is the default."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class Filter:
    """One option per axis, in the order of the axes: what one manifest contains."""

    source: str
    prefix: str
    options: tuple[Option, ...]

    @property
    def path(self) -> str:
        """The names of the non-default options, in the order of the axes: `likes/small`."""
        return "/".join(option.name for option in self.options if not option.is_default)

    @property
    def qualified_path(self) -> str:
        """The path with the prefix of the source, as commands take it: `hf/likes/small`."""
        return f"{self.prefix}/{self.path}"

    @property
    def manifest_filter(self) -> str:
        """The value of `filter` in the manifest: `filter/likes/small`."""
        return f"filter/{self.path}"

    @property
    def file(self) -> str:
        return f"{self.prefix}-filter-{self.path.replace('/', '-')}.json"

    @property
    def label(self) -> str:
        return " · ".join(option.label for option in self.options if not option.is_default)

    @cached_property
    def stream(self) -> str:
        """The name of the stream it reads from: the non-default server-side options."""
        return "-".join(option.name for option in self.options if option.params and not option.is_default) or "default"

    def matches(self, model: Mapping[str, Any]) -> bool:
        """Return whether the model belongs in the manifest: every option matches it."""
        return all(option.matches(model) for option in self.options)

    def is_disjoint(self, other: Filter) -> bool:
        """Return whether no model can belong in the manifests of both filters."""
        return any(left.is_disjoint(right) for left, right in zip(self.options, other.options, strict=True))


@dataclass(frozen=True)
class Rate:
    """At most `requests` in any `seconds`, at most `in_flight` at once."""

    requests: int
    seconds: float
    in_flight: int


@dataclass(frozen=True, eq=False)
class Stream:
    """One request with its following pages: its parameters, and the filters that read from it."""

    name: str
    params: Mapping[str, Any]
    filters: tuple[Filter, ...]

    def matches(self, model: Mapping[str, Any]) -> bool:
        """Return whether the API honoured the request for this model, as far as the model's fields show."""
        return all(option.matches(model) for option in self.filters[0].options if option.params)


@dataclass(frozen=True, eq=False)
class SourceConfig:
    """The table of one source in filters.toml.

    Attributes:
        page_size: Records per request.
        max_response_bytes: The largest response accepted.
        params: The parameters of every request; those of options are added.
        skip: Ids that are never published.
        filters: The published filters, in the order of filters.toml.
        sizes: Size classes from the smallest to the largest.
    """

    name: str
    prefix: str
    page_size: int
    page_param: str | None
    max_response_bytes: int
    rate: Rate
    params: Mapping[str, Any]
    axes: tuple[Axis, ...]
    skip: frozenset[str]
    filters: tuple[Filter, ...]
    sizes: tuple[SizeClass, ...] = DEFAULT_SIZE_CLASSES

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the filters read from, ordered by the first filter of each."""
        by_stream: dict[str, list[Filter]] = {}
        for filter_ in self.filters:
            by_stream.setdefault(filter_.stream, []).append(filter_)
        return tuple(Stream(name, self.request_params(filters[0]), tuple(filters)) for name, filters in by_stream.items())

    @cached_property
    def all_filters(self) -> tuple[Filter, ...]:
        """The filters of all combinations except the default one; published filters are the same objects as in `filters`."""
        published = {filter_.path: filter_ for filter_ in self.filters}
        combinations = list(itertools.product(*(axis.options for axis in self.axes)))[1:]
        filters = (Filter(self.name, self.prefix, options) for options in combinations)
        return tuple(published.get(filter_.path, filter_) for filter_ in filters)

    @cached_property
    def requests(self) -> dict[str, Mapping[str, Any]]:
        """The request parameters by stream, of every stream that a filter could read from."""
        combinations = itertools.product(*(axis.options for axis in self.axes))
        filters = (Filter(self.name, self.prefix, options) for options in combinations)
        return {filter_.stream: self.request_params(filter_) for filter_ in filters}

    @property
    def transform_options(self) -> TransformOptions:
        """What this table says about the transform."""
        return TransformOptions(self.sizes)

    def request_params(self, filter_: Filter) -> dict[str, Any]:
        """Return the request parameters of the stream that a filter reads from."""
        params = dict(self.params)
        for option in filter_.options:
            params |= option.params
        return params | ({self.page_param: self.page_size} if self.page_param else {})


@dataclass(frozen=True)
class Config:
    """The validated content of filters.toml.

    Attributes:
        limit: Models in a manifest, at most.
        depth: Records fetched from one stream, at most, to fill its manifests.
    """

    limit: int
    depth: int
    sources: tuple[SourceConfig, ...]

    def source(self, name: str) -> SourceConfig:
        """Return the source with this name, which filters.toml must have."""
        return next(source for source in self.sources if source.name == name)
