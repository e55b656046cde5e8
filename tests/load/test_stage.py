"""Models to manifests: selection, order, the index, and missing streams."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from etl.core.layout import PROJECT
from etl.storage import swap
from tests.conftest import TIME, Workspace, civitai, hf

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"safetensors": {"total": 1_000_000_000}}
LARGE = {"safetensors": {"total": 70_000_000_000}}
CIVITAI_FILTERS = """
limit = 2
depth = 4
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { types = ["LORA", "VAE"] }
manifests = ["month"]
[civitai.axes.period]
alltime = { label = "All time", asks = { period = "AllTime" } }
month = { label = "Month", asks = { period = "Month" } }
"""
WEEK = 'week = { label = "Week", asks = { period = "Week" } }\n'
APACHE = {"tags": ["license:apache-2.0"]}


def test_manifests_have_the_first_matching_models_of_their_stream(workspace: Workspace) -> None:
    workspace.write_stream(
        "huggingface", "default",
        [hf("o/skipped", **SMALL), hf("o/l1", **LARGE), hf("o/s1", **SMALL)],
        [hf("o/s1", **SMALL), hf("o/s2", **SMALL, **APACHE), hf("o/s3", **SMALL)],
    )  # fmt: skip
    workspace.write_stream("huggingface", "likes", [hf("o/s3"), hf("o/s1")])
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-small.json") == ["o/s1", "o/s2"]
    assert workspace.ids("hf-filter-large.json") == ["o/l1"]
    assert workspace.ids("hf-filter-apache.json") == ["o/s2"]
    assert workspace.ids("hf-filter-other.json") == ["o/l1", "o/s1"]
    assert workspace.ids("hf-filter-likes.json") == ["o/s3", "o/s1"]
    assert workspace.manifest("hf-filter-apache.json") == {
        "filter": "filter/apache",
        "models": [{"id": "o/s2", "slug": "o--s2", "name": "s2"}],
        "timestamp": TIME,
    }
    all_models = workspace.manifest("all-models.json")
    assert list(all_models) == ["totalModels", "huggingface", "models", "timestamp"]
    assert [model["id"] for model in all_models["models"]] == ["o/l1", "o/s1", "o/s2", "o/s3"]


def test_the_index_has_the_count_of_each_manifest_and_why_it_is_short(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)], exhausted=True)
    workspace.write_stream("huggingface", "likes", [hf("o/s1", **SMALL)], exhausted=False, failed_at=TIME, failed="no response")
    assert workspace.run("manifests") == 0
    assert workspace.entry("hf-filter-small.json")["short"] == "exhausted"
    likes = workspace.entry("hf-filter-likes.json")
    assert (likes["short"], likes["stale"], likes["count"], likes["limit"]) == ("unread", TIME, 1, 2)
    assert likes["options"] == {"sort": "likes", "size": "all", "license": "all"}
    workspace.write_stream("huggingface", "likes", [hf(f"o/s{n % 1}", **SMALL) for n in range(4)], exhausted=False)
    assert workspace.run("manifests") == 0
    assert workspace.entry("hf-filter-likes.json")["short"] == "depth"
    sizes = workspace.manifest("index.json")["sources"]["huggingface"]["axes"][1]
    assert sizes == {
        "axis": "size",
        "options": [
            {"option": "all", "label": "All"},
            {"option": "small", "label": "Small"},
            {"option": "large", "label": "Large"},
        ],
    }


def test_load_prints_a_table_of_manifests_with_the_reason_of_short_ones(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL), hf("o/s2", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")], exhausted=False, failed_at=TIME, failed="no response")
    assert workspace.run("manifests") == 0
    *table, empty = capsys.readouterr().out.splitlines()[-6:]
    assert empty.startswith("2 empty; see why: make explain FILTER=hf/large DATA=")
    assert table == [
        f"  hf-filter-likes.json     1  stale since {TIME}, unread",
        "  hf-filter-small.json     2",
        "  hf-filter-large.json     0  exhausted",
        "  hf-filter-apache.json    0  exhausted",
        "  hf-filter-other.json     2",
    ]


def test_stale_manifests_are_marked_even_if_full(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    stale: dict[str, Any] = {"failed_at": "2026-01-02T00:00:00.000Z", "failed": "no response"}
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL), hf("o/s2", **SMALL)], **stale)
    workspace.write_stream("huggingface", "likes", [hf("o/s1"), hf("o/s2")])
    assert workspace.run("manifests") == 0
    assert capsys.readouterr().out.splitlines()[-6:-1] == [
        "  hf-filter-likes.json     2",
        "  hf-filter-small.json     2  stale since 2026-01-02T00:00:00.000Z",
        "  hf-filter-large.json     0  stale since 2026-01-02T00:00:00.000Z, exhausted",
        "  hf-filter-apache.json    0  stale since 2026-01-02T00:00:00.000Z, exhausted",
        "  hf-filter-other.json     2  stale since 2026-01-02T00:00:00.000Z",
    ]


def test_missing_and_partial_streams_affect_only_their_filters_and_end_with_1(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")], complete=False)
    assert workspace.run("manifests") == 1
    error = capsys.readouterr().err
    assert "hf-filter-likes.json: not published" in error
    assert "make extract SOURCE=huggingface" in error
    index = workspace.manifest("index.json")
    assert [entry["filter"] for entry in index["missing"]] == ["filter/likes"]
    assert len(index["manifests"]) == 4
    assert not (workspace.data.manifests / "hf-filter-likes.json").exists()


def test_without_streams_nothing_is_published(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.data.manifests.mkdir(parents=True)
    (workspace.data.manifests / "index.json").write_text("old")
    assert workspace.run("manifests") == 1
    assert "make extract" in capsys.readouterr().err
    assert (workspace.data.manifests / "index.json").read_text() == "old"


def test_load_without_models_names_the_command_that_builds_them(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1")])
    assert workspace.run("load") == 1
    assert "build the models first: make manifests DATA=" in capsys.readouterr().err


def test_ledgers_with_paths_are_rejected(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1")])
    ledger = workspace.data.ledger("huggingface", "default")
    ledger.write_text(ledger.read_text().replace("page-0001.json", "../../../x.json"))
    assert workspace.run("manifests") == 65
    assert "$.pages[0].file" in capsys.readouterr().err


@pytest.mark.parametrize("is_linked", [False, True])
def test_manifests_of_removed_filters_are_removed_and_foreign_files_stay(
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    is_linked: bool,  # noqa: FBT001  a column of the table
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    if is_linked:
        workspace.data.root.joinpath("manifests").symlink_to(tmp_path / "site")
        (tmp_path / "site").mkdir()
    assert workspace.run("manifests") == 0
    folder = workspace.data.manifests
    foreign = {"CNAME": "example.org", ".nojekyll": "", "other-filter-x.json": "{}", "notes.json": "{}", "img/a/b.txt": "b"}
    (folder / "img" / "a").mkdir(parents=True)
    for name, text in foreign.items():
        (folder / name).write_text(text)
    (folder / "link").symlink_to("CNAME")
    (folder / "hf-filter-dir.json").mkdir()  # a folder with the name of a manifest
    (folder / "hf-filter-dir.json" / "mine").write_text("mine")
    (folder / "hf-filter-old.json").write_text("{}")  # of a removed filter
    workspace.filters.write_text(workspace.filters.read_text().replace('"small", "large", ', ""))
    models = {"models/huggingface/default/notes.txt", "models/huggingface/mine/page-0001.json", "models/README.md"}
    for name in models:
        (workspace.data.root / name).parent.mkdir(exist_ok=True)
        (workspace.data.root / name).write_text("[]")
    kept = ", ".join(
        f"manifests/{name}"
        for name in (".nojekyll", "CNAME", "hf-filter-dir.json", "img", "link", "notes.json", "other-filter-x.json")
    )
    kept += ", models/README.md, models/huggingface/default/notes.txt, models/huggingface/mine"
    for _ in range(2):
        assert workspace.run("manifests") == 0
        assert capsys.readouterr().out.count(f"{workspace.data.root}: not written by load, kept: {kept}\n") == 1
        assert all((workspace.data.root / name).read_text() == "[]" for name in models)
        assert {name: (folder / name).read_text() for name in foreign} == foreign
        assert (folder / "link").is_symlink()
        assert (folder / "hf-filter-dir.json" / "mine").read_text() == "mine"
        assert sorted(path.name for path in folder.glob("*.json") if path.is_file() and path.name not in foreign) == [
            "all-models.json", "hf-filter-apache.json", "hf-filter-likes.json", "hf-filter-other.json", "index.json",
        ]  # fmt: skip
    assert workspace.run("verify") == 0


def test_foreign_files_are_never_overwritten(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    (workspace.data.manifests / "hf-filter-likes.json").mkdir(parents=True)
    (workspace.data.manifests / "hf-filter-likes.json" / "mine.txt").write_text("mine")
    assert workspace.run("manifests") == 74
    assert "hf-filter-likes.json: is a folder" in capsys.readouterr().err
    assert (workspace.data.manifests / "hf-filter-likes.json" / "mine.txt").read_text() == "mine"


def test_an_open_folder_stays_complete_until_the_load_after_next(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    assert workspace.run("manifests") == 0
    before = published(workspace)
    folder = os.open(workspace.data.manifests, os.O_RDONLY)
    workspace.write_stream("huggingface", "likes", [hf("o/s2")])
    assert workspace.run("manifests") == 0
    names = sorted(os.listdir(folder))  # noqa: PTH208  pathlib cannot list a descriptor
    content = {name: os.read(os.open(name, os.O_RDONLY, dir_fd=folder), 10**6) for name in names}
    assert content == before
    assert published(workspace) != before
    workspace.forget_load()
    assert workspace.run("load") == 0
    assert os.listdir(folder) == []  # noqa: PTH208  as above
    os.close(folder)


def test_failed_cleanup_is_a_warning(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    assert workspace.run("manifests") == 0
    workspace.forget_load()
    assert workspace.run("load") == 0
    workspace.forget_load()

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(swap, "remove_entry", refuse)
    assert workspace.run("load") == 0
    assert "could not be removed: Permission denied; it is no longer needed, remove it by hand" in capsys.readouterr().err


def test_a_load_killed_at_any_moment_leaves_a_complete_set_and_the_next_load_works(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf(f"o/{rank}", **SMALL) for rank in range(2000)])
    workspace.write_stream("huggingface", "likes", [hf("o/1")])
    text = workspace.filters.read_text()
    sets = []
    for limit in (1999, 2000):
        workspace.filters.write_text(text.replace("limit = 2", f"limit = {limit}"))
        assert workspace.run("manifests") == 0
        sets.append(published(workspace))
    command = [sys.executable, "-m", "etl", "load", "--data", str(workspace.data.root), "--filters", str(workspace.filters)]
    start = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
    duration_s = time.perf_counter() - start
    killed = 0
    for attempt in range(24):
        workspace.filters.write_text(text.replace("limit = 2", f"limit = {1999 + attempt % 2}"))
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(duration_s * attempt / 24)
        process.kill()
        killed += process.wait() != 0
        assert published(workspace) in sets
    assert killed
    assert workspace.run("load") == 0
    assert published(workspace) == sets[1]
    assert len(list(workspace.data.staging.iterdir())) == 1  # the previous set


def published(workspace: Workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in workspace.data.manifests.iterdir()}


def test_io_errors_end_with_74_and_the_old_set_stays(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    assert workspace.run("manifests") == 0
    before = published(workspace)
    shutil.rmtree(workspace.data.staging, ignore_errors=True)
    workspace.data.staging.write_text("a file where the folder should be")
    workspace.forget_load()
    assert workspace.run("load") == 74
    assert ".manifests" in capsys.readouterr().err
    assert published(workspace) == before


def test_an_axis_on_any_model_field_needs_only_filters_toml(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a", pipeline_tag="text-generation"), hf("o/b", tags=["gguf", "x"])])
    text = workspace.filters.read_text()
    text = text.replace('manifests = ["likes", "small", "large", "apache", "other"]', 'manifests = ["text", "gguf"]')
    text += '[huggingface.axes.type]\nall = { label = "All" }\ntext = { label = "Text", keeps = ["text-generation"] }\n'
    text += '[huggingface.axes.tags]\nall = { label = "All" }\ngguf = { label = "GGUF", keeps = ["gguf"] }\n'
    workspace.filters.write_text(text)
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-text.json") == ["o/a"]
    assert workspace.ids("hf-filter-gguf.json") == ["o/b"]


def test_size_classes_are_configurable(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a-3b"), hf("o/b-13b"), hf("o/c-14b"), hf("o/d")])
    workspace.write_stream("huggingface", "likes", [hf("o/a-3b")])
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-small.json") == ["o/a-3b"]
    text = workspace.filters.read_text().replace(
        "page = 2", "page = 2\nsizes = { s = { below = 3 }, m = { through = 13 }, l = {} }"
    )
    text = text.replace('keeps = ["small"]', 'keeps = ["m"]').replace('keeps = ["large"]', 'keeps = ["l"]')
    workspace.filters.write_text(text)
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-small.json") == ["o/a-3b", "o/b-13b"]
    assert workspace.ids("hf-filter-large.json") == ["o/c-14b"]
    assert workspace.run("verify") == 0


def test_bytes_depend_only_on_raw_files_and_filters(shipped: Workspace, built: Path) -> None:
    sets = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": f"UTC{seed}", "SOURCE_DATE_EPOCH": seed}
        command = [sys.executable, "-m", "etl", "manifests", "--data", str(shipped.data.root), "--filters", str(shipped.filters)]
        subprocess.run(command, env=environment, cwd=PROJECT, check=True, capture_output=True)
        sets.append({path.name: path.read_bytes() for path in shipped.data.manifests.iterdir()})
    expected = {path.name: path.read_bytes() for path in built.iterdir()}
    assert len(expected) == 27
    assert sets == [expected, expected]


def test_milder_manifests_have_no_more_explicit_models(shipped: Workspace) -> None:
    assert shipped.run("manifests") == 0
    levels = {
        model["id"]: model["level"]
        for page in shipped.data.models("civitai").glob("*/*.json")
        for model in json.loads(page.read_text())
    }
    assert len(levels) > 500
    assert all(levels[id_] == "pg" for id_ in shipped.ids("civitai-filter-pg.json"))
    assert {levels[id_] for id_ in shipped.ids("civitai-filter-r.json")} == {"pg", "r"}


def test_names_in_manifests_have_no_control_characters(shipped: Workspace) -> None:
    shipped.data.root.joinpath("raw").unlink()
    shipped.write_stream("civitai", "default", [civitai(1, name="\u202e<b>evil\u0000</b>")])
    assert shipped.run("manifests") == 1
    assert shipped.manifest("civitai-filter-pg.json")["models"][0]["name"] == "<b>evil</b>"


def test_a_stream_of_another_request_counts_as_missing(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    assert workspace.run("manifests") == 0
    text = workspace.filters.read_text()
    workspace.filters.write_text(text.replace('asks = { sort = "likes" }', 'asks = { sort = "lastModified", filter = ["gguf"] }'))
    assert workspace.run("manifests") == 1
    reason = "stream likes is of another request: it asked sort=likes, and filters.toml asks filter=gguf&sort=lastModified"
    message = f"hf-filter-likes.json: not published: {reason}; fetch with: make extract SOURCE=huggingface"
    assert message in capsys.readouterr().err
    (missing,) = workspace.manifest("index.json")["missing"]
    assert (missing["file"], missing["reason"]) == ("hf-filter-likes.json", reason)
    assert not (workspace.data.manifests / "hf-filter-likes.json").exists()
    assert workspace.run("verify") == 1
    assert "hf-filter-likes.json was not published" in capsys.readouterr().out
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])  # as extract writes it with the current filters
    assert workspace.run("manifests") == 0


def test_other_parameter_values_are_another_request(workspace: Workspace) -> None:
    workspace.filters.write_text(CIVITAI_FILTERS)
    workspace.write_stream("civitai", "month", [civitai(1)])
    assert workspace.run("manifests") == 0
    for old, new in (('period = "Month"', 'period = "Day"'), ('types = ["LORA", "VAE"]', 'types = ["LORA"]')):
        workspace.filters.write_text(CIVITAI_FILTERS.replace(old, new))
        assert workspace.run("manifests") == 1
    workspace.filters.write_text(CIVITAI_FILTERS.replace('["LORA", "VAE"]', '["VAE", "LORA"]'))  # reordered
    assert workspace.run("manifests") == 0


def test_page_size_and_requested_fields_do_not_make_another_request(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/s1")])
    text = workspace.filters.read_text()
    workspace.filters.write_text(text.replace("page = 2", 'page = 3\nasks.expand = ["likes"]'))
    assert workspace.run("manifests") == 0


def test_without_usable_streams_the_reasons_are_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/s1", **SMALL)], asks={"sort": "likes"})
    workspace.write_stream("huggingface", "likes", [hf("o/s1")], asks={"sort": "downloads"})
    assert workspace.run("manifests") == 1
    error = capsys.readouterr().err
    assert "stream default is of another request: it asked sort=likes, and filters.toml asks sort=downloads" in error
    assert "nothing was published; fetch with: make extract" in error


def test_all_models_has_names_of_the_newest_stream(workspace: Workspace) -> None:
    workspace.filters.write_text(CIVITAI_FILTERS.replace('["month"]', '["month", "week"]') + WEEK)
    times = {"month": "2026-01-02T00:00:00.000Z", "week": "2026-01-01T00:00:00.000Z"}
    for stream, fetched_at in times.items():
        workspace.write_stream("civitai", stream, [civitai(1, name=f"from {stream}")], fetched_at=fetched_at)
    assert workspace.run("manifests") == 0
    all_models = workspace.manifest("all-models.json")
    assert [model["name"] for model in all_models["models"]] == ["from month"]
    assert all_models["timestamp"] == times["month"]


def test_partially_fetched_folders_are_ignored(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/b")])
    workspace.write_stream("huggingface", ".likes", [hf("o/a", private=True)], asks={})  # complete, but not swapped in
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-other.json") == ["o/a"]
    assert not (workspace.data.models("huggingface") / ".likes").exists()
    assert workspace.run("verify") == 0
