"""A stream that is being fetched, and what an error of the disk leaves of its journal."""

from __future__ import annotations

from dataclasses import replace
from io import BufferedWriter
from itertools import pairwise
from pathlib import Path

import pytest

from etl.core.errors import StorageError
from etl.storage.ledger import PageEntry, page_file
from etl.storage.partial import JOURNAL, PartialStream

NOW = "2026-01-01T00:00:00.000Z"
PAGE = PageEntry("/x", page_file(1), "0" * 64, 2, None, NOW, 1, "/y")


def test_page_costs_the_same_however_many_there_are(tmp_path: Path) -> None:
    partial = PartialStream(tmp_path, "stream.json")
    sizes = [0]
    for number in range(1, 101):
        partial.append(replace(PAGE, file=page_file(number)), NOW)
        sizes.append((tmp_path / JOURNAL).stat().st_size)
    assert {after - before for before, after in pairwise(sizes)} == {sizes[1]}
    ledger = partial.read()
    assert ledger
    assert (len(ledger.pages), ledger.checked_at, ledger.complete) == (100, NOW, False)


def test_line_that_could_not_be_written_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = PartialStream(tmp_path, "stream.json")
    partial.append(PAGE, NOW)
    before = (tmp_path / JOURNAL).read_bytes()

    class Full(BufferedWriter):
        def write(self, content: bytes) -> int:  # type: ignore[override]
            self.raw.write(content[:5])
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, _mode: Full(open(path, "ab", buffering=0)))  # noqa: PTH123, SIM115 -- the real one
        with pytest.raises(StorageError, match="cannot be written: No space left on device; the old content is kept"):
            partial.append(PAGE, NOW)
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_journal_that_cannot_be_read_is_an_io_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = PartialStream(tmp_path, "stream.json")
    partial.append(PAGE, NOW)

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(StorageError, match="cannot be read: Permission denied"):
        partial.read()
