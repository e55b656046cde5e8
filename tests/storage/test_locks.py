"""One writer at a time, readers together: whoever has to wait says for whom, and gives up after a while."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from etl.core.errors import SourceUnavailableError, StorageError
from etl.core.layout import PROJECT
from etl.storage import locks
from etl.storage.locks import Locks
from tests.conftest import hf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Workspace


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.2)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "civitai"


def locks_of(part: Path, name: str, on_wait: Callable[[str], None] = print) -> Locks:
    return Locks(part.parent.parent, name, on_wait)


def test_readers_share_and_a_writer_is_alone(part: Path) -> None:
    told: list[str] = []
    first, second = locks_of(part, "first", told.append), locks_of(part, "second", told.append)
    with first.hold(reads=[part]), second.hold(reads=[part]):
        assert told == []
    with first.hold(reads=[part]), pytest.raises(SourceUnavailableError), second.hold(writes=[part]):
        pass
    assert told == [f"{part} to write: waiting for a process that reads it, up to 0.2 s"]
    told.clear()
    with (
        first.hold(writes=[part]),
        pytest.raises(SourceUnavailableError, match=r"was not done within 0.2 s; run it again later"),
        second.hold(reads=[part]),
    ):
        pass
    assert told == [f"{part} to read: waiting for first (process {os.getpid()}), up to 0.2 s"]
    with second.hold(writes=[part]):
        pass


def test_who_waits_goes_on_when_the_other_is_done(part: Path) -> None:
    first, second, done = locks_of(part, "first"), locks_of(part, "second"), threading.Event()
    order = []

    def write() -> None:
        with first.hold(writes=[part]):
            done.set()
            time.sleep(0.1)
            order.append("first")

    thread = threading.Thread(target=write)
    thread.start()
    done.wait()
    with second.hold(writes=[part]):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_what_a_run_holds_it_need_not_wait_for(part: Path) -> None:
    mine = locks_of(part, "mine")
    with (
        mine.hold(writes=[part]),
        mine.hold(reads=[part]),
        mine.hold(writes=[part]),
        pytest.raises(SourceUnavailableError),
        locks_of(part, "other").hold(reads=[part]),
    ):
        pass


def test_a_process_that_was_killed_holds_nothing_and_is_not_named(part: Path) -> None:
    code = f"""
import os, pathlib
from etl.storage.locks import Locks
part = pathlib.Path({str(part)!r})
with Locks(part.parent.parent, "killed", print).hold(writes=[part]):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == -9
    assert "killed" in (part.parent.parent / ".locks" / "models-civitai").read_text()
    told: list[str] = []
    with (
        locks_of(part, "reader").hold(reads=[part]),
        pytest.raises(SourceUnavailableError),
        locks_of(part, "writer", told.append).hold(writes=[part]),
    ):
        pass
    assert "a process that reads it" in told[0]


def test_a_lock_file_that_was_removed_locks_nobody_in(part: Path) -> None:
    first, second = locks_of(part, "first"), locks_of(part, "second")
    with first.hold(writes=[part]):
        (part.parent.parent / ".locks" / "models-civitai").unlink()
        with second.hold(writes=[part]):  # of a new file: nobody can know of the old one
            pass
    with first.hold(writes=[part]):
        pass


def test_a_reader_makes_no_folder_and_git_sees_no_lock(tmp_path: Path, part: Path) -> None:
    with Locks(tmp_path / "nowhere", "reader", print).hold(reads=[tmp_path / "nowhere" / "raw" / "civitai"]):
        pass
    assert not (tmp_path / "nowhere").exists()
    with locks_of(part, "writer").hold(writes=[part]):
        pass
    assert (part.parent.parent / ".locks" / ".gitignore").read_text() == "*\n"


def test_a_reader_of_a_folder_that_it_may_not_write_to_needs_no_lock(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with locks_of(part, "reader").hold(reads=[part]):
        pass
    with (
        pytest.raises(StorageError, match="Read-only file system"),
        locks_of(part, "writer").hold(writes=[part]),
    ):
        pass


@pytest.mark.parametrize("word", ["load", "manifests", "transform", "explain", "verify", "diff"])
def test_every_command_waits_for_who_writes_what_it_reads(
    house: Workspace, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    house.put("huggingface", "default", [])
    house.put("huggingface", "likes", [])
    assert house.run("manifests") == 0
    part = house.data.models("huggingface") if word in ("explain", "diff") else house.data.raw("huggingface")
    more = ["hf/likes"] if word == "explain" else []
    with Locks(house.data.root, "etl extract", print).hold(writes=[part]):
        assert house.run(word, *more) == 75
    assert f"waiting for etl extract (process {os.getpid()})" in capsys.readouterr().err
    assert house.run(word, *more) == 0


def test_two_runs_at_once_leave_one_whole_set(house: Workspace, tmp_path: Path) -> None:
    for stream in ("default", "likes"):
        house.put("huggingface", stream, [hf(f"o/{stream}{n}", safetensors={"total": 10**9}) for n in range(300)])
    other = tmp_path / "other.toml"
    other.write_text(house.filters.read_text().replace("limit = 2", "limit = 200"))
    limits = set()
    for turn in range(4):
        chosen = [house.filters, other][:: (1, -1)[turn % 2]]
        commands = [
            [sys.executable, "-m", "etl", "manifests", "--data", str(house.data.root), "--filters", str(path)] for path in chosen
        ]
        processes = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) for command in commands]
        assert [process.wait() for process in processes] == [0, 0]
        index = house.manifest("index.json")
        for entry in [*index["manifests"], index["all_models"]]:
            body = (house.data.manifests / entry["file"]).read_bytes()
            assert hashlib.sha256(body).hexdigest() == entry["sha256"]
        limits |= {entry["limit"] for entry in index["manifests"]}
        assert len({entry["limit"] for entry in index["manifests"]}) == 1
        assert len(list(house.data.manifests.iterdir())) == 2 + len(index["manifests"])
    assert limits <= {2, 200}


def test_models_of_another_generation_than_the_raw_pages_are_told(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/a")])
    house.put("huggingface", "likes", [hf("o/a")])
    assert house.run("manifests") == 0
    house.put("huggingface", "likes", [hf("o/b")])  # as an extraction does beside
    for words in (("load",), ("explain", "hf/likes")):
        assert house.run(*words) == 1
        path = house.data.models("huggingface", "likes") / "page-0001.json"
        assert f"{path}: is of another page than data/raw has now; make it again" in capsys.readouterr().err
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-likes.json") == ["o/b"]
