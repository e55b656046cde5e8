"""Hashes of files, without reading those that have not changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from etl.core.errors import InvalidDataError
from etl.storage import file_hashes
from etl.storage.file_hashes import FileHashes, FileStamp, stamp_of
from etl.storage.json_files import read_bytes, sha256

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the name of each file is appended that is read to be hashed."""
    names: list[str] = []

    def spy(path: Path) -> bytes:
        names.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(file_hashes, "read_bytes", spy)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record files however new they are."""
    monkeypatch.setattr(file_hashes, "_MARGIN_NS", -(10**12))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "page"
    path.write_bytes(b"old")
    return path


def recorded(root: Path, *paths: Path) -> FileHashes:
    """Record the hashes of files; return what the next run knows."""
    hashes = FileHashes(root, root / "cache" / "files")
    for path in paths:
        assert hashes.sha256_of(path) == sha256(path.read_bytes())
    hashes.write()
    return FileHashes(root, root / "cache" / "files")


def wait_for_a_new_time(folder: Path) -> None:
    """Write a file until its time differs from that of all files before."""
    path = folder / "clock"
    path.write_bytes(b"")
    first = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == first:
        path.write_bytes(b"")


@pytest.mark.usefixtures("settled")
def test_an_unchanged_file_is_not_read(tmp_path: Path, file: Path, read: list[str]) -> None:
    hashes = recorded(tmp_path, file)
    read.clear()
    assert hashes.sha256_of(file) == sha256(b"old")
    assert read == []


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", [b"new", b"longer"])
def test_a_file_edited_in_place_is_noticed_although_its_time_was_restored(tmp_path: Path, file: Path, content: bytes) -> None:
    hashes, before = recorded(tmp_path, file), file.stat()
    wait_for_a_new_time(tmp_path)
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert hashes.sha256_of(file) == sha256(content)


@pytest.mark.usefixtures("settled")
def test_a_file_in_the_place_of_another_is_noticed(tmp_path: Path, file: Path) -> None:
    hashes = recorded(tmp_path, file)
    other = tmp_path / "other"
    other.write_bytes(b"new")
    other.replace(file)
    assert hashes.sha256_of(file) == sha256(b"new")


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("field", FileStamp._fields)
def test_a_file_is_read_again_if_anything_in_its_stamp_differs(
    tmp_path: Path, file: Path, read: list[str], monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    hashes, stamp, status = recorded(tmp_path, file), stamp_of(file), file.stat()
    assert stamp == (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    monkeypatch.setattr(file_hashes, "stamp_of", lambda _path: stamp._replace(**{field: 1}))
    read.clear()
    hashes.sha256_of(file)
    assert read == ["page"]


def test_a_file_edited_within_the_same_moment_is_noticed(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = stamp_of(file)
    monkeypatch.setattr(file_hashes, "stamp_of", lambda path: stamp if path == file else stamp_of(path))
    hashes = recorded(tmp_path, file)
    file.write_bytes(b"new")
    assert hashes.sha256_of(file) == sha256(b"new")


@pytest.mark.usefixtures("settled")
def test_a_file_edited_during_the_run_is_noticed(tmp_path: Path, file: Path) -> None:
    hashes = FileHashes(tmp_path, tmp_path / "cache" / "files")
    stamp = stamp_of(file)
    wait_for_a_new_time(tmp_path)
    file.write_bytes(b"new")
    hashes.add(file, stamp, sha256(b"old"))
    hashes.write()
    assert hashes.sha256_of(file) == FileHashes(tmp_path, tmp_path / "cache" / "files").sha256_of(file) == sha256(b"new")


@pytest.mark.usefixtures("settled")
def test_only_files_of_the_last_run_stay_recorded(tmp_path: Path, file: Path, read: list[str]) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    recorded(tmp_path, file, other)
    hashes = recorded(tmp_path, file)
    read.clear()
    hashes.sha256_of(file)
    hashes.sha256_of(other)
    assert read == ["other"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("length", [0, 70, -1])
def test_a_damaged_record_is_ignored(tmp_path: Path, file: Path, read: list[str], length: int) -> None:
    recorded(tmp_path, file)
    path = tmp_path / "cache" / "files"
    path.write_bytes(path.read_bytes()[:length])
    read.clear()
    assert FileHashes(tmp_path, path).sha256_of(file) == sha256(b"old")
    assert read == ["page"]


def test_a_missing_file_is_an_error(tmp_path: Path, file: Path) -> None:
    hashes = recorded(tmp_path, file)
    file.unlink()
    with pytest.raises(InvalidDataError, match="not found"):
        hashes.sha256_of(file)
    assert (tmp_path / "cache" / ".gitignore").read_text() == "*\n"
