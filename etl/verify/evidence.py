"""What all records of a model say together, in all complete streams of its source: the worst of them counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from etl.core.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.verify.raw_records import RawRecord, RawStream

TESTED = ("level", "level_most", "flagged")  # fields of models that options may test and records decide
_R = LEVELS.index("r")  # what a flagged model is at least
_MAX_EXAMPLES = 3  # of spellings in notes


@dataclass(slots=True)
class Evidence:
    """The records that decide on a model in the manifests of all streams.

    Attributes:
        rejected: The first one that must never be published.
        flagged: The first one that is flagged.
        level: The one of the highest level, of those that show all versions.
        level_most: The one of the highest upper end.
        latest: The one fetched last, whose spelling counts.
        spellings: All spellings of the id.
    """

    level_most: RawRecord
    latest: RawRecord
    rejected: RawRecord | None = None
    flagged: RawRecord | None = None
    level: RawRecord | None = None
    spellings: set[str] = field(default_factory=set)


class Finding(NamedTuple):
    """A value of a model, and the record that decides it."""

    value: str | bool
    record: RawRecord


class SafetyVerdict(NamedTuple):
    """What holds for a model in the manifests of one stream.

    Attributes:
        rejected: A record that must never be published; None if absent.
        unrequested: The first of its records in the stream if the request excludes all of them, else None.
        latest: Its record fetched last.
        fields: Of each field in TESTED what counts.
    """

    rejected: RawRecord | None
    unrequested: RawRecord | None
    latest: RawRecord
    fields: dict[str, Finding]


def gather(streams: Iterable[RawStream]) -> dict[str, Evidence]:
    """Return the evidence of models of one source, by `model_key`, from the records that its complete streams keep."""
    models: dict[str, Evidence] = {}
    for stream in sorted(streams, key=lambda stream: stream.name):
        for key, records in stream.records.items() if stream.ledger.complete else ():
            for record in records if key else ():
                _add(models, key, record, is_partial=stream.has_partial_records)
    return models


def _add(models: dict[str, Evidence], key: str, record: RawRecord, *, is_partial: bool) -> None:
    """Take the next record of a model: in the order of streams by name, and then of the stream."""
    evidence = models.get(key)
    if evidence is None:
        evidence = models[key] = Evidence(record, record)
    evidence.spellings.add(record.id)
    if record.fetched_at >= evidence.latest.fetched_at:
        evidence.latest = record
    if record.rejections:
        evidence.rejected = evidence.rejected or record
    if record.flagged:
        evidence.flagged = evidence.flagged or record
    if record.level_most > evidence.level_most.level_most:
        evidence.level_most = record
    if not is_partial and (evidence.level is None or record.level > evidence.level.level):
        evidence.level = record


def decide(own: Sequence[RawRecord], elsewhere: Evidence | None, unrequested: RawRecord | None = None) -> SafetyVerdict:
    """Return what holds for a model in the manifests of a stream.

    Args:
        own: Its records in that stream, at least one.
        elsewhere: The evidence of all complete streams; None if the model is in none of them.
        unrequested: Of its records in the stream the one to cite if none was requested.
    """
    others = (elsewhere.rejected, elsewhere.flagged, elsewhere.level_most) if elsewhere else ()
    records = [*own, *(record for record in others if record)]
    flagged = next((record for record in records if record.flagged), None)
    untrimmed = [elsewhere.level] if elsewhere and elsewhere.level else []
    lower = max([*own, *untrimmed], key=lambda record: record.level)
    upper = max(records, key=lambda record: record.level_most)
    level = Finding(LEVELS[_R], flagged) if flagged and lower.level < _R else Finding(LEVELS[lower.level], lower)
    return SafetyVerdict(
        next((record for record in records if record.rejections), None),
        unrequested,
        elsewhere.latest if elsewhere else own[-1],
        {
            "level": level,
            "level_most": Finding(LEVELS[upper.level_most], upper),
            "flagged": Finding(flagged is not None, flagged or own[0]),
        },
    )


def spelling_notes(source: str, models: dict[str, Evidence]) -> list[str]:
    """Return notes on ids that differ in case only, which are one model."""
    several = [evidence for evidence in models.values() if len(evidence.spellings) > 1]
    notes = []
    for evidence in several[:_MAX_EXAMPLES]:
        others = ", ".join(sorted(evidence.spellings - {evidence.latest.id}))
        notes.append(f"{source}: {evidence.latest.id} is also spelled {others}; the record fetched last counts")
    if hidden := len(several[_MAX_EXAMPLES:]):
        notes.append(f"{source}: {len(several)} models are spelled in more than one way, {hidden} not shown")
    return notes
