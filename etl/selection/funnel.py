"""How the records of a stream become the models of a manifest, counted step by step; for index.json, verify and explain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import Config, SourceConfig
    from etl.selection.safety import Ruling
    from etl.selection.selection import FacetGroup, ModelRef
    from etl.selection.stored import StoredStream, StoredStreams
    from etl.storage.ledger import Ledger


_UNREAD = "the API has more, and make extract reads on"


@dataclass(frozen=True)
class Step:
    """What one condition does to the models that remain after the steps before it.

    Attributes:
        remaining: How many models match.
        kept_values: How many of them by the value of the option's field, most first; of a list each item counts. Of an option
            that has an expression only, by its result: true, false, error, or what it gave instead.
        dropped_values: The same of the models that do not match.
        dropped: The models that do not match.
    """

    condition: Option
    remaining: int
    kept_values: dict[str, int]
    dropped_values: dict[str, int]
    dropped: list[ModelRef]

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
        duplicates: Later records of models.
        skipped: Models excluded by id.
        withheld: Models that match by their own record but not by all their records.
        withheld_by: How many of these by what the deciding records say.
        cut: Matching models beyond the limit, in the order of the filter.
    """

    exhausted: bool
    records: int
    set_aside: int
    duplicates: list[ModelRef]
    skipped: list[ModelRef]
    withheld: list[ModelRef]
    withheld_by: dict[str, int]
    steps: list[Step]
    cut: list[ModelRef]
    published: list[ModelRef]

    def counts(self) -> dict[str, Any]:
        """Return the counts as index.json has them."""
        return {
            "exhausted": self.exhausted,
            "records": self.records,
            "set_aside": self.set_aside,
            "duplicates": len(self.duplicates),
            "skipped": len(self.skipped),
            "withheld": len(self.withheld),
            "steps": [
                {"axis": step.condition.axis, "option": step.condition.name, "left": step.remaining} for step in self.steps
            ],
            "cut": len(self.cut),
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
    groups = [group for group in selection.groups if group.positions[0] not in withheld]
    steps = []
    for condition in filter_.conditions:
        kept = [group for group in groups if condition.matches(group.values)]
        dropped = [group for group in groups if not condition.matches(group.values)]
        remaining = sum(len(group.positions) for group in kept)
        steps.append(
            Step(condition, remaining, _count_values(condition, kept), _count_values(condition, dropped), selection.refs(dropped))
        )
        groups = kept
    matching = selection.refs(groups, filter_.order_field)
    set_aside = records - sum(map(len, (selection.models, selection.duplicates, selection.skipped)))
    return Funnel(
        ledger.exhausted, records, set_aside, selection.duplicates, selection.skipped,
        [selection.models[position] for position in withheld], withheld_by(withheld.values()),
        steps, cut=matching[filter_.limit :], published=matching[: filter_.limit],
    )  # fmt: skip


def withheld_by(rulings: Iterable[Ruling]) -> dict[str, int]:
    """Return how many of the models are withheld by what other records say (`stream month says poi`), most first."""
    return _most_first(Counter(f"stream {ruling.stream} says {ruling.word}" for ruling in rulings))


def _count_values(condition: Option, groups: Iterable[FacetGroup]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for group in groups:
        if condition.where and not condition.tests_values:
            result = group.values[condition.where.key]
            outcome = "error" if result.is_error else result.unexpected or str(result.is_match).lower()
            counts[outcome] += len(group.positions)
            continue
        value = group.values[condition.field]
        for item in (value or [None]) if isinstance(value, list) else [value]:
            counts["none" if item is None else str(item)] += len(group.positions)
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
    published = min(len(stream.selection.positions(filter_.matches)), filter_.limit)
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
        counts[filter_.requirement] = len(stream.selection.positions(replace(filter_, requirement=None).matches))
    for index, (axis, option) in enumerate(zip(source.axes, filter_.options, strict=True)):
        if option.is_default:
            continue
        options = (*filter_.options[:index], axis.options[0], *filter_.options[index + 1 :])
        relaxed = source.filter(options)
        if stream := streams.get(relaxed):
            counts[option] = len(stream.selection.positions(relaxed.matches))
        else:
            missing.append(relaxed.stream)
    return counts, missing
