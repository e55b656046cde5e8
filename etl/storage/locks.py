"""Locks between processes: readers of a part of a data folder share it, a writer is alone.

A part is a folder: the streams of a source, its models, or the manifests. The file that is locked lies in `.locks` of the data
folder, which git ignores; the system lets go of it when its process ends, however it ends. The folder itself is locked too, for
another data folder may link to it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, TYPE_CHECKING

from etl.core.errors import SourceUnavailableError, StorageError, describe_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

WAIT_S = 60  # for another process
_POLL_S = 0.05


class Locks:
    """The locks of one run on a data folder, `root`.

    `name` tells others who it is, `on_wait` is called with a line when it has to wait.
    """

    def __init__(self, root: Path, name: str, on_wait: Callable[[str], None]) -> None:
        self._root = root
        self._name = f"{name} (process {os.getpid()})"
        self._on_wait = on_wait
        self._held: dict[Path, bool] = {}  # whether it may write

    @contextmanager
    def hold(self, *, reads: Sequence[Path] = (), writes: Sequence[Path] = ()) -> Iterator[None]:
        """Keep writers off the folders that are read, and everybody off those that are written; all lie below the root.

        What this run holds already it need not wait for. All are taken in one order, so that no two processes wait for each
        other. To read a data folder that is not there, or that this process may not write to, needs no lock.

        Raises:
            Unavailable: another process held one for WAIT_S.
            DiskRefused: a folder cannot be written to.
        """
        wanted = {**dict.fromkeys(reads, False), **dict.fromkeys(writes, True)}
        with ExitStack() as stack:
            for folder, is_writer in sorted(wanted.items(), key=lambda each: str(each[0])):
                if folder in self._held:
                    if is_writer and not self._held[folder]:
                        raise AssertionError(f"{folder}: is held for reading")
                    continue
                if file := self._acquire(folder, is_writer=is_writer):
                    stack.enter_context(file)
                    self._held[folder] = is_writer
                    stack.callback(self._release, file, folder)
                if descriptor := self._acquire_folder(folder, is_writer=is_writer):
                    stack.callback(os.close, descriptor)
            yield

    def _acquire(self, folder: Path, *, is_writer: bool) -> IO[str] | None:
        """Return the locked file of a folder; None where a reader needs none."""
        path = self._root / ".locks" / "-".join(folder.relative_to(self._root).parts)
        while file := _open(path, is_writer=is_writer):
            try:
                acquire(file, _purpose(folder, is_writer=is_writer), self._on_wait, is_shared=not is_writer)
                if not _is_in_place(path, file.fileno()):  # it was removed meanwhile, and another one made
                    file.close()
                    continue
                if file.writable():  # what a process that was killed left there is of nobody
                    file.truncate(0)
                    file.write(self._name * is_writer)
                    file.flush()
            except BaseException:
                file.close()
                raise
            return file
        return None

    def _acquire_folder(self, folder: Path, *, is_writer: bool) -> int | None:
        """Return the locked folder itself, as a descriptor; None where it is not there or cannot be locked."""
        purpose, holder = _purpose(folder, is_writer=is_writer), "a process with another data folder"
        while True:
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:  # who has to read it is told
                return None
            try:
                acquire(descriptor, purpose, self._on_wait, is_shared=not is_writer, holder=holder)
                if _is_in_place(folder, descriptor):  # and no other was published meanwhile
                    return descriptor
            except StorageError as error:  # NFS, for one, lets nobody write alone here
                if folder.resolve() != self._root.resolve() / folder.relative_to(self._root):
                    self._on_wait(f"warning: {error}; let no other data folder link to it")
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _release(self, file: IO[str], folder: Path) -> None:
        if self._held.pop(folder):
            file.truncate(0)


def _purpose(folder: Path, *, is_writer: bool) -> str:
    return f"{folder} to {'write' if is_writer else 'read'}"


def acquire(
    file: IO[str] | int, purpose: str, on_wait: Callable[[str], None], *, is_shared: bool = False, holder: str | None = None
) -> None:
    """Lock a file or a descriptor; wait up to WAIT_S for whoever holds it: `holder`, or the one whose name the file contains.

    Raises:
        Unavailable: it is still held after that.
        DiskRefused: its file system has no locks.
    """
    deadline = None
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            now = time.monotonic()
            if deadline is None:
                holder = holder or _name_in(file) or "a process that reads it"
                on_wait(f"{purpose}: waiting for {holder}, up to {WAIT_S:g} s")
                deadline = now + WAIT_S
            if now >= deadline:
                raise SourceUnavailableError(
                    f"{purpose}: {holder} was not done within {WAIT_S:g} s; run it again later"
                ) from None
            time.sleep(_POLL_S)
        except OSError as error:
            raise StorageError(f"{purpose}: cannot be locked: {error.strerror or error}") from error
        else:
            return


def _name_in(file: IO[str] | int) -> str:
    if isinstance(file, int):
        return ""
    file.seek(0)
    return file.read().strip()


def _is_in_place(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _open(path: Path, *, is_writer: bool) -> IO[str] | None:
    """Return the file to lock; None where a reader needs none."""
    if path.exists() and not path.is_file():  # to open a pipe may take forever
        raise StorageError(f"{path}: cannot be locked (expected a file of locks); remove it")
    try:
        if is_writer or path.parent.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            ignored = path.parent / ".gitignore"
            if not ignored.exists():
                ignored.write_text("*\n")
            return path.open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        if is_writer:
            raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}") from error
        with suppress(OSError):
            return path.open(encoding="utf-8", errors="replace")
    return None
