"""The age of the streams that manifests were made from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from etl.core.text import sanitize
from etl.verify.published import FETCH_AGAIN, Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.verify.raw_records import RawStream

DAY_S = 86400


def check_freshness(streams: Sequence[RawStream], now: str, max_age_s: float | None) -> Check:
    """Each stream was checked not longer ago than `max_age_s`, and not in the future.

    Warnings name streams that have failed since, and count those that were checked more than a day ago.
    """
    check = Check("age of the streams", len(streams), fix=FETCH_AGAIN)
    ages: dict[str, list[tuple[float, str]]] = {}
    for stream in streams:
        checked_at = stream.ledger.checked_at
        invalid = [page.entry.fetched_at for page in stream.pages if _age_s(page.entry.fetched_at, now) is None]
        check.problems += [f"{stream.where}: $.pages[*].fetched_at: {time} is not a valid time" for time in invalid]
        if stream.ledger.failed_at:
            message = f"{stream.source}/{stream.name}: stale, fetching it has failed since {stream.ledger.failed_at}"
            check.warnings.append(f"{message}: {sanitize(stream.ledger.failed or 'its ledger has no reason', 300)}")
        age_s = _age_s(checked_at, now)
        if age_s is None or age_s < -DAY_S:
            check.problems.append(f"{stream.where}: $.checked_at: {checked_at} is not a valid time in the past")
            continue
        ages.setdefault(stream.source, []).append((age_s, stream.name))
        if max_age_s is not None and age_s > max_age_s:
            check.problems.append(
                f"{stream.where}: $.checked_at: {checked_at} is {_days(age_s)} ago; fetch it again: make extract"
            )
    for source, source_ages in ages.items():
        oldest_first = sorted(source_ages, key=lambda item: (-item[0], item[1]))
        check.notes.append(f"{source}: {', '.join(f'{name} {_days(age_s)}' for age_s, name in oldest_first)}")
        if count := sum(age_s > DAY_S for age_s, _ in source_ages):
            check.warnings.append(f"{source}: {count} of {len(source_ages)} streams were checked more than a day ago")
    return check


def _age_s(checked_at: str, now: str) -> float | None:
    """Return how long ago a stream was checked; None if that is not a time."""
    try:
        return (datetime.fromisoformat(now) - datetime.fromisoformat(checked_at)).total_seconds()
    except ValueError:
        return None


def _days(age_s: float) -> str:
    return f"{age_s / DAY_S:.1f} days"
