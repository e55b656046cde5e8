"""What can go wrong, sorted by what the reader should do; the exit codes of the command line.

EtlError
├── Missing       1   make what an earlier stage makes
├── BadUsage      2   mend the command or filters.toml
├── BadAnswer    65   an answer does not fit its contract or the request: ask again, or look what the source changed
│   └── SourceChanged   an option that was asked is ignored
├── DiskRefused  74   free space or permissions
└── Unavailable  75   a source does not answer: later may work
"""

from __future__ import annotations

import os
from pathlib import Path

EXIT_CHECK_FAILED = 1  # a check of verify failed, or a filter has no stream on disk


class EtlError(Exception):
    """What a user can cause or meet; its text says what happened, where, and what to do."""

    code = EXIT_CHECK_FAILED


class MissingInputError(EtlError):
    """What an earlier stage makes is not there."""

    code = EXIT_CHECK_FAILED


class UsageError(EtlError):
    """The command line or filters.toml asks for something that cannot be."""

    code = 2


class InvalidDataError(EtlError):
    """An answer, or bytes under data/, do not fit the contract they are kept under."""

    code = 65


class UpstreamContractError(InvalidDataError):
    """A source no longer honours what it is asked."""


class StorageError(EtlError):
    """The system refused to read or write a file."""

    code = 74


class SourceUnavailableError(EtlError):
    """A source is not there, or does not answer now."""

    code = 75


def describe_os_error(error: OSError, path: Path) -> str:
    """Return what the system said, with what to do where that is known, and of which file where it is not of `path`."""
    name = error.filename2 or error.filename
    where = Path(os.fsdecode(name)) if name and not isinstance(name, int) else path
    told = error.strerror or str(error)
    if where.is_symlink() and not where.exists():
        told = f"links to {where.readlink()}, which is not there; make that folder, or remove the link"
    elif isinstance(error, IsADirectoryError):
        told = "is a folder; rename it"
    return told if where == path else f"{where}: {told}"


def highest_priority(codes: list[int]) -> int:
    """Return the code that outranks the others; 0 of none."""
    return next((code for code in (74, 65, 2, 75) if code in codes), max(codes, default=0))
