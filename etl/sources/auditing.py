"""Untrusted JSON values, read by the audits of all sources; the rules do not use this."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_MAX_SAFE_INTEGER = 2**53 - 1  # JSON readers disagree about greater ones


def is_set(value: object) -> bool:
    """Return whether a safety flag is set: anything but false and null is, so that a wrong type errs on the safe side."""
    return value is not None and value is not False


def whole_number(value: object) -> int | None:
    """Return a JSON number as an int; None unless it is whole and from 0 to 2**53 - 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= _MAX_SAFE_INTEGER else None  # a bool is an int, too


def time_seconds(value: object) -> float | None:
    """Return an ISO 8601 time as seconds since 1970, UTC if it names no zone; None if it is not one, such as a day alone."""
    if not isinstance(value, str) or not _TIME.match(value):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def objects(value: object) -> list[dict[str, object]]:
    """Return the JSON objects of a list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
