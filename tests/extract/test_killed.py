"""A run that is killed, or refused by the disk, before any of its steps there: nothing is lost, and the next one goes on."""

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

from etl.core.errors import StorageError
from etl.core.layout import DataDir
from etl.extract.credentials import Credentials
from etl.extract.http_client import Client
from etl.extract.responses import PageResponse
from etl.extract.stage import extract
from etl.extract.stream_reader import ExtractOptions, StreamReader
from etl.selection.sufficiency import Progress
from tests.extract.test_stream_reader import ORIGIN, filters_in, model

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2026-01-01T00:00:00.000Z"
Pages = dict[str, tuple[list[Any], str | None]]


class Killed(BaseException):
    """The process ends here; nobody tidies up."""


FULL = OSError(28, "No space left on device")
DENIED = OSError(13, "Permission denied")


class Disk:
    """The steps that change the disk: they are counted, and once `most` were done, `end` is raised before each."""

    CHANGES = frozenset(("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.utime", "ctypes.dlsym"))

    NEED_SPACE = frozenset(("os.mkdir", "os.link"))

    def __init__(self) -> None:
        self.steps, self.most, self.is_watched = 0, sys.maxsize, False
        self.end: BaseException = Killed()
        sys.addaudithook(self._before)

    def _before(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        is_step = is_write or event in (self.NEED_SPACE if self.end is FULL else self.CHANGES)
        if not self.is_watched or not is_step:
            return
        self.steps += 1
        if self.steps > self.most:
            if is_write and ".lock" not in str(arguments[0]) and (self.steps == self.most + 1 or self.end is FULL):
                self.is_watched = False
                with suppress(OSError), open(arguments[0], "wb") as file:  # noqa: PTH123  the very call
                    file.write(b"[")
                self.is_watched = True
            raise self.end


@pytest.fixture(scope="module")
def disk() -> Disk:
    return Disk()


def pages(*streams: str, counts: tuple[int, int], word: str) -> Pages:
    """Return what is answered to each request: of two streams as many pages, whose models are named by a word."""
    answers: Pages = {}
    for stream, count in zip(streams, counts, strict=True):
        for number in range(1, count + 1):
            target = f"{stream}&cursor={number}" if number > 1 else stream
            answers[target] = [model(f"{word}{number}")], f"{stream}&cursor={number + 1}" if number < count else None
    return answers


class Run:
    """Extractions of two streams into a folder; `asked` is what they asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = DataDir(folder / "data")
        self.filters = filters_in(folder, 50, 100)
        self.asked: list[str] = []
        self.answers: Pages = {}
        monkeypatch.setattr(Client, "get", self._get)

    def _get(self, target: str, _etag: str | None) -> PageResponse:
        self.asked.append(target)
        value, link = self.answers[target]
        return PageResponse(json.dumps(value).encode(), value, None, link)

    def __call__(self) -> list[StreamReader]:
        terms = ExtractOptions(lambda *_: lambda _: Progress(is_sufficient=False), self.filters.depth, lambda: NOW)
        return extract(self.data, self.filters.sources, {"huggingface": Credentials(ORIGIN, None)}, terms, lambda _: None)

    def until(self, disk: Disk, most: int, end: BaseException) -> int:
        """Run, for so many steps on the disk; return how many there were."""
        disk.steps, disk.most, disk.end, disk.is_watched = 0, most, end, True
        with suppress(Killed, OSError, StorageError):
            self()
        disk.is_watched = False
        return disk.steps

    def is_sound(self) -> bool:
        """Whether every stream in place is whole: each page is the one that its ledger names."""
        return all(
            sha256((path.parent / page["file"]).read_bytes()).hexdigest() == page["sha256"]
            for path in self.data.raw_root.glob("*/[!.]*/stream.json")
            for page in json.loads(path.read_bytes())["pages"]
        )

    def tree(self) -> dict[str, bytes]:
        found = (path for path in self.data.raw_root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.data.raw_root)): path.read_bytes() for path in found}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


STREAMS = ("/api/models?sort=downloads&limit=2", "/api/models?sort=likes&limit=2")
NEW = pages(*STREAMS, counts=(3, 2), word="new")
OLD = pages(*STREAMS, counts=(2, 2), word="old")


PARTLY = OLD | {STREAMS[0]: NEW[STREAMS[0]]}


BEFORE: dict[str, Pages] = {"nothing": {}, "the same": NEW, "another": OLD, "partly another": PARTLY}
ENDS = [*((Killed(), before) for before in BEFORE), (FULL, "nothing"), (FULL, "another"), (DENIED, "partly another")]


@pytest.mark.parametrize(("end", "before"), ENDS)
def test_ended_before_any_step_nothing_is_lost_and_the_next_run_ends_as_an_undisturbed_one(
    run: Run, disk: Disk, end: BaseException, before: str
) -> None:
    start = run.data.root.with_name("start")
    start.mkdir()
    if BEFORE[before]:
        run.answers = BEFORE[before]
        run()
        for path in run.data.raw_root.rglob("*"):
            os.utime(path, (0, 0))
        run.data.root.rename(start)
    run.answers = NEW

    def again(most: int) -> int:
        """Run from the start, for so many steps on the disk; return how many there were."""
        shutil.rmtree(run.data.root, ignore_errors=True)
        shutil.copytree(start, run.data.root)
        run.asked.clear()
        return run.until(disk, most, end)

    steps = again(sys.maxsize)
    whole = run.tree()
    assert steps > 12
    assert len([path for path in whole if "page" in path]) == 5
    for most in range(steps):
        assert again(most) > most
        assert run.is_sound()
        assert end is not FULL or not list(run.data.raw_root.rglob("*.partial"))
        assert not any(reading.failed for reading in run())
        assert run.tree() == whole, most
        times = Counter(run.asked)
        twice = Counter(target.partition("&cursor")[0] for target in times for _ in range(times[target] - 1))
        assert not isinstance(end, Killed) or max(twice.values(), default=0) <= 1, (most, run.asked)
