"""Checks of the requested order: counter drift, orders that an API does not guarantee, and invalid values."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from math import floor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.verify import order, raw_checks
from etl.verify.order import Fetch, count_out_of_order, count_steps, rank, seconds
from tests.conftest import Workspace, civitai, hf
from tests.verify.audit import read_streams, write_page

if TYPE_CHECKING:
    from random import Random

    from etl.verify.published import Check

NEVER = Fetch(None, None)


def check_request(workspace: Workspace, source: str, query: str, *records: Any, **ledger: Any) -> Check:
    write_page(workspace, source, "default", query, *records, **ledger)
    return raw_checks.check_request_honored([*read_streams(workspace, source).values()])


def loras(*downloads: Any, **fields: Any) -> list[dict[str, Any]]:
    return [civitai(n, type="LORA", stats={"downloadCount": count}, **fields) for n, count in enumerate(downloads)]


@given(st.lists(st.floats(0, 1e6), min_size=30, max_size=200), st.randoms())
def test_counter_drift_of_5_percent_is_in_order_and_ascending_or_shuffled_lists_are_not(counts: list[float], rng: Random) -> None:
    drifted = [count_steps(count * rng.uniform(1, 1.05)) for count in sorted(counts, reverse=True)]
    assert count_out_of_order(drifted) <= 1 + len(drifted) // 20
    ascending = [count_steps(1000 * 1.01**n) for n in range(len(counts))]
    assert count_out_of_order(ascending) > 1 + len(ascending) // 20
    shuffled = [count_steps(1e6 * 1.2**-n) for n in range(len(counts))]
    rng.shuffle(shuffled)
    assert shuffled == sorted(shuffled, reverse=True) or count_out_of_order(shuffled) > 0


def plain_count(ranks: list[float]) -> int:
    """Count as the docstring of `count_out_of_order` says, without thought for memory."""
    ends: list[int] = []
    for number in map(floor, ranks):
        position = bisect_right(ends, -number)
        ends[position : position + 1] = [-number]
    in_order = sorted(ranks, reverse=True)
    return min(len(ranks) - len(ends), sum(abs(left - right) > 1 + 1e-9 for left, right in zip(ranks, in_order, strict=True)))


@given(st.lists(st.floats(0, 30) | st.integers(0, 9).map(float), max_size=60), st.integers(0, 9), st.integers(1, 9))
def test_ranks_are_counted_in_parts_as_all_at_once(ranks: list[float], tolerated: int, part: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_SORTED_AT_ONCE", part)
        assert count_out_of_order(array("d", ranks)) == plain_count(ranks)
        count = count_out_of_order(array("d", ranks), tolerated)
    assert count == plain_count(ranks) or max(count, plain_count(ranks)) <= tolerated


@pytest.mark.parametrize(
    "value", [None, True, "5", "", [], {}, -1, float("inf"), int("9" * 310), 2**53, -float("inf"), "2026-01-01T00:00:00Z"]
)
def test_invalid_counters_have_no_rank(value: Any) -> None:
    assert rank(value, NEVER, is_time=False) is None


@pytest.mark.parametrize("value", [None, True, 5, float("inf"), int("9" * 310), "", "yesterday", "2026-13-01T00:00:00Z", [], {}])
def test_invalid_times_have_no_rank(value: Any) -> None:
    assert rank(value, NEVER, is_time=True) is None


@given(st.text() | st.datetimes().map(lambda time: time.isoformat()) | st.datetimes(timezones=st.timezones()).map(str))
def test_any_text_is_parsed_to_a_time_or_none(text: str) -> None:
    assert isinstance(seconds(text), float | None)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01", "9999-12-31"])
def test_the_earliest_and_the_latest_time_are_valid(text: str) -> None:
    assert isinstance(seconds(text), float)


def test_times_without_a_zone_are_utc() -> None:
    assert seconds("1970-01-01T00:01:00") == seconds("1970-01-01T00:01:00.000Z") == 60


ASCENDING = list(range(1000, 2000, 20))


def test_an_ignored_order_is_a_problem(workspace: Workspace) -> None:
    check = check_request(workspace, "civitai", "sort=Most+Downloaded&types=LORA", *loras(*ASCENDING))
    (problem,) = check.problems
    assert "records are out of order, the first at " in problem
    assert problem.endswith("; the source ignores the order Most Downloaded")


def test_with_base_models_a_wrong_order_is_a_note(workspace: Workspace) -> None:
    check = check_request(workspace, "civitai", "sort=Most+Downloaded&types=LORA&baseModels=SD+1.5", *loras(*ASCENDING))
    assert check.problems == []
    (note,) = check.notes
    assert note.startswith("civitai/default: ")
    assert note.endswith(
        " of 50 records are out of order by downloadCount; with baseModels the API may sort by counters of the base model"
    )


def test_with_base_models_the_right_order_gives_no_note(workspace: Workspace) -> None:
    query = "sort=Most+Downloaded&types=LORA&baseModels=SD+1.5"
    assert check_request(workspace, "civitai", query, *loras(*reversed(ASCENDING))).notes == []


def test_hidden_counters_ties_and_absent_keys_are_in_order(workspace: Workspace) -> None:
    descending = [900, None, 900, 900, None, 5, 5, 5, None, 0, 0]
    assert check_request(workspace, "civitai", "sort=Most+Downloaded", *loras(*descending)).problems == []
    no_stats: list[Any] = [None, [], {}, {"thumbsUpCount": 7}, "x", 5]
    records = [civitai(n, stats=stats) for n, stats in enumerate(no_stats)]
    assert check_request(workspace, "civitai", "sort=Most+Downloaded", *records).problems == []
    assert check_request(workspace, "huggingface", "sort=lastModified", {"id": "o/a"}, {"id": "o/b"}).problems == []


def test_counters_out_of_range_are_ignored(workspace: Workspace) -> None:
    downloads = [int("9" * 310), *reversed(ASCENDING), int("9" * 310), True, "7"]
    check = check_request(workspace, "civitai", "sort=Most+Downloaded", *loras(*downloads))
    assert (check.problems, check.looked_at) == ([], 54)


def test_numbers_beyond_the_range_of_floats_are_read(workspace: Workspace) -> None:
    write_page(workspace, "civitai", "default", "sort=Most+Downloaded", civitai(1))
    text = (
        '{"items":[{"id":1e400,"nsfwLevel":1e400,"stats":{"downloadCount":1e400}},'
        f'{{"id":{"9" * 310},"nsfwLevel":{"9" * 310},"stats":{{"downloadCount":{"9" * 310}}}}},'
        '{"id":3.0,"modelVersions":[{"images":[{"nsfwLevel":1e400},{"nsfwLevel":-1e400}]}]}]}'
    )
    (workspace.data.raw("civitai", "default") / "page-0001.json").write_text(text)
    (stream,) = read_streams(workspace, "civitai", "", "3").values()
    records = [record for key in ("", "3") for record in stream.records_of(key)]
    assert [(record.id, record.level, record.level_most) for record in records] == [("", 4, 4), ("", 4, 4), ("3", 4, 4)]
    assert stream.order.ranked == 0
    assert raw_checks.check_request_honored([stream]).problems == []


def test_a_repository_updated_during_the_fetch_is_not_out_of_order(workspace: Workspace) -> None:
    def updated_on(*days: int) -> list[Any]:
        return [hf(f"o/m{day}", lastModified=f"2026-01-{day:02}T00:00:00.000Z") for day in days]

    asks = {"sort": "lastModified"}
    workspace.write_stream("huggingface", "default", updated_on(19, 18, 17), updated_on(16, 22, 23, 24, 15, 14), asks=asks)
    path = workspace.data.ledger("huggingface", "default")
    ledger = json.loads(path.read_text())
    counts = []
    for second in ("2026-01-25T00:00:00.000Z", "2026-01-20T00:00:00.000Z"):  # a page has no updates later than its own fetch
        for page, fetched_at in zip(ledger["pages"], ("2026-01-20T00:00:00.000Z", second), strict=True):
            page["fetched_at"] = fetched_at
        path.write_text(json.dumps(ledger))
        counts.append(len(raw_checks.check_request_honored([*read_streams(workspace, "huggingface").values()]).problems))
    assert counts == [0, 1]


def test_times_within_the_lag_of_an_index_are_in_order(workspace: Workspace) -> None:
    minutes = [hf(f"o/m{n}", lastModified=f"2025-12-31T11:{n}:00.000Z") for n in range(10, 59)]
    assert check_request(workspace, "huggingface", "sort=lastModified", *minutes).problems == []
    days = [hf(f"o/m{n}", lastModified=f"2025-12-{n:02}T00:00:00.000Z") for n in range(1, 31)]
    assert len(check_request(workspace, "huggingface", "sort=lastModified", *days).problems) == 1
