"""What tells two pages apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.config.lookup import resolve_filter
from etl.selection.equality import explain_equality

if TYPE_CHECKING:
    from etl.config.model import Filter
    from etl.explain.context import ExplainContext
    from etl.selection.stored import StoredStream


@dataclass(frozen=True)
class Comparison:
    """What two pages share.

    Attributes:
        shared: How many models are on both.
        only: How many are on the first only, and on the second only.
        apart: The options and streams in which they differ, and where their lists part.
        alike: Why the lists are the same though the filters are not; null where they differ, or where nothing explains it.
    """

    filters: tuple[str, str]
    shared: int
    only: tuple[int, int]
    apart: list[str]
    alike: str | None


def compare_manifests(desk: ExplainContext, targets: tuple[str, str]) -> Comparison:
    """Return what tells two pages apart, or why nothing does; `targets` are filters, or names of manifests.

    Raises:
        BadUsage: there is no such filter.
        Missing: the models of one were not made yet.
    """
    one, other = pair = resolve_filter(desk.config, targets[0]), resolve_filter(desk.config, targets[1])
    streams = [desk.streams(desk.config.source(each.source)).get(each.stream) for each in pair]
    ids = [_ids(stream, each, desk.config.limit) if stream else [] for stream, each in zip(streams, pair, strict=True)]
    is_one_source = one.source == other.source
    shared = len(set(ids[0]) & set(ids[1])) if is_one_source else 0
    apart = _options(one, other) if is_one_source else ["they are of two sources"]
    missing = [each for stream, each in zip(streams, pair, strict=True) if stream is None]
    for each in missing:
        why = desk.streams(desk.config.source(each.source)).missing_reason(each.stream)
        apart.append(f"{each.qualified_path}: {why}; ask with: make extract SOURCE={each.source}")
    alike = None
    if is_one_source and not missing:
        if ids[0] == ids[1]:
            alike = explain_equality(pair, streams, desk.config.limit)
        else:
            apart.append(_parting(pair, ids))
    return Comparison(
        (one.qualified_path, other.qualified_path), shared, (len(ids[0]) - shared, len(ids[1]) - shared), apart, alike
    )


def _ids(stream: StoredStream, each: Filter, limit: int) -> list[str]:
    return [stream.selection.models[place].id for place in stream.selection.positions(each.matches)[:limit]]


def _options(one: Filter, other: Filter) -> list[str]:
    """Return the options in which two filters of a source differ, and their streams if they do."""
    pairs = zip(one.options, other.options, strict=True)
    told = [f"{first.axis}: {first.name} or {second.name}" for first, second in pairs if first is not second]
    if one.stream != other.stream:
        told.append(f"they draw on two streams, {one.stream} and {other.stream}, each in the order of its request")
    return told


def _parting(pair: tuple[Filter, Filter], ids: list[list[str]]) -> str:
    """Return where two lists that are not the same part."""
    place = next((place for place, (one, other) in enumerate(zip(*ids, strict=False)) if one != other), None)
    if place is None:
        shorter, longer = sorted(zip(map(len, ids), pair, strict=True), key=lambda each: each[0])
        return f"{longer[1].qualified_path} goes on after the {shorter[0]} models of {shorter[1].qualified_path}"
    return f"their lists part at number {place + 1}: {ids[0][place]} or {ids[1][place]}"
