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
from etl.storage.fingerprint import fingerprint, record
from etl.storage.json_files import read_bytes, sha256
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
    try:
        status = path.stat()
    except OSError:
        return os.fsencode(path)
    return os.fsencode(path) + f" {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}".encode()


def recorded_result(data: DataDir, inputs: str) -> LoadResult | None:
    """Return the result of the last load if it had these inputs; None if it had others, or if its record is not valid."""
    with suppress(EtlError, ValueError, TypeError):
        recorded, checksum, content = read_bytes(data.cache(_FILE)).split(b"\n", 2)
        if recorded == inputs.encode() and checksum == sha256(content).encode():
            value = json.loads(content)
            withholding = [Withholding(**row) for row in value.pop("withholding")]
            return LoadResult(**value, withholding=withholding)
    return None


def record_result(data: DataDir, inputs: str, result: LoadResult) -> None:
    """Remember the result of a load, where that is possible: what it published is there in any case."""
    content = json.dumps(asdict(result))  # in ASCII: names of files need not be UTF-8
    with suppress(StorageError):
        record(data, _FILE, f"{inputs}\n{sha256(content.encode())}\n{content}")
