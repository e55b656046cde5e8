"""Why a page is what it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.config.lookup import resolve_filter
from etl.core.urls import encode_query
from etl.explain.context import EXAMPLES
from etl.selection.funnel import FillStatus, Funnel, fill_status, funnel
from etl.selection.unmatched import find_unmatched

if TYPE_CHECKING:
    from etl.config.model import Filter, SourceConfig
    from etl.explain.context import ExplainContext
    from etl.selection.selection import ModelRef


@dataclass(frozen=True)
class DropStep:
    """What went at one point of the funnel.

    Attributes:
        what: `set aside`, `came again`, `skipped`, `withheld`, `cut`, or the axis and option that decided.
        gone: How many went here.
        left: How many remained.
        kept: Of an option, the values of those that remained, most first.
        dropped: Of an option, the values of those that went; of records set aside, the reasons; of models withheld, who says so.
        examples: The ids of the first that went.
        commands: jq commands that show these as they came and as they were made.
    """

    what: str
    gone: int
    left: int
    kept: dict[str, int]
    dropped: dict[str, int]
    examples: list[str]
    commands: list[str]


@dataclass(frozen=True)
class ManifestExplanation:
    """The way to one page. Where no stream is on disk, `request`, `checked_at` and `funnel` are null, and `drops` is empty.

    Attributes:
        query: What its stream asks of the API.
        request: Path and query of the first page that was asked.
        is_asked_otherwise: Whether filters.toml has another request for the stream by now.
        missing: Why the stream is as good as missing, such as a request that filters.toml has no more; null where it is not.
        funnel: The numbers that index.json has of it.
        warnings: Values of its options that no model on disk has.
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
    missing: str | None
    pages: int
    checked_at: str | None
    failed: str | None
    funnel: dict[str, Any] | None
    drops: list[DropStep]
    verdict: FillStatus
    warnings: list[str]


def explain_manifest(desk: ExplainContext, target: str) -> ManifestExplanation:
    """Return why a page is what it is; `target` is a filter, `hf/likes/small`, or the name of a manifest.

    Raises:
        BadUsage: there is no such filter.
        Missing: its models were not made yet.
    """
    each = resolve_filter(desk.config, target)
    source = desk.config.source(each.source)
    streams = desk.streams(source)
    stream = streams.get(each.stream)
    warnings = find_unmatched(source, [each], streams.selections()).warnings
    would_ask = encode_query(source.request_params(each))
    told = funnel(stream, each, desk.config.limit) if stream else None
    ledger = streams.ledgers.get(each.stream)
    return ManifestExplanation(
        filter=each.qualified_path, file=each.file, label=each.label, is_in_manifests=each in source.filters,
        source=source.name, stream=each.stream, query=would_ask,
        request=ledger.pages[0].url if ledger else None,
        is_asked_otherwise=ledger is not None and stream is None, missing=streams.missing_reason(each.stream),
        pages=len(ledger.pages) if ledger else 0,
        checked_at=ledger.checked_at if ledger else None, failed=ledger.failed if ledger else None,
        funnel=told.counts() if told else None, drops=_drops(desk, source, each, told) if told else [],
        verdict=fill_status(each, desk.config, streams), warnings=warnings,
    )  # fmt: skip


def _drops(desk: ExplainContext, source: SourceConfig, each: Filter, told: Funnel) -> list[DropStep]:
    """Return what went at each point, in order."""
    aside = desk.set_aside(source, each.stream)
    reasons = dict(Counter(record["reason"] for _, record in aside).most_common())
    ids = [str(record["id"]) for _, record in aside[:EXAMPLES]]
    left = told.records - told.set_aside
    commands = desk.show_set_aside(source, each.stream, aside[:EXAMPLES]) if aside else []
    drops = [DropStep("set aside", told.set_aside, left, {}, reasons, ids, commands)]

    def drop(what: str, gone: list[ModelRef], left: int, kept: dict[str, int], dropped: dict[str, int]) -> None:
        some = gone[:EXAMPLES]
        commands = desk.show(source, each.stream, some)
        drops.append(DropStep(what, len(gone), left, kept, dropped, [model.id for model in some], commands))

    for what, gone in (("skipped", told.skipped), ("came again", told.duplicates)):
        left -= len(gone)
        drop(what, gone, left, {}, {})
    if told.withheld:
        left -= len(told.withheld)
        drop("withheld", told.withheld, left, {}, told.withheld_by)
    for step in told.steps:
        drop(f"{step.axis} {step.option}", step.dropped, step.remaining, step.kept_values, step.dropped_values)
    drop("cut", told.cut, len(told.published), {}, {})
    return drops
