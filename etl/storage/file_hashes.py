"""Hashes of many files, which are read again only if they may have changed, as the index of git has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.json_files import ignore_in_git, read_bytes, sha256

if TYPE_CHECKING:
    from pathlib import Path

_MARGIN_NS = 2_000_000_000  # coarser than the times of any file system
_FORMAT = "1"


class FileStamp(NamedTuple):
    """What a change of a file changes: its size, the times of its content and of its inode, and the inode's number."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def stamp_of(path: Path) -> FileStamp | None:
    """Return the stamp of a file; None if it is absent. Take it before reading the file, or after writing it."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class FileHashes:
    """The SHA-256 of files below a folder, recorded in a file of the cache.

    A file with the stamp that is recorded is not read. The hash of a file that changed less than two seconds before is not
    recorded: it may change again within the resolution of its times.
    """

    def __init__(self, root: Path, record: Path) -> None:
        self._prefix, self._record = f"{root}/", record
        self._recorded: dict[str, list[Any]] = {}
        if parts := read_parts(record, _FORMAT, [0]):
            self._recorded = orjson.loads(parts[0])
        self._current: dict[str, list[Any]] = {}  # those of this run

    def sha256_of(self, path: Path) -> str:
        """Return the hash of a file.

        Raises:
            InvalidDataError: the file is missing.
            StorageError: it cannot be read.
        """
        name, stamp = self._name(path), stamp_of(path)
        *recorded, value = self._current.get(name) or self._recorded.get(name) or [""]
        if stamp is None or recorded != [*stamp]:
            value = sha256(read_bytes(path))
        self.add(path, stamp, value)
        return str(value)

    def add(self, path: Path, stamp: FileStamp | None, value: str) -> None:
        """Set the hash of a file that had a stamp."""
        if stamp:
            self._current[self._name(path)] = [*stamp, value]

    def write(self) -> None:
        """Record the hashes of this run, and no others.

        Raises:
            StorageError: they cannot be recorded.
        """
        if self._current == self._recorded:
            return
        now = _file_system_time(self._record.parent)
        settled = {name: entry for name, entry in self._current.items() if max(entry[1:3]) + _MARGIN_NS < now}
        write_parts(self._record, _FORMAT, [orjson.dumps(settled)])

    def _name(self, path: Path) -> str:
        return str(path).removeprefix(self._prefix)


def _file_system_time(folder: Path) -> int:
    """Return the time by the clock that files of a folder of the cache get their times from, which may be another machine's."""
    stamp = stamp_of(ignore_in_git(folder))
    return stamp.mtime_ns if stamp else 0
