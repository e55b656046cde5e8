"""Of several records of a model the worst counts, within a stream and across streams; partial records count in part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.ids import model_key
from etl.core.levels import LEVELS
from etl.selection.safety import RejectedRecord, Ruling, Safety

STREAMS = ("default", "month", "sdxl")  # sdxl is requested by base model
FIELDS = ("level", "level_most", "flagged")
MODEL = st.builds(
    lambda low, high, flagged: {
        "id": "1", "level": LEVELS[max(low, 2 * flagged)], "level_most": LEVELS[max(low, high, 2 * flagged)], "flagged": flagged
    },
    st.integers(0, 4), st.integers(0, 4), st.booleans(),
)  # fmt: skip
RECORDS = st.lists(st.tuples(st.sampled_from(STREAMS), MODEL | st.sampled_from(["poi", "minor", "takendown"])), max_size=6)


def model(level: str, level_most: str | None = None, *, flagged: bool = False) -> dict[str, Any]:
    return {"id": "1", "level": level, "level_most": level_most or level, "flagged": flagged}


def safety_of(records: list[tuple[str, Any]]) -> Safety:
    """Return the safety of models by records, which are pairs of a stream and a model or a rejection reason."""
    safety = Safety({"poi", "minor", "takendown", "notpublic", "private", "disabled"})
    for stream, record in records:
        is_model = isinstance(record, dict)
        safety.add(
            stream, [record] if is_model else [], [] if is_model else [RejectedRecord("1", record)], is_partial=stream == "sdxl"
        )
    return safety


def ruling(records: list[tuple[str, Any]], stream: str = "default") -> Ruling | None:
    own = next(record for name, record in records if name == stream and isinstance(record, dict))
    return safety_of(records).ruling(stream, "1", {field: own[field] for field in FIELDS})


@pytest.mark.parametrize("reason", ["poi", "minor", "takendown", "notpublic", "private", "disabled"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_flag_in_any_stream_forbids_a_model_everywhere(reason: str, stream: str) -> None:
    assert ruling([("default", model("pg")), (stream, reason)]) == Ruling(reason, stream, forbids=True, fields={})


@pytest.mark.parametrize("reason", ["id", "type"])
def test_other_rejection_reasons_forbid_nothing(reason: str) -> None:
    assert ruling([("default", model("pg")), ("month", reason)]) is None


def test_the_highest_level_of_complete_records_counts_everywhere() -> None:
    records = [("default", model("pg")), ("month", model("xxx"))]
    raised = {"level": "xxx", "level_most": "xxx"}
    assert ruling(records) == Ruling("xxx", "month", forbids=False, fields=raised)
    assert ruling(records, "month") is None
    assert ruling([("default", model("pg")), ("default", model("r"))]) == Ruling(
        "r", "default", forbids=False, fields={"level": "r", "level_most": "r"}
    )


def test_partial_records_count_elsewhere_by_flags_and_highest_level_only() -> None:
    records = [("default", model("pg", "r")), ("sdxl", model("x", "xxx"))]
    assert ruling(records) == Ruling("xxx", "sdxl", forbids=False, fields={"level_most": "xxx"})
    assert ruling(records, "sdxl") is None
    flagged = [("default", model("pg")), ("sdxl", model("x", flagged=True))]
    assert ruling(flagged) == Ruling("flagged", "sdxl", forbids=False, fields={"level": "r", "level_most": "x", "flagged": True})
    assert ruling([("default", model("r")), ("sdxl", model("pg"))], "sdxl") == Ruling(
        "r", "default", forbids=False, fields={"level": "r", "level_most": "r"}
    )


def test_of_equally_bad_records_the_first_added_decides() -> None:
    decision = ruling([("default", model("pg")), ("month", model("xxx")), ("sdxl", "poi"), ("month", "minor")])
    assert decision == Ruling("poi", "sdxl", forbids=True, fields={})


def test_spellings_of_an_id_are_one_model() -> None:
    safety = Safety({"poi", "minor", "takendown", "notpublic", "private", "disabled"})
    safety.add("likes", [], [RejectedRecord("Org/Model", "private")], is_partial=False)
    decision = safety.ruling("default", model_key("org/MODEL"), {})
    assert decision == Ruling("private", "likes", forbids=True, fields={})


@given(RECORDS, RECORDS)
def test_more_records_never_make_a_model_milder(records: list[tuple[str, Any]], more: list[tuple[str, Any]]) -> None:
    few, many = safety_of(records), safety_of([*records, *more])
    for stream in STREAMS:
        own = next((record for name, record in records if name == stream and isinstance(record, dict)), None)
        if own is None:
            continue
        before, after = (safety.ruling(stream, "1", {field: own[field] for field in FIELDS}) for safety in (few, many))
        if before and before.forbids:
            assert after
            assert after.forbids
        elif not (after and after.forbids):
            levels = [{**own, **(decision.fields if decision else {})} for decision in (before, after)]
            for field in ("level", "level_most"):
                assert LEVELS.index(levels[0][field]) <= LEVELS.index(levels[1][field])
            assert levels[0]["flagged"] <= levels[1]["flagged"]
