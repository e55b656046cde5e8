"""How the records of a stream become the models of a manifest, counted step by step; for index.json, verify and explain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import Config, SourceConfig
    from etl.selection.safety import Ruling
    from etl.selection.selection import Selection
    from etl.selection.stored import StoredStream, StoredStreams
    from etl.storage.ledger import Ledger


_UNREAD = "the API has more, and make extract reads on"


@dataclass(frozen=True)
class Step:
    """What one condition does to the models that remain after the steps before it.

    Attributes:
        remaining: How many models match.
        kept: The groups of the models that match, by their indexes.
        dropped: The groups of the models that do not.
    """

    condition: Option
    remaining: int
    kept: frozenset[int]
    dropped: frozenset[int]

    def counts(self) -> dict[str, Any]:
        """Return the counts as index.json has them."""
        return {"axis": self.condition.axis, "option": self.condition.name, "left": self.remaining}


@dataclass(frozen=True)
class Funnel:
    """How many of a stream's records each filtering step drops on the way to a manifest.

    records = set_aside + duplicates + skipped + withheld + all dropped by steps + cut + published.

    Attributes:
        exhausted: Whether the API had no more records.
        set_aside: How many records the transform rejected.
        duplicates: How many later records of models there are.
        skipped: How many models are excluded by id.
        withheld: What decides that a model is withheld, by its position: it matches by its own record but not by all its records.
        matching: How many models match.
        published: The positions of those in the manifest, in its order.
    """

    exhausted: bool
    records: int
    set_aside: int
    duplicates: int
    skipped: int
    withheld: Mapping[int, Ruling]
    steps: list[Step]
    matching: int
    published: list[int]

    @property
    def cut(self) -> int:
        """How many matching models are beyond the limit."""
        return self.matching - len(self.published)

    def counts(self) -> dict[str, Any]:
        """Return the counts as index.json has them."""
        return {
            "exhausted": self.exhausted,
            "records": self.records,
            "set_aside": self.set_aside,
            "duplicates": self.duplicates,
            "skipped": self.skipped,
            "withheld": len(self.withheld),
            "steps": [step.counts() for step in self.steps],
            "cut": self.cut,
            "published": len(self.published),
        }


@dataclass(frozen=True)
class FillStatus:
    """Why a manifest has as many models as it has.

    Attributes:
        reason: `full`, `withheld`, `exhausted`, `depth`, `unread`, `stale`, `option` or `missing`.
        words: One line for people.
    """

    reason: str
    words: str


def funnel(stream: StoredStream, filter_: Filter) -> Funnel:
    """Return the funnel of a filter that reads from a stream."""
    ledger, selection, records = stream
    withheld = selection.decisive_rulings(filter_)  # a group is withheld entirely or not at all
    groups = selection.groups.without(withheld)
    steps = []
    for condition in filter_.conditions:
        kept = groups & selection.groups.matching(condition)
        steps.append(Step(condition, selection.groups.count(kept), kept, groups - kept))
        groups = kept
    duplicates, skipped = len(selection.duplicates), len(selection.skipped)
    return Funnel(
        ledger.exhausted, records, records - selection.count - duplicates - skipped, duplicates, skipped, withheld,
        steps, selection.groups.count(groups), selection.published(filter_),
    )  # fmt: skip


def count_values(selection: Selection, steps: Sequence[Step]) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Return of each step how many models it keeps and how many it drops, by the value of the option's field, most first.

    Of a list each item counts. Of an option that has an expression only, by its result: true, false, error, or what it gave
    instead. All models of the stream are read if a field is tested.
    """
    fields = dict.fromkeys(step.condition.field for step in steps if step.condition.tests_values)
    values = selection.values_by_group(fields)
    counts = []
    for step in steps:
        kept, dropped = (_count_values(selection, step.condition, groups, values) for groups in (step.kept, step.dropped))
        counts.append((kept, dropped))
    return counts


def withheld_by(rulings: Iterable[Ruling]) -> dict[str, int]:
    """Return how many of the models are withheld by what other records say (`stream month says poi`), most first."""
    return _most_first(Counter(f"stream {ruling.stream} says {ruling.word}" for ruling in rulings))


def _count_values(
    selection: Selection, condition: Option, groups: Iterable[int], values: Mapping[str, Mapping[int, Counter[str]]]
) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for index in groups:
        if condition.tests_values:
            counts.update(values[condition.field][index])
        elif condition.where:
            group = selection.groups.all[index]
            result = group.values[condition.where.key]
            counts["error" if result.is_error else result.unexpected or str(result.is_match).lower()] += len(group.positions)
    return _most_first(counts)


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def shortfall_reason(filter_: Filter, ledger: Ledger, published: int, config: Config) -> str | None:
    """Return why a manifest has fewer models than its limit, as index.json has it; None if it is full."""
    if published == filter_.limit:
        return None
    if ledger.exhausted:
        return "exhausted"
    return "depth" if ledger.records >= config.depth else "unread"


def fill_status(filter_: Filter, config: Config, streams: StoredStreams) -> FillStatus:
    """Return why a filter's manifest has as many models as it has; `streams` are those of its source."""
    stream = streams.get(filter_)
    if stream is None:
        return FillStatus("missing", f"{streams.missing_reason(filter_)}; ask with: make extract SOURCE={filter_.source}")
    ledger = stream.ledger
    published = min(stream.selection.count_matching(filter_.conditions), filter_.limit)
    reason = shortfall_reason(filter_, ledger, published, config)
    stale = f"; reading its stream has failed since {ledger.failed_at}" if ledger.failed_at else ""
    if reason is None:
        return FillStatus("full", f"full, {published} models{_extent(filter_, ledger, config)}{stale}")
    cause = {
        "exhausted": "the API has no more",
        "depth": f"{ledger.records} records were read, and filters.toml allows a depth of {config.depth}",
        "unread": _UNREAD,
    }[reason] + stale
    reason = "stale" if stale else reason
    withheld = stream.selection.decisive_rulings(filter_)
    if withheld:
        reason, cause = "withheld", f"{_withheld_text([*withheld.values()], streams)}; {cause}"
    if published:
        return FillStatus(reason, f"short, {published} of {filter_.limit}: {cause}")
    return _empty_status(filter_, config, streams, FillStatus(reason, cause), len(withheld))


def _extent(filter_: Filter, ledger: Ledger, config: Config) -> str:
    """Return of which part of its stream an ordered manifest that is full has the greatest; empty if of all of it."""
    if filter_.order_field is None or ledger.exhausted:
        return ""
    reason = f"filters.toml allows a depth of {config.depth}" if ledger.records >= config.depth else _UNREAD
    return f", the greatest by {filter_.order_field} of {ledger.records} records: {reason}"


def _empty_status(filter_: Filter, config: Config, streams: StoredStreams, status: FillStatus, withheld: int) -> FillStatus:
    """Return the status of an empty manifest: the option that empties it if there is one, else `status`."""
    counts, missing = _counts_without(filter_, config.source(filter_.source), streams)
    unknown = f"; streams that would tell more are not on disk: {', '.join(missing)}" if missing else ""
    option = max(counts, key=lambda option: counts[option], default=None)
    if option and counts[option] > withheld:
        blame = f"{option.title}, without which there are {counts[option]} models"
        return FillStatus("option", f"empty because of {blame}; {status.words}{unknown}")
    also = f", also without {' or '.join(option.name for option in counts)}" if counts and not any(counts.values()) else ""
    return FillStatus(status.reason, f"empty{also}: {status.words}{unknown}")


def _withheld_text(rulings: Sequence[Ruling], streams: StoredStreams) -> str:
    """Return how many models are withheld and by what: `1 withheld: stream month says poi`."""
    counts = withheld_by(rulings)
    reasons = ", ".join(reason if len(counts) == 1 else f"{reason} {count}" for reason, count in counts.items())
    deciding = sorted({ruling.stream for ruling in rulings})
    unread = "".join(f"; no filter reads stream {name}" for name in deciding if not streams.is_read(name))
    return f"{len(rulings)} withheld: {reasons}{unread}"


def _counts_without(filter_: Filter, source: SourceConfig, streams: StoredStreams) -> tuple[dict[Option, int], list[str]]:
    """Return how many models match without each condition that may be left out, and the needed streams that are not on disk.

    These are the options of the filter that are no defaults, and the requirement of the source.
    """
    counts: dict[Option, int] = {}
    missing = []
    if filter_.requirement and (stream := streams.get(filter_)):
        counts[filter_.requirement] = stream.selection.count_matching(replace(filter_, requirement=None).conditions)
    for index, (axis, option) in enumerate(zip(source.axes, filter_.options, strict=True)):
        if option.is_default:
            continue
        options = (*filter_.options[:index], axis.options[0], *filter_.options[index + 1 :])
        relaxed = source.filter(options)
        if stream := streams.get(relaxed):
            counts[option] = stream.selection.count_matching(relaxed.conditions)
        else:
            missing.append(relaxed.stream)
    return counts, missing
