"""verify reads the values that order a manifest from the raw records, and finds models that are swapped, missing or foreign."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.core.ids import digest as full_hash
from etl.selection.selection import Selection
from etl.verify.missing import Query, Value
from etl.verify.raw_streams import RawStreams
from tests.conftest import Workspace, civitai, hf
from tests.selection.test_ordering import ORDERED
from tests.verify.test_gate import checked
from tests.verify.test_raw_streams import few_hashes, use_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.filters import Filter

FILTERS = ORDERED.replace("limit = 2", "limit = 3").replace('["updated",', '["default",')
GGUF = {"tags": ["gguf"]}
RECORDS = [
    [hf("o/5", likes=5), hf("o/none", likes=None), hf("o/7", likes=7, **GGUF), hf("o/7b", likes=7)],
    [hf("o/9", likes=9, **GGUF), hf("o/private", likes=99, private=True), hf("o/1", likes=1, **GGUF), hf("o/0", likes=0)],
]


@pytest.fixture
def ordered(workspace: Workspace) -> Workspace:
    workspace.filters.write_text(FILTERS)
    workspace.write_stream("huggingface", "default", *RECORDS)
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-default.json") == ["o/9", "o/7", "o/7b"]
    assert workspace.ids("hf-filter-tagged.json") == ["o/9", "o/7", "o/1"]
    return workspace


def order_check(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    check: dict[str, Any] = checked(workspace, capsys)["order of the streams"]
    return check


def problems(workspace: Workspace, capsys: pytest.CaptureFixture[str], file: str, ids: list[str]) -> list[str]:
    """Return what verify says of the order after a manifest was given other models, without its path."""
    path = workspace.data.manifests / file
    manifest = json.loads(path.read_text())
    manifest["models"] = [{"id": id_, "slug": id_.replace("/", "--"), "name": id_.rpartition("/")[2]} for id_ in ids]
    path.write_text(json.dumps(manifest))
    return [problem.removeprefix(f"{path}: ") for problem in order_check(workspace, capsys)["problems"]]


def test_manifests_in_order_pass(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    check = order_check(ordered, capsys)
    assert (check["problems"], check["notes"], check["looked_at"]) == ([], [], 5)


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        (["o/7", "o/9", "o/7b"], ["$.models[1].id: o/9 has likes 9, and a model before it 7"]),
        (["o/9", "o/7b", "o/7"], ["$.models[2].id: o/7 has likes 7 as the model before it, and is out of stream order"]),
        (["o/7", "o/7b", "o/5"], ["$.models: o/9 with likes 9 is missing, and the last one has 5"]),
        (["o/9", "o/7b", "o/5"], ["$.models: o/7 with likes 7 is missing, and the last one has 5"]),
        (["o/9", "o/7b"], ["$.models: o/7 with likes 7 is missing, and the last one has 7"]),
        (["o/9", "o/9", "o/7"], ["$.models[1].id: o/9 is a duplicate"]),
        (["o/9", "o/7", "o/none"], ["$.models: o/5 with likes 5 is missing, and the last one has null"]),
        (["o/none", "o/9", "o/7"], [
            "$.models[1].id: o/9 has likes 9, and a model before it null",
            "$.models[2].id: o/7 has likes 7, and a model before it null",
            "$.models: o/5 with likes 5 is missing, and the last one has null",
        ]),
    ],
    ids=["swapped", "tie", "top", "middle", "tie left out", "twice", "null", "null first"],
)  # fmt: skip
def test_what_is_out_of_order_or_missing_is_a_problem(
    ordered: Workspace, capsys: pytest.CaptureFixture[str], ids: list[str], problem: list[str]
) -> None:
    assert problems(ordered, capsys, "hf-filter-default.json", ids) == problem


@pytest.mark.parametrize("hash_", [full_hash, few_hashes], ids=["hashes", "equal hashes"])
def test_the_first_missing_model_in_stream_order_is_named_after_many_whose_records_differ(
    ordered: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, hash_: Callable[[str], int]
) -> None:
    twice = [[hf(f"o/a{n}", likes=likes + n) for n in range(20)] for likes in (100, 200)]
    greater = [f"o/y{n}" for n in range(10)]
    last = [*(hf(id_, likes=60) for id_ in greater), hf("o/q", likes=300), hf("o/z", likes=5)]
    pages = [[hf("o/Q", likes=300), *twice[0]], [hf("o/x", likes=50), *twice[1]], last]
    ordered.write_stream("huggingface", "default", *pages)
    assert ordered.run("manifests") == 0
    use_hash(monkeypatch, hash_)
    assert problems(ordered, capsys, "hf-filter-default.json", ["o/z"]) == [
        "$.models: o/x with likes 50 is missing, and the last one has 5"
    ]
    assert problems(ordered, capsys, "hf-filter-default.json", ["o/x"]) == [
        "$.models: o/y0 with likes 60 is missing, and the last one has 50"
    ]
    assert problems(ordered, capsys, "hf-filter-default.json", [*greater, "o/x", "o/z"]) == []


def test_each_round_looks_at_later_positions(ordered: Workspace) -> None:
    filter_ = load_config(ordered.filters).sources[0].filters[0]
    query, tried = Query(filter_, 0, Value(0, 0), set()), []
    for _ in range(4):
        for position in reversed(range(20)):
            query.add(position, f"o/{position}")
        tried.append((query.tried, len(query.suspects), query.has_more))
        if query.has_more:
            query.advance()
    assert tried == [(-1, 8, True), (7, 8, True), (15, 4, False), (15, 4, False)]


def test_a_tie_before_the_last_model_is_missing(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ordered.write_stream("huggingface", "default", [hf(f"o/{n}", likes=n // 2) for n in range(8)])
    assert ordered.run("manifests") == 0
    assert problems(ordered, capsys, "hf-filter-default.json", ["o/6", "o/7", "o/5"]) == [
        "$.models: o/4 with likes 2 is missing, and the last one has 2"
    ]
    assert problems(ordered, capsys, "hf-filter-default.json", ["o/6", "o/7", "o/4"]) == []


def test_pages_are_read_again_only_where_a_model_may_be_missing(
    ordered: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(RawStreams, "read_values", lambda _self, stream, _observer: read.append(stream.name))
    assert order_check(ordered, capsys)["problems"] == []
    assert read == []
    problems(ordered, capsys, "hf-filter-default.json", ["o/7", "o/7b", "o/5"])
    assert read == ["default"]


def test_only_models_that_match_are_missing(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(ordered, capsys, "hf-filter-tagged.json", ["o/7", "o/1"]) == [
        "$.models: o/9 with likes 9 is missing, and the last one has 1"
    ]


WRONG: dict[str, Callable[[Selection, Filter], list[int]]] = {
    "ascending": lambda selection, filter_: selection.ranking(filter_)[::-1],
    "unsorted": lambda selection, filter_: selection.positions(filter_),
    "ties reversed": lambda selection, filter_: selection.in_order(selection.positions(filter_)[::-1], filter_.order_field),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_selection_is_found_although_the_rebuild_agrees(
    ordered: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Selection, "published", lambda self, filter_: WRONG[name](self, filter_)[: filter_.limit])
    ordered.forget_load()  # which was made by a right one
    assert ordered.run("manifests") == 0
    capsys.readouterr()
    checks = checked(ordered, capsys)
    assert checks["rebuild from raw"]["problems"] == []
    assert checks["order of the streams"]["problems"]


def test_models_whose_records_differ_are_not_checked(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ordered.write_stream("huggingface", "default", [hf("o/a", likes=1), hf("o/b", likes=2), hf("o/a", likes=3)])
    assert ordered.run("manifests") == 0
    capsys.readouterr()
    check = order_check(ordered, capsys)
    assert (check["problems"], check["notes"]) == (
        [], ["huggingface: 1 models have records with different values or ids, so that their order was not checked"],
    )  # fmt: skip


def test_what_raw_records_do_not_state_is_not_checked(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ordered.filters.write_text(FILTERS.replace('orders = "likes"', 'orders = "parameters"'))
    assert ordered.run("manifests") == 0
    capsys.readouterr()
    check = order_check(ordered, capsys)
    assert (check["problems"], check["notes"]) == (
        [], ["huggingface: raw records do not state parameters, so that the order of 2 manifests by it was not read again"],
    )  # fmt: skip


def test_times_that_have_no_year_in_utc_are_in_order(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ordered.filters.write_text(FILTERS.replace('orders = "likes"', 'orders = "updated"'))
    last, first = "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"
    before = "a model before it -62135614800 seconds since 1970"
    ordered.write_stream("huggingface", "default", [hf("o/first", lastModified=first), hf("o/last", lastModified=last)])
    assert ordered.run("manifests") == 0
    assert problems(ordered, capsys, "hf-filter-default.json", ["o/first", "o/last"]) == [
        f"$.models[1].id: o/last has updated 253402318799 seconds since 1970, and {before}"
    ]


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+05", f"2026-01-01T00:00:00.{25 * '0'}Z"])
def test_what_the_transform_drops_as_no_time_is_null_when_it_is_read_again(
    ordered: Workspace, capsys: pytest.CaptureFixture[str], time: str
) -> None:
    ordered.filters.write_text(FILTERS.replace('orders = "likes"', 'orders = "updated"'))
    records = [*(hf(f"o/{number}", lastModified=None) for number in range(3)), hf("o/odd", lastModified=time)]
    ordered.write_stream("huggingface", "default", records)
    assert ordered.run("manifests") == 0
    assert problems(ordered, capsys, "hf-filter-default.json", ["o/0", "o/1", "o/2"]) == []


def test_times_and_counters_of_the_second_source(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text("""
limit = 2
depth = 9
[civitai]
prefix = "civitai"
page = 9
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { sort = "Most Downloaded" }
manifests = ["liked", "updated"]
[civitai.axes.order]
given = { label = "Most downloaded" }
liked = { label = "Most liked", orders = "likes" }
updated = { label = "Updated", orders = "updated" }
""")
    days = [[f"2026-01-{day:02}T00:00:00.000Z" for day in versions] for versions in ((3, 1), (2,), (1, 9), ())]
    workspace.write_stream("civitai", "default", [
        civitai(number, stats={"downloadCount": 9 - number, "thumbsUpCount": number},
                modelVersions=[{"id": 1, "baseModel": "SD 1.5", "publishedAt": day} for day in versions])
        for number, versions in enumerate(days, 1)
    ])  # fmt: skip
    assert workspace.run("manifests") == 0
    assert workspace.ids("civitai-filter-liked.json") == ["4", "3"]
    assert workspace.ids("civitai-filter-updated.json") == ["3", "1"]
    capsys.readouterr()
    assert order_check(workspace, capsys)["problems"] == []
    assert problems(workspace, capsys, "civitai-filter-updated.json", ["1", "2"]) == [
        "$.models: 3 with updated 2026-01-09T00:00:00+00:00 is missing, and the last one has 2026-01-02T00:00:00+00:00"
    ]
