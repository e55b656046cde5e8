"""The files of data/models, and of the outcomes of its pages, that are of this project; all others stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.core.errors import InvalidDataError, StorageError, describe_os_error
from etl.storage.json_files import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from etl.core.layout import DataDir

_PAGE = re.compile(r"\.?page-[0-9]{4,}\.json(\.([0-9a-f]{16}\.)?partial)?")
_STREAM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def is_page(path: Path) -> bool:
    """Return whether a path is a page of models, or its outcome, or what an interrupted run left of one."""
    return _PAGE.fullmatch(path.name) is not None and path.is_file()


def remove_pages(folder: Path, keep: set[str]) -> None:
    """Remove the pages in the folder of a stream except those to keep, and then the folder if it is empty.

    Raises:
        StorageError: one cannot be removed.
    """
    if not folder.is_dir():
        return
    try:
        for path in folder.iterdir():
            if path.name not in keep and is_page(path):
                path.unlink()
        if not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise StorageError(f"{folder}: cannot be cleaned: {describe_os_error(error, folder)}") from error


def remove_gone(data: DataDir, source_name: str, streams: list[str]) -> None:
    """Remove the models and outcomes of all but some streams, the cache of earlier versions, and the markers of killed runs.

    The caller has the lock on the models, so no run with a marker is alive. Calls of a run without a marker do not start.

    Raises:
        StorageError: one cannot be removed.
    """
    for path in (data.cache(f"{source_name}.pages"), *data.cache("").glob(f"{source_name}.cluster-*")):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path}: cannot be removed: {describe_os_error(error, path)}") from error
    outcomes = data.outcomes(source_name)
    transformed = {folder.name for folder in outcomes.iterdir()} if outcomes.is_dir() else set()  # also by a run without summary
    for stream in (streams_before(data, source_name) | transformed) - {*streams}:
        remove_pages(data.models(source_name, stream), set())
        remove_pages(data.outcomes(source_name, stream), set())


def streams_before(data: DataDir, source_name: str) -> set[str]:
    """Return the streams that the summary on disk lists; none if it cannot be read."""
    try:
        return {name for name in read_json(data.summary(source_name))["streams"] if _STREAM.fullmatch(name)}
    except (InvalidDataError, LookupError, TypeError):
        return set()
