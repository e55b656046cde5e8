"""Checks of what the APIs answered, and of what was published of it; read from the raw pages, without the models."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import datetime
from itertools import pairwise
from math import floor, log1p
from typing import TYPE_CHECKING

from etl.verify.published import Check
from etl.verify.said import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.filters import Filter
    from etl.verify.published import Published
    from etl.verify.said import Said, SaidStream

_DRIFT = 0.05  # share of a counter by which it may have moved while a stream was read, and of records out of order


def raw(streams: Sequence[SaidStream]) -> Check:
    """Every page of raw answers is the one that its ledger names: same hash, length and number of records."""
    check = Check("raw pages against ledgers")
    for stream in streams:
        for place, page in enumerate(stream.pages):
            check.looked_at += 1
            told = page.told
            if page.unread:
                problem = page.unread
            elif (page.bytes, page.sha256) != (told.bytes, told.sha256):
                problem = f"{told.file} has another hash or length"
            elif page.records != told.records:
                problem = f"{told.file} has {page.records} records and not {told.records}"
            else:
                continue
            check.problems.append(f"{stream.where}: $.pages[{place}]: {problem}; ask again: make extract SOURCE={stream.source}")
    return check


def safety(published: Published, streams: Mapping[tuple[str, str], SaidStream]) -> Check:
    """Each model of a manifest has a record in its stream, and none that forbids it on this page.

    That is: it must not be published or is skipped by filters.toml, it is less safe than the page is, or it is not what was
    asked for. Of a model that came several times each record counts. What the API itself should have left out is counted.
    """
    check = Check("levels and flags, read again")
    for each, held in published.known:
        stream = streams.get((each.source, each.stream))
        if stream is None or stream.is_unread:
            check.problems.append(
                f"{published.where(each.file)}: its models cannot be looked up in stream {each.stream}; see above"
            )
            continue
        skip = published.filters.source(each.source).skip
        for place, identity in enumerate(held):
            check.looked_at += 1
            told = [] if identity in stream.by_id else ["is in no record of its stream, so that nothing tells what it is"]
            told += ["is skipped by filters.toml"] if identity in skip else []
            found = ((said, _forbids(said, each, stream)) for said in stream.by_id.get(identity, ()))
            told += [f"{why}, see {said.where}" for said, why in found if why]
            check.problems += [f"{published.where(each.file, f'$.models[{place}]')}: {identity} {why}" for why in told]
    check.notes += list(filter(None, map(_let_through, streams.values())))
    return check


def _forbids(said: Said, each: Filter, stream: SaidStream) -> str | None:
    """Return why a record may not be on the page of a filter."""
    if said.barred:
        return f"is {said.barred}"
    for option in each.options:  # by the values as filters.toml has them, and not by what extraction and load ask
        if option.axis == "level" and option.values and (said.level in option.values) is option.drops:
            return f"is {said.level}"
    return "is not what was asked for" if _is_stranger(said, stream.asked) else None


def order(published: Published, streams: Mapping[tuple[str, str], SaidStream]) -> Check:
    """The models of a manifest stand in the order of the raw pages, each once."""
    check = Check("order of the streams")
    for each, held in published.known:
        stream = streams.get((each.source, each.stream))
        if stream is None or stream.is_unread:
            continue
        check.looked_at += 1
        last = -1
        for place, identity in enumerate(held):
            rank = stream.ranks.get(identity, last + 1)  # what is in no record is told by another check
            if rank <= last:
                where = published.where(each.file, f"$.models[{place}].id")
                check.problems.append(f"{where}: {identity} stands before its place in the stream, or twice")
            last = rank
    return check


def _let_through(stream: SaidStream) -> str | None:
    """Return what the API itself should have left out; null where there is nothing."""
    counts = Counter(said.barred for said in stream.said if said.barred)
    if stream.source == "civitai" and stream.asked.get("nsfw") != ["true"]:
        counts["above pg"] = sum(said.level != LEVELS[0] for said in stream.said)
    told = ", ".join(f"{count} {why}" for why, count in counts.items() if count)
    return f"{stream.source}/{stream.name}: the API's own filter let through {told}" if told else None


def asked(streams: Sequence[SaidStream]) -> Check:
    """The APIs honoured what they were asked: types, base models, and the order, but for counters that moved meanwhile."""
    check = Check("answers against requests")
    for stream in streams:
        records = stream.said
        check.looked_at += len(records)
        strangers = [said for said in records if _is_stranger(said, stream.asked)]
        if 2 * len(strangers) > len(records):
            told = f"{len(strangers)} of {len(records)} records are not what was asked, the first at {strangers[0].where}"
            check.problems.append(f"{stream.where}: {told}; the source ignores an option")
        elif strangers:
            check.notes.append(f"{stream.source}/{stream.name}: {len(strangers)} records were not asked for")
        ranked = [(_height(said.rank), said) for said in records if said.rank is not None]
        behind = _out_of_order([height for height, _ in ranked])
        if behind > 1 + _DRIFT * len(ranked):
            first = next(after.where for (one, _), (other, after) in pairwise(ranked) if other > one)
            told = f"{behind} of {len(ranked)} records stand out of order, the first at {first}"
            check.problems.append(f"{stream.where}: {told}; the source ignores the order {stream.asked['sort'][0]}")
    return check


def _is_stranger(said: Said, parameters: Mapping[str, list[str]]) -> bool:
    types, bases = parameters.get("types"), parameters.get("baseModels")
    return (types is not None and said.type not in types) or (bases is not None and said.bases.isdisjoint(bases))


def _height(rank: float | str) -> float:
    """Return a number for a counter, in steps of about _DRIFT of it and one more, or for a time."""
    if isinstance(rank, str):
        try:
            return datetime.fromisoformat(rank).timestamp()
        except (ValueError, OverflowError):
            return 0
    return log1p(max(rank, 0) * _DRIFT) / log1p(_DRIFT)


def _out_of_order(heights: Sequence[float]) -> int:
    """Return how many of some numbers stand out of a falling order, in the kinder of two ways to count.

    Those that must go so that the rest falls in whole steps: a few that are wrong are few. Or those more than a step from
    what would stand in their place: where each is a little wrong, none is.
    """
    falling = len(heights) - _longest_descent(list(map(floor, heights)))
    apart = sum(abs(one - other) > 1 + 1e-9 for one, other in zip(heights, sorted(heights, reverse=True), strict=True))
    return min(falling, apart)


def _longest_descent(heights: Sequence[float]) -> int:
    """Return how many of some numbers, at the most, stand in an order that never rises."""
    ends: list[float] = []  # of the descents of each length, the last number of the best, with another sign
    for height in heights:
        place = bisect_right(ends, -height)
        ends[place : place + 1] = [-height]
    return len(ends)
