"""The classes of the records of a stream are those of their models, which are searched only where the order differs."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.config.manifests import all_filters
from etl.core.ids import hash_texts, model_key
from etl.selection.selection import Selection
from etl.verify.matching import GreatestUnlisted, Matching, RecordClasses
from etl.verify.raw_pages import PageReading
from tests.conftest import OWN_FILTERS
from tests.support.selections import selection_of

(SOURCE,) = (source for source in load_config(OWN_FILTERS).sources if source.name == "huggingface")
(SKIPPED,) = SOURCE.skip
IDS = st.sampled_from(["o/a", "O/A", "o/b", "o/c", "o/d", SKIPPED])


def matching_of(*pages: list[str]) -> Matching:
    """Return which models with these ids match the filters of a size; the size follows from the key."""
    sizes = ("small", "medium", "large")
    fields = {"slug": "s", "name": "n", "license": None}
    models = [[{"id": id_, "size": sizes[len({*model_key(id_)} & {*"bc"}) % 3], **fields} for id_ in page] for page in pages]
    return Matching(selection_of(SOURCE, models), list(all_filters(SOURCE)))


def reading_of(ids: list[str], *columns: list[float]) -> PageReading:
    values = [array("d", column) for column in columns]
    return PageReading(ids=ids, keys=hash_texts(map(model_key, ids)), values=values)


@given(st.lists(st.lists(IDS, max_size=9), max_size=4), st.lists(st.lists(IDS | st.sampled_from(["", "x/y"]), max_size=9)))
def test_records_have_the_classes_of_their_models(models: list[list[str]], records: list[list[str]]) -> None:
    matching = matching_of(*models)
    classes = RecordClasses(matching)
    for ids in (*models, *records):
        assert classes.next_page(reading_of(ids)) == [matching.find(id_).match_class for id_ in ids]


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the ids that are searched."""
    ids: list[str] = []
    find = Selection.position_of

    def spy(selection: Selection, id_: str) -> int | None:
        ids.append(id_)
        return find(selection, id_)

    monkeypatch.setattr(Selection, "position_of", spy)
    return ids


def test_only_records_out_of_order_are_searched(searched: list[str]) -> None:
    classes = RecordClasses(matching_of(["o/a", "o/b"], ["O/A", "o/c", SKIPPED, "o/d"]))
    numbers = [classes.next_page(reading_of(ids)) for ids in (["o/a", "x/private", "o/b"], ["O/A", "o/c", SKIPPED, "o/d", "o/b"])]
    assert searched == ["x/private", "O/A", SKIPPED, "o/b"]
    (a, private, b), (other_a, c, skipped, d, other_b) = numbers
    assert (private, skipped) == (0, 0)
    assert a == other_a == d != b == other_b == c != 0


def test_the_greatest_value_is_that_of_the_first_unlisted_model() -> None:
    greatest = GreatestUnlisted(matching_of(["o/a", "o/d", "o/b"], ["o/c"]), 1, {"o/d"})
    greatest.add_page(0, reading_of(["o/a", "o/d", "o/b"], [3, 9, 5]))
    greatest.add_page(3, reading_of(["O/A", "o/c"], [4, 5]))
    large, small = (greatest.matching.find(id_).match_class for id_ in ("o/b", "o/a"))
    assert [greatest.may_precede(small, 0, value, position) for value, position in ((3, 9), (4, 3), (4, 4))] == [
        True,
        False,
        True,
    ]
    assert [greatest.may_precede(large, 0, value, position) for value, position in ((5, 2), (5, 3), (6, 9))] == [
        False,
        True,
        False,
    ]
