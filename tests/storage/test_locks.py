"""One writer at a time, readers together: whoever has to wait says for whom, and gives up after a while."""

from __future__ import annotations

import ast
import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

import pytest

from etl.core.errors import SourceUnavailableError, StorageError
from etl.core.layout import PROJECT
from etl.storage import locked, locks
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


def test_a_folder_that_two_data_folders_link_to_has_one_writer(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifests").symlink_to(tmp_path / "site")
    told: list[str] = []
    first, second = (Locks(tmp_path / name, name, told.append) for name in ("one", "two"))
    place = tmp_path / "two" / "manifests"
    with first.hold(writes=[tmp_path / "one" / "manifests"]), pytest.raises(SourceUnavailableError), second.hold(reads=[place]):
        pass
    assert told == [f"{place} to read: waiting for a process with another data folder, up to 0.2 s"]
    with second.hold(writes=[place]):
        assert list((tmp_path / "site").iterdir()) == []


def test_a_link_to_the_folder_of_another_run_waits_for_its_next_set(tmp_path: Path) -> None:
    place = tmp_path / "one" / "manifests"
    place.mkdir(parents=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "manifests").symlink_to(place)
    first, waits = Locks(tmp_path / "one", "one", print), threading.Event()
    second = Locks(tmp_path / "two", "two", lambda _line: waits.set())
    done = threading.Event()

    def write() -> None:
        with (
            second.hold(writes=[tmp_path / "two" / "manifests"]),
            pytest.raises(SourceUnavailableError),
            first.hold(writes=[place]),
        ):
            pass
        done.set()

    with first.hold(writes=[place]):
        thread = threading.Thread(target=write)
        thread.start()
        assert waits.wait(60)
        place.rename(tmp_path / "before")
        place.mkdir()
    thread.join()
    assert done.is_set()  # it held the folder that is there now


def test_a_link_to_a_folder_that_cannot_be_locked_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def refuse(file: IO[str] | int, how: int) -> None:
        if isinstance(file, int):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "link").symlink_to("manifests")
    told: list[str] = []
    for name in ("manifests", "link"):
        with Locks(tmp_path, "load", told.append).hold(writes=[tmp_path / name]):
            pass
    cannot = f"warning: {tmp_path}/link to write: cannot be locked: Bad file descriptor"
    assert told == [f"{cannot}; let no other data folder link to it"]


def test_a_lock_file_that_is_no_file_is_told_at_once(part: Path) -> None:
    (part.parent.parent / ".locks").mkdir()
    os.mkfifo(part.parent.parent / ".locks" / "models-civitai")
    for use in ("reads", "writes"):
        with (
            pytest.raises(StorageError, match=r"models-civitai: cannot be locked \(expected a file of locks\); remove it"),
            locks_of(part, "run").hold(**{use: [part]}),
        ):
            pass


def test_a_command_runs_alone_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [str(tmp_path / "data"), "manifests", "--", "touch", "done"]
    (tmp_path / "data" / ".locks").mkdir(parents=True)
    (tmp_path / ".venv.lock").touch()
    place = tmp_path / "data" / "manifests"
    with Locks(tmp_path / "data", "other", print).hold(writes=[place]):
        assert locked.main(arguments) == 75
    with (tmp_path / ".venv.lock").open() as file:
        locks.acquire(file, "test", print)
        assert locked.main(arguments) == 75
    program = """if True:
        import runpy, sys
        import etl.cli.main
        from etl.storage import locked, locks
        sys.prefix, locks.WAIT_S = ".venv", 0.2
        etl.cli.main.main = lambda: locked.main(sys.argv[1:])
        runpy.run_module("etl", run_name="__main__")
    """
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "made-by-make").touch()
    running = subprocess.run(
        [sys.executable, "-c", program, *arguments], env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False
    )
    assert running.returncode == 75
    assert ".venv to remove: a command that runs in it was not done" in running.stderr
    assert not (tmp_path / "done").exists()
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"{place} to write: waiting for other (process {os.getpid()}), up to 0.2 s"
    assert told[2] == ".venv to remove: waiting for another make, up to 0.2 s"
    assert locked.main(arguments) == 0
    assert (tmp_path / "done").exists()


def test_a_command_runs_alone_without_packages_and_by_python_3_9() -> None:
    for name in ("__init__", "core/__init__", "core/errors", "storage/__init__", "storage/locked", "storage/locks"):
        ast.parse((PROJECT / "etl" / f"{name}.py").read_text(), feature_version=(3, 9))
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(PROJECT)!r}); import etl.storage.locked"]
    assert subprocess.run(command, check=False).returncode == 0


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
        assert f"{path}: built from other bytes than data/raw has now; rebuild it" in capsys.readouterr().err
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-likes.json") == ["o/b"]
