"""The child process: its limits, and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from etl.core.errors import StorageError
from etl.core.layout import PROJECT
from etl.expressions import child as child_module
from etl.expressions.child import Child, ChildDiedError

ENDLESS = "def f: f; f"
# Evaluates an endless expression, and prints the id of the child process first.
_PARENT = """
import sys
from etl.expressions.child import Child
with Child(60) as child:
    print(child._process.pid, flush=True)
    child.request(["def f: f; f"], b"{}")
"""


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_request_has_one_response() -> None:
    with Child(5) as child:
        assert child.request(["1 +", ".", "foo"])[1] is None
        assert child.request(["[.models[] | [. + 1]]"], b'{"models":[1,2]}') == [[2], [3]]


def test_if_a_program_fails_its_expressions_run_alone() -> None:
    with Child(5) as child:
        programs = ["error", "[.models[] | [. > 1]]", "[.models[] | [error(.)]]", "foo", "[.models[] | [., .]]"]
        response = child.request(programs, b'{"models":[1,"two"]}')
    assert [row[0] for row in response] == [False, True]
    assert [row[1] for row in response] == ["1", "two"]
    assert all("foo/0 is not defined" in row[2] for row in response)


def test_output_that_is_not_one_array_is_a_failure() -> None:
    with Child(5) as child:
        for program in ("halt", "empty", ".models, .models", ".now"):
            assert child.request([program, "[[true]]"], b'{"models":[1]}') == [[True]]


def test_the_environment_is_empty_and_the_time_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cr3t")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with Child(5) as child:
        [[names, hour]] = child.request(['[[($ENV | keys), (0 | strflocaltime("%H"))]]'], b"{}")
    assert set(names) <= {"TZ", "LC_CTYPE"}  # Python itself may set the latter
    assert hour == "00"


def test_limits_are_set() -> None:
    with Child(5) as child:
        child.request(["."])
        lines = Path(f"/proc/{child._process.pid}/limits").read_text().splitlines()  # noqa: SLF001
    limits = {line[:25].strip(): line[25:].split()[0] for line in lines}
    assert limits["Max cpu time"] == "6"
    assert limits["Max address space"] == str(2**30)
    assert limits["Max core file size"] == "0"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGXCPU, "took more than 5 s of CPU time"),
        (signal.SIGABRT, "needed more than 1 GiB of memory"),
        (signal.SIGSEGV, "crashed jq (SIGSEGV)"),
        (signal.SIGKILL, "was killed by the system, perhaps for its memory"),
    ],
)
def test_a_death_is_described(number: int, message: str) -> None:
    with Child(5) as child:
        child.request(["."])
        os.kill(child._process.pid, number)  # noqa: SLF001
        with pytest.raises(ChildDiedError) as caught:
            child.request(["."] * 100_000)  # more than a pipe holds
    assert str(caught.value) == message


def test_a_process_that_cannot_import_jq_is_a_storage_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("import sys; sys.exit(1)")
    monkeypatch.setattr(child_module, "_WORKER", worker)
    with Child(5) as child, pytest.raises(StorageError, match="ended with code 1; reinstall the package jq"):
        child.request(["."], b"{}")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(StorageError, match="could not start a process for jq expressions"):
        Child(5)


def test_close_ends_the_process_at_once() -> None:
    child = Child(60)
    child.request(["."])
    pid = child._process.pid  # noqa: SLF001
    child.close()
    assert not _is_running(pid)
    child.close()


def test_the_process_ends_when_its_input_is_closed() -> None:
    command = [sys.executable, "-I", str(PROJECT / "etl" / "expressions" / "worker.py"), "", "5", str(2**30)]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, env={})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = subprocess.run(command, input=b'[".models"]\t{"models":[1]}\n["["]\t\n', capture_output=True, check=False, env={})
    first, second = done.stdout.splitlines()
    assert json.loads(first) == [1]
    assert "syntax error" in json.loads(second)[0]


def test_an_interrupt_ends_jq_at_once() -> None:
    with Child(5) as child:
        child.request(["."])
        timer = threading.Timer(0.2, os.kill, (child._process.pid, signal.SIGINT))  # noqa: SLF001
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            child.request([ENDLESS], b"{}")
        timer.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_child_does_not_outlive_its_parent(number: int) -> None:
    """Ctrl-C reaches both, even within jq; a killed parent leaves a closed pipe."""
    endless = _PARENT if number == signal.SIGINT else _PARENT.replace('child.request(["def f: f; f"], b"{}")', "sys.stdin.read()")
    command = [sys.executable, "-c", endless]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)  # into jq
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)
        else:
            parent.kill()
        parent.communicate()
    assert parent.returncode == -number
    while _is_running(pid):
        time.sleep(0.01)
