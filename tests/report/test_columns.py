"""Columns: whatever form they take, reading them gives the values back."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.report.columns import encode_column

TEXTS = st.sampled_from(["", "mit", "apache-2.0", "é<", "o/a"])
COUNTS = st.integers(0, 2**53)
VALUES = (
    st.lists(st.none() | COUNTS)
    | st.lists(st.none() | TEXTS)
    | st.lists(st.sampled_from([True, False, None, "auto", 0, 1]))
    | st.lists(st.none() | st.lists(TEXTS | st.text(max_size=3), max_size=4))
    | st.lists(st.none() | st.lists(st.dictionaries(TEXTS, COUNTS, max_size=2), max_size=2))
)


def decoded(column: dict[str, Any], ids: list[str]) -> list[Any]:
    """Return the values of a column as page/data.d.ts describes its forms."""
    values: list[Any]
    match column:
        case {"values": values}:
            values = [*values]
        case {"table": table, "indexes": indexes}:
            values = [None if index == -1 else table[index] for index in indexes]
        case {"table": table, "lists": lists}:
            values = [[table[item] if isinstance(item, int) else item for item in items] for items in lists]
        case {"days": days}:
            values = [day if day is None else (date(1970, 1, 1) + timedelta(day)).isoformat() for day in days]
        case {"constant": value}:
            values = [value] * len(ids)
        case {"after_slash": True}:
            values = [id_.partition("/")[2] or id_ for id_ in ids]
        case {"before_slash": True}:
            values = [id_.partition("/")[0] for id_ in ids]
        case {"prefix": prefix}:
            values = [prefix + id_ for id_ in ids]
        case _:
            raise AssertionError(column)
    for row, value in column.get("except", {}).items():
        values[int(row)] = value
    return values


@given(VALUES)
def test_reading_a_column_gives_its_values(values: list[Any]) -> None:
    ids = [f"o{number % 3}/m{number}" for number, _ in enumerate(values)]
    column = json.loads(json.dumps(encode_column(ids, values, is_exact=True)))
    # Items of lists are in the order of their frequency.
    in_order = [sorted(value, key=str) if isinstance(value, list) else value for value in values]
    assert [sorted(value, key=str) if isinstance(value, list) else value for value in decoded(column, ids)] == in_order


IDS = [f"o{number % 7}/m{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("constant", [None] * 20),
        ("constant", [False] * 20),
        ("indexes", [1, True] * 10),
        ("after_slash", [id_.partition("/")[2] for id_ in IDS]),
        ("before_slash", [id_.partition("/")[0] for id_ in IDS[:19]] + [None]),
        ("prefix", [f"https://models.test/{id_}" for id_ in IDS]),
        ("indexes", ["mit", None] * 10),
        ("indexes", [["a", "b"], ["c"]] * 10),
        ("lists", [["a", f"rare-{number}"] for number in range(20)]),
        ("values", [*range(20)]),
    ],
)
def test_the_form_fits_the_values(form: str, values: list[Any]) -> None:
    column = encode_column(IDS, values, is_exact=True)
    assert form in column
    assert json.dumps(decoded(column, IDS)) == json.dumps(values)  # 1 == True


def test_a_time_without_an_offset_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    days = encode_column(IDS, ["2026-01-02T03:00:00", "2026-01-02T03:00:00+09:00", *[None] * 18], is_exact=False)["days"]
    monkeypatch.undo()
    time.tzset()
    assert days[:3] == [20455, 20454, None]


def test_times_are_dates_unless_they_must_be_exact() -> None:
    times = [f"2026-01-{number + 1:02}T23:59:59.000Z" for number in range(20)]
    assert decoded(encode_column(IDS, times, is_exact=False), IDS) == [time[:10] for time in times]
    assert decoded(encode_column(IDS, times, is_exact=True), IDS) == times
    for other in ("soon", "", "20260101"):
        assert encode_column(IDS, [*times[:19], other], is_exact=False) == {"values": [*times[:19], other]}
