"""What a transform notices of changed files without reading those that have not changed."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from etl.core.layout import DataDir
from etl.sources.source import get_source
from etl.storage import file_hashes
from etl.storage.json_files import read_bytes
from etl.transform import task
from etl.transform.stage import current_summary, transform
from tests.conftest import hf
from tests.storage.test_file_hashes import wait_for_a_new_time

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workspace

HUB = get_source("huggingface")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each file is appended, as `stream/file`, that is read to be hashed."""
    names: list[str] = []

    def spy(path: Path) -> bytes:
        names.append(f"{path.parts[-4]}/{path.name}")
        return read_bytes(path)

    monkeypatch.setattr(file_hashes, "read_bytes", spy)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record hashes of files however new they are."""
    monkeypatch.setattr(file_hashes, "_MARGIN_NS", -(10**12))


@pytest.fixture
def pages(workspace: Workspace) -> Workspace:
    workspace.write_stream("huggingface", "default", [hf("o/a")], [hf("o/b")])
    return workspace


def edit(path: Path, old: bytes, new: bytes) -> None:
    """Replace a text in place by one of the same length, and restore the modification time."""
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert path.read_bytes() != content


def hide_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a file the same stamp whatever becomes of it, as on a file system with coarse times."""
    stamp, stamp_of = file_hashes.stamp_of(path), file_hashes.stamp_of
    for module in (file_hashes, task):
        monkeypatch.setattr(module, "stamp_of", lambda other: stamp if other == path else stamp_of(other))


@pytest.mark.usefixtures("settled")
def test_no_page_is_read_if_nothing_changed(pages: Workspace, read: list[str]) -> None:
    summary = transform(pages.data, HUB)
    read.clear()
    assert transform(pages.data, HUB) == summary == current_summary(pages.data, HUB)
    assert read == []


@pytest.mark.usefixtures("settled")
def test_only_changed_pages_are_read(pages: Workspace, read: list[str]) -> None:
    transform(pages.data, HUB)
    read.clear()
    (pages.data.raw("huggingface", "default") / "page-0002.json").write_text(json.dumps([hf("o/c"), hf("o/d")]))
    transform(pages.data, HUB)
    assert read == ["raw/page-0002.json"]


def test_files_that_just_changed_are_read_again(pages: Workspace, read: list[str]) -> None:
    transform(pages.data, HUB)
    read.clear()
    transform(pages.data, HUB)
    assert sorted(read) == ["models/page-0001.json", "models/page-0002.json", "raw/page-0001.json", "raw/page-0002.json"]


@pytest.mark.usefixtures("settled")
def test_a_page_edited_in_place_is_noticed_although_its_time_was_restored(pages: Workspace) -> None:
    transform(pages.data, HUB)
    wait_for_a_new_time(pages.data.root)
    edit(pages.data.raw("huggingface", "default") / "page-0001.json", b"o/a", b"o/z")
    assert current_summary(pages.data, HUB) is None
    transform(pages.data, HUB)
    models = pages.data.models("huggingface", "default") / "page-0001.json"
    assert json.loads(models.read_bytes())[0]["id"] == "o/z"
    wait_for_a_new_time(pages.data.root)
    edit(models, b"o/z", b"o/x")
    assert current_summary(pages.data, HUB) is None
    transform(pages.data, HUB)
    assert json.loads(models.read_bytes())[0]["id"] == "o/z"


def test_a_page_edited_within_the_same_moment_is_noticed(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = pages.data.raw("huggingface", "default") / "page-0001.json"
    hide_changes(raw, monkeypatch)
    transform(pages.data, HUB)
    edit(raw, b"o/a", b"o/z")
    assert current_summary(pages.data, HUB) is None
    transform(pages.data, HUB)
    assert json.loads((pages.data.models("huggingface", "default") / "page-0001.json").read_bytes())[0]["id"] == "o/z"


@pytest.mark.usefixtures("settled")
def test_a_rebuild_in_another_folder_trusts_no_recorded_hash(
    pages: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = pages.data.raw("huggingface", "default") / "page-0001.json"
    hide_changes(raw, monkeypatch)
    transform(pages.data, HUB)
    edit(raw, b"o/a", b"o/z")
    assert current_summary(pages.data, HUB)
    rebuilt = DataDir(tmp_path / "rebuilt", pages.data.raw_root)
    transform(rebuilt, HUB)
    assert json.loads((rebuilt.models("huggingface", "default") / "page-0001.json").read_bytes())[0]["id"] == "o/z"


def test_models_of_a_removed_stream_are_deleted_although_no_summary_names_it(pages: Workspace) -> None:
    pages.write_stream("huggingface", "likes", [hf("o/c")])
    transform(pages.data, HUB)
    pages.data.summary("huggingface").unlink()  # as after a run that was killed
    shutil.rmtree(pages.data.raw("huggingface", "likes"))
    transform(pages.data, HUB)
    assert not pages.data.models("huggingface", "likes").exists()
    assert not pages.data.outcomes("huggingface", "likes").exists()
