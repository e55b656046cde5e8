"""How the records of a stream become the models of a page, counted: for index.json, and for whoever asks why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.config.model import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.config.model import Config, Option, SourceConfig
    from etl.selection.selection import FacetGroup, ModelRef, Selection
    from etl.selection.stored import StoredStream, StoredStreams
    from etl.storage.ledger import Ledger


@dataclass(frozen=True)
class Step:
    """What one option does to the models that those before it left: how many by the values of its field, most first.

    Of a field that is a list each of its values counts.
    """

    axis: str
    option: str
    left: int
    kept: dict[str, int]
    dropped: dict[str, int]
    gone: list[ModelRef]


@dataclass(frozen=True)
class Funnel:
    """How many records each step drops: records = set_aside + duplicates + skipped + withheld + all dropped + cut + published.

    `exhausted` tells that the API had no more records; `withheld` are models that their own records would put on the page, and
    other records of them do not: counted by what these say, in `withheld_by`.
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

    def numbers(self) -> dict[str, Any]:
        """Return what index.json tells of it."""
        return {
            "exhausted": self.exhausted,
            "records": self.records,
            "set_aside": self.set_aside,
            "duplicates": len(self.duplicates),
            "skipped": len(self.skipped),
            "withheld": len(self.withheld),
            "steps": [{"axis": step.axis, "option": step.option, "left": step.left} for step in self.steps],
            "cut": len(self.cut),
            "published": len(self.published),
        }


@dataclass(frozen=True)
class FillStatus:
    """Why a page is as full as it is, in words, and a code.

    It is `full`, `withheld`, `exhausted`, `depth`, `unread`, `stale`, `option` or `missing`.
    """

    reason: str
    words: str


def funnel(drawn: StoredStream, each: Filter, limit: int) -> Funnel:
    """Return the funnel of a filter that draws on a stream."""
    ledger, selection, records = drawn
    withheld = selection.withheld(each.matches)
    aside = set(withheld)  # whole groups
    groups = [group for group in selection.groups if group.places[0] not in aside]
    steps = []
    for option in (option for option in each.options if option.values):
        kept = [group for group in groups if option.matches(group.facts)]
        dropped = [group for group in groups if not option.matches(group.facts)]
        left = sum(len(group.places) for group in kept)
        counts = _by_value(option.axis, kept), _by_value(option.axis, dropped)
        steps.append(Step(option.axis, option.name, left, *counts, selection.refs(dropped)))
        groups = kept
    shown = selection.refs(groups)
    set_aside = records - sum(map(len, (selection.models, selection.duplicates, selection.skipped)))
    return Funnel(
        ledger.exhausted, records, set_aside, selection.duplicates, selection.skipped,
        [selection.models[place] for place in withheld], withheld_by(selection, withheld), steps, shown[limit:], shown[:limit],
    )  # fmt: skip


def withheld_by(selection: Selection, places: Iterable[int]) -> dict[str, int]:
    """Return what other records say of the models that are withheld, as `stream month says poi`, most first."""
    rulings = (selection.rulings[place] for place in places)
    counts = Counter(f"stream {ruling.stream} says {ruling.word}" for ruling in rulings)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _by_value(axis: str, groups: Iterable[FacetGroup]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for group in groups:
        value = group.facts[axis]
        for each in (value or [None]) if isinstance(value, list) else [value]:
            counts["none" if each is None else str(each)] += len(group.places)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def shortfall_reason(ledger: Ledger, published: int, filters: Config) -> str | None:
    """Tell why a page holds fewer models than the limit; None when it is full."""
    if published == filters.limit:
        return None
    if ledger.exhausted:
        return "exhausted"
    return "depth" if ledger.records >= filters.depth else "unread"


def fill_status(each: Filter, filters: Config, streams: StoredStreams) -> FillStatus:
    """Say in one line why a page is as full as it is; `streams` are those of its source."""
    stream = streams.get(each.stream)
    if stream is None:
        return FillStatus("missing", f"{streams.missing_reason(each.stream)}; ask with: make extract SOURCE={each.source}")
    ledger = stream.ledger
    published = min(len(stream.selection.places(each.matches)), filters.limit)
    reason = shortfall_reason(ledger, published, filters)
    stale = f"; reading its stream has failed since {ledger.failed_at}" if ledger.failed_at else ""
    if reason is None:
        return FillStatus("full", f"full, {published} models{stale}")
    why = {
        "exhausted": "the API has no more",
        "depth": f"{ledger.records} records were read, and filters.toml allows a depth of {filters.depth}",
        "unread": "the API has more, and make extract reads on",
    }[reason] + stale
    reason = "stale" if stale else reason
    withheld = stream.selection.withheld(each.matches)
    if withheld:
        deciding = sorted({stream.selection.rulings[place].stream for place in withheld})
        unread = "".join(f"; no filter reads stream {name}" for name in deciding if not streams.is_read(name))
        reason, why = "withheld", f"{_withheld(withheld_by(stream.selection, withheld))}{unread}; {why}"
    if published:
        return FillStatus(reason, f"short, {published} of {filters.limit}: {why}")
    found, missing = _counts_without(each, filters.source(each.source), streams)
    unknown = f"; streams that would tell more are not on disk: {', '.join(missing)}" if missing else ""
    option = max(found, key=lambda one: found[one], default=None)
    if option and found[option] > len(withheld):
        told = f"{option.axis} {option.name}, without which there are {found[option]} models"
        return FillStatus("option", f"empty because of {told}; {why}{unknown}")
    also = f", also without {' or '.join(option.name for option in found)}" if found and not any(found.values()) else ""
    return FillStatus(reason, f"empty{also}: {why}{unknown}")


def _withheld(by: Mapping[str, int]) -> str:
    """Return how many models are withheld and by what: `1 withheld: stream month says poi`."""
    told = ", ".join(why if len(by) == 1 else f"{why} {count}" for why, count in by.items())
    return f"{sum(by.values())} withheld: {told}"


def _counts_without(each: Filter, source: SourceConfig, streams: StoredStreams) -> tuple[dict[Option, int], list[str]]:
    """Return how many models a filter would keep without each of its options, and the streams that are not there to tell."""
    found: dict[Option, int] = {}
    missing = []
    for place, option in enumerate(each.options):
        if option.is_default:
            continue
        wider = Filter(
            each.source, each.prefix, (*each.options[:place], source.axes[place].options[0], *each.options[place + 1 :])
        )
        if stream := streams.get(wider.stream):
            found[option] = len(stream.selection.places(wider.matches))
        else:
            missing.append(wider.stream)
    return found, missing
