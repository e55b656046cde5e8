"""A second reading of the Hub's raw records for verify, from what the API documents; it shares no code with the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.sources.auditing import is_set, time_seconds, whole_number
from etl.sources.source import Audit, RecordAudit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FLAGS = ("private", "disabled")
_SAFE = RecordAudit(())
_TIMES = frozenset(("lastModified", "createdAt"))
_SORT_KEYS = {"downloads", "likes", *_TIMES}  # of trendingScore a response says nothing


def _read(record: Mapping[str, Any]) -> RecordAudit:
    codes = [flag for flag in _FLAGS if is_set(record.get(flag))]
    return RecordAudit(tuple(codes)) if codes else _SAFE


def _sort_key(params: Mapping[str, Sequence[str]]) -> str:
    sort = params.get("sort", [""])[0]
    return sort if sort in _SORT_KEYS and "query" not in params else ""


def _sort_value(record: Mapping[str, Any], key: str) -> object:
    return record.get(key)


def _leaks(audit: RecordAudit, _params: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return [code for code in audit.rejections if code == "private"]


AUDIT = Audit(
    read=_read, sort_key=_sort_key, sort_value=_sort_value, time_keys=_TIMES, leaks=_leaks,
    field_values={
        "downloads": lambda record: whole_number(record.get("downloads")),
        "likes": lambda record: whole_number(record.get("likes")),
        "created": lambda record: time_seconds(record.get("createdAt")),
        "updated": lambda record: time_seconds(record.get("lastModified")),
    },
)  # fmt: skip
