"""The counts of extract are those of the selection that load makes of the same pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from etl.config.manifests import all_filters
from etl.expressions.evaluator import Evaluator
from etl.selection.safety import RejectedRecord, Safety
from etl.selection.tally import Tally
from tests.conftest import TIME
from tests.selection.test_selection import RECORDS, SOURCES, Pages, leveled, streams
from tests.support.selections import selection_of

if TYPE_CHECKING:
    from etl.config.source_config import SourceConfig
    from etl.selection.selection import Selection

__all__ = ["leveled"]  # the fixture


def check_equal(source: SourceConfig, tally: Tally, selection: Selection) -> None:
    assert (tally.models, tally.duplicates) == (selection.count, len(selection.duplicates))
    for filter_ in all_filters(source):
        assert tally.count(filter_.matches) == selection.count_matching(filter_.conditions)
        own = sum(len(group.positions) for group in selection.groups.all if filter_.matches(group.own))
        assert tally.count_own(filter_.matches) == own
    filters = [replace(filter_, limit=2) for filter_ in all_filters(source)]
    are_full = [selection.count_matching(filter_.conditions) >= filter_.limit for filter_ in filters]
    assert tally.is_full(filters) == all(are_full)
    assert [tally.is_full([filter_]) for filter_ in filters] == are_full


def test_filters_are_full_only_if_all_are() -> None:
    source = SOURCES["huggingface"]
    filters = [replace(filter_, limit=1) for filter_ in all_filters(source) if filter_.path in {"small", "large"}]
    tally = Tally(source, Evaluator(()), "default")
    results = []
    for number, size in enumerate(["medium", "small", "small", "large"]):
        tally.add_page([{"id": str(number), "size": size, "license": None}], TIME)
        results.append((tally.is_full(filters), tally.is_full(filters[::-1])))
    assert len(filters) == 2
    assert results == [(False, False)] * 3 + [(True, True)]


def test_models_are_known_by_their_ids_in_any_spelling() -> None:
    source = SOURCES["huggingface"]
    tally = Tally(source, Evaluator(()), "default")
    for ids in (["o/A", "o/a", *source.skip], ["O/a", "o/b"]):
        tally.add_page([{"id": id_, "size": "small", "license": None} for id_ in ids], TIME)
    assert (tally.models, tally.duplicates) == (2, 2)


@given(streams(), st.lists(st.sampled_from("abcx")), st.booleans())
def test_counts_are_those_of_the_selection(stream: tuple[str, Pages], forbidden: list[str], is_applied_often: bool) -> None:  # noqa: FBT001  generated
    name, pages = stream
    source, safety = SOURCES[name], Safety({"private"})
    tally = Tally(source, Evaluator(()), "default")
    for number, page in enumerate(pages, 1):
        safety.add("likes", [], [RejectedRecord(id_, "private") for id_ in forbidden[:1]], is_partial=False)
        del forbidden[:1]
        tally.add_page(page, TIME)
        selection = selection_of(source, pages[:number])
        if is_applied_often:
            tally.apply(safety)
            selection.apply(safety)
        check_equal(source, tally, selection)
    selection = selection_of(source, pages)
    tally.apply(safety)
    selection.apply(safety)
    check_equal(source, tally, selection)


@given(RECORDS, st.integers(1, 4), st.booleans())
def test_counts_by_what_all_records_decide_are_those_of_the_selection(
    leveled: tuple[SourceConfig, Evaluator],
    records: list[tuple[str, Any]],
    page_size: int,
    is_applied_often: bool,  # noqa: FBT001  generated
) -> None:
    source, evaluator = leveled
    safety = Safety({"poi"})
    tally = Tally(source, evaluator, "default")
    pages = []
    for start in range(0, len(records), page_size):
        page = records[start : start + page_size]
        models = [record for name, record in page if name == "default" and isinstance(record, dict)]
        for name, record in page:
            is_model = isinstance(record, dict)
            safety.add(name, [record] if is_model else [], [] if is_model else [record], is_partial=name == "sdxl")
        tally.add_page(models, TIME)
        pages.append(models)
        selection = selection_of(source, pages, evaluator)
        if is_applied_often:
            tally.apply(safety)
            selection.apply(safety)
        check_equal(source, tally, selection)
    selection = selection_of(source, pages, evaluator)
    tally.apply(safety)
    selection.apply(safety)
    check_equal(source, tally, selection)
