"""The manifests as index.json lists them, with their funnels as parts of a bar. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.config.options import REQUIREMENT
from etl.report.content import ManifestRow, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config.filters import Filter
    from etl.config.source_config import Config

    Part = tuple[str, str, int]  # kind, label, count

_FIRST_STEPS = (
    ("rejected", "rejected", "set_aside"),
    ("excluded", "excluded by id", "skipped"),
    ("duplicate", "duplicates", "duplicates"),
    ("withheld", "withheld", "withheld"),
)


def manifest_rows(config: Config, index: Mapping[str, Any]) -> list[ManifestRow]:
    """Return a row for each filter of filters.toml, in its order; `index` is index.json, which lists all of them."""
    entries = {entry["file"]: entry for entry in (*index["manifests"], *index["missing"])}
    return [_row(filter_, entries[filter_.file]) for source in config.sources for filter_ in source.filters]


def _row(filter_: Filter, entry: Mapping[str, Any]) -> ManifestRow:
    is_missing = "funnel" not in entry
    count = 0 if is_missing else entry["count"]
    state = "missing" if is_missing else "full" if entry["short"] is None else "short" if count else "empty"
    records = 0 if is_missing else entry["funnel"]["records"]
    return ManifestRow(
        source=filter_.source,
        path=filter_.qualified_path,
        file=filter_.file,
        label=filter_.label,
        stream=filter_.stream,
        count=count,
        limit=filter_.limit,
        state=state,
        verdict=f"{entry['reason']}; fetch it: {entry['command']}" if is_missing else entry["verdict"],
        records=records,
        funnel=[] if is_missing else _segments(_parts(entry["funnel"]), records),
    )


def _parts(funnel: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what each step drops, and at last what is published."""
    remaining = funnel["records"]
    for kind, label, key in _FIRST_STEPS:
        remaining -= funnel[key]
        yield kind, label, funnel[key]
    for step in funnel["steps"]:
        title = REQUIREMENT if step["axis"] == REQUIREMENT else f"{step['axis']} {step['option']}"
        yield "dropped", f"{title} drops", remaining - step["left"]
        remaining = step["left"]
    yield "cut", "over the limit", funnel["cut"]
    yield "published", "published", funnel["published"]


def _segments(parts: Iterator[Part], records: int) -> list[Segment]:
    """Return the parts that have records, each after the one before; `published` is the last one."""
    segments, start = [], 0
    for kind, label, count in parts:
        if count:
            segments.append(Segment(kind, label, count, start / records, count / records))
            start += count
    return segments
