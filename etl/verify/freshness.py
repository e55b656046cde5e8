"""How old the answers are that pages were made of."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.verify.said import SaidStream

DAY_S = 86400


def fresh(streams: Sequence[SaidStream], now: str, max_age_s: float | None) -> Check:
    """Each stream was checked not longer ago than `max_age_s`; above a day there is a warning."""
    check = Check("age of the streams", len(streams))
    old: dict[str, list[tuple[float, SaidStream]]] = {}
    for stream in streams:
        checked_at = stream.ledger.checked_at
        age_s = (datetime.fromisoformat(now) - datetime.fromisoformat(checked_at)).total_seconds()
        if max_age_s is not None and age_s > max_age_s:
            check.problems.append(f"{stream.where}: $.checked_at: {checked_at} is {_days(age_s)} ago; ask again: make extract")
        elif age_s > DAY_S:
            old.setdefault(stream.source, []).append((age_s, stream))
    for source, found in old.items():
        age_s, stream = max(found, key=lambda each: each[0])
        told = f"{source}: {len(found)} streams were checked more than a day ago"
        check.warnings.append(f"{told}, {stream.name} longest, {_days(age_s)}")
    return check


def _days(age_s: float) -> str:
    return f"{age_s / DAY_S:.1f} days"
