"""The content of filters.toml: the table of each source, with its axes, filters and streams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.config.filters import Filter, Stream
from etl.sources.source import DEFAULT_SIZE_CLASSES, TransformOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.options import Axis, Option
    from etl.expressions.expression import Expression
    from etl.sources.source import SizeClass


@dataclass(frozen=True)
class Rate:
    """At most `requests` in any `seconds`, at most `in_flight` at once."""

    requests: int
    seconds: float
    in_flight: int


@dataclass(frozen=True, eq=False)
class SourceConfig:
    """The table of one source in filters.toml.

    Attributes:
        page_size: Records per request.
        max_response_bytes: The largest response accepted.
        params: The parameters of every request; those of options are added.
        narrowing_params: Those of them that add up where several axes set them.
        skip: Ids that are never published.
        filters: The published filters, in the order of filters.toml.
        limit: Models in a manifest, at most, unless its entry in filters.toml says otherwise.
        requirement: What every manifest requires of its models; None if absent.
        sizes: Size classes from the smallest to the largest.
        image_hosts: Hosts whose images models may name, sorted.
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
    limit: int
    requirement: Option | None = None
    narrowing_params: frozenset[str] = frozenset()
    sizes: tuple[SizeClass, ...] = DEFAULT_SIZE_CLASSES
    image_hosts: tuple[str, ...] = ()

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the filters read from, ordered by the first filter of each."""
        by_stream: dict[str, list[Filter]] = {}
        for filter_ in self.filters:
            by_stream.setdefault(filter_.stream, []).append(filter_)
        return tuple(Stream(name, self.request_params(filters[0]), tuple(filters)) for name, filters in by_stream.items())

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions that test models."""
        options = (option for axis in self.axes for option in axis.options)
        return tuple(option.where for option in (self.requirement, *options) if option and option.where)

    @cached_property
    def order_fields(self) -> tuple[str, ...]:
        """The fields that options order by."""
        fields = (option.order_field for axis in self.axes for option in axis.options)
        return tuple(dict.fromkeys(field for field in fields if field))

    def filter(self, options: tuple[Option, ...]) -> Filter:
        """Return the filter of one option per axis: the published one if there is one."""
        filter_ = Filter(self.name, self.prefix, options, self.limit, self.requirement)
        return self._published.get(filter_.path, filter_)

    @cached_property
    def _published(self) -> dict[str, Filter]:
        return {filter_.path: filter_ for filter_ in self.filters}

    @property
    def transform_options(self) -> TransformOptions:
        """What this table says about the transform."""
        return TransformOptions(self.sizes, self.image_hosts)

    def request_params(self, filter_: Filter) -> dict[str, Any]:
        """Return the request parameters of the stream that a filter reads from."""
        params = dict(self.params)
        for option in filter_.options:
            for name, value in option.params.items():
                params[name] = _add_up(params[name], value) if name in params and name in self.narrowing_params else value
        return params | ({self.page_param: self.page_size} if self.page_param else {})


def _add_up(left: Any, right: Any) -> list[Any]:
    """Return the values of a parameter that two axes set, each once; a value is a list or alone."""
    values = [value if isinstance(value, list) else [value] for value in (left, right)]
    return list(dict.fromkeys(values[0] + values[1]))


@dataclass(frozen=True)
class Config:
    """The validated content of filters.toml.

    Attributes:
        limit: Models in a manifest, at most, unless its entry says otherwise.
        depth: Records fetched from one stream, at most, to fill its manifests.
        sha256: A hash of the values in filters.toml.
    """

    limit: int
    depth: int
    sources: tuple[SourceConfig, ...]
    sha256: str

    def source(self, name: str) -> SourceConfig:
        """Return the source with this name, which filters.toml must have."""
        return next(source for source in self.sources if source.name == name)
