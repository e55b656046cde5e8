"""Publishing: at every instant one whole set, or files one by one with the index last."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from etl.core.errors import StorageError
from etl.storage import swap


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def content(path: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in path.iterdir()}


def test_the_first_set_takes_its_place(tmp_path: Path) -> None:
    assert swap.swap_directories(folder(tmp_path / "new", a="1"), tmp_path / "place", "a") == (None, [], None)
    assert content(tmp_path / "place") == {"a": "1"}


def test_two_folders_change_places_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "place", a="0", gone="0")
    staged = folder(tmp_path / "new", a="1", b="1")
    seen = []
    monkeypatch.setattr(shutil, "rmtree", lambda _path: seen.append((content(place), content(staged))))
    assert swap.swap_directories(staged, place, "a").non_atomic_reason is None
    assert seen == [({"a": "1", "b": "1"}, {"a": "0", "gone": "0"})]


def test_where_folders_cannot_be_exchanged_files_follow_one_by_one_the_last_one_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(tmp_path / "place", a="0", gone="0")
    (place / "folder").mkdir()
    order: list[str] = []
    replace = Path.replace

    def follow(path: Path, target: Path) -> Path:
        order.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", follow)
    monkeypatch.setattr(swap, "_swap_atomically", lambda _one, _other: "not here")
    assert swap.swap_directories(folder(tmp_path / "new", a="1", b="1", c="1"), place, "a").non_atomic_reason == "not here"
    assert content(place) == {"a": "1", "b": "1", "c": "1"}
    assert order == ["b", "c", "a"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = folder(tmp_path / "real", a="0")
    (tmp_path / "place").symlink_to(real)
    assert swap.swap_directories(folder(tmp_path / "new", a="1"), tmp_path / "place", "a").non_atomic_reason == "it is a link"
    assert (tmp_path / "place").is_symlink()
    assert content(real) == {"a": "1"}


def test_a_disk_that_refuses_is_told_and_the_old_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "place", a="0")

    def refuse(_one: Path, _other: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(swap, "_swap_atomically", refuse)
    with pytest.raises(StorageError, match="place: cannot be published: Permission denied"):
        swap.swap_directories(folder(tmp_path / "new", a="1"), place, "a")
    assert content(place) == {"a": "0"}
