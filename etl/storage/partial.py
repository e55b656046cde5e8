"""A stream that is being fetched: its pages in a folder of its own, and a journal with a line of JSON for each."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.errors import InvalidDataError, StorageError, describe_os_error
from etl.storage.json_files import write_atomic
from etl.storage.ledger import Ledger, PageEntry, ledger_of, page_file, read_ledger_or_none, write_ledger
from etl.storage.swap import remove_entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

JOURNAL = "pages.jsonl"


class PartialStream:
    """The folder of a stream that is being fetched.

    A page is written before its line is appended to the journal; the ledger is written when the stream is complete. So what a
    page costs does not grow with their number, and a process that is killed loses at most the page that it was writing. Files are
    flushed to the disk only as the complete stream is swapped in: a page that a power failure damages is recognised by its hash.
    """

    def __init__(self, folder: Path, ledger_name: str) -> None:
        self.folder = folder
        self.ledger = folder / ledger_name
        self._journal = folder / JOURNAL

    def read(self) -> Ledger | None:
        """Return the pages so far, or the complete ledger, from the disk; None if absent or invalid.

        `checked_at` of pages so far is when the last of them came. Earlier versions wrote them as an incomplete ledger.

        Raises:
            StorageError: a file cannot be read.
        """
        ledger = read_ledger_or_none(self.ledger)
        if (ledger and ledger.complete) or not self._journal.is_file():
            return ledger
        try:
            return _parse_journal(self._journal)
        except OSError as error:
            raise StorageError(f"{self._journal}: cannot be read: {describe_os_error(error, self._journal)}") from error
        except InvalidDataError:
            return None

    def append(self, page: PageEntry, now: str) -> None:
        """Add the line of a page that is in the folder and came `now`.

        Raises:
            StorageError: the disk is full, or a permission is missing.
        """
        size = None
        try:
            with self._journal.open("ab") as file:
                size = file.tell()
                file.write(_line(page, now))
        except OSError as error:
            if size is not None:
                with suppress(OSError):
                    os.truncate(self._journal, size)
            reason = describe_os_error(error, self._journal)
            raise StorageError(f"{self._journal}: cannot be written: {reason}; the old content is kept") from error

    def resume(self, pages: Sequence[PageEntry], checked_at: str) -> None:
        """Make the journal that of these pages only, so that the next one can be appended.

        Raises:
            StorageError: the disk is full, or a permission is missing.
        """
        write_atomic(self._journal, b"".join(_line(page, checked_at) for page in pages))
        self.ledger.unlink(missing_ok=True)  # of an earlier version

    def complete(self, ledger: Ledger) -> None:
        """Write the ledger; the folder then contains what it names, and nothing else.

        Raises:
            StorageError: the disk is full, or a permission is missing.
        """
        write_ledger(self.ledger, ledger)
        self.tidy(ledger)

    def tidy(self, ledger: Ledger) -> None:
        """Remove what the ledger does not name: the journal, and pages of a run that read further.

        Raises:
            OSError: a file cannot be removed.
        """
        names = {page.file for page in ledger.pages} | {self.ledger.name}
        for path in list(self.folder.iterdir()):
            if path.name not in names:
                remove_entry(path)

    def remove(self) -> None:
        """Remove the folder if it exists.

        Raises:
            OSError: it cannot be removed.
        """
        if self.folder.exists():
            shutil.rmtree(self.folder)


def _line(page: PageEntry, checked_at: str) -> bytes:
    return orjson.dumps({"checked_at": checked_at, "page": asdict(page)}, option=orjson.OPT_APPEND_NEWLINE)


def _parse_journal(path: Path) -> Ledger | None:
    """Return the pages of a journal; None if it has none. A last line without its end was not written completely, and is ignored.

    Raises:
        InvalidDataError: another line is not that of the next page.
        OSError: it cannot be read.
    """
    *lines, _torn = path.read_bytes().split(b"\n")
    pages: list[Any] = []
    checked_at = None
    for number, line in enumerate(lines, 1):
        try:
            value = orjson.loads(line)
            page, checked_at = value["page"], value["checked_at"]
        except (orjson.JSONDecodeError, TypeError, KeyError) as error:
            raise InvalidDataError(f"{path}:{number}: not the line of a page") from error
        pages.append(page)
    if not pages:
        return None
    ledger = ledger_of({"pages": pages, "checked_at": checked_at, "complete": False, "exhausted": False}, path)
    if [page.file for page in ledger.pages] != [page_file(number) for number, _ in enumerate(pages, 1)]:
        raise InvalidDataError(f"{path}: its pages are not in order")
    return ledger
