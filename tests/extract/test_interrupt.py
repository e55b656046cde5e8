"""Ctrl-C ends an extraction whatever it waits for, and a terminal shows at once what that is."""

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
from tests.extract.test_crawl import FILTERS as CRAWL
from tests.support.fake_api.long import LongHub
from tests.support.fake_api.server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.extract.conftest import LiveWorkspace

# Background jobs and their children ignore SIGINT; this handler interrupts in any case.
INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); runpy.run_module('etl', run_name='__main__')"
)
INTERRUPTED = {
    "extract": "interrupted; existing data is unchanged. Rerun the same command within 6 hours to resume.\n",
    "refresh": "interrupted; streams and manifests are complete, old or new. Rerun the same command within 6 hours to resume.\n",
}
WAITS = {
    "silence": None,
    "a long Retry-After": Fault(429, b"{}", {"Retry-After": "300"}),
    "the next attempt": Fault(503, b"{}"),
    "the maximal backoff": Fault(200, b"<html>"),
    "a slow body": Fault(200, b"[" + b" " * 10_000, byte_delay_s=0.05),
    "slow headers": Fault(200, b"[]", byte_delay_s=0.5, delays_headers=True),
}


def command_line(live: LiveWorkspace, command: str) -> list[str]:
    source = ["--source", "huggingface", "--data", str(live.data.root), "--filters", str(live.filters)]
    return [sys.executable, "-c", INTERRUPTIBLE, command, *source]


def on_request(live: LiveWorkspace, fault: Callable[[], Fault | None]) -> Event:
    """Let the server respond with a fault; return an event that its first request sets."""
    event = Event()

    def respond(*_: object) -> Fault | None:
        event.set()
        return fault()

    live.hub.fault = respond
    return event


@pytest.mark.parametrize("waits", WAITS)
@pytest.mark.parametrize("command", ["extract", "refresh"])
def test_ctrl_c_ends_every_wait_at_once(live: LiveWorkspace, waits: str, command: str) -> None:
    released = Event()

    def fault() -> Fault | None:
        if WAITS[waits] is None:
            released.wait(60)
        return WAITS[waits]

    event = on_request(live, fault)
    process = subprocess.Popen(command_line(live, command), cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    try:
        assert event.wait(60)
        process.send_signal(signal.SIGINT)
        # Every wait is longer than this timeout, which is for a loaded machine.
        assert INTERRUPTED[command] in process.communicate(timeout=20)[1]
        assert process.returncode == 130
    finally:
        released.set()
        process.kill()
        process.wait()


def test_ctrl_c_ends_the_rate_limit_wait(live: LiveWorkspace) -> None:
    live.filters.write_text(live.filters.read_text().replace("requests = 500, seconds = 300", "requests = 1, seconds = 300"))
    process = subprocess.Popen(command_line(live, "extract"), cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        line = process.stderr.readline()
        assert line.endswith(": rate limit of 1 requests in 300 s; waiting for a turn\n")
        process.send_signal(signal.SIGINT)
        assert INTERRUPTED["extract"] in process.communicate(timeout=20)[1]
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("waits", ["silence", "connection refused", "the ninth page"])
def test_terminal_shows_pages_and_what_extract_waits_for(live: LiveWorkspace, waits: str) -> None:
    released = Event()
    event = on_request(live, lambda: Fault(delay_s=0) if released.wait(60) else None)
    if waits == "the ninth page":
        live.filters.write_text(CRAWL)
        live.hub.api = LongHub(60)
        live.hub.fault = lambda target, _: Fault(delay_s=0) if target.endswith("cursor=8") and released.wait(60) else None
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    if waits == "connection refused":
        live.hub.close()
    reader, terminal = pty.openpty()
    process = subprocess.Popen(command_line(live, "extract"), cwd=PROJECT, env=environment, stdout=terminal, stderr=terminal)
    os.close(terminal)
    expected = {
        "silence": ["streams, waiting for the first response"],
        "connection refused": ["connection refused; is a server listening", "streams, attempt 2 of 6 in "],
        "the ninth page": [" 0/1 streams, 8 of at most 60 pages, ", "/s, at most 0:00:"],
    }
    shown = b""
    try:
        while not all(text.encode() in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown) for text in expected[waits]):
            shown += os.read(reader, 1000)  # raises when the process has ended
        assert waits != "silence" or event.wait(60)
    finally:
        released.set()
        process.kill()
        process.wait()
        os.close(reader)
