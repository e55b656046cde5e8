"""Readings of raw pages by verify, made where the rebuild has parsed them and before it transforms them: each is parsed once.

The reading is the same function as of a page that verify parses itself; it sees nothing that the transform makes of the page.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, NamedTuple

from etl.core.errors import InvalidDataError
from etl.storage.json_files import read_bytes, write_atomic
from etl.verify.raw_pages import PageTask, read_body

if TYPE_CHECKING:
    from pathlib import Path

    from etl.storage.json_files import JsonBody
    from etl.verify.raw_pages import PageReading


class EarlyReading(NamedTuple):
    """A page to read, and the file of its reading, in a folder of this run."""

    task: PageTask
    path: Path

    def keep(self, body: JsonBody) -> None:
        """Read the page and write the reading, in any process; of a page without records there is none.

        Raises:
            StorageError: the file cannot be written.
        """
        try:
            reading = read_body(self.task, body)
        except InvalidDataError:
            return  # what is wrong is said when the page is read on its own
        write_atomic(self.path, pickle.dumps(reading))

    def take(self) -> PageReading:
        """Return the reading.

        Raises:
            StorageError: the file cannot be read.
        """
        reading: PageReading = pickle.loads(read_bytes(self.path))  # noqa: S301 -- a process of this run wrote it
        return reading
