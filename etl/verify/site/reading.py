"""Reading the files of a site from a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from etl.core.errors import StorageError, UsageError, describe_os_error

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "v1"  # the folder of the version that these checks know
MAX_FILE_BYTES = 256 * 1024 * 1024


class UnreadableFileError(Exception):
    """A file of the site is missing or not acceptable; the message is the reason."""


class Reader(Protocol):
    """The files of one version of a site by name; `root` is the start of messages about them."""

    root: str

    def read(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a file.

        Raises:
            UnreadableFileError: it does not exist, or is longer than `max_bytes`.
            EtlError: the disk or the server fails.
        """


class FolderReader:
    """The files in a folder."""

    def __init__(self, site: Path) -> None:
        self._folder = site / VERSION
        self.root = f"{self._folder}/"
        if not self._folder.is_dir():
            raise UsageError(
                f"{site}: not a site (expected a folder {VERSION} in it); publish it: make publish, or name another SITE"
            )

    def read(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        path = self._folder / name
        try:
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise UnreadableFileError("not found") from None
        except OSError as error:
            raise StorageError(f"{path}: cannot be read: {describe_os_error(error, path)}") from error
        if len(content) > max_bytes:
            raise UnreadableFileError(f"longer than {max_bytes} bytes")
        return content
