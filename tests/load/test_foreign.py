"""Other people's files and folders beside the manifests, whoever may read them, and what runs that were stopped leave there."""

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
def made(house: Workspace) -> Workspace:
    """Return a data folder with manifests."""
    for stream in ("default", "likes"):
        house.put("huggingface", stream, [hf("o/a")])
    assert house.run("manifests") == 0
    return house


@pytest.fixture
def linked(made: Workspace, tmp_path: Path) -> Path:
    """Return the folder elsewhere that the manifests of `made` lie in."""
    made.data.manifests.rename(tmp_path / "site")
    made.data.manifests.symlink_to(tmp_path / "site")
    return tmp_path / "site"


@contextmanager
def without_privileges(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Give everything below `root` to somebody who is not root, and be them; as a user who is not root, change nothing."""
    monkeypatch.chdir(root)  # the folders above are of nobody's concern
    house = Workspace(DataDir(root.relative_to(root) / "data"), root.relative_to(root) / "filters.toml")
    if os.geteuid():
        yield house
        return
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        if not os.access(PROJECT / "etl" / "load", os.R_OK | os.X_OK, effective_ids=True):
            pytest.skip("the project lies where only root may read")
        yield house
    finally:
        os.seteuid(0)


def test_a_folder_that_nobody_may_write_to_stays_and_old_sets_go(
    made: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    img = made.data.manifests / "img"
    (img / "a").mkdir(parents=True)
    (img / "a" / "b.txt").write_text("b")
    for path in (img / "a", img):
        path.chmod(0o555)
    with without_privileges(tmp_path, monkeypatch) as house:
        for _ in range(3):
            assert house.run("load") == 0
        assert len(list(house.data.staging.iterdir())) == 1  # the set before
    assert "cannot be removed" not in capsys.readouterr().err
    assert (img / "a" / "b.txt").read_text() == "b"
    assert img.stat().st_mode & 0o777 == 0o555


def test_a_folder_that_cannot_be_read_stays_and_is_named(
    made: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (made.data.manifests / "secret").mkdir()
    (made.data.manifests / "secret").chmod(0)
    with without_privileges(tmp_path, monkeypatch) as house:
        assert house.run("load") == 74
        assert "data/manifests: could not be replaced: data/manifests/secret: Permission denied" in capsys.readouterr().err
        assert (house.data.manifests / "index.json").is_file()
        (house.data.manifests / "secret").chmod(0o700)
        assert house.run("load") == 0
        assert (house.data.manifests / "secret").is_dir()


def test_the_sets_of_loads_that_failed_go_with_the_next_good_one(made: Workspace) -> None:
    shutil.rmtree(made.data.staging)
    (made.data.manifests / "hf-filter-likes.json").unlink()
    (made.data.manifests / "hf-filter-likes.json").mkdir()
    for _ in range(2):
        assert made.run("load") == 74
    assert list(made.data.staging.glob("set-*"))
    (made.data.manifests / "hf-filter-likes.json").rmdir()
    assert made.run("load") == 0
    (before,) = made.data.staging.iterdir()
    assert len(list(before.glob("*.json"))) > 1


def test_a_copy_that_was_stopped_is_ours_and_goes_with_the_next_load(
    made: Workspace, linked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copyfile = shutil.copyfile

    def stop(source: Path, target: Path) -> None:
        copyfile(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", stop)
    assert made.run("load") == 130
    monkeypatch.undo()
    (linked / ".hf-filter-gone.json.partial").write_text("")
    theirs = [".CNAME.partial", ".index.json.partially", "index.json.partial"]
    for name in theirs:
        (linked / name).write_text("theirs")
    capsys.readouterr()
    assert made.run("load") == 0
    assert sorted(path.name for path in linked.glob("*part*")) == sorted(theirs)
    assert f"kept: {', '.join(f'manifests/{name}' for name in sorted(theirs))}\n" in capsys.readouterr().out


def test_a_folder_in_the_way_of_a_copy_is_named(made: Workspace, linked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (linked / ".index.json.partial").mkdir()
    assert made.run("load") == 74
    place = made.data.manifests
    message = f"{place}: could not be replaced: {place}/.index.json.partial: is a folder; rename it"
    assert message in capsys.readouterr().err
    assert (linked / ".index.json.partial").is_dir()


@pytest.mark.parametrize("name", ["manifests", "models"])
def test_a_link_to_nothing_is_named(made: Workspace, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = made.data.root / name
    shutil.rmtree(place)
    place.symlink_to("nowhere")
    assert made.run("manifests") == 74
    where = f"{place}: " if name == "models" else ""
    told = capsys.readouterr().err
    assert f": {where}links to nowhere, which does not exist; create that folder, or remove the link" in told
    assert str(place) in told


def test_a_folder_named_like_a_page_of_models_stays(made: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = made.data.models("huggingface", "likes") / "page-0099.json"
    theirs.mkdir()
    before = made.data.summary("huggingface").read_bytes()
    assert made.run("manifests") == 0
    assert "models/huggingface/likes/page-0099.json" in capsys.readouterr().out
    made.put("huggingface", "likes", [hf("o/b")])
    assert made.run("manifests") == 0
    assert theirs.is_dir()
    assert made.data.summary("huggingface").read_bytes() != before
    page = theirs.with_name("page-0001.json")
    page.unlink()
    page.mkdir()
    assert made.run("manifests") == 74
    assert f"{page}: cannot be written: is a folder; rename it" in capsys.readouterr().err
