"""What the report shows, as plain values: the templates lay them out. Counts are of records or of distinct models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: how many models have a value.

    Attributes:
        label: The value; `others` for all that are too many to show.
        share: Its length, from 0 to 1 for the longest bar of the chart.
        kind: A class of the stylesheet: `value`, `others` or `unknown`.
    """

    label: str
    count: int
    share: float
    kind: str = "value"


@dataclass(frozen=True)
class Chart:
    """How the models of a source spread over the values of a field."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class StreamRow:
    """A complete stream on disk.

    Attributes:
        query: The path and query of its first request.
        age: How long ago it was checked, when the report was written: `3.2 days`.
        requests: How many pages it has.
        models: How many distinct models it has.
        end: Why fetching ended: `the API has no more`, `the depth of 5000 is reached`, or `the API has more`.
        failed: Why fetching it again failed, and since when; None if it did not.
        is_read: Whether a filter reads it, so that extract renews it.
    """

    name: str
    query: str
    checked_at: str
    age: str
    requests: int
    records: int
    models: int
    end: str
    failed: str | None
    is_read: bool


@dataclass(frozen=True)
class SourceOverview:
    """What a source has on disk.

    Attributes:
        models: How many distinct models its streams have.
        records: How many records its streams have; a model may be in several.
        missing: Names of the streams that filters read and that are not on disk, or of another request there.
        rejected: How many records did not become a model, by reason, most first.
        dropped: How many values were dropped from records, by field, most first.
        unknown_sizes: How many models are of unknown size; None if the source has no sizes.
    """

    name: str
    models: int
    records: int
    manifests: int
    streams: Sequence[StreamRow]
    missing: Sequence[str]
    rejected: Mapping[str, int]
    dropped: Mapping[str, int]
    unknown_sizes: int | None
    charts: Sequence[Chart]


@dataclass(frozen=True)
class Segment:
    """A part of a funnel: how many records a step drops, or how many are published.

    Attributes:
        kind: A class of the stylesheet: `rejected`, `excluded`, `duplicate`, `withheld`, `dropped`, `cut` or `published`.
        label: The step for a person: `size small drops`, `over the limit`, `published`.
        start: Where it begins, from 0 to 1.
        share: Its part of all records, from 0 to 1.
    """

    kind: str
    label: str
    count: int
    start: float
    share: float


@dataclass(frozen=True)
class ManifestRow:
    """A filter of filters.toml with its manifest.

    Attributes:
        path: The filter with the prefix of its source: `hf/likes/small`.
        state: `full`, `short`, `empty` or `missing` (not published, as no stream is on disk).
        verdict: Why it has as many models as it has.
        funnel: Parts that add up to all records of its stream; empty if it is missing.
    """

    source: str
    path: str
    file: str
    label: str
    stream: str
    count: int
    limit: int
    state: str
    verdict: str
    records: int
    funnel: Sequence[Segment]


@dataclass(frozen=True)
class ChangeSection:
    """Changes of one kind since the base, a line each; `is_safety` ones are shown first and open."""

    title: str
    lines: Sequence[str]
    is_safety: bool


@dataclass(frozen=True)
class Changes:
    """What changed since the base.

    Attributes:
        headline: All changes in a line.
        notes: What could not be compared, and why.
    """

    headline: str
    notes: Sequence[str]
    sections: Sequence[ChangeSection]


@dataclass(frozen=True)
class CheckRow:
    """A check of verify.

    Attributes:
        state: `ok`, `warning` or `failed`.
        looked_at: How many items it checked.
        fix: The command that fixes most failures of this check.
    """

    name: str
    state: str
    looked_at: int
    problems: Sequence[str]
    warnings: Sequence[str]
    notes: Sequence[str]
    fix: str


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        generated: When the report was written.
        title: Which data it is about, such as the path of the data folder.
        verified_at: When the checks ran.
        commands: The commands that the page itself names, complete for this run, by their targets: `extract`, `verify` …
        data: What the scripts of the page read; see `etl.report.models`.
    """

    generated: str
    title: str
    sources: Sequence[SourceOverview]
    manifests: Sequence[ManifestRow]
    changes: Changes | None
    checks: Sequence[CheckRow]
    verified_at: str
    commands: Mapping[str, str]
    data: Mapping[str, Any]
