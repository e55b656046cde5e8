"""Domain types of filters.toml: sources with their axes (facets) and options, the published filters and their streams."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.sources.source import DEFAULT_SIZE_CLASSES, TransformOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.expressions.expression import Expression
    from etl.sources.source import SizeClass

REQUIREMENT = "require"  # instead of an axis, which cannot have this name


@dataclass(frozen=True, eq=False)
class Option:
    """One value of an axis.

    Attributes:
        field: The model field that `includes` and `excludes` test.
        params: Request parameters of a server-side option; empty for a purely client-side one.
        includes: Values of the field, one of which a model must have; empty for any.
        excludes: Values of the field, none of which a model may have.
        where: An expression that must be true for the model; None if absent.
        is_default: Whether the option is the first of its axis, which paths leave out.
        is_multivalued: Whether the model field is a list, which matches by any of its values.
    """

    axis: str
    name: str
    label: str
    field: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    includes: frozenset[str | int] = frozenset()
    excludes: frozenset[str | int] = frozenset()
    where: Expression | None = None
    is_default: bool = False
    is_multivalued: bool = False

    @property
    def title(self) -> str:
        """The option for a message: `size small`; for the requirement of a source, `require`."""
        return self.name if self.axis == REQUIREMENT else f"{self.axis} {self.name}"

    @property
    def tests_values(self) -> bool:
        """Whether the option tests the values of its field."""
        return bool(self.includes or self.excludes)

    @property
    def is_client_side(self) -> bool:
        """Whether the option tests models."""
        return self.tests_values or self.where is not None

    def reads(self, field: str) -> bool:
        """Return whether the option may read a field of the model."""
        by_expression = self.where is not None and (not self.where.is_narrow or field in self.where.fields)
        return by_expression or (self.tests_values and field == self.field)

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return whether a model matches, by its fields and the results of expressions by their keys."""
        return self.matches_values(values) and (self.where is None or values[self.where.key].is_match)

    def matches_values(self, values: Mapping[str, Any]) -> bool:
        """Return whether the model's field has an included value, and no excluded one."""
        if not self.tests_values:
            return True
        value = values[self.field]
        items = value if isinstance(value, list) else (value,)
        return (not self.includes or not self.includes.isdisjoint(items)) and self.excludes.isdisjoint(items)

    def is_disjoint(self, other: Option) -> bool:
        """Return whether no model can match both options of an axis, by the values of its field."""
        pairs = ((self, other), (other, self))
        if any(left.includes and left.includes <= left.excludes | right.excludes for left, right in pairs):
            return True
        is_single = not self.is_multivalued and self.includes and other.includes
        return bool(is_single) and self.includes.isdisjoint(other.includes - self.excludes - other.excludes)


@dataclass(frozen=True)
class Axis:
    """One thing a manifest can be filtered by; its first option is the default."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class Filter:
    """One option per axis, in the order of the axes: what one manifest contains.

    Attributes:
        limit: Models in the manifest, at most.
        requirement: What every manifest of the source requires; None if absent.
        custom_label: The label in filters.toml; None for that of the options.
    """

    source: str
    prefix: str
    options: tuple[Option, ...]
    limit: int
    requirement: Option | None = None
    custom_label: str | None = None

    @property
    def path(self) -> str:
        """The names of the non-default options, in the order of the axes: `likes/small`; `default` without any."""
        return "/".join(option.name for option in self.options if not option.is_default) or "default"

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
        """What a person reads: its own label, or those of the non-default options, or those of all options of the default."""
        labels = [option.label for option in self.options if not option.is_default] or [option.label for option in self.options]
        return self.custom_label or " · ".join(labels)

    @cached_property
    def stream(self) -> str:
        """The name of the stream it reads from: the non-default server-side options."""
        return "-".join(option.name for option in self.options if option.params and not option.is_default) or "default"

    @cached_property
    def conditions(self) -> tuple[Option, ...]:
        """What models must match: the requirement of the source, then the client-side options."""
        requirement = (self.requirement,) if self.requirement else ()
        return (*requirement, *(option for option in self.options if option.is_client_side))

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return whether a model belongs in the manifest: every condition matches; `values` as for `Option.matches`."""
        return all(condition.matches(values) for condition in self.conditions)

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

    def was_requested(self, model: Mapping[str, Any]) -> bool:
        """Return whether the API honoured the request for this model, as far as the model's fields show."""
        return all(option.matches_values(model) for option in self.filters[0].options if option.params)


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
    """

    limit: int
    depth: int
    sources: tuple[SourceConfig, ...]

    def source(self, name: str) -> SourceConfig:
        """Return the source with this name, which filters.toml must have."""
        return next(source for source in self.sources if source.name == name)
