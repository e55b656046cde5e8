"""Whether the records of a stream are in the requested order, within what the APIs promise. No I/O."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime
from math import floor, log1p
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER_TOLERANCE = 0.05  # share of a counter by which it may have moved while a stream was fetched, and of records out of order
_HOUR_S = 3600  # by which a time may have moved: an API may sort by an index that lags behind
_MAX_COUNT = 2**53 - 1


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
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT:
            return count_steps(value)
        return None
    time_s = seconds(value)
    if time_s is None or (fetch.first_s is not None and fetch.own_s is not None and fetch.first_s < time_s <= fetch.own_s):
        return None
    return time_s / _HOUR_S


def seconds(value: object) -> float | None:
    """Return an ISO 8601 time as seconds since 1970, UTC if it names no zone; None if it is not one."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is None:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def count_steps(count: float) -> float:
    """Return a counter in steps of about ORDER_TOLERANCE of it and one more."""
    return log1p(count * ORDER_TOLERANCE) / log1p(ORDER_TOLERANCE)


def count_out_of_order(ranks: Sequence[float]) -> int:
    """Return how many of some ranks are out of a falling order, in the kinder of two ways to count.

    Those that must go so that the rest falls in whole steps: a few that are wrong are few. Or those more than a step from
    what would stand in their place: where each is a little wrong, none is.
    """
    falling = len(ranks) - _longest_descent(list(map(floor, ranks)))
    apart = sum(abs(rank - sorted_) > 1 + 1e-9 for rank, sorted_ in zip(ranks, sorted(ranks, reverse=True), strict=True))
    return min(falling, apart)


def _longest_descent(ranks: Sequence[float]) -> int:
    """Return the length of the longest subsequence that never rises."""
    ends: list[float] = []  # of the descents of each length, the last number of the best, with another sign
    for number in ranks:
        position = bisect_right(ends, -number)
        ends[position : position + 1] = [-number]
    return len(ends)
