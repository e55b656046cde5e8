"""The exceptions, their exit codes, and what the reader of the message should do.

EtlError
├── MissingInputError              1   run the earlier stage that writes the file
├── UsageError                     2   fix the command line, the environment or filters.toml
│   └── ExpressionError            2   rewrite an expression of filters.toml
├── InvalidDataError              65   re-fetch or rebuild the file that violates its schema
│   └── UpstreamContractError     65   check what the source changed: it ignores request parameters
├── StorageError                  74   free disk space, or fix permissions
└── SourceUnavailableError        75   retry later: a source, the cluster, or a folder that another process uses, is not available
"""

from __future__ import annotations

import os
from pathlib import Path

EXIT_CHECK_FAILED = 1  # a check of verify failed, or a filter has no stream on disk


class EtlError(Exception):
    """An error that a user can fix; the message says where, what is wrong, and how to fix it."""

    code = EXIT_CHECK_FAILED


class MissingInputError(EtlError):
    """The output of an earlier stage is missing; run that stage."""

    code = EXIT_CHECK_FAILED


class UsageError(EtlError):
    """The command line, the environment, filters.toml or a git repository is invalid; fix it."""

    code = 2


class ExpressionError(UsageError):
    """An expression of filters.toml exceeds a limit or crashes jq, whichever models it tests; rewrite it."""


class InvalidDataError(EtlError):
    """A response, or a file in data/, violates its schema or the request; re-fetch or rebuild it."""

    code = 65


class UpstreamContractError(InvalidDataError):
    """A source ignores request parameters; check what changed in its API."""


class StorageError(EtlError):
    """A file could not be read or written; free disk space, or fix permissions."""

    code = 74


class SourceUnavailableError(EtlError):
    """A source or the cluster does not respond, or another process uses the folder; retry later."""

    code = 75


def describe_os_error(error: OSError, path: Path) -> str:
    """Return the reason of an I/O error and, if known, its fix; the file is named unless it is `path`."""
    name = error.filename2 or error.filename
    failed = Path(os.fsdecode(name)) if name and not isinstance(name, int) else path
    reason = error.strerror or str(error)
    if failed.is_symlink() and not failed.exists():
        reason = f"links to {failed.readlink()}, which does not exist; create that folder, or remove the link"
    elif isinstance(error, IsADirectoryError):
        reason = "is a folder; rename it"
    return reason if failed == path else f"{failed}: {reason}"


def highest_priority(codes: list[int]) -> int:
    """Return the most important exit code; 0 if the list is empty."""
    return next((code for code in (74, 65, 2, 75) if code in codes), max(codes, default=0))
