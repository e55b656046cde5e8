"""Why a manifest contains what it does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from etl.config.lookup import resolve_filter
from etl.core.urls import encode_query
from etl.explain.context import MAX_EXAMPLES
from etl.explain.mismatch import deciding_fields, deciding_values
from etl.selection.doubts import find_warnings
from etl.selection.funnel import FillStatus, Funnel, count_values, fill_status, funnel, withheld_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import SourceConfig
    from etl.explain.context import ExplainContext
    from etl.selection.selection import Selection
    from etl.selection.stream_models import ModelRef


@dataclass(frozen=True)
class DropStep:
    """What one step of the funnel drops. Field names and the values of `what` are those of `explain --json`.

    Attributes:
        what: The step: a key of `STEP_NAMES`, an axis with its option, or `require`.
        gone: How many records it dropped.
        left: How many remained.
        kept: For an option, the counts by value, or by the result of its expression, of what remained, highest first.
        dropped: Counts of what was dropped: by value for an option, by reason for rejected and withheld.
        examples: The ids of the first that were dropped.
        commands: jq commands that show the examples, raw and transformed.
        values: For an option, the values of each example that decide: of an expression, the fields that it names; of a list, its
            excluded items, or all of them if they are few; empty for a longer list.
    """

    what: str
    gone: int
    left: int
    kept: dict[str, int]
    dropped: dict[str, int]
    examples: list[str]
    commands: list[str]
    values: list[dict[str, Any]]


STEP_NAMES = {
    "set aside": "rejected",
    "skipped": "excluded by id",
    "came again": "duplicate",
    "withheld": "withheld",
    "cut": "over the limit",
}


@dataclass(frozen=True)
class ManifestExplanation:
    """How a manifest came about. Field names are keys of `explain --json`.

    Without a stream on disk `request`, `checked_at` and `funnel` are None and `drops` is empty.

    Attributes:
        query: The query that filters.toml gives for the stream.
        request: Path and query of the first page on disk.
        is_asked_otherwise: Whether the stream on disk is of another request than `query`.
        order: The field that orders the models, greatest first; None for stream order alone.
        without_value: How many of the published models lack it, and are last.
        missing: Why the stream counts as missing, such as another request; None if it does not.
        funnel: The counts, as in index.json.
        warnings: Values of the filter's options that no model on disk has, and doubts about its expressions and its order.
    """

    filter: str
    file: str
    label: str
    is_in_manifests: bool
    source: str
    stream: str
    query: str
    request: str | None
    is_asked_otherwise: bool
    order: str | None
    without_value: int
    missing: str | None
    pages: int
    checked_at: str | None
    failed: str | None
    funnel: dict[str, Any] | None
    drops: list[DropStep]
    verdict: FillStatus
    warnings: list[str]


def explain_manifest(context: ExplainContext, target: str) -> ManifestExplanation:
    """Return how a manifest came about; `target` is a filter such as `hf/likes/small`, or the file name of a manifest.

    Raises:
        UsageError: the target names no filter.
        MissingInputError: the models of its stream have not been built.
    """
    filter_ = resolve_filter(context.config, target)
    source = context.config.source(filter_.source)
    streams = context.streams(source)
    stream = streams.get(filter_)
    counted = funnel(stream, filter_) if stream else None
    ledger = streams.ledgers.get(filter_.stream)
    return ManifestExplanation(
        filter=filter_.qualified_path, file=filter_.file, label=filter_.label, is_in_manifests=filter_ in source.filters,
        source=source.name, stream=filter_.stream, query=encode_query(source.request_params(filter_)),
        request=ledger.pages[0].url if ledger else None,
        is_asked_otherwise=ledger is not None and stream is None,
        order=filter_.order_field, without_value=len(stream.selection.published_nulls(filter_)) if stream else 0,
        missing=streams.missing_reason(filter_),
        pages=len(ledger.pages) if ledger else 0,
        checked_at=ledger.checked_at if ledger else None, failed=ledger.failed if ledger else None,
        funnel=counted.counts() if counted else None,
        drops=_drop_steps(context, source, filter_, stream.selection, counted) if stream and counted else [],
        verdict=fill_status(filter_, context.config, streams),
        warnings=find_warnings(source, [filter_], streams),
    )  # fmt: skip


def _drop_steps(
    context: ExplainContext, source: SourceConfig, filter_: Filter, selection: Selection, counted: Funnel
) -> list[DropStep]:
    """Return what each step drops, in order."""
    remaining = counted.records - counted.set_aside
    steps = [_rejected_step(context, source, filter_.stream, counted.set_aside, remaining)]

    def add(name: str, positions: Sequence[int], remaining: int, dropped: dict[str, int]) -> DropStep:
        examples = selection.refs(positions[:MAX_EXAMPLES])
        commands = context.jq_for_models(source, filter_.stream, examples)
        ids = [model.id for model in examples]
        steps.append(DropStep(name, len(positions), remaining, {}, dropped, ids, commands, []))
        return steps[-1]

    for name, positions in (("skipped", selection.skipped), ("came again", selection.duplicates)):
        remaining -= len(positions)
        add(name, positions, remaining, {})
    if counted.withheld:
        remaining -= len(counted.withheld)
        add("withheld", [*counted.withheld], remaining, withheld_by(counted.withheld.values()))
    for step, (kept, dropped) in zip(counted.steps, count_values(selection, counted.steps), strict=True):
        others = selection.groups.positions(step.dropped)
        added = add(step.condition.title, others, step.remaining, dropped)
        examples = selection.refs(others[:MAX_EXAMPLES])
        values = [_deciding_values(context, source, filter_.stream, model, step.condition) for model in examples]
        steps[-1] = replace(added, kept=kept, values=values if any(values) else [])
    add("cut", selection.ranking(filter_)[filter_.limit :], len(counted.published), {})
    return steps


def _deciding_values(
    context: ExplainContext, source: SourceConfig, stream: str, model: ModelRef, condition: Option
) -> dict[str, Any]:  # fmt: skip
    return deciding_values(condition, context.fields(source, stream, model, deciding_fields(condition)))


def _rejected_step(context: ExplainContext, source: SourceConfig, stream: str, count: int, remaining: int) -> DropStep:
    """Return the first step: the records that the transform rejected."""
    records = context.rejected(source, stream)
    examples = records[:MAX_EXAMPLES]
    reasons = dict(Counter(record["reason"] for _, record in records).most_common())
    ids = [str(record["id"]) for _, record in examples]
    commands = context.jq_for_rejected(source, stream, examples) if examples else []
    return DropStep("set aside", count, remaining, {}, reasons, ids, commands, [])
