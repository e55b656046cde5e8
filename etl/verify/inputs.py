"""What the checks looked at, and the result of the last ones: it need not be found again for the same inputs."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from etl.core.errors import EtlError
from etl.core.schemas import load_schema
from etl.storage.fingerprint import fingerprint, record
from etl.storage.json_files import parse_json_body, read_bytes
from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.storage.snapshot import Snapshot

_FILE = "verified"


@dataclass(frozen=True)
class RecordedChecks:
    """The result of a run of verify: when it ran, and all its checks."""

    time: str
    checks: Sequence[Check]

    @property
    def has_passed(self) -> bool:
        """Whether no check failed."""
        return not any(check.problems for check in self.checks)


def input_fingerprint(data: DataDir, filters: Path, base: Snapshot | None) -> str:
    """Return a hash of all that decides whether the checks pass: raw files, manifests, filters, base, and the program.

    How old streams may be, and which losses are allowed, is not part of it.

    Raises:
        StorageError: a file cannot be read.
    """
    on_disk = [path for folder in (data.raw_root, data.manifests) for path in folder.rglob("[!.]*")]
    return fingerprint([*on_disk, filters], {f"base {name}": body for name, body in base.manifests.items()} if base else {})


def has_passed(data: DataDir, inputs: str) -> bool:
    """Return whether the checks passed last with these inputs."""
    recorded = recorded_checks(data, inputs)
    return recorded is not None and recorded.has_passed


def recorded_checks(data: DataDir, inputs: str) -> RecordedChecks | None:
    """Return the last checks if they had these inputs; None if they had others, or if their record is missing or not valid."""
    path = data.cache(_FILE)
    with suppress(EtlError):
        value = parse_json_body(read_bytes(path), path).value
        if load_schema("verified").is_valid(value) and value["inputs"] == inputs:
            return RecordedChecks(value["time"], [Check(**check) for check in value["checks"]])
    return None


def record_checks(data: DataDir, inputs: str, result: RecordedChecks) -> None:
    """Remember the result of the checks, passed or failed, with these inputs.

    Raises:
        StorageError: it cannot be written.
    """
    record(data, _FILE, json.dumps({"inputs": inputs, **asdict(result)}))
