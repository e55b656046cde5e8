"""How two manifests differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.config.lookup import resolve_filter
from etl.selection.equality import explain_equality

if TYPE_CHECKING:
    from etl.config.filters import Filter
    from etl.explain.context import ExplainContext
    from etl.selection.stored import StoredStream


@dataclass(frozen=True)
class Comparison:
    """What two manifests share and how they differ. Field names are keys of `explain --json`.

    Attributes:
        shared: How many models are in both.
        only: How many are in the first only, and in the second only.
        apart: The differences: options, streams, and the rank from which the lists differ.
        alike: Why the lists are equal although the filters are not; None if they differ, or if nothing explains it.
    """

    filters: tuple[str, str]
    shared: int
    only: tuple[int, int]
    apart: list[str]
    alike: str | None


def compare_manifests(context: ExplainContext, targets: tuple[str, str]) -> Comparison:
    """Return how two manifests differ, or why they do not; `targets` are filters, or file names of manifests.

    Raises:
        UsageError: a target names no filter.
        MissingInputError: the models of a stream have not been built.
    """
    config = context.config
    left, right = pair = resolve_filter(config, targets[0]), resolve_filter(config, targets[1])
    streams = [context.streams(config.source(filter_.source)).get(filter_) for filter_ in pair]
    ids = [_ids(stream, filter_) if stream else [] for stream, filter_ in zip(streams, pair, strict=True)]
    is_one_source = left.source == right.source
    shared = len(set(ids[0]) & set(ids[1])) if is_one_source else 0
    differences = _option_differences(left, right) if is_one_source else [f"source: {left.source} or {right.source}"]
    missing = [filter_ for stream, filter_ in zip(streams, pair, strict=True) if stream is None]
    for filter_ in missing:
        reason = context.streams(config.source(filter_.source)).missing_reason(filter_)
        differences.append(f"{filter_.qualified_path}: {reason}; fetch with: make extract SOURCE={filter_.source}")
    equality_reason = None
    if is_one_source and not missing:
        if ids[0] == ids[1]:
            equality_reason = explain_equality(pair, streams)
        else:
            differences.append(_first_difference(pair, ids))
    exclusive = (len(ids[0]) - shared, len(ids[1]) - shared)
    return Comparison((left.qualified_path, right.qualified_path), shared, exclusive, differences, equality_reason)


def _ids(stream: StoredStream, filter_: Filter) -> list[str]:
    selection = stream.selection
    return [ref.id for ref in selection.refs(selection.published(filter_))]


def _option_differences(left: Filter, right: Filter) -> list[str]:
    """Return the options in which two filters of a source differ, and their streams if these differ."""
    pairs = zip(left.options, right.options, strict=True)
    differences = [f"{first.axis}: {first.name} or {second.name}" for first, second in pairs if first is not second]
    if left.stream != right.stream:
        is_requested = left.order_field is None and right.order_field is None
        order = ", each in the order of its own request" if is_requested else ""
        differences.append(f"stream: {left.stream} or {right.stream}{order}")
    return differences


def _first_difference(pair: tuple[Filter, Filter], ids: list[list[str]]) -> str:
    """Return where two lists that are not equal begin to differ."""
    index = next((index for index, (left, right) in enumerate(zip(*ids, strict=False)) if left != right), None)
    if index is None:
        (length, shorter), (_, longer) = sorted(zip(map(len, ids), pair, strict=True), key=lambda item: item[0])
        return f"{shorter.qualified_path} ends after rank {length}, where {longer.qualified_path} continues"
    return f"the lists differ from rank {index + 1}: {ids[0][index]} or {ids[1][index]}"
