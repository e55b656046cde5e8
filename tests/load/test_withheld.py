"""Models that other records withhold: across streams and within one, told in verdict and funnel, and topped up."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Workspace, hf
from tests.conftest import civitai as record_of

CIVITAI = """
limit = 3
depth = 40
[civitai]
prefix = "civitai"
page = 10
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { sort = "Most Downloaded", nsfw = true }
manifests = ["pg", "r", "month", "sdxl", "pg/sdxl"]
[civitai.axes.level]
all = { label = "All" }
pg = { label = "PG", keeps = ["pg"] }
r = { label = "R", keeps = ["pg", "pg13", "r"] }
[civitai.axes.period]
alltime = { label = "All time", asks = { period = "AllTime" } }
month = { label = "Month", asks = { period = "Month" } }
[civitai.axes.base]
all = { label = "All bases" }
sdxl = { label = "SDXL", asks = { baseModels = ["SDXL 1.0"] } }
"""
POI: dict[str, Any] = {"poi": True}


VERSIONS = [{"id": 1, "baseModel": "SDXL 1.0", "publishedAt": "2026-01-01T00:00:00.000Z"}]


def civitai(number: int, **fields: Any) -> dict[str, Any]:
    """Return a record that every stream of these tests may list."""
    return record_of(number, modelVersions=VERSIONS, **fields)


@pytest.fixture
def works(house: Workspace) -> Workspace:
    """Return an empty data folder for CivitAI, with pages by level, period and base."""
    house.filters.write_text(CIVITAI)
    return house


def fill(works: Workspace, **streams: list[dict[str, Any]]) -> None:
    for stream in ("default", "month", "sdxl"):
        works.put("civitai", stream, streams.get(stream, [civitai(9)]))
    assert works.run("manifests") == 0


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        (POI, "poi"), ({"minor": True}, "minor"), ({"mode": "TakenDown"}, "takendown"),
        ({"availability": "Private"}, "notpublic"), ({"nsfwLevel": 16}, "xxx"), ({"nsfw": True}, "xxx"),
        ({"nsfwLevel": 6}, "pg13"),
    ],
)  # fmt: skip
def test_what_one_stream_says_counts_in_every_other(works: Workspace, fields: dict[str, Any], word: str) -> None:
    fill(works, default=[civitai(1), civitai(2), civitai(3), civitai(4)], month=[civitai(1, **fields)])
    assert works.ids("civitai-filter-pg.json") == ["2", "3", "4"]
    entry = works.entry("civitai-filter-pg.json")
    assert (entry["funnel"]["withheld"], entry["verdict"]) == (1, "full, 3 models")
    fill(works, default=[civitai(1), civitai(2)], month=[civitai(1, **fields)])
    assert works.ids("civitai-filter-pg.json") == ["2"]
    entry = works.entry("civitai-filter-pg.json")
    assert entry["verdict"] == f"short, 1 of 3: 1 withheld: stream month says {word}; the API has no more"
    assert works.run("verify") == 0


@pytest.mark.parametrize("fields", [{"type": 5}, {"type": None}, {"id": "1"}])
@pytest.mark.parametrize(("safety", "word"), [(POI, "poi"), ({"nsfwLevel": 16}, "xxx"), ({"nsfw": True}, "xxx")])
def test_a_record_that_is_not_a_model_is_a_witness_all_the_same(
    works: Workspace, fields: dict[str, Any], safety: dict[str, Any], word: str
) -> None:
    bad = civitai(1, **safety) | fields
    fill(works, default=[civitai(1), civitai(2)], month=[bad])
    assert works.ids("civitai-filter-pg.json") == ["2"]
    assert f"1 withheld: stream month says {word}" in works.entry("civitai-filter-pg.json")["verdict"]
    assert works.run("verify") == 0
    fill(works, default=[bad, civitai(1), civitai(2)])
    assert works.ids("civitai-filter-pg.json") == ["2"]
    assert works.run("verify") == 0


def test_a_manifest_that_withholding_empties_says_so(works: Workspace) -> None:
    fill(works, default=[civitai(1)], month=[civitai(1, **POI)])
    entry = works.entry("civitai-filter-pg.json")
    assert (entry["count"], entry["short"]) == (0, "exhausted")
    assert entry["verdict"] == "empty, also without pg: 1 withheld: stream month says poi; the API has no more"
    assert works.run("verify") == 0


def test_two_records_in_one_stream_are_two_witnesses(works: Workspace) -> None:
    fill(works, default=[civitai(1), civitai(2), civitai(1, nsfw=True), civitai(2, **POI), civitai(3)])
    assert works.ids("civitai-filter-pg.json") == ["3"]
    verdict = works.entry("civitai-filter-pg.json")["verdict"]
    assert "2 withheld: stream default says poi 1, stream default says xxx 1" in verdict
    assert works.run("verify") == 0


def test_a_stream_of_a_base_model_shows_only_a_part(works: Workspace) -> None:
    explicit = civitai(1, nsfwLevel=8)
    fill(works, default=[civitai(1), civitai(2)], sdxl=[explicit, civitai(2, nsfw=True), civitai(3)])
    assert works.ids("civitai-filter-pg.json") == ["1"]  # 1 is pg as a whole; 2 is flagged
    assert works.ids("civitai-filter-pg-sdxl.json") == ["3"]
    assert works.ids("civitai-filter-sdxl.json") == ["1", "2", "3"]
    assert works.ids("civitai-filter-r.json") == ["1", "2"]
    assert "1 withheld: stream sdxl says flagged" in works.entry("civitai-filter-pg.json")["verdict"]
    fill(works, default=[civitai(1, nsfwLevel=4)], sdxl=[civitai(1), civitai(3)])
    assert works.ids("civitai-filter-pg-sdxl.json") == ["3"]
    assert works.run("verify") == 0


def test_a_stream_that_no_filter_reads_counts_and_says_how_to_remove_it(
    works: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767657600")  # 2026-01-06
    works.put("civitai", "old", [civitai(1, **POI)], asks={"period": "Year"})
    fill(works, default=[civitai(1), civitai(2)])
    verdict = works.entry("civitai-filter-pg.json")["verdict"]
    assert verdict == "short, 1 of 3: 1 withheld: stream old says poi; no filter reads stream old; the API has no more"
    told = capsys.readouterr().err
    where = works.data.raw("civitai", "old")
    assert "civitai: stream old (fetched 2026-01-01T00:00:00.000Z, 5.0 days ago) withholds 1 model; no filter reads it" in told
    assert told.rstrip().endswith(f"to remove it: rm -r {where}")
    works.put("civitai", "old", [civitai(1, **POI)], complete=False)
    assert works.run("manifests") == 0
    assert works.ids("civitai-filter-pg.json") == ["1", "2"]


def test_a_stream_that_no_filter_reads_is_a_witness_too_and_must_be_whole(
    works: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    works.put("civitai", "old", [civitai(7)], asks={"period": "Year"})
    fill(works, default=[civitai(1)])
    capsys.readouterr()
    path = works.data.models("civitai", "old") / "page-0001.json"
    path.write_text("[{}]")
    assert works.run("load") == 65
    assert f"{path}: not valid output of the transform" in capsys.readouterr().err


def test_of_streams_that_say_the_same_one_that_filters_read_decides_and_only_others_are_noticed(
    works: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    works.put("civitai", "aaa", [civitai(1, **POI), civitai(2, nsfwLevel=8)], asks={"period": "Year"})
    fill(works, default=[civitai(1), civitai(2), civitai(3)], month=[civitai(1, **POI), civitai(2, nsfwLevel=8)])
    verdict = works.entry("civitai-filter-pg.json")["verdict"]
    assert verdict.startswith("short, 1 of 3: 2 withheld: stream month says poi 1, stream month says x 1; the API")
    assert "no filter reads it" not in capsys.readouterr().err


def test_a_page_that_is_empty_for_another_reason_names_that_too(works: Workspace) -> None:
    fill(works, default=[civitai(1), *(civitai(n, nsfwLevel=16) for n in range(2, 12))], month=[civitai(1, **POI)])
    verdict = works.entry("civitai-filter-pg.json")["verdict"]
    assert verdict.startswith("empty because of level pg, without which there are 10 models; 1 withheld: stream month says poi; ")


def test_a_record_without_an_id_forbids_no_model(house: Workspace) -> None:
    house.put("huggingface", "default", [hf("none"), {"private": True, "id": None}])
    house.put("huggingface", "likes", [hf("o/x")])
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-other.json") == ["none"]


def test_spellings_of_an_id_are_one_model_spelled_as_fetched_last(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    early, late = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
    house.put("huggingface", "default", [hf("Org/Model-Dynamic"), hf("o/x"), hf("ORG/model-dynamic")], fetched_at=early)
    house.put("huggingface", "likes", [hf("o/y"), hf("Org/Model-dynamic")], fetched_at=late)
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-other.json") == ["Org/Model-dynamic", "o/x"]
    assert house.ids("hf-filter-likes.json") == ["o/y", "Org/Model-dynamic"]
    models = house.manifest("all-models.json")["models"]
    assert [(model["id"], model["name"]) for model in models] == [
        ("Org/Model-dynamic", "Model-dynamic"), ("o/x", "x"), ("o/y", "y"),
    ]  # fmt: skip
    assert "huggingface: ids spelled in several ways, 1, published as fetched last: Org/Model-dynamic" in capsys.readouterr().err
    assert house.run("verify") == 0
    house.put("huggingface", "likes", [hf("o/y"), hf("org/MODEL-dynamic", private=True)], fetched_at=late)
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-other.json") == ["o/x"]


def test_of_several_spellings_the_record_fetched_last_decides_the_fields(house: Workspace) -> None:
    early, late = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
    house.put("huggingface", "default", [hf("Org/A", tags=["license:apache-2.0"]), hf("o/b")], fetched_at=early)
    house.put("huggingface", "likes", [hf("org/a", tags=["license:mit"]), hf("o/c")], fetched_at=late)
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-apache.json") == []
    assert house.ids("hf-filter-other.json") == ["org/a", "o/b"]
    assert house.run("verify") == 0


def test_a_skipped_id_is_skipped_in_any_spelling(house: Workspace) -> None:
    house.put("huggingface", "default", [hf("O/Skipped"), hf("o/x")])
    house.put("huggingface", "likes", [hf("o/x")])
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-other.json") == ["o/x"]
    assert house.entry("hf-filter-other.json")["funnel"]["skipped"] == 1


RECORD = st.builds(
    lambda number, mask, nsfw, poi: civitai(number, nsfwLevel=mask, nsfw=nsfw, poi=poi, type="LORA"),
    st.integers(1, 4), st.integers(1, 31), st.booleans(), st.sampled_from([False, False, False, True]),
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(default=st.lists(RECORD, max_size=4), month=st.lists(RECORD, max_size=4))
def test_a_second_stream_never_makes_a_manifest_less_safe(
    works: Workspace, default: list[dict[str, Any]], month: list[dict[str, Any]]
) -> None:
    text = CIVITAI.replace("limit = 3", "limit = 9")
    works.filters.write_text(text)
    fill(works, default=default, month=[])
    before = {file: works.entry(file) | {"ids": works.ids(file)} for file in ("civitai-filter-pg.json", "civitai-filter-r.json")}
    fill(works, default=default, month=month)
    assert works.run("verify") == 0
    for file, alone in before.items():
        both = works.entry(file)
        assert set(works.ids(file)) <= set(alone["ids"])
        assert both["funnel"]["withheld"] - alone["funnel"]["withheld"] == alone["count"] - both["count"]


IMAGES = st.lists(st.sampled_from([1, 2, 4, 8, 16]), min_size=1, max_size=3)


def shown(number: int, images: list[int], *, flagged: bool, hidden: int = 0) -> dict[str, Any]:
    """Return a record as the server states it: its mask is of its images and of levels that no listed image has."""
    mask = 60 if flagged else functools.reduce(operator.or_, images, hidden)
    versions = [{**VERSIONS[0], "images": [{"nsfwLevel": level} for level in images]}]
    return record_of(number, nsfw=flagged, nsfwLevel=mask, modelVersions=versions)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    images=IMAGES, flagged=st.booleans(), hidden=st.sampled_from([0, 1, 4]), place=st.integers(0, 2),
    how=st.sampled_from(["flag", "image", "mask"]), where=st.sampled_from(["default", "month"]),
)  # fmt: skip
def test_no_worse_record_adds_its_model_to_a_safer_manifest(
    works: Workspace,
    images: list[int],
    flagged: bool,  # noqa: FBT001  drawn
    hidden: int,
    place: int,
    how: str,
    where: str,
) -> None:
    """A flag that is set, an image that is raised or the mask's lowest bit that is dropped, in one stream or in another."""
    plain = shown(1, images, flagged=flagged, hidden=hidden)
    worse = shown(1, images, flagged=True)
    if how == "image":
        raised = [min(16, level * 2) if index == place % len(images) else level for index, level in enumerate(images)]
        worse = shown(1, raised, flagged=flagged, hidden=hidden)
    elif how == "mask" and not flagged and (plain["nsfwLevel"] & (plain["nsfwLevel"] - 1)):
        mask = plain["nsfwLevel"] & (plain["nsfwLevel"] - 1)
        worse = plain | {"nsfwLevel": mask, "modelVersions": [VERSIONS[0]]}
    fill(works, default=[plain], month=[plain])
    before = {file: works.ids(file) for file in ("civitai-filter-pg.json", "civitai-filter-r.json")}
    fill(works, **{"default": [plain], "month": [plain], where: [worse]})
    assert works.run("verify") == 0
    for file, ids in before.items():
        assert set(works.ids(file)) <= set(ids)
