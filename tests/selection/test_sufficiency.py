"""When a stream was read far enough: what complete streams on disk withhold fills no manifest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.pipeline import sufficiency_check
from etl.storage.locks import Locks
from tests.load.test_withheld import CIVITAI, POI, civitai

if TYPE_CHECKING:
    from tests.conftest import Workspace


def judged(house: Workspace, *pages: list[dict[str, Any]]) -> list[bool]:
    """Return after each page of stream `default` whether it suffices."""
    source = load_config(house.filters).sources[0]
    judge = sufficiency_check(house.data, source, 2, Locks(house.data.root, "test", print)).assess(source.streams[0])
    assert source.streams[0].name == "default"
    return [judge(json.dumps({"items": page}).encode()).is_sufficient for page in pages]


@pytest.fixture
def works(house: Workspace) -> Workspace:
    """Return a data folder for CivitAI of which stream `month` says that model 1 is of a real person."""
    house.filters.write_text(CIVITAI)
    house.put("civitai", "month", [civitai(1, **POI), civitai(4, nsfwLevel=4)])
    return house


def test_models_that_a_stream_on_disk_withholds_are_not_enough(works: Workspace) -> None:
    pages = [civitai(1), civitai(2)], [civitai(4)], [civitai(3)]
    assert judged(works, *pages) == [False, False, True]
    assert works.run("transform") == 0  # now the models are read, and not the raw pages
    assert judged(works, *pages) == [False, False, True]
    works.put("civitai", "month", [civitai(1, **POI)], complete=False)
    assert judged(works, *pages) == [True, True, True]


def test_a_later_page_of_the_same_stream_is_a_witness(works: Workspace) -> None:
    assert judged(works, [civitai(2), civitai(2, **POI), civitai(3)], [civitai(5)]) == [False, True]


def test_a_stream_on_disk_that_cannot_be_read_withholds_nothing_and_stops_nothing(works: Workspace) -> None:
    (works.data.raw("civitai", "month") / "page-0001.json").write_text("<html>")
    assert judged(works, [civitai(1), civitai(2)]) == [True]
    works.data.ledger("civitai", "month").write_text("{}")
    assert judged(works, [civitai(1), civitai(2)]) == [True]


def test_what_is_withheld_was_requested_all_the_same(works: Workspace) -> None:
    source = load_config(works.filters).sources[0]
    judge = sufficiency_check(works.data, source, 2, Locks(works.data.root, "test", print)).assess(source.streams[0])
    found = judge(json.dumps({"items": [civitai(1), civitai(2)]}).encode())
    assert (found.models, found.strangers, found.duplicates) == (2, 0, 0)


def test_a_stream_of_a_base_model_says_only_a_part(works: Workspace) -> None:
    works.put("civitai", "sdxl", [civitai(2, nsfwLevel=8), civitai(3, nsfw=True)])
    assert judged(works, [civitai(2), civitai(5)]) == [True]  # it is pg as a whole
    assert judged(works, [civitai(3), civitai(5)]) == [False]  # a flag counts everywhere
    assert works.run("transform") == 0
    assert judged(works, [civitai(2), civitai(5)]) == [True]
    source = load_config(works.filters).sources[0]
    enough = sufficiency_check(works.data, source, 2, Locks(works.data.root, "test", print))
    judges = {stream.name: enough.assess(stream) for stream in source.streams}
    judges["sdxl"](json.dumps({"items": [civitai(5, nsfwLevel=8)]}).encode())
    assert judges["default"](json.dumps({"items": [civitai(5), civitai(6)]}).encode()).is_sufficient


def test_models_of_other_pages_than_those_on_disk_are_not_believed(works: Workspace) -> None:
    assert works.run("transform") == 0
    works.put("civitai", "month", [civitai(2, **POI)])
    assert judged(works, [civitai(1), civitai(2)], [civitai(3)]) == [False, True]
