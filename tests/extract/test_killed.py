"""A run that is killed, or gets an I/O error, before any of its disk steps loses nothing, and the next one resumes it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from etl.core.errors import SourceUnavailableError, StorageError
from etl.core.layout import DataDir
from etl.extract.credentials import Credentials
from etl.extract.http_client import Client
from etl.extract.options import ExtractOptions
from etl.extract.responses import PageResponse
from etl.extract.stage import extract
from etl.selection.sufficiency import Progress
from etl.storage.json_files import parse_json_body
from tests.extract.test_stream_reader import ORIGIN, load_test_config, model, to_earlier_version

if TYPE_CHECKING:
    from pathlib import Path

    from etl.extract.stream_reader import StreamReader

NOW = "2026-01-01T00:00:00.000Z"
Pages = dict[str, tuple[list[Any], str | None]]


class Killed(BaseException):
    """The process ends here without cleaning up."""


DISK_FULL = OSError(28, "No space left on device")
DENIED = OSError(13, "Permission denied")


class Disk:
    """Counts the steps that change the disk; after `limit` steps, raises `error` before each."""

    CHANGES = frozenset(("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.utime", "ctypes.dlsym"))

    NEED_SPACE = frozenset(("os.mkdir", "os.link"))

    def __init__(self) -> None:
        self.steps, self.limit, self.is_watched = 0, sys.maxsize, False
        self.error: BaseException = Killed()
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        is_step = is_write or event in (self.NEED_SPACE if self.error is DISK_FULL else self.CHANGES)
        if not self.is_watched or not is_step:
            return
        self.steps += 1
        if self.steps > self.limit:
            if is_write and ".lock" not in str(arguments[0]) and (self.steps == self.limit + 1 or self.error is DISK_FULL):
                self.is_watched = False
                mode = "ab" if arguments[2] & os.O_APPEND else "wb"  # what a file that is appended to had before stays
                with suppress(OSError), open(arguments[0], mode) as file:  # noqa: PTH123 -- the audited call
                    file.write(b"[")
                self.is_watched = True
            raise self.error


@pytest.fixture(scope="module")
def disk() -> Disk:
    return Disk()


def pages(*streams: str, counts: tuple[int, int], prefix: str) -> Pages:
    """Return the response to each request of two streams: value and next link; `prefix` begins the ids of their models."""
    responses: Pages = {}
    for stream, count in zip(streams, counts, strict=True):
        for number in range(1, count + 1):
            request = f"{stream}&cursor={number}" if number > 1 else stream
            responses[request] = [model(f"{prefix}{number}")], f"{stream}&cursor={number + 1}" if number < count else None
    return responses


class Run:
    """Extractions of two streams into a folder; `requests` are those that they sent."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = DataDir(folder / "data")
        self.config = load_test_config(folder, 50, 100)
        self.requests: list[str] = []
        self.responses: Pages = {}
        monkeypatch.setattr(Client, "fetch", self._fetch)

    def _fetch(self, request: str, _etag: str | None) -> PageResponse:
        self.requests.append(request)
        if request not in self.responses:
            raise SourceUnavailableError(request)
        value, link = self.responses[request]
        return PageResponse(parse_json_body(json.dumps(value).encode(), "page"), None, link)

    def __call__(self) -> list[StreamReader]:
        options = ExtractOptions(lambda *_: lambda *_: Progress(is_sufficient=False), self.config.depth, lambda: NOW)
        return extract(self.data, self.config.sources, {"huggingface": Credentials(ORIGIN, None)}, options, lambda _: None)

    def until(self, disk: Disk, limit: int, error: BaseException) -> int:
        """Run until an error after `limit` disk steps; return the number of steps."""
        disk.steps, disk.limit, disk.error, disk.is_watched = 0, limit, error, True
        with suppress(Killed, OSError, StorageError):
            self()
        disk.is_watched = False
        return disk.steps

    def is_valid(self) -> bool:
        """Return whether the pages of every complete stream match its ledger."""
        return all(
            sha256((path.parent / page["file"]).read_bytes()).hexdigest() == page["sha256"]
            for path in self.data.raw_root.glob("*/[!.]*/stream.json")
            for page in json.loads(path.read_bytes())["pages"]
        )

    def tree(self) -> dict[str, bytes]:
        paths = (path for path in self.data.raw_root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.data.raw_root)): path.read_bytes() for path in paths}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


STREAMS = ("/api/models?sort=downloads&limit=2", "/api/models?sort=likes&limit=2")
NEW = pages(*STREAMS, counts=(3, 2), prefix="new")
OLD = pages(*STREAMS, counts=(2, 2), prefix="old")


MIXTURE = OLD | {STREAMS[0]: NEW[STREAMS[0]]}


PARTIAL = {request: NEW[request] for request in (STREAMS[0], f"{STREAMS[0]}&cursor=2", STREAMS[1])}


BEFORE: dict[str, Pages] = {
    "nothing": {},
    "the same": NEW,
    "other pages": OLD,
    "a mixture": MIXTURE,
    "partial streams": PARTIAL,
    "partial streams of an earlier version": PARTIAL,
}
CASES = [
    *((Killed(), before) for before in BEFORE),
    *((DISK_FULL, before) for before in ("nothing", "other pages", "partial streams of an earlier version")),
    (DENIED, "a mixture"),
]


@pytest.mark.parametrize(("error", "before"), CASES)
def test_interruption_before_any_disk_step_loses_nothing(run: Run, disk: Disk, error: BaseException, before: str) -> None:
    start = run.data.root.with_name("start")
    start.mkdir()
    if BEFORE[before]:
        run.responses = BEFORE[before]
        run()
        for path in run.data.raw_root.rglob("*"):
            os.utime(path, (0, 0))
        if "earlier version" in before:
            for partial in run.data.raw_root.glob("*/.*/"):
                to_earlier_version(partial)
        run.data.root.rename(start)
    run.responses = NEW

    def rerun(limit: int) -> int:
        """Run from the start until an error after `limit` disk steps; return the number of steps."""
        shutil.rmtree(run.data.root, ignore_errors=True)
        shutil.copytree(start, run.data.root)
        run.requests.clear()
        return run.until(disk, limit, error)

    steps = rerun(sys.maxsize)
    complete = run.tree()
    assert steps > 12
    assert len(run.requests) == (2 if BEFORE[before] is PARTIAL else 5)
    assert len([path for path in complete if "page" in path]) == 5
    for limit in range(steps):
        assert rerun(limit) > limit
        assert run.is_valid()
        assert error is not DISK_FULL or not list(run.data.raw_root.rglob("*.partial"))
        assert not any(reader.failed for reader in run())
        assert run.tree() == complete, limit
        counts = Counter(run.requests)
        repeated = Counter(request.partition("&cursor")[0] for request in counts for _ in range(counts[request] - 1))
        assert not isinstance(error, Killed) or max(repeated.values(), default=0) <= 1, (limit, run.requests)
