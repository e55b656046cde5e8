"""What each source has on disk: its streams, charts of its models, and what was lost. No I/O."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from etl.core.levels import LEVELS
from etl.report.content import Bar, Chart, SourceOverview, StreamRow
from etl.storage.ledger import age_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.source_config import SourceConfig
    from etl.report.models import SourceModels
    from etl.selection.stored import StoredStream, StoredStreams

_CHARTS = {"size": "Sizes", "level": "Content levels", "license": "Licences"}
_MAX_BARS = 12
_UNKNOWN = "unknown"  # the size of a model without evidence
_NOT_STATED = "not stated"


def source_overview(source_models: SourceModels, summary: Mapping[str, Any], depth: int, now: str) -> SourceOverview:
    """Return what a source has on disk; `summary` is the transform's, `now` the time of the report."""
    source, streams = source_models.source, source_models.streams
    stored = streams.all_streams()
    models = [row.fields for row in source_models.rows if row.fields]
    lost = [loss for loss in summary["losses"] if loss["stream"] is None]
    rejected, dropped = (
        dict(sorted(((loss["reason"], loss["ids"]) for loss in lost if loss["what"] == what), key=lambda item: (-item[1], item)))
        for what in ("rejected", "dropped")
    )
    return SourceOverview(
        name=source.name,
        models=len(models),
        records=sum(stream.records for stream in stored.values()),
        manifests=len(source.filters),
        streams=[_stream_row(name, stream, streams, depth, now) for name, stream in stored.items()],
        missing=[stream.name for stream in source.streams if streams.missing_reason(stream.filters[0])],
        rejected=rejected,
        dropped=dropped,
        unknown_sizes=_count(models, "size")[_UNKNOWN] if any("size" in model for model in models) else None,
        charts=[
            _chart(title, _count(models, field), _order(source, field))
            for field, title in _CHARTS.items()
            if any(model.get(field) is not None for model in models)
        ],
    )


def _stream_row(name: str, stream: StoredStream, streams: StoredStreams, depth: int, now: str) -> StreamRow:
    ledger = stream.ledger
    end = "the API has no more" if ledger.exhausted else "the API has more"
    if not ledger.exhausted and ledger.records >= depth:
        end = f"the depth of {depth} is reached"
    return StreamRow(
        name=name,
        query=ledger.pages[0].url,
        checked_at=ledger.checked_at,
        age=f"{age_s(ledger.checked_at, now) / 86400:.1f} days",
        requests=len(ledger.pages),
        records=stream.records,
        models=stream.selection.count,
        end=end,
        failed=f"{ledger.failed} (since {ledger.failed_at})" if ledger.failed_at else None,
        is_read=streams.is_read(name),
    )


def _count(models: Sequence[Mapping[str, Any]], field: str) -> Counter[Any]:
    return Counter(model.get(field) for model in models)


def _order(source: SourceConfig, field: str) -> Sequence[str]:
    """Return the values of a field that has an order of its own."""
    return {"size": [*(size.name for size in source.sizes), _UNKNOWN], "level": LEVELS}.get(field, ())


def _chart(title: str, counts: Counter[Any], order: Sequence[str]) -> Chart:
    """Return a chart with the values in their own order or, without one, the most frequent first."""
    if order:
        bars = [(value, counts[value], "unknown" if value == _UNKNOWN else "value") for value in order]
    else:
        by_frequency = sorted((item for item in counts.items() if item[0] is not None), key=lambda item: (-item[1], item[0]))
        bars = [(str(value), count, "value") for value, count in by_frequency[:_MAX_BARS]]
        if rest := by_frequency[_MAX_BARS:]:
            bars.append((f"{len(rest)} others", sum(count for _, count in rest), "others"))
    if counts[None]:
        bars.append((_NOT_STATED, counts[None], "unknown"))
    longest = max(count for _, count, _ in bars)
    return Chart(title, [Bar(label, count, count / longest if longest else 0.0, kind) for label, count, kind in bars])
