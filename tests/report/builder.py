"""A report with hand-written values."""

from __future__ import annotations

from typing import Any

from etl.report.content import (
    Bar,
    Changes,
    ChangeSection,
    Chart,
    CheckRow,
    ManifestRow,
    Report,
    Segment,
    SourceOverview,
    StreamRow,
)
from tests.report.payload import HOSTILE, payload

TIME = "2026-11-20T12:00:00.000Z"
VERIFIED = "2026-11-20T11:30:00.000Z"
_SHORT = "short: 600 records, 389 left after size small; the API has no more"
_MISSING = "stream recent is not on disk; fetch it with: make extract SOURCE=huggingface"
_PARTS = (
    ("rejected", "rejected", 20),
    ("dropped", "size small drops", 300),
    ("cut", "over the limit", 180),
    ("published", "published", 100),
)


def report(data: dict[str, Any] | None = None) -> Report:
    """Return a report of two sources."""
    data = data or payload()
    return Report(
        generated=TIME, title="data", sources=[_overview(source) for source in data["sources"]],
        manifests=[_row(source, filter_) for source in data["sources"] for filter_ in source["filters"]],
        changes=_changes(), checks=_checks(), verified_at=VERIFIED,
        commands={name: f"make {name} DATA=d" for name in ("extract", "verify", "report")}, data=data,
    )  # fmt: skip


def _overview(source: dict[str, Any]) -> SourceOverview:
    streams = [
        StreamRow(
            name=stream["name"], query=f"/api/models?sort={stream['name']}&limit=500&expand=author&expand=createdAt&full=true",
            checked_at=TIME, age="3.2 days", requests=2, records=len(stream["order"]) + 1, models=len(stream["order"]),
            end="the API has no more", failed="HTTP 503 since 2026-11-19; retry: make extract" if number else None,
            is_read=not number,
        )
        for number, stream in enumerate(source["streams"])
    ]  # fmt: skip
    bars = [Bar("small", 40, 1.0), Bar("large", 30, 0.75), Bar("others", 12, 0.3, "others"), Bar("unknown", 2, 0.05, "unknown")]
    return SourceOverview(
        name=source["name"], models=source["rows"], records=sum(stream.records for stream in streams),
        manifests=len(source["filters"]), streams=streams, missing=["recent"] if source["name"] == "huggingface" else [],
        rejected={"private": 12, "id: is not a valid id": 1}, dropped={"likes: wrong type": 3} if streams else {},
        unknown_sizes=2 if source["name"] == "huggingface" else None, charts=[Chart("Sizes", bars), Chart("Licences", bars[:2])],
    )  # fmt: skip


def _row(source: dict[str, Any], filter_: dict[str, Any]) -> ManifestRow:
    states = {0: "full", 1: "short", 2: "missing", 3: "empty"}
    state = states.get(source["filters"].index(filter_), "full")
    funnel, start = [], 0.0
    for kind, label, count in _PARTS if state != "missing" else ():
        funnel.append(Segment(kind, label, count, start / 600, count / 600))
        start += count
    verdict = {"full": "full, 100 models", "missing": _MISSING}.get(state, _SHORT)
    return ManifestRow(
        source=source["name"], path=f"{source['prefix']}/{filter_['path']}", file=filter_["file"], label=filter_["label"],
        stream=filter_["stream"], count=0 if state in {"missing", "empty"} else 3, limit=filter_["limit"], state=state,
        verdict=verdict, records=600, funnel=funnel,
    )  # fmt: skip


def _changes() -> Changes:
    sections = [
        ChangeSection("Levels raised", [f"civitai:102 {HOSTILE}: level pg -> xxx"], is_safety=True),
        ChangeSection("Manifests", ["hf/likes: 3 models entered, 2 left", "hf/small: 1 model entered"], is_safety=False),
    ]
    return Changes("2 manifests changed, 4 models entered, 2 left", ["fields were not compared: run make manifests"], sections)


def _checks() -> list[CheckRow]:
    hashes = ["data/raw/x: hash differs; fetch it again: make extract SOURCE=huggingface", HOSTILE]
    return [
        CheckRow("schemas", "ok", 27, [], [], ["all files conform"], ""),
        CheckRow("hashes", "failed", 13, hashes, [], [], "make extract SOURCE=huggingface"),
        CheckRow("freshness", "warning", 13, [], ["checked 9 days ago; fetch it again: make extract"], [], "make extract"),
    ]
