"""Swapping folders: readers always see a complete folder, or files are replaced one by one, the index last."""

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
    return {file.name: file.read_text() for file in path.iterdir()}


def test_a_missing_destination_is_created(tmp_path: Path) -> None:
    assert swap.swap_directories(folder(tmp_path / "new", a="1"), tmp_path / "dest", "a") == (None, [], None)
    assert content(tmp_path / "dest") == {"a": "1"}


def test_two_folders_are_swapped_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = folder(tmp_path / "dest", a="0", gone="0")
    staged = folder(tmp_path / "new", a="1", b="1")
    seen = []
    monkeypatch.setattr(shutil, "rmtree", lambda _path: seen.append((content(dest), content(staged))))
    assert swap.swap_directories(staged, dest, "a").non_atomic_reason is None
    assert seen == [({"a": "1", "b": "1"}, {"a": "0", "gone": "0"})]


def test_without_an_atomic_swap_files_are_copied_one_by_one_the_index_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = folder(tmp_path / "dest", a="0", gone="0")
    (dest / "folder").mkdir()
    order: list[str] = []
    replace = Path.replace

    def record(path: Path, target: Path) -> Path:
        order.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", record)
    monkeypatch.setattr(swap, "_swap_atomically", lambda _left, _right: "not here")
    assert swap.swap_directories(folder(tmp_path / "new", a="1", b="1", c="1"), dest, "a").non_atomic_reason == "not here"
    assert content(dest) == {"a": "1", "b": "1", "c": "1"}
    assert order == ["b", "c", "a"]


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    real = folder(tmp_path / "real", a="0")
    (tmp_path / "dest").symlink_to(real)
    assert (
        swap.swap_directories(folder(tmp_path / "new", a="1"), tmp_path / "dest", "a").non_atomic_reason
        == "it is a symbolic link"
    )
    assert (tmp_path / "dest").is_symlink()
    assert content(real) == {"a": "1"}


def test_an_io_error_is_reported_and_the_old_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = folder(tmp_path / "dest", a="0")

    def fail(_left: Path, _right: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(swap, "_swap_atomically", fail)
    with pytest.raises(StorageError, match="dest: could not be replaced: Permission denied"):
        swap.swap_directories(folder(tmp_path / "new", a="1"), dest, "a")
    assert content(dest) == {"a": "0"}
