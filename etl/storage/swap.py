"""Replacing a folder: swap two folders in one system call, or replace the files one by one."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from etl.core.errors import StorageError, describe_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_PARTIAL = re.compile(r"^\.(.+)\.partial\Z", re.DOTALL)  # a file that a killed run did not finish


class SwapResult(NamedTuple):
    """How a folder was replaced.

    Attributes:
        non_atomic_reason: Why the folders could not be swapped in one system call; None if they were.
        kept: Names of other people's entries, which stay.
        warning: What could not be removed after the swap; None if nothing is left.
    """

    non_atomic_reason: str | None
    kept: list[str]
    warning: str | None


def swap_directories(
    staged: Path, dest: Path, write_last: str, *, is_ours: Callable[[str], bool] | None = None, keeps_old: bool = False
) -> SwapResult:
    """Replace the files of `dest` with those of `staged`; entries that are not ours stay, and so do folders.

    `is_ours` decides by name; without it, every entry is ours.

    Readers of `dest` see all old files or all new ones. With `keeps_old` the old files are then at `staged`, so that a folder
    that is open stays complete. If the system cannot swap two folders, files are replaced one by one, `write_last` last. All
    new files are flushed to the disk before the first one is visible.

    Raises:
        StorageError: an I/O error; the old files are in `dest`, or the next run repairs it.
    """
    kept: list[str] = []
    try:
        if not dest.exists() and not dest.is_symlink():
            _flush(staged)
            staged.rename(dest)
            sync(dest.parent)
            return SwapResult(None, [], None)
        kept = sorted(path.name for path in dest.iterdir() if is_ours and not _is_replaced(path, staged, is_ours))
        if not dest.is_symlink():
            shutil.copymode(dest, staged)
            for name in kept:
                _link_tree(dest / name, staged / name)
        _flush(staged)
        obstacle = "it is a symbolic link" if dest.is_symlink() else _swap_atomically(staged, dest)
        if obstacle:
            _replace_files(staged, dest, write_last, kept)
        sync(dest.parent)
    except OSError as error:
        reason = describe_os_error(error, dest)
        raise StorageError(f"{dest}: could not be replaced: {reason}; fix that, then run the same command again") from error
    return SwapResult(obstacle, kept, None if keeps_old and not obstacle else remove(staged))


def remove(path: Path) -> str | None:
    """Remove a file or folder that is no longer needed; return a warning if that fails, else None."""
    try:
        remove_entry(path)
    except OSError as error:
        return f"{path}: could not be removed: {describe_os_error(error, path)}; it is no longer needed, remove it by hand"
    return None


def _swap_atomically(left: Path, right: Path) -> str | None:
    """Swap two folders in one system call; return why that is not possible, None if it was done."""
    name, working_directory = ("renamex_np", ()) if sys.platform == "darwin" else ("renameat2", (_AT_FDCWD,))
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if call is None:
        return f"this system has no {name}"
    if call(*working_directory, os.fsencode(left), *working_directory, os.fsencode(right), _EXCHANGE):
        return os.strerror(ctypes.get_errno())
    return None


def _is_replaced(path: Path, staged: Path, is_ours: Callable[[str], bool]) -> bool:
    """Return whether the swap replaces or removes a path: it is ours, and a file or also in `staged`."""
    name = _PARTIAL.sub(r"\1", path.name)
    return is_ours(name) and ((path.is_file() and not path.is_symlink()) or (staged / path.name).exists())


def _replace_files(staged: Path, dest: Path, write_last: str, kept: list[str]) -> None:
    names = {path.name for path in staged.iterdir()}.difference(kept)
    for name in sorted(names, key=lambda name: (name == write_last, name)):
        partial = dest / f".{name}.partial"  # staged and dest may be on different file systems
        shutil.copyfile(staged / name, partial)
        sync(partial)
        partial.replace(dest / name)
    for old in dest.iterdir():
        if old.name not in names and old.name not in kept:
            remove_entry(old)


def remove_entry(path: Path) -> None:
    """Remove a file, a link or a folder, even one that is read-only.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        for parent, names, _ in os.walk(path):
            for inner in (Path(parent, name) for name in names):
                if not inner.is_symlink():
                    inner.chmod(0o700)  # it may be the copy of a read-only folder
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link_tree(path: Path, dest: Path) -> None:
    """Create `dest` as a copy of a file, link or folder, whose files are hard links; copies if those are not supported."""
    if path.is_symlink():
        dest.symlink_to(path.readlink())
    elif path.is_dir():
        dest.mkdir()
        for inner in path.iterdir():
            _link_tree(inner, dest / inner.name)
        shutil.copystat(path, dest)  # last: it may make the folder read-only
    else:
        link(path, dest)


def link(path: Path, dest: Path) -> None:
    """Create `dest` as a hard link to a file; as a copy with its time if hard links are not supported.

    Raises:
        OSError: it cannot be created.
    """
    dest.unlink(missing_ok=True)
    try:
        os.link(path, dest)
    except OSError:
        shutil.copy2(path, dest)


def _flush(folder: Path) -> None:
    """Flush a folder and its files to the disk."""
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk.

    Raises:
        OSError: an I/O error.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
