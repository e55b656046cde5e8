"""Publishing a folder in one step: two folders change places, or files are renamed one by one."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from typing import TYPE_CHECKING

from etl.errors import DiskRefused

if TYPE_CHECKING:
    from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def publish(staged: Path, place: Path, last: str) -> str | None:
    """Put the files of `staged` in the place of those of `place`; anything else there disappears.

    Whoever opens `place` sees the old set or the new one, whole. Where the system cannot exchange two folders, files
    are renamed one by one, the one named `last` last, and the reason for that is returned.

    Raises:
        DiskRefused: the system refused; the old set is in place, or the next run mends it.
    """
    try:
        if not place.exists() and not place.is_symlink():
            staged.rename(place)
            return None
        reason = "it is a link" if place.is_symlink() else _exchange(staged, place)
        if reason:
            _rename_each(staged, place, last)
        shutil.rmtree(staged)
    except OSError as error:
        raise DiskRefused(f"{place}: cannot be published: {error.strerror}; run it again when that is mended") from error
    return reason


def _exchange(one: Path, other: Path) -> str | None:
    """Let two folders change places in one system call; return why that cannot be done, None when it was."""
    name, here = ("renamex_np", ()) if sys.platform == "darwin" else ("renameat2", (_AT_FDCWD,))
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if call is None:
        return f"this system has no {name}"
    if call(*here, os.fsencode(one), *here, os.fsencode(other), _EXCHANGE):
        return os.strerror(ctypes.get_errno())
    return None


def _rename_each(staged: Path, place: Path, last: str) -> None:
    names = sorted(path.name for path in staged.iterdir())
    for old in place.iterdir():
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif old.name not in names:
            old.unlink()
    for name in sorted(names, key=lambda each: each == last):
        partial = place / f".{name}.partial"  # staged and place may lie on different file systems
        shutil.copyfile(staged / name, partial)
        partial.replace(place / name)
