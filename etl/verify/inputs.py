"""What the checks look at, as a fingerprint: checks that passed need not run again on the same inputs."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from etl.core.errors import EtlError
from etl.core.layout import PROJECT
from etl.storage.json_files import read_bytes, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.storage.snapshot import Snapshot

_FILE = "verified"


def input_fingerprint(data: DataDir, filters: Path, base: Snapshot | None) -> str:
    """Return a hash of all that decides whether the checks pass: raw files, manifests, filters, base, and the program.

    Raises:
        StorageError: a file cannot be read.
    """
    digest = hashlib.sha256()
    program = [*(PROJECT / "etl").rglob("*.*"), *(PROJECT / "schemas").rglob("*.json")]
    program = [path for path in program if path.suffix in {".py", ".jq", ".toml", ".json"}]
    on_disk = (path for folder in (data.raw_root, data.manifests) for path in folder.rglob("[!.]*"))
    for path in (*sorted(program), *sorted(on_disk), filters):
        if path.is_file():
            _add(digest, str(path), read_bytes(path))
    for name, content in sorted(base.manifests.items()) if base else ():
        _add(digest, f"base/{name}", content)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, content: bytes) -> None:
    digest.update(f"{len(name)} {name} {len(content)} ".encode() + content)


def has_passed(data: DataDir, fingerprint: str) -> bool:
    """Return whether the checks passed last with these inputs."""
    with suppress(EtlError):
        return read_bytes(data.cache(_FILE)) == fingerprint.encode()
    return False


def record_pass(data: DataDir, fingerprint: str) -> None:
    """Remember that the checks passed with these inputs.

    Raises:
        StorageError: it cannot be written.
    """
    write_atomic(data.cache(".gitignore"), b"*\n")
    write_atomic(data.cache(_FILE), fingerprint.encode())
