"""Ctrl-C ends an extraction whatever it waits for, and a terminal is told at once what that is."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from threading import Event
from typing import TYPE_CHECKING

import pytest

from etl.core.layout import PROJECT
from tests.support.fake_api.server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.extract.conftest import LiveWorkspace

# A job in the background ignores SIGINT, and so do its children: here it interrupts in any case.
INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); runpy.run_module('etl', run_name='__main__')"
)
STOPPED = "interrupted; existing data is unchanged. Rerun the same command within 6 hours to resume.\n"
WAITS = {
    "silence": None,
    "a long Retry-After": Fault(429, b"{}", {"Retry-After": "300"}),
    "the next attempt": Fault(503, b"{}"),
    "a late attempt": Fault(200, b"<html>"),
    "a drip": Fault(200, b"[" + b" " * 10_000, drip_s=0.05),
    "headers that drip": Fault(200, b"[]", drip_s=0.5, drips_all=True),
}


def command(live: LiveWorkspace, word: str) -> list[str]:
    source = ["--source", "huggingface", "--data", str(live.data.root), "--filters", str(live.filters)]
    return [sys.executable, "-c", INTERRUPTIBLE, word, *source]


def asked(live: LiveWorkspace, fault: Callable[[], Fault | None]) -> Event:
    """Let the server answer with a fault; return what is set when it was asked."""
    event = Event()

    def answer(*_: object) -> Fault | None:
        event.set()
        return fault()

    live.hub.fault = answer
    return event


@pytest.mark.parametrize("waits", WAITS)
@pytest.mark.parametrize("word", ["extract", "refresh"])
def test_ctrl_c_ends_at_once_whatever_is_waited_for(live: LiveWorkspace, waits: str, word: str) -> None:
    released = Event()

    def fault() -> Fault | None:
        if WAITS[waits] is None:
            released.wait(60)
        return WAITS[waits]

    event = asked(live, fault)
    running = subprocess.Popen(command(live, word), cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    try:
        assert event.wait(60)
        running.send_signal(signal.SIGINT)
        # Every wait is longer than this one, which is for a machine that is busy.
        assert STOPPED in running.communicate(timeout=20)[1]
        assert running.returncode == 130
    finally:
        released.set()
        running.kill()
        running.wait()


def test_ctrl_c_ends_the_wait_for_a_turn(live: LiveWorkspace) -> None:
    live.filters.write_text(live.filters.read_text().replace("requests = 500, seconds = 300", "requests = 1, seconds = 300"))
    running = subprocess.Popen(command(live, "extract"), cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    assert running.stderr
    try:
        told = running.stderr.readline()
        assert told.endswith(": the rate of 1 requests in 300 s; waiting for a turn\n")
        running.send_signal(signal.SIGINT)
        assert STOPPED in running.communicate(timeout=20)[1]
        assert running.returncode == 130
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("waits", ["silence", "nobody there"])
def test_a_terminal_is_told_what_is_waited_for(live: LiveWorkspace, waits: str) -> None:
    released = Event()
    event = asked(live, lambda: Fault(delay_s=0) if released.wait(60) else None)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    if waits == "nobody there":
        live.hub.close()
    end, terminal = pty.openpty()
    running = subprocess.Popen(command(live, "extract"), cwd=PROJECT, env=environment, stdout=terminal, stderr=terminal)
    os.close(terminal)
    expected = {
        "silence": ["streams, waiting for the first response"],
        "nobody there": ["it refused the connection: does a server listen", "streams, attempt 2 of 6 in "],
    }
    shown = b""
    try:
        while not all(words.encode() in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown) for words in expected[waits]):
            shown += os.read(end, 1000)  # an error when the process has ended
        assert waits == "nobody there" or event.wait(60)
    finally:
        released.set()
        running.kill()
        running.wait()
        os.close(end)
