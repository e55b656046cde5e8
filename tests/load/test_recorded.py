"""A load with the inputs of the last one writes nothing; whatever changed, in the inputs or what is published, is noticed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl.load import stage
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source_config import Config
    from etl.core.layout import DataDir


@pytest.fixture
def loaded(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> tuple[Workspace, str]:
    """Return a workspace with manifests, and what the load printed."""
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, [hf("o/1"), hf("o/2")])
    assert workspace.run("manifests") == 0
    capsys.readouterr()
    assert workspace.run("load") == 0
    return workspace, capsys.readouterr().out


def inode(workspace: Workspace) -> int:
    return (workspace.data.manifests / "index.json").stat().st_ino


def test_nothing_is_written_and_the_same_is_printed(loaded: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]) -> None:
    workspace, printed = loaded
    before = inode(workspace)
    assert workspace.run("load") == 0
    assert (inode(workspace), capsys.readouterr().out) == (before, printed)
    assert workspace.run("manifests") == 0
    assert inode(workspace) == before


CHANGES: dict[str, Callable[[Workspace], object]] = {
    "manifest removed": lambda workspace: (workspace.data.manifests / "hf-filter-likes.json").unlink(),
    "manifest edited": lambda workspace: (workspace.data.manifests / "hf-filter-likes.json").write_text("{}"),
    "models edited": lambda workspace: edit(workspace, "huggingface/likes/page-0001.json"),
    "foreign file": lambda workspace: (workspace.data.models("huggingface") / "notes.txt").write_text("foreign"),
    "filters": lambda workspace: workspace.filters.write_text(workspace.filters.read_text().replace("limit = 2", "limit = 1")),
    "record edited": lambda workspace: workspace.data.cache("loaded").write_text("{}"),
    "record shortened": lambda workspace: workspace.data.cache("loaded").write_bytes(
        workspace.data.cache("loaded").read_bytes()[:-2]
    ),
}


def edit(workspace: Workspace, file: str) -> None:
    path = workspace.data.models("") / file
    path.write_text(path.read_text().replace("o/1", "o/x"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed(loaded: tuple[Workspace, str], name: str) -> None:
    workspace, _ = loaded
    before = inode(workspace)
    CHANGES[name](workspace)
    assert workspace.run("load") == 0
    assert inode(workspace) != before
    ids = {"models edited": ["o/x", "o/2"], "filters": ["o/1"]}.get(name, ["o/1", "o/2"])
    assert workspace.ids("hf-filter-likes.json") == ids


def test_manifests_that_a_load_removed_are_named_once(loaded: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]) -> None:
    workspace, _ = loaded
    workspace.filters.write_text(workspace.filters.read_text().replace('manifests = ["likes", ', "manifests = ["))
    named = []
    for _ in range(2):
        assert workspace.run("load") == 0
        printed = capsys.readouterr()
        named.append("hf-filter-likes.json" in printed.out + printed.err)
    assert named == [True, False]


def test_models_that_are_missing_are_an_error_again(loaded: tuple[Workspace, str]) -> None:
    workspace, _ = loaded
    (workspace.data.models("huggingface") / "likes" / "page-0001.json").unlink()
    assert workspace.run("load") != 0


@pytest.mark.parametrize("folder", ["models", "models/huggingface", "models/huggingface/likes"])
def test_models_behind_a_link_are_noticed(loaded: tuple[Workspace, str], tmp_path: Path, folder: str) -> None:
    workspace, _ = loaded
    path = workspace.data.root / folder
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert workspace.run("load") == 0
    edit(workspace, "huggingface/likes/page-0001.json")
    assert workspace.run("load") == 0
    assert workspace.ids("hf-filter-likes.json") == ["o/x", "o/2"]


def test_models_that_change_during_a_load_are_noticed_by_the_next(
    loaded: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = loaded
    workspace.forget_load()
    publish = stage._load  # noqa: SLF001 -- what runs between the two looks at the inputs

    def publish_then_edit(data: DataDir, config: Config) -> object:
        result = publish(data, config)
        edit(workspace, "huggingface/likes/page-0001.json")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_load", publish_then_edit)
        assert workspace.run("load") == 0
    assert workspace.run("load") == 0
    assert workspace.ids("hf-filter-likes.json") == ["o/x", "o/2"]


def test_another_jq_is_noticed(loaded: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, _ = loaded
    before = inode(workspace)
    monkeypatch.setattr("etl.load.recorded.version", lambda _: "another")
    assert workspace.run("load") == 0
    assert inode(workspace) != before


@pytest.mark.parametrize("folder", ["manifests", "models/huggingface"])
def test_foreign_names_need_not_be_utf8(loaded: tuple[Workspace, str], folder: str) -> None:
    workspace, _ = loaded
    Path(os.fsdecode(os.fsencode(workspace.data.root / folder) + b"/\xff.txt")).write_text("foreign")
    assert workspace.run("load") == 0
    before = inode(workspace)
    assert workspace.run("load") == 0
    assert inode(workspace) == before


def test_foreign_content_is_not_read(loaded: tuple[Workspace, str]) -> None:
    workspace, _ = loaded
    (workspace.data.manifests / "large").write_text("1")
    assert workspace.run("load") == 0
    before = inode(workspace)
    (workspace.data.manifests / "large").write_text("2")
    assert workspace.run("load") == 0
    assert inode(workspace) == before


def test_a_result_that_cannot_be_recorded_is_no_failure(loaded: tuple[Workspace, str]) -> None:
    workspace, _ = loaded
    workspace.forget_load()
    workspace.data.cache("loaded").mkdir()
    assert workspace.run("load") == 0
