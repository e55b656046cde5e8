"""Fingerprints of files: what a command did with the same inputs need not be done again."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from etl.core.errors import EtlError
from etl.core.layout import PROJECT, TYPES
from etl.storage.json_files import ignore_in_git, read_bytes, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from etl.core.layout import DataDir

_PROGRAM_SUFFIXES = {".py", ".jq", ".toml", ".json"}


def fingerprint(paths: Iterable[Path], content: Mapping[str, bytes]) -> str:
    """Return a hash of this program, the files at some paths, and other content by name.

    Raises:
        StorageError: a file cannot be read.
    """
    digest = hashlib.sha256()
    program = [path for folder in ("etl", "schemas") for path in (PROJECT / folder).rglob("*.*")]
    files = [*sorted(path for path in program if path.suffix in _PROGRAM_SUFFIXES), TYPES, *sorted(paths)]
    named = ((str(path), read_bytes(path)) for path in files if path.is_file())  # one is in memory at a time
    for name, body in chain(named, sorted(content.items())):
        digest.update(f"{len(name)} {name} {len(body)} ".encode(errors="surrogateescape") + body)
    return digest.hexdigest()


def is_recorded(data: DataDir, file: str, value: str) -> bool:
    """Return whether a file of the cache has a value."""
    with suppress(EtlError):
        return read_bytes(data.cache(file)) == value.encode()
    return False


def record(data: DataDir, file: str, value: str) -> None:
    """Write a value to a file of the cache, which git ignores.

    Raises:
        StorageError: it cannot be written.
    """
    ignore_in_git(data.cache(""))
    write_atomic(data.cache(file), value.encode())
