"""What the checks look at: checks that passed need not run again on the same inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.storage.fingerprint import fingerprint, is_recorded, record

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
    on_disk = [path for folder in (data.raw_root, data.manifests) for path in folder.rglob("[!.]*")]
    return fingerprint([*on_disk, filters], {f"base {name}": body for name, body in base.manifests.items()} if base else {})


def has_passed(data: DataDir, inputs: str) -> bool:
    """Return whether the checks passed last with these inputs."""
    return is_recorded(data, _FILE, inputs)


def record_pass(data: DataDir, inputs: str) -> None:
    """Remember that the checks passed with these inputs.

    Raises:
        StorageError: it cannot be written.
    """
    record(data, _FILE, inputs)
