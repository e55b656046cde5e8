"""Models withheld by other records, across streams and within one: they are replaced, counted in the funnel and explained."""

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
    """Return a record that every stream of these tests may contain."""
    return record_of(number, modelVersions=VERSIONS, **fields)


@pytest.fixture
def civitai_workspace(workspace: Workspace) -> Workspace:
    """Return an empty data folder for CivitAI, with manifests by level, period and base."""
    workspace.filters.write_text(CIVITAI)
    return workspace


def fill(civitai_workspace: Workspace, **streams: list[dict[str, Any]]) -> None:
    for stream in ("default", "month", "sdxl"):
        civitai_workspace.write_stream("civitai", stream, streams.get(stream, [civitai(9)]))
    assert civitai_workspace.run("manifests") == 0


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        (POI, "poi"), ({"minor": True}, "minor"), ({"mode": "TakenDown"}, "takendown"),
        ({"availability": "Private"}, "notpublic"), ({"nsfwLevel": 16}, "xxx"), ({"nsfw": True}, "xxx"),
        ({"nsfwLevel": 6}, "pg13"),
    ],
)  # fmt: skip
def test_safety_flags_of_one_stream_count_in_all(civitai_workspace: Workspace, fields: dict[str, Any], word: str) -> None:
    fill(civitai_workspace, default=[civitai(1), civitai(2), civitai(3), civitai(4)], month=[civitai(1, **fields)])
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["2", "3", "4"]
    entry = civitai_workspace.entry("civitai-filter-pg.json")
    assert (entry["funnel"]["withheld"], entry["verdict"]) == (1, "full, 3 models")
    fill(civitai_workspace, default=[civitai(1), civitai(2)], month=[civitai(1, **fields)])
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["2"]
    entry = civitai_workspace.entry("civitai-filter-pg.json")
    assert entry["verdict"] == f"short, 1 of 3: 1 withheld: stream month says {word}; the API has no more"
    assert civitai_workspace.run("verify") == 0


@pytest.mark.parametrize("fields", [{"type": 5}, {"type": None}, {"id": "1"}])
@pytest.mark.parametrize(("safety", "word"), [(POI, "poi"), ({"nsfwLevel": 16}, "xxx"), ({"nsfw": True}, "xxx")])
def test_rejected_records_count_for_safety(
    civitai_workspace: Workspace, fields: dict[str, Any], safety: dict[str, Any], word: str
) -> None:
    rejected = civitai(1, **safety) | fields
    fill(civitai_workspace, default=[civitai(1), civitai(2)], month=[rejected])
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["2"]
    assert f"1 withheld: stream month says {word}" in civitai_workspace.entry("civitai-filter-pg.json")["verdict"]
    assert civitai_workspace.run("verify") == 0
    fill(civitai_workspace, default=[rejected, civitai(1), civitai(2)])
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["2"]
    assert civitai_workspace.run("verify") == 0


def test_a_manifest_emptied_by_withholding_has_that_reason(civitai_workspace: Workspace) -> None:
    fill(civitai_workspace, default=[civitai(1)], month=[civitai(1, **POI)])
    entry = civitai_workspace.entry("civitai-filter-pg.json")
    assert (entry["count"], entry["short"]) == (0, "exhausted")
    assert entry["verdict"] == "empty, also without pg: 1 withheld: stream month says poi; the API has no more"
    assert civitai_workspace.run("verify") == 0


def test_duplicates_in_one_stream_count_for_safety(civitai_workspace: Workspace) -> None:
    fill(civitai_workspace, default=[civitai(1), civitai(2), civitai(1, nsfw=True), civitai(2, **POI), civitai(3)])
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["3"]
    verdict = civitai_workspace.entry("civitai-filter-pg.json")["verdict"]
    assert "2 withheld: stream default says poi 1, stream default says xxx 1" in verdict
    assert civitai_workspace.run("verify") == 0


def test_streams_by_base_model_have_partial_records(civitai_workspace: Workspace) -> None:
    explicit = civitai(1, nsfwLevel=8)
    fill(civitai_workspace, default=[civitai(1), civitai(2)], sdxl=[explicit, civitai(2, nsfw=True), civitai(3)])
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["1"]  # the complete record of 1 is pg; 2 is flagged
    assert civitai_workspace.ids("civitai-filter-pg-sdxl.json") == ["3"]
    assert civitai_workspace.ids("civitai-filter-sdxl.json") == ["1", "2", "3"]
    assert civitai_workspace.ids("civitai-filter-r.json") == ["1", "2"]
    assert "1 withheld: stream sdxl says flagged" in civitai_workspace.entry("civitai-filter-pg.json")["verdict"]
    fill(civitai_workspace, default=[civitai(1, nsfwLevel=4)], sdxl=[civitai(1), civitai(3)])
    assert civitai_workspace.ids("civitai-filter-pg-sdxl.json") == ["3"]
    assert civitai_workspace.run("verify") == 0


def test_unread_streams_count_and_are_reported_with_the_command_to_remove_them(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767657600")  # 2026-01-06
    civitai_workspace.write_stream("civitai", "old", [civitai(1, **POI)], asks={"period": "Year"})
    fill(civitai_workspace, default=[civitai(1), civitai(2)])
    verdict = civitai_workspace.entry("civitai-filter-pg.json")["verdict"]
    assert verdict == "short, 1 of 3: 1 withheld: stream old says poi; no filter reads stream old; the API has no more"
    error = capsys.readouterr().err
    path = civitai_workspace.data.raw("civitai", "old")
    assert "civitai: stream old (fetched 2026-01-01T00:00:00.000Z, 5.0 days ago) withholds 1 model; no filter reads it" in error
    assert error.rstrip().endswith(f"to remove it: rm -r {path}")
    civitai_workspace.write_stream("civitai", "old", [civitai(1, **POI)], complete=False)
    assert civitai_workspace.run("manifests") == 0
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["1", "2"]


def test_unread_streams_with_invalid_models_are_reported(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    civitai_workspace.write_stream("civitai", "old", [civitai(7)], asks={"period": "Year"})
    fill(civitai_workspace, default=[civitai(1)])
    capsys.readouterr()
    path = civitai_workspace.data.models("civitai", "old") / "page-0001.json"
    path.write_text("[{}]")
    assert civitai_workspace.run("load") == 65
    assert f"{path}: not valid output of the transform" in capsys.readouterr().err


def test_streams_that_filters_read_decide_before_unread_ones(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    civitai_workspace.write_stream("civitai", "aaa", [civitai(1, **POI), civitai(2, nsfwLevel=8)], asks={"period": "Year"})
    fill(civitai_workspace, default=[civitai(1), civitai(2), civitai(3)], month=[civitai(1, **POI), civitai(2, nsfwLevel=8)])
    verdict = civitai_workspace.entry("civitai-filter-pg.json")["verdict"]
    assert verdict.startswith("short, 1 of 3: 2 withheld: stream month says poi 1, stream month says x 1; the API")
    assert "no filter reads it" not in capsys.readouterr().err


def test_a_manifest_emptied_by_an_option_has_that_reason_too(civitai_workspace: Workspace) -> None:
    fill(civitai_workspace, default=[civitai(1), *(civitai(n, nsfwLevel=16) for n in range(2, 12))], month=[civitai(1, **POI)])
    verdict = civitai_workspace.entry("civitai-filter-pg.json")["verdict"]
    assert verdict.startswith("empty because of level pg, without which there are 10 models; 1 withheld: stream month says poi; ")


def test_records_without_an_id_forbid_no_model(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("none"), {"private": True, "id": None}])
    workspace.write_stream("huggingface", "likes", [hf("o/x")])
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-other.json") == ["none"]


def test_spellings_of_an_id_are_one_model_published_as_fetched_last(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    early, late = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
    workspace.write_stream(
        "huggingface", "default", [hf("Org/Model-Dynamic"), hf("o/x"), hf("ORG/model-dynamic")], fetched_at=early
    )
    workspace.write_stream("huggingface", "likes", [hf("o/y"), hf("Org/Model-dynamic")], fetched_at=late)
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-other.json") == ["Org/Model-dynamic", "o/x"]
    assert workspace.ids("hf-filter-likes.json") == ["o/y", "Org/Model-dynamic"]
    models = workspace.manifest("all-models.json")["models"]
    assert [(model["id"], model["name"]) for model in models] == [
        ("Org/Model-dynamic", "Model-dynamic"), ("o/x", "x"), ("o/y", "y"),
    ]  # fmt: skip
    assert "huggingface: ids spelled in several ways, 1, published as fetched last: Org/Model-dynamic" in capsys.readouterr().err
    assert workspace.run("verify") == 0
    workspace.write_stream("huggingface", "likes", [hf("o/y"), hf("org/MODEL-dynamic", private=True)], fetched_at=late)
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-other.json") == ["o/x"]


def test_of_several_spellings_the_last_fetched_record_has_the_fields(workspace: Workspace) -> None:
    early, late = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
    workspace.write_stream("huggingface", "default", [hf("Org/A", tags=["license:apache-2.0"]), hf("o/b")], fetched_at=early)
    workspace.write_stream("huggingface", "likes", [hf("org/a", tags=["license:mit"]), hf("o/c")], fetched_at=late)
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-apache.json") == []
    assert workspace.ids("hf-filter-other.json") == ["org/a", "o/b"]
    assert workspace.run("verify") == 0


def test_ids_are_skipped_in_any_spelling(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("O/Skipped"), hf("o/x")])
    workspace.write_stream("huggingface", "likes", [hf("o/x")])
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-other.json") == ["o/x"]
    assert workspace.entry("hf-filter-other.json")["funnel"]["skipped"] == 1


RECORD = st.builds(
    lambda number, mask, nsfw, poi: civitai(number, nsfwLevel=mask, nsfw=nsfw, poi=poi, type="LORA"),
    st.integers(1, 4), st.integers(1, 31), st.booleans(), st.sampled_from([False, False, False, True]),
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(default=st.lists(RECORD, max_size=4), month=st.lists(RECORD, max_size=4))
def test_more_streams_never_make_a_manifest_less_safe(
    civitai_workspace: Workspace, default: list[dict[str, Any]], month: list[dict[str, Any]]
) -> None:
    text = CIVITAI.replace("limit = 3", "limit = 9")
    civitai_workspace.filters.write_text(text)
    fill(civitai_workspace, default=default, month=[])
    before = {
        file: civitai_workspace.entry(file) | {"ids": civitai_workspace.ids(file)}
        for file in ("civitai-filter-pg.json", "civitai-filter-r.json")
    }
    fill(civitai_workspace, default=default, month=month)
    assert civitai_workspace.run("verify") == 0
    for file, old in before.items():
        new = civitai_workspace.entry(file)
        assert set(civitai_workspace.ids(file)) <= set(old["ids"])
        assert new["funnel"]["withheld"] - old["funnel"]["withheld"] == old["count"] - new["count"]


IMAGES = st.lists(st.sampled_from([1, 2, 4, 8, 16]), min_size=1, max_size=3)


def record_with_images(number: int, images: list[int], *, flagged: bool, hidden: int = 0) -> dict[str, Any]:
    """Return a record as the server computes it: its mask has the levels of its images, and `hidden` ones that none shows."""
    mask = 60 if flagged else functools.reduce(operator.or_, images, hidden)
    versions = [{**VERSIONS[0], "images": [{"nsfwLevel": level} for level in images]}]
    return record_of(number, nsfw=flagged, nsfwLevel=mask, modelVersions=versions)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    images=IMAGES, flagged=st.booleans(), hidden=st.sampled_from([0, 1, 4]), index=st.integers(0, 2),
    change=st.sampled_from(["flag", "image", "mask"]), stream=st.sampled_from(["default", "month"]),
)  # fmt: skip
def test_worse_records_never_add_a_model_to_a_milder_manifest(
    civitai_workspace: Workspace,
    images: list[int],
    flagged: bool,  # noqa: FBT001  generated
    hidden: int,
    index: int,
    change: str,
    stream: str,
) -> None:
    """Worse is a set flag, a raised image level, or a mask without its lowest bit, in either stream."""
    plain = record_with_images(1, images, flagged=flagged, hidden=hidden)
    worse = record_with_images(1, images, flagged=True)
    if change == "image":
        raised = [min(16, level * 2) if image == index % len(images) else level for image, level in enumerate(images)]
        worse = record_with_images(1, raised, flagged=flagged, hidden=hidden)
    elif change == "mask" and not flagged and (plain["nsfwLevel"] & (plain["nsfwLevel"] - 1)):
        mask = plain["nsfwLevel"] & (plain["nsfwLevel"] - 1)
        worse = plain | {"nsfwLevel": mask, "modelVersions": [VERSIONS[0]]}
    fill(civitai_workspace, default=[plain], month=[plain])
    before = {file: civitai_workspace.ids(file) for file in ("civitai-filter-pg.json", "civitai-filter-r.json")}
    fill(civitai_workspace, **{"default": [plain], "month": [plain], stream: [worse]})
    assert civitai_workspace.run("verify") == 0
    for file, ids in before.items():
        assert set(civitai_workspace.ids(file)) <= set(ids)
