"""How the records of a stream become the models of a page, counted: for index.json, and for whoever asks why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etl.filters import Filters, Option, Source
    from etl.ledger import Ledger
    from etl.selection import Group, Held, OnDisk


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
    gone: list[Held]


@dataclass(frozen=True)
class Funnel:
    """The way of a stream's records to a page: records = set_aside + duplicates + skipped + all dropped + cut + published.

    `exhausted` tells that the API had no more records.
    """

    exhausted: bool
    records: int
    set_aside: int
    duplicates: list[Held]
    skipped: list[Held]
    steps: list[Step]
    cut: list[Held]
    published: list[Held]

    def numbers(self) -> dict[str, Any]:
        """Return what index.json tells of it."""
        return {
            "exhausted": self.exhausted,
            "records": self.records,
            "set_aside": self.set_aside,
            "duplicates": len(self.duplicates),
            "skipped": len(self.skipped),
            "steps": [{"axis": step.axis, "option": step.option, "left": step.left} for step in self.steps],
            "cut": len(self.cut),
            "published": len(self.published),
        }


@dataclass(frozen=True)
class Verdict:
    """Why a page is as full as it is: `full`, `exhausted`, `depth`, `unread`, `stale`, `option` or `missing`; and in words."""

    reason: str
    words: str


def funnel(drawn: OnDisk, each: Filter, limit: int) -> Funnel:
    """Return the funnel of a filter that draws on a stream."""
    ledger, selection, records = drawn
    groups = selection.groups
    steps = []
    for option in (option for option in each.options if option.values):
        kept = [group for group in groups if option.keeps(group.facts)]
        dropped = [group for group in groups if not option.keeps(group.facts)]
        left = sum(len(group.places) for group in kept)
        counts = _by_value(option.axis, kept), _by_value(option.axis, dropped)
        steps.append(Step(option.axis, option.name, left, *counts, selection.held(dropped)))
        groups = kept
    shown = selection.held(groups)
    set_aside = records - sum(map(len, (selection.models, selection.duplicates, selection.skipped)))
    return Funnel(
        ledger.exhausted, records, set_aside, selection.duplicates, selection.skipped, steps, shown[limit:], shown[:limit]
    )


def _by_value(axis: str, groups: Iterable[Group]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for group in groups:
        value = group.facts[axis]
        for each in (value or [None]) if isinstance(value, list) else [value]:
            counts["none" if each is None else str(each)] += len(group.places)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def short(ledger: Ledger, published: int, filters: Filters) -> str | None:
    """Tell why a page holds fewer models than the limit; None when it is full."""
    if published == filters.limit:
        return None
    if ledger.exhausted:
        return "exhausted"
    return "depth" if ledger.records >= filters.depth else "unread"


def verdict(each: Filter, filters: Filters, drawn: Callable[[str], OnDisk | None]) -> Verdict:
    """Say in one line why a page is as full as it is; `drawn` gives the streams of its source, null where none is on disk."""
    stream = drawn(each.stream)
    if stream is None:
        return Verdict("missing", f"no stream {each.stream} on disk; ask with: make extract SOURCE={each.source}")
    ledger = stream.ledger
    published = min(len(stream.selection.places(each.keeps)), filters.limit)
    reason = short(ledger, published, filters)
    stale = f"; reading its stream has failed since {ledger.failed_at}" if ledger.failed_at else ""
    if reason is None:
        return Verdict("full", f"full, {published} models{stale}")
    why = {
        "exhausted": "the API has no more",
        "depth": f"{ledger.records} records were read, and filters.toml allows a depth of {filters.depth}",
        "unread": "the API has more, and make extract reads on",
    }[reason] + stale
    reason = "stale" if stale else reason
    if published:
        return Verdict(reason, f"short, {published} of {filters.limit}: {why}")
    found, missing = _without(each, filters.source(each.source), drawn)
    unknown = f"; streams that would tell more are not on disk: {', '.join(missing)}" if missing else ""
    option = max(found, key=lambda one: found[one], default=None)
    if option and found[option]:
        told = f"{option.axis} {option.name}, without which there are {found[option]} models"
        return Verdict("option", f"empty because of {told}; {why}{unknown}")
    also = f", also without {' or '.join(option.name for option in found)}" if found else ""
    return Verdict(reason, f"empty{also}: {why}{unknown}")


def _without(each: Filter, source: Source, drawn: Callable[[str], OnDisk | None]) -> tuple[dict[Option, int], list[str]]:
    """Return how many models a filter would keep without each of its options, and the streams that are not there to tell."""
    found: dict[Option, int] = {}
    missing = []
    for place, option in enumerate(each.options):
        if option.is_default:
            continue
        wider = Filter(
            each.source, each.prefix, (*each.options[:place], source.axes[place].options[0], *each.options[place + 1 :])
        )
        if stream := drawn(wider.stream):
            found[option] = len(stream.selection.places(wider.keeps))
        else:
            missing.append(wider.stream)
    return found, missing
