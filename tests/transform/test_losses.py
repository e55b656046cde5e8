"""Losses by distinct ids, counted by hashes."""

from __future__ import annotations

import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.transform.hashes import HashSet, distinct_hashes
from etl.transform.losses import Losses, page_losses
from etl.transform.page import DroppedValue, PageResult, RejectedRecord

TEXTS = st.lists(st.text(max_size=3))


@given(st.lists(TEXTS, max_size=4))
def test_hashes_are_counted_once(lists: list[list[str]]) -> None:
    sets = []
    for texts in lists:
        sets.append(HashSet())
        sets[-1].add(distinct_hashes(texts))
        assert HashSet.count(sets[-1:]) == len(set(texts))
    assert HashSet.count(sets) == len({text for texts in lists for text in texts})


def page(*ids: str, rejected: int | None = None, dropped: int | None = None) -> PageResult:
    models: list[dict[str, Any]] = [{"id": id_} for index, id_ in enumerate(ids) if index != rejected]
    return PageResult(
        len(ids), models,
        set_aside=[RejectedRecord(rejected, ids[rejected] or None, "id")] if rejected is not None else [],
        dropped=[DroppedValue(dropped, ids[dropped], "likes", "negative")] if dropped is not None else [],
    )  # fmt: skip


def test_rows_name_the_first_loss_and_count_ids_in_any_spelling() -> None:
    losses = Losses()
    losses.add("a", page_losses("a", "page-0001.json", page("o/x", "", rejected=1, dropped=0)))
    losses.add("a", page_losses("a", "page-0002.json", page("O/X", "o/y", dropped=1)))
    losses.add("b", page_losses("b", "page-0001.json", page("", "O/x", rejected=0, dropped=1)))
    assert [tuple(row.values()) for row in losses.report()] == [
        (None, "dropped", "likes", 2, 4, "o/x"), (None, "rejected", "id", 2, 4, "record 1 of a/page-0001.json"),
        ("a", "dropped", "likes", 2, 3, "o/x"), ("a", "rejected", "id", 1, 3, "record 1 of a/page-0001.json"),
        ("b", "dropped", "likes", 1, 2, "O/x"), ("b", "rejected", "id", 1, 2, "record 0 of b/page-0001.json"),
    ]  # fmt: skip


def test_a_record_takes_a_few_bytes() -> None:
    records = 100_000
    pages = [distinct_hashes(f"owner/model-{number}" for number in range(start, start + 500)) for start in range(0, records, 500)]
    hashes = HashSet()
    tracemalloc.start()
    for page_hashes in pages:
        hashes.add(page_hashes)
    assert HashSet.count([hashes]) == records
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * records
