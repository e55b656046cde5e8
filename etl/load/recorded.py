"""The result of the last load: with the same inputs, and with its files still there, it need not be found again."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, StorageError
from etl.load.result import LoadResult, Withholding
from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.file_hashes import stamp_of
from etl.storage.fingerprint import fingerprint
from etl.storage.json_files import ignore_in_git, read_bytes
from etl.storage.owned import is_owned

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config.source_config import Config
    from etl.core.layout import DataDir

_FILE = "loaded"


def load_inputs(data: DataDir, config: Config) -> str:
    """Return a hash of all that a load reads; a file of models counts by its size, times and inode.

    Raises:
        StorageError: a file cannot be read.
    """
    summaries = [data.summary(source.name) for source in config.sources]  # which are touched if nothing changed
    root = data.models("")  # a pattern follows symbolic links, `**` does not
    models = {path for pattern in ("*", "*/*", "*/*/*") for path in root.glob(pattern)}.difference(summaries)
    content = {"filters": config.sha256.encode(), "jq": version("jq").encode(), "models": b"\n".join(map(_stamp, sorted(models)))}
    return fingerprint([*summaries, *data.raw_root.glob("*/*/stream.json")], content)


def load_fingerprint(data: DataDir, inputs: str) -> str:
    """Return a hash of the inputs of a load, and of what it published: of what is not ours only the names count."""
    content = {"inputs": inputs.encode()}
    for path in (path for folder in (data.manifests, data.staging) for path in folder.glob("*")):
        content[str(path)] = b""
        if path.parent == data.manifests and is_owned(path.name, ()):
            with suppress(EtlError):  # it cannot be read, which the next load reports if it matters
                content[str(path)] = read_bytes(path)
    return fingerprint((), content)


def _stamp(path: Path) -> bytes:
    return os.fsencode(path) + f" {[*(stamp_of(path) or ())]}".encode()


def recorded_result(data: DataDir, inputs: str) -> LoadResult | None:
    """Return the result of the last load if it had these inputs; None if it had others, or if its record is not valid."""
    parts = read_parts(data.cache(_FILE), inputs, [0])
    if parts is None:
        return None
    value = json.loads(parts[0])
    withholding = [Withholding(**row) for row in value.pop("withholding")]
    return LoadResult(**value, withholding=withholding)


def record_result(data: DataDir, inputs: str, result: LoadResult) -> None:
    """Remember the result of a load, where that is possible: what it published is there in any case."""
    with suppress(StorageError):
        ignore_in_git(data.cache(""))
        content = json.dumps(asdict(result))  # in ASCII: names of files need not be UTF-8
        write_parts(data.cache(_FILE), inputs, [content.encode()])
