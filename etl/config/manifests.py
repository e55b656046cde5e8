"""The manifests of a source in filters.toml: which filters are published, with which limit and label."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from etl.config.lookup import parse_filter_path
from etl.core.errors import UsageError
from etl.core.urls import encode_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.filters import Filter
    from etl.config.source_config import SourceConfig

_MAX_COMBINATIONS = 100_000


def parse_manifests(source: SourceConfig, entries: Sequence[str | dict[str, Any]] | str) -> tuple[Filter, ...]:
    """Return the published filters of a source; `"all"` gives every combination of options but the default one.

    Raises:
        UsageError: an entry names no filter, or one that another entry names; or two filters would share a file or a stream.
    """
    where = f"{source.name}.manifests"
    filters = all_filters(source) if isinstance(entries, str) else tuple(_entry(where, source, entry) for entry in entries)
    by_path: dict[str, Filter] = {}
    by_file: dict[str, Filter] = {}
    by_stream: dict[str, Filter] = {}
    for filter_ in filters:
        if by_path.setdefault(filter_.path, filter_) is not filter_:
            raise UsageError(f"{where}: {filter_.path} is listed twice; remove one of them")
        if (other := by_file.setdefault(filter_.file, filter_)) is not filter_:
            raise UsageError(f"{where}: {other.path} and {filter_.path} would share {filter_.file}; rename an option")
        other = by_stream.setdefault(filter_.stream, filter_)
        if encode_query(source.request_params(other)) != encode_query(source.request_params(filter_)):
            raise UsageError(f"{where}: {other.path} and {filter_.path} would share stream {filter_.stream}; rename an option")
    return filters


def all_filters(source: SourceConfig) -> tuple[Filter, ...]:
    """Return the filters of all combinations of options except the default one.

    Raises:
        UsageError: there are too many.
    """
    count = math.prod(len(axis.options) for axis in source.axes) - 1
    if count > _MAX_COMBINATIONS:
        advice = "list those to publish"
        raise UsageError(
            f'{source.name}.manifests: "all" gives {count} manifests (expected at most {_MAX_COMBINATIONS}); {advice}'
        )
    combinations = itertools.product(*(axis.options for axis in source.axes))
    return tuple(source.filter(options) for options in itertools.islice(combinations, 1, None))


def _entry(where: str, source: SourceConfig, entry: str | dict[str, Any]) -> Filter:
    """Return the filter of an entry: a path, or a table with `filter`, `limit` and `label`."""
    table: dict[str, Any] = {"filter": entry} if isinstance(entry, str) else entry
    path = table["filter"]
    filter_ = source.filter(parse_filter_path(f"{where}: {path}", source.axes, path))
    return replace(filter_, limit=table.get("limit", source.limit), custom_label=table.get("label"))
