"""Publishing a folder in one step: two folders change places, or files are renamed one by one."""

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
_PARTIAL = re.compile(r"^\.(.+)\.partial\Z", re.DOTALL)  # what a run that was killed leaves of a file


class SwapResult(NamedTuple):
    """How a folder was published.

    Attributes:
        one_by_one: Why it could not be exchanged in one step; None where it was.
        kept: Names in it that are not ours, and stay.
        warning: What could not be cleaned up after it was published; None where all was.
    """

    non_atomic_reason: str | None
    kept: list[str]
    warning: str | None


def swap_directories(
    staged: Path, place: Path, last: str, *, is_ours: Callable[[str], bool] | None = None, keeps_old: bool = False
) -> SwapResult:
    """Put the files of `staged` in the place of those of `place`; what is there and not ours stays, as folders do.

    Without `is_ours`, which tells by the name, all is ours.

    Whoever opens `place` sees the old set or the new one, whole; with `keeps_old` the old one then lies at `staged`, so that a
    folder that is open stays whole. Where the system cannot exchange two folders, files are renamed one by one, the one
    named `last` last. All files are on the disk before the first is in its place.

    Raises:
        DiskRefused: the system refused; the old set is in place, or the next run mends it.
    """
    kept: list[str] = []
    try:
        if not place.exists() and not place.is_symlink():
            _flush(staged)
            staged.rename(place)
            _sync(place.parent)
            return SwapResult(None, [], None)
        kept = sorted(path.name for path in place.iterdir() if is_ours and not _is_replaced(path, staged, is_ours))
        if not place.is_symlink():
            shutil.copymode(place, staged)
            for name in kept:
                _link_tree(place / name, staged / name)
        _flush(staged)
        obstacle = "it is a link" if place.is_symlink() else _swap_atomically(staged, place)
        if obstacle:
            _replace_files(staged, place, last, kept)
        _sync(place.parent)
    except OSError as error:
        raise StorageError(
            f"{place}: cannot be published: {describe_os_error(error, place)}; run it again when that is mended"
        ) from error
    return SwapResult(obstacle, kept, None if keeps_old and not obstacle else remove(staged))


def remove(path: Path) -> str | None:
    """Remove what nothing needs any more; return a warning where the system refuses, else None."""
    try:
        remove_entry(path)
    except OSError as error:
        return f"{path}: cannot be removed: {describe_os_error(error, path)}; it is not needed, remove it by hand"
    return None


def _swap_atomically(one: Path, other: Path) -> str | None:
    """Let two folders change places in one system call; return why that cannot be done, None when it was."""
    name, here = ("renamex_np", ()) if sys.platform == "darwin" else ("renameat2", (_AT_FDCWD,))
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if call is None:
        return f"this system has no {name}"
    if call(*here, os.fsencode(one), *here, os.fsencode(other), _EXCHANGE):
        return os.strerror(ctypes.get_errno())
    return None


def _is_replaced(path: Path, staged: Path, is_ours: Callable[[str], bool]) -> bool:
    """Return whether the new set has something else in the place of a path, or nothing: it is ours, and a file."""
    name = _PARTIAL.sub(r"\1", path.name)
    return is_ours(name) and ((path.is_file() and not path.is_symlink()) or (staged / path.name).exists())


def _replace_files(staged: Path, place: Path, last: str, kept: list[str]) -> None:
    names = {path.name for path in staged.iterdir()}.difference(kept)
    for name in sorted(names, key=lambda each: (each == last, each)):
        partial = place / f".{name}.partial"  # staged and place may lie on different file systems
        shutil.copyfile(staged / name, partial)
        _sync(partial)
        partial.replace(place / name)
    for old in place.iterdir():
        if old.name not in names and old.name not in kept:
            remove_entry(old)


def remove_entry(path: Path) -> None:
    """Remove a file, a link or a folder.

    Raises:
        OSError: the system refuses.
    """
    if path.is_dir() and not path.is_symlink():
        for above, names, _ in os.walk(path):
            for inner in (Path(above, name) for name in names):
                if not inner.is_symlink():
                    inner.chmod(0o700)  # the copy of a folder that nobody may write to
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link_tree(path: Path, again: Path) -> None:
    """Let a second name stand for a file, or for all files of a folder; copy them where the disk has no links."""
    if path.is_symlink():
        again.symlink_to(path.readlink())
    elif path.is_dir():
        again.mkdir()
        for inner in path.iterdir():
            _link_tree(inner, again / inner.name)
        shutil.copystat(path, again)  # last: it may forbid to write
    else:
        link(path, again)


def link(path: Path, again: Path) -> None:
    """Let a second name stand for a file; copy it with its time where the disk has no links.

    Raises:
        OSError: the system refuses.
    """
    again.unlink(missing_ok=True)
    try:
        os.link(path, again)
    except OSError:
        shutil.copy2(path, again)


def _flush(folder: Path) -> None:
    """Put the files of a folder on the disk, all written before."""
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
