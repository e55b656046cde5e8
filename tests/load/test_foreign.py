"""Foreign files and folders in data/manifests and data/models, with any permissions, and leftovers of interrupted runs."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from etl.core.layout import PROJECT, DataDir
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = 65534


@pytest.fixture
def loaded(workspace: Workspace) -> Workspace:
    """Return a data folder with published manifests."""
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, [hf("o/a")])
    assert workspace.run("manifests") == 0
    return workspace


@pytest.fixture
def linked(loaded: Workspace, tmp_path: Path) -> Path:
    """Return the folder elsewhere that `manifests` of `loaded` links to."""
    loaded.data.manifests.rename(tmp_path / "site")
    loaded.data.manifests.symlink_to(tmp_path / "site")
    return tmp_path / "site"


@contextmanager
def without_privileges(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Yield a workspace at `root` as a user who is not root; root gives them everything below it first."""
    monkeypatch.chdir(root)  # the folders above may be unreadable
    workspace = Workspace(DataDir(root.relative_to(root) / "data"), root.relative_to(root) / "filters.toml")
    if os.geteuid():
        yield workspace
        return
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        if not os.access(PROJECT / "etl" / "load", os.R_OK | os.X_OK, effective_ids=True):
            pytest.skip("only root can read the project folder")
        yield workspace
    finally:
        os.seteuid(0)


def test_unwritable_folders_stay_and_old_sets_are_removed(
    loaded: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    img = loaded.data.manifests / "img"
    (img / "a").mkdir(parents=True)
    (img / "a" / "b.txt").write_text("b")
    for path in (img / "a", img):
        path.chmod(0o555)
    with without_privileges(tmp_path, monkeypatch) as workspace:
        for _ in range(3):
            assert workspace.run("load") == 0
        assert len(list(workspace.data.staging.iterdir())) == 1  # the set before
    assert "cannot be removed" not in capsys.readouterr().err
    assert (img / "a" / "b.txt").read_text() == "b"
    assert img.stat().st_mode & 0o777 == 0o555


def test_unreadable_folders_stay_and_are_reported(
    loaded: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (loaded.data.manifests / "secret").mkdir()
    (loaded.data.manifests / "secret").chmod(0)
    with without_privileges(tmp_path, monkeypatch) as workspace:
        assert workspace.run("load") == 74
        assert "data/manifests: could not be replaced: data/manifests/secret: Permission denied" in capsys.readouterr().err
        assert (workspace.data.manifests / "index.json").is_file()
        (workspace.data.manifests / "secret").chmod(0o700)
        assert workspace.run("load") == 0
        assert (workspace.data.manifests / "secret").is_dir()


def test_sets_of_failed_loads_are_removed_by_the_next_load(loaded: Workspace) -> None:
    shutil.rmtree(loaded.data.staging)
    (loaded.data.manifests / "hf-filter-likes.json").unlink()
    (loaded.data.manifests / "hf-filter-likes.json").mkdir()
    for _ in range(2):
        assert loaded.run("load") == 74
    assert list(loaded.data.staging.glob("set-*"))
    (loaded.data.manifests / "hf-filter-likes.json").rmdir()
    assert loaded.run("load") == 0
    (previous,) = loaded.data.staging.iterdir()
    assert len(list(previous.glob("*.json"))) > 1


def test_interrupted_copies_are_ours_and_removed_by_the_next_load(
    loaded: Workspace, linked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copyfile = shutil.copyfile

    def copy_and_interrupt(source: Path, target: Path) -> None:
        copyfile(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", copy_and_interrupt)
    loaded.forget_load()
    assert loaded.run("load") == 130
    monkeypatch.undo()
    (linked / ".hf-filter-gone.json.partial").write_text("")
    foreign = [".CNAME.partial", ".index.json.partially", "index.json.partial"]
    for name in foreign:
        (linked / name).write_text("foreign")
    capsys.readouterr()
    assert loaded.run("load") == 0
    assert sorted(path.name for path in linked.glob("*part*")) == sorted(foreign)
    assert f"kept: {', '.join(f'manifests/{name}' for name in sorted(foreign))}\n" in capsys.readouterr().out


def test_a_folder_with_the_name_of_a_copy_is_reported(
    loaded: Workspace, linked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (linked / ".index.json.partial").mkdir()
    assert loaded.run("load") == 74
    path = loaded.data.manifests
    message = f"{path}: could not be replaced: {path}/.index.json.partial: is a folder; rename it"
    assert message in capsys.readouterr().err
    assert (linked / ".index.json.partial").is_dir()


@pytest.mark.parametrize("name", ["manifests", "models"])
def test_dangling_links_are_reported(loaded: Workspace, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = loaded.data.root / name
    shutil.rmtree(path)
    path.symlink_to("nowhere")
    assert loaded.run("manifests") == 74
    where = f"{path}: " if name == "models" else ""
    error = capsys.readouterr().err
    assert f": {where}links to nowhere, which does not exist; create that folder, or remove the link" in error
    assert str(path) in error


def test_a_folder_with_the_name_of_a_models_page_stays(loaded: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = loaded.data.models("huggingface", "likes") / "page-0099.json"
    foreign.mkdir()
    before = loaded.data.summary("huggingface").read_bytes()
    assert loaded.run("manifests") == 0
    assert "models/huggingface/likes/page-0099.json" in capsys.readouterr().out
    loaded.write_stream("huggingface", "likes", [hf("o/b")])
    assert loaded.run("manifests") == 0
    assert foreign.is_dir()
    assert loaded.data.summary("huggingface").read_bytes() != before
    page = foreign.with_name("page-0001.json")
    page.unlink()
    page.mkdir()
    assert loaded.run("manifests") == 74
    assert f"{page}: cannot be written: is a folder; rename it" in capsys.readouterr().err
