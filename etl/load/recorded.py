"""The result of the last load: with the same inputs, and with its files still there, it need not be found again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson

from etl.core.errors import EtlError
from etl.load.result import LoadResult, Withholding
from etl.storage.fingerprint import fingerprint, record
from etl.storage.json_files import read_bytes, sha256

if TYPE_CHECKING:
    from etl.config.source_config import Config
    from etl.core.layout import DataDir

_FILE = "loaded"


def load_fingerprint(data: DataDir, config: Config) -> str:
    """Return a hash of all that a load reads, and of what it published: a file of models counts by its size, times and inode.

    Raises:
        StorageError: a file cannot be read.
    """
    summaries = [data.summary(source.name) for source in config.sources]  # which are touched if nothing changed
    models = []
    for path in sorted({*data.models("").rglob("*")}.difference(summaries)):
        with suppress(OSError):
            status = path.stat()
            models.append(f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}")
    listed = [str(path) for folder in (data.manifests, data.staging) for path in sorted(folder.glob("*"))]
    others = [*summaries, *data.raw_root.glob("*/*/stream.json"), *data.manifests.rglob("*")]
    return fingerprint(others, {"filters": config.sha256.encode(), "paths": "\n".join([*models, *listed]).encode()})


def recorded_result(data: DataDir, inputs: str) -> LoadResult | None:
    """Return the result of the last load if it had these inputs; None if it had others, or if its record is not valid."""
    with suppress(EtlError, ValueError, TypeError):
        recorded, checksum, content = read_bytes(data.cache(_FILE)).split(b"\n", 2)
        if recorded == inputs.encode() and checksum == sha256(content).encode():
            value = orjson.loads(content)
            withholding = [Withholding(**row) for row in value.pop("withholding")]
            return LoadResult(**value, withholding=withholding)
    return None


def record_result(data: DataDir, inputs: str, result: LoadResult) -> None:
    """Remember the result of a load.

    Raises:
        StorageError: it cannot be written.
    """
    content = orjson.dumps(asdict(result))
    record(data, _FILE, f"{inputs}\n{sha256(content)}\n{content.decode()}")
