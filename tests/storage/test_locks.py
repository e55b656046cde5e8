"""Locks: readers share, a writer is exclusive, and a process that waits names the holder and gives up after a while."""

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
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "civitai"


def locks_of(folder: Path, name: str, on_wait: Callable[[str], None] = print) -> Locks:
    return Locks(folder.parent.parent, name, on_wait)


def test_readers_share_and_a_writer_is_exclusive(folder: Path) -> None:
    messages: list[str] = []
    first, second = locks_of(folder, "first", messages.append), locks_of(folder, "second", messages.append)
    with first.hold(reads=[folder]), second.hold(reads=[folder]):
        assert messages == []
    with first.hold(reads=[folder]), pytest.raises(SourceUnavailableError), second.hold(writes=[folder]):
        pass
    assert messages == [f"writing {folder}: waiting for a process that reads it, up to 0.2 s"]
    messages.clear()
    with (
        first.hold(writes=[folder]),
        pytest.raises(SourceUnavailableError, match=r"did not finish within 0.2 s; retry later"),
        second.hold(reads=[folder]),
    ):
        pass
    assert messages == [f"reading {folder}: waiting for first (process {os.getpid()}), up to 0.2 s"]
    with second.hold(writes=[folder]):
        pass


def test_a_waiting_process_continues_when_the_lock_is_released(folder: Path) -> None:
    first, second, done = locks_of(folder, "first"), locks_of(folder, "second"), threading.Event()
    order = []

    def write() -> None:
        with first.hold(writes=[folder]):
            done.set()
            time.sleep(0.1)
            order.append("first")

    thread = threading.Thread(target=write)
    thread.start()
    done.wait()
    with second.hold(writes=[folder]):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_locks_are_reentrant_within_a_run(folder: Path) -> None:
    own = locks_of(folder, "own")
    with (
        own.hold(writes=[folder]),
        own.hold(reads=[folder]),
        own.hold(writes=[folder]),
        pytest.raises(SourceUnavailableError),
        locks_of(folder, "other").hold(reads=[folder]),
    ):
        pass


def test_a_killed_process_holds_no_lock_and_is_not_named(folder: Path) -> None:
    code = f"""
import os, pathlib
from etl.storage.locks import Locks
folder = pathlib.Path({str(folder)!r})
with Locks(folder.parent.parent, "killed", print).hold(writes=[folder]):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == -9
    assert "killed" in (folder.parent.parent / ".locks" / "models-civitai").read_text()
    messages: list[str] = []
    with (
        locks_of(folder, "reader").hold(reads=[folder]),
        pytest.raises(SourceUnavailableError),
        locks_of(folder, "writer", messages.append).hold(writes=[folder]),
    ):
        pass
    assert "a process that reads it" in messages[0]


def test_a_removed_lock_file_blocks_nobody(folder: Path) -> None:
    first, second = locks_of(folder, "first"), locks_of(folder, "second")
    with first.hold(writes=[folder]):
        (folder.parent.parent / ".locks" / "models-civitai").unlink()
        with second.hold(writes=[folder]):  # it locks a new file: the old one has no name
            pass
    with first.hold(writes=[folder]):
        pass


def test_a_reader_creates_no_folder_and_git_ignores_locks(tmp_path: Path, folder: Path) -> None:
    with Locks(tmp_path / "nowhere", "reader", print).hold(reads=[tmp_path / "nowhere" / "raw" / "civitai"]):
        pass
    assert not (tmp_path / "nowhere").exists()
    with locks_of(folder, "writer").hold(writes=[folder]):
        pass
    assert (folder.parent.parent / ".locks" / ".gitignore").read_text() == "*\n"


def test_a_reader_of_a_read_only_folder_needs_no_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.mkdir", fail)
    with locks_of(folder, "reader").hold(reads=[folder]):
        pass
    with (
        pytest.raises(StorageError, match="Read-only file system"),
        locks_of(folder, "writer").hold(writes=[folder]),
    ):
        pass


def test_a_folder_linked_from_two_data_folders_has_one_writer(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifests").symlink_to(tmp_path / "site")
    messages: list[str] = []
    first, second = (Locks(tmp_path / name, name, messages.append) for name in ("one", "two"))
    manifests = tmp_path / "two" / "manifests"
    with (
        first.hold(writes=[tmp_path / "one" / "manifests"]),
        pytest.raises(SourceUnavailableError),
        second.hold(reads=[manifests]),
    ):
        pass
    assert messages == [f"reading {manifests}: waiting for a process with another data folder, up to 0.2 s"]
    with second.hold(writes=[manifests]):
        assert list((tmp_path / "site").iterdir()) == []


def test_a_linked_folder_is_locked_again_after_a_swap(tmp_path: Path) -> None:
    manifests = tmp_path / "one" / "manifests"
    manifests.mkdir(parents=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "manifests").symlink_to(manifests)
    first, waits = Locks(tmp_path / "one", "one", print), threading.Event()
    second = Locks(tmp_path / "two", "two", lambda _line: waits.set())
    done = threading.Event()

    def write() -> None:
        with (
            second.hold(writes=[tmp_path / "two" / "manifests"]),
            pytest.raises(SourceUnavailableError),
            first.hold(writes=[manifests]),
        ):
            pass
        done.set()

    with first.hold(writes=[manifests]):
        thread = threading.Thread(target=write)
        thread.start()
        assert waits.wait(60)
        manifests.rename(tmp_path / "before")
        manifests.mkdir()
    thread.join()
    assert done.is_set()  # it locked the new folder


def test_an_unlockable_linked_folder_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def fail(file: IO[str] | int, how: int) -> None:
        if isinstance(file, int):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", fail)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "link").symlink_to("manifests")
    messages: list[str] = []
    for name in ("manifests", "link"):
        with Locks(tmp_path, "load", messages.append).hold(writes=[tmp_path / name]):
            pass
    cannot = f"warning: writing {tmp_path}/link: cannot be locked: Bad file descriptor"
    assert messages == [f"{cannot}; no other data folder may link to it"]


def test_a_lock_file_that_is_not_a_file_is_reported_at_once(folder: Path) -> None:
    (folder.parent.parent / ".locks").mkdir()
    os.mkfifo(folder.parent.parent / ".locks" / "models-civitai")
    for use in ("reads", "writes"):
        with (
            pytest.raises(StorageError, match=r"models-civitai: cannot be locked \(expected a lock file\); remove it"),
            locks_of(folder, "run").hold(**{use: [folder]}),
        ):
            pass


def test_a_locked_command_runs_exclusively_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [str(tmp_path / "data"), "manifests", "--", "touch", "done"]
    (tmp_path / "data" / ".locks").mkdir(parents=True)
    (tmp_path / ".venv.lock").touch()
    manifests = tmp_path / "data" / "manifests"
    with Locks(tmp_path / "data", "other", print).hold(writes=[manifests]):
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
    assert "removing .venv: a command that runs in it did not finish" in running.stderr
    assert not (tmp_path / "done").exists()
    messages = capsys.readouterr().err.splitlines()
    assert messages[0] == f"writing {manifests}: waiting for other (process {os.getpid()}), up to 0.2 s"
    assert messages[2] == "removing .venv: waiting for another make, up to 0.2 s"
    assert locked.main(arguments) == 0
    assert (tmp_path / "done").exists()


def test_locked_needs_no_packages_and_only_python_3_9() -> None:
    for name in ("__init__", "core/__init__", "core/errors", "storage/__init__", "storage/locked", "storage/locks"):
        ast.parse((PROJECT / "etl" / f"{name}.py").read_text(), feature_version=(3, 9))
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(PROJECT)!r}); import etl.storage.locked"]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("command", ["load", "manifests", "transform", "explain", "values", "verify", "diff"])
def test_every_command_waits_for_writers_of_its_input(
    workspace: Workspace, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [])
    workspace.write_stream("huggingface", "likes", [])
    assert workspace.run("manifests") == 0
    folder = (
        workspace.data.models("huggingface") if command in ("explain", "values", "diff") else workspace.data.raw("huggingface")
    )
    args = ["hf/likes"] if command == "explain" else []
    with Locks(workspace.data.root, "etl extract", print).hold(writes=[folder]):
        assert workspace.run(command, *args) == 75
    assert f"waiting for etl extract (process {os.getpid()})" in capsys.readouterr().err
    assert workspace.run(command, *args) == 0


def test_concurrent_runs_leave_one_complete_set(workspace: Workspace, tmp_path: Path) -> None:
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, [hf(f"o/{stream}{n}", safetensors={"total": 10**9}) for n in range(300)])
    other = tmp_path / "other.toml"
    other.write_text(workspace.filters.read_text().replace("limit = 2", "limit = 200"))
    limits = set()
    for turn in range(4):
        filters = [workspace.filters, other][:: (1, -1)[turn % 2]]
        commands = [
            [sys.executable, "-m", "etl", "manifests", "--data", str(workspace.data.root), "--filters", str(path)]
            for path in filters
        ]
        processes = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) for command in commands]
        assert [process.wait() for process in processes] == [0, 0]
        index = workspace.manifest("index.json")
        for entry in [*index["manifests"], index["all_models"]]:
            body = (workspace.data.manifests / entry["file"]).read_bytes()
            assert hashlib.sha256(body).hexdigest() == entry["sha256"]
        limits |= {entry["limit"] for entry in index["manifests"]}
        assert len({entry["limit"] for entry in index["manifests"]}) == 1
        assert len(list(workspace.data.manifests.iterdir())) == 2 + len(index["manifests"])
    assert limits <= {2, 200}


def test_models_of_outdated_raw_pages_are_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a")])
    assert workspace.run("manifests") == 0
    workspace.write_stream("huggingface", "likes", [hf("o/b")])  # as a concurrent extract does
    for command in (("load",), ("explain", "hf/likes")):
        assert workspace.run(*command) == 1
        path = workspace.data.models("huggingface", "likes") / "page-0001.json"
        assert f"{path}: built from other bytes than data/raw has now; rebuild it" in capsys.readouterr().err
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-likes.json") == ["o/b"]
