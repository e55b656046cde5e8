"""The filters of filters.toml, one for each manifest, and the streams that they read from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.options import Option


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

    @cached_property
    def order_field(self) -> str | None:
        """The field that orders its models, greatest first, null last, then in stream order; None for stream order alone."""
        return next((option.order_field for option in self.options if option.order_field), None)

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return whether a model belongs in the manifest: every condition matches; `values` as for `Option.matches`."""
        return all(condition.matches(values) for condition in self.conditions)

    def is_disjoint(self, other: Filter) -> bool:
        """Return whether no model can belong in the manifests of both filters."""
        return any(left.is_disjoint(right) for left, right in zip(self.options, other.options, strict=True))


@dataclass(frozen=True, eq=False)
class Stream:
    """One request with its following pages: its parameters, and the filters that read from it."""

    name: str
    params: Mapping[str, Any]
    filters: tuple[Filter, ...]

    @cached_property
    def is_judged_by_models(self) -> bool:
        """Whether models may decide that its manifests are full, which none with an order is, or that it was not requested."""
        is_tested = any(option.params and option.tests_values for option in self.filters[0].options)
        return is_tested or not any(filter_.order_field for filter_ in self.filters)

    def was_requested(self, model: Mapping[str, Any]) -> bool:
        """Return whether the API honoured the request for this model, as far as the model's fields show."""
        return all(option.matches_values(model) for option in self.filters[0].options if option.params)
