"""Untrusted JSON values, read by the audits of all sources; the rules do not use this."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_MAX_TIME_CHARS = 40
_LICENSES = Path(__file__).with_name("licenses.toml")
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
    """Return an ISO 8601 time as seconds since 1970, UTC if it names no zone; None if it is not one, such as a day alone.

    What it may look like is documented in schemas/model.schema.json.
    """
    if not isinstance(value, str) or len(value) > _MAX_TIME_CHARS or not _TIME.fullmatch(value):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def objects(value: object) -> list[dict[str, object]]:
    """Return the JSON objects of a list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@cache
def license_table(kind: str) -> dict[str, str]:
    """Return, by the ids of a table of licenses.toml in lower case, whether commercial use is allowed: no, conditions or yes."""
    tables = tomllib.loads(_LICENSES.read_text(encoding="utf-8"))
    by_license = {row["id"]: row["commercial"] for row in tables["license"] + tables["named"]}
    return {row["id"].lower(): row.get("commercial") or by_license[row["license"]] for row in tables[kind]}


def strictest(uses: Iterable[str]) -> str:
    """Return the strictest of several verdicts on commercial use."""
    return min(uses, key=("no", "unknown", "conditions", "yes").index)
