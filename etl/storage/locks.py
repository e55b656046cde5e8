"""Locks between processes on the folders of a data folder: shared for readers, exclusive for a writer.

A folder contains the streams of a source, its models, or the manifests. Its lock file is in `.locks` of the data folder, which
git ignores; the operating system releases the lock when its process ends, for whatever reason. The folder itself is locked too,
since another data folder may link to it.
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

WAIT_S = 60  # how long to wait for another process
_POLL_S = 0.05


class Locks:
    """The locks of one run on a data folder, `root`.

    `name` identifies the run in the messages of waiting processes; `on_wait` is called with a message before a wait.
    """

    def __init__(self, root: Path, name: str, on_wait: Callable[[str], None]) -> None:
        self._root = root
        self._name = f"{name} (process {os.getpid()})"
        self._on_wait = on_wait
        self._held: dict[Path, bool] = {}  # whether it may write

    @contextmanager
    def hold(self, *, reads: Sequence[Path] = (), writes: Sequence[Path] = ()) -> Iterator[None]:
        """Lock folders below the root: shared for those that are read, exclusively for those that are written.

        Locks that this run already holds are reused. Locks are acquired in sorted order, so that processes cannot deadlock.
        Reading needs no lock if the data folder does not exist or this process must not write to it.

        Raises:
            SourceUnavailableError: another process did not release a lock within WAIT_S.
            StorageError: a folder cannot be written.
        """
        wanted = {**dict.fromkeys(reads, False), **dict.fromkeys(writes, True)}
        with ExitStack() as stack:
            for folder, is_writer in sorted(wanted.items(), key=lambda item: str(item[0])):
                if folder in self._held:
                    if is_writer and not self._held[folder]:
                        raise AssertionError(f"{folder}: already locked for reading")
                    continue
                if file := self._acquire(folder, is_writer=is_writer):
                    stack.enter_context(file)
                    self._held[folder] = is_writer
                    stack.callback(self._release, file, folder)
                if descriptor := self._acquire_folder(folder, is_writer=is_writer):
                    stack.callback(os.close, descriptor)
            yield

    def _acquire(self, folder: Path, *, is_writer: bool) -> IO[str] | None:
        """Return the locked lock file of a folder; None if a reader needs none."""
        path = self._root / ".locks" / "-".join(folder.relative_to(self._root).parts)
        while file := _open(path, is_writer=is_writer):
            try:
                acquire(file, _purpose(folder, is_writer=is_writer), self._on_wait, is_shared=not is_writer)
                if not _is_in_place(path, file.fileno()):  # it was removed and created again during the wait
                    file.close()
                    continue
                if file.writable():  # it may contain the name of a process that was killed
                    file.truncate(0)
                    file.write(self._name * is_writer)
                    file.flush()
            except BaseException:
                file.close()
                raise
            return file
        return None

    def _acquire_folder(self, folder: Path, *, is_writer: bool) -> int | None:
        """Return a descriptor of the locked folder itself; None if it does not exist or cannot be locked."""
        purpose, holder = _purpose(folder, is_writer=is_writer), "a process with another data folder"
        while True:
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:  # reading it reports the error
                return None
            try:
                acquire(descriptor, purpose, self._on_wait, is_shared=not is_writer, holder=holder)
                if _is_in_place(folder, descriptor):  # no other folder was swapped in during the wait
                    return descriptor
            except StorageError as error:  # NFS, for example, has no exclusive locks on folders
                if folder.resolve() != self._root.resolve() / folder.relative_to(self._root):
                    self._on_wait(f"warning: {error}; no other data folder may link to it")
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
    return f"{'writing' if is_writer else 'reading'} {folder}"


def acquire(
    file: IO[str] | int, purpose: str, on_wait: Callable[[str], None], *, is_shared: bool = False, holder: str | None = None
) -> None:
    """Lock a file or a descriptor; wait up to WAIT_S for its holder: `holder`, else the name in the file.

    Raises:
        SourceUnavailableError: it is still locked after that.
        StorageError: its file system does not support locks.
    """
    deadline = None
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            now = time.monotonic()
            if deadline is None:
                holder = holder or _read_holder(file) or "a process that reads it"
                on_wait(f"{purpose}: waiting for {holder}, up to {WAIT_S:g} s")
                deadline = now + WAIT_S
            if now >= deadline:
                raise SourceUnavailableError(f"{purpose}: {holder} did not finish within {WAIT_S:g} s; retry later") from None
            time.sleep(_POLL_S)
        except OSError as error:
            raise StorageError(f"{purpose}: cannot be locked: {error.strerror or error}") from error
        else:
            return


def _read_holder(file: IO[str] | int) -> str:
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
    """Return the opened lock file; None if a reader needs none."""
    if path.exists() and not path.is_file():  # opening a pipe may block forever
        raise StorageError(f"{path}: cannot be locked (expected a lock file); remove it")
    try:
        if is_writer or path.parent.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            gitignore = path.parent / ".gitignore"
            if not gitignore.exists():
                gitignore.write_text("*\n")
            return path.open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        if is_writer:
            raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}") from error
        with suppress(OSError):
            return path.open(encoding="utf-8", errors="replace")
    return None
