"""What the audit of the Hub reads from raw records, including odd values."""

from __future__ import annotations

from typing import Any

import pytest

from etl.sources.huggingface.audit import AUDIT

SET_FLAGS: list[Any] = [True, 0, 1, 1.5, "", "false", [], {}]


@pytest.mark.parametrize(
    ("record", "codes"),
    [
        ({"private": False, "disabled": None}, ()),
        *(({flag: value}, (flag,)) for flag in ("private", "disabled") for value in SET_FLAGS),
        ({"private": True, "disabled": True}, ("private", "disabled")),
        ({"poi": True, "mode": "TakenDown", "availability": "Private"}, ()),
    ],
)
def test_rejection_reasons(record: dict[str, Any], codes: tuple[str, ...]) -> None:
    assert AUDIT.read(record) == (codes, False, 0, 0)


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"sort": ["likes"]}, "likes"),
        ({"sort": ["createdAt"]}, "createdAt"),
        ({"sort": ["trendingScore"]}, ""),
        ({"sort": ["likes"], "query": ["llama"]}, ""),
        ({}, ""),
    ],
)
def test_sort_key(params: dict[str, list[str]], key: str) -> None:
    assert AUDIT.sort_key(params) == key
