"""What a worker of a cluster runs: calls of a run, if it has the same program and sees the same data folder."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import sys
import threading
from collections import Counter
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import UsageError
from etl.core.layout import PROJECT
from etl.storage.json_files import use_own_partial_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LIBRARIES = ("distributed", "jq", "jsonschema", "jsonschema-rs", "orjson")  # they shape models, or carry calls
_PROGRAM_SUFFIXES = {".py", ".jq", ".toml", ".json"}

_running: Counter[Path] = Counter()  # calls in this process, by the marker of their run
_lock = threading.Lock()


class Run(NamedTuple):
    """A run as its workers see it: the program that they must have, and the marker."""

    environment: tuple[tuple[str, str], ...]
    marker: Path


@cache
def environment() -> tuple[tuple[str, str], ...]:
    """Return what must be equal in all processes, by name: the program as this process first saw it, and versions."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in ("etl", "schemas") for path in (PROJECT / folder).rglob("*.*")):
        if path.suffix in _PROGRAM_SUFFIXES:
            digest.update(f"{path.relative_to(PROJECT).as_posix()} {path.stat().st_size} ".encode() + path.read_bytes())
    versions = [(name, _version(name)) for name in _LIBRARIES]
    return ("program", digest.hexdigest()), ("Python", "{}.{}".format(*sys.version_info)), *versions


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "none"


def difference(expected: tuple[tuple[str, str], ...], marker: Path | None = None) -> str | None:
    """Return how this process differs from what a run needs; None if it does not."""
    for (name, got), (_, version) in zip(environment(), expected, strict=False):
        if got == version:
            continue
        if name == "program":
            return "has another version of this program, or had loaded it before it changed; update it, and start it again"
        return f"has {name} {got} (expected {version}); install requirements-cluster.txt in its .venv, and start it again"
    if marker and not _exists(marker):
        return f"does not see {marker.parent}; all machines must share the data folder, at the same path"
    return None


def _exists(marker: Path) -> bool:
    try:
        return marker.read_bytes() == b""  # opening a file gets its state from an NFS server, `stat` may not
    except OSError:
        return False


def call(run: Run, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function on a worker, if the worker fits and the run has not ended."""
    with _lock:
        _running[run.marker] += 1  # before the marker is looked for, so that whoever removed it sees this call
    try:
        if reason := difference(*run):
            raise UsageError(f"worker on {socket.gethostname()} {reason}")
        use_own_partial_names()
        return fn(*args, **kwargs)
    finally:
        with _lock:
            _running[run.marker] -= 1
            if not _running[run.marker]:
                del _running[run.marker]


async def wait_until_idle(ended: Path | None = None) -> None:
    """Return when this worker runs no call of a run that has ended: whose marker is `ended`, or was removed."""
    # Threads end the calls, which cannot set an asyncio.Event.
    while any(marker == ended or not _exists(marker) for marker in dict(_running)):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
