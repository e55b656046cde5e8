"""Whether the records of a stream are in the requested order, within what the APIs promise. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from datetime import UTC, datetime
from heapq import merge
from math import floor, log1p
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ORDER_TOLERANCE = 0.05  # share of a counter by which it may have moved while a stream was fetched, and of records out of order
_HOUR_S = 3600  # by which a time may have moved: an API may sort by an index that lags behind
_STEP = log1p(ORDER_TOLERANCE)
_MAX_COUNT = 2**53 - 1
_NUMBER = (int, float)
_SORTED_AT_ONCE = 100_000  # ranks


class Fetch(NamedTuple):
    """When the first page of a stream was fetched, and the page of a record: seconds since 1970, None if unknown."""

    first_s: float | None
    own_s: float | None


def rank(value: object, fetch: Fetch, *, is_time: bool) -> float | None:
    """Return a sort key in steps that tell true order from drift, the greatest first.

    None if the key says nothing: it is absent or hidden (null), of a wrong type, beyond what a counter can be, or a time
    that moved while the stream was fetched.
    """
    if not is_time:
        if isinstance(value, _NUMBER) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT:
            return count_steps(value)
        return None
    time_s = seconds(value)
    if time_s is None or (fetch.first_s is not None and fetch.own_s is not None and fetch.first_s < time_s <= fetch.own_s):
        return None
    return time_s / _HOUR_S


def seconds(value: object) -> float | None:
    """Return an ISO 8601 time as seconds since 1970, UTC if it names no zone; None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def count_steps(count: float) -> float:
    """Return a counter in steps of about ORDER_TOLERANCE of it and one more."""
    return log1p(count * ORDER_TOLERANCE) / _STEP


def count_out_of_order(ranks: Sequence[float], tolerated: float = 0) -> int:
    """Return how many of some ranks are out of a falling order, in the kinder of two ways to count.

    Those that must go so that the rest falls in whole steps: a few that are wrong are few. Or those more than a step from
    what would stand in their place: where each is a little wrong, none is. Up to `tolerated` the count may be the first one.
    """
    falling = len(ranks) - _longest_descent(map(floor, ranks))
    if falling <= tolerated:
        return falling
    apart = sum(abs(rank - sorted_) > 1 + 1e-9 for rank, sorted_ in zip(ranks, _falling(ranks), strict=True))
    return min(falling, apart)


def _falling(ranks: Sequence[float]) -> Iterable[float]:
    """Return ranks, sorted, the greatest first, with little memory: 8 bytes for each."""
    parts = (ranks[start : start + _SORTED_AT_ONCE] for start in range(0, len(ranks), _SORTED_AT_ONCE))
    return merge(*(array("d", sorted(part, reverse=True)) for part in parts), reverse=True)


def _longest_descent(steps: Iterable[int]) -> int:
    """Return the length of the longest subsequence that never rises; the memory is that of the distinct numbers."""
    length = 0
    ends: list[int] = []  # of the descents of each length, the last number of the best, with another sign; rising, each once
    counts: dict[int, int] = {}  # how many lengths have this end
    for step in steps:
        end = -step
        index = bisect_right(ends, end)
        if index == len(ends):
            length += 1
        else:  # a descent of the next length ends with a greater number now
            worse = ends[index]
            counts[worse] -= 1
            if not counts[worse]:
                del counts[worse], ends[index]
        if end not in counts:
            ends.insert(index, end)
        counts[end] = counts.get(end, 0) + 1
    return length
