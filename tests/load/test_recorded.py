"""A load with the inputs of the last one writes nothing; whatever changed, in the inputs or what is published, is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Callable


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
