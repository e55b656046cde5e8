"""A second reading of the Hub's raw records for verify, from what the API documents; it shares no code with the rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from etl.sources.auditing import is_set, license_table, strictest, time_seconds, whole_number
from etl.sources.source import Audit, RecordAudit, StatedUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FLAGS = ("private", "disabled")
_SAFE = RecordAudit(())
_OPEN_LICENSES = {"other", "unknown"}  # which leave it to the repository
_BASE = re.compile(r"base_model:(?:(?:adapter|finetune|merge|quantized):)?(?:[\w.-]{1,200}/)?[\w.-]{1,200}", re.ASCII)
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


def _use(record: Mapping[str, Any]) -> StatedUse:
    """Return what the tags say: `license:<id>`, all of which apply, and `base_model:<id>` or `base_model:<relation>:<id>`."""
    id_, tags = str(record.get("id")), record.get("tags")
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    licenses = [word[8:].lower() for word in words if word.startswith("license:") and word[8:]]
    uses = {license_: license_table("license").get(license_, "unknown") for license_ in licenses}
    if not uses.keys() - _OPEN_LICENSES or uses.keys() & _OPEN_LICENSES:
        uses[licenses[0] if licenses else "not stated"] = _of_repository(id_)
    commercial = strictest(uses.values())
    deciding = next(license_ for license_, use in uses.items() if use == commercial)
    named = [word.split(":")[-1] for word in words if _BASE.fullmatch(word)]
    bases = {base.lower(): base for base in reversed(named) if base.lower() != id_.lower()}
    owner = id_.lower().rpartition("/")[0] if set(licenses) - {"unknown"} else ""
    return StatedUse(commercial, f"license {deciding}", owner, tuple(bases.values()))


def _of_repository(id_: str) -> str:
    return license_table("repository").get(id_.lower(), "unknown")


def _missing_use(id_: str) -> StatedUse:
    return StatedUse(_of_repository(id_), "license not stated")


AUDIT = Audit(
    read=_read, sort_key=_sort_key, sort_value=_sort_value, time_keys=_TIMES, leaks=_leaks, use=_use, missing_use=_missing_use,
    field_values={
        "downloads": lambda record: whole_number(record.get("downloads")),
        "likes": lambda record: whole_number(record.get("likes")),
        "created": lambda record: time_seconds(record.get("createdAt")),
        "updated": lambda record: time_seconds(record.get("lastModified")),
    },
)  # fmt: skip
