"""The child process that runs worker.py: requests, its limits, and why it ended."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

import orjson

from etl.core.errors import StorageError
from etl.expressions.worker import EXIT_MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

CPU_S = 5.0  # for one request
MEMORY_BYTES = 2**30
_WORKER = Path(__file__).with_name("worker.py")
_MEMORY = f"needed more than {MEMORY_BYTES // 2**30} GiB of memory"


class ChildDiedError(Exception):
    """The child process ended without a response; the message says what happened."""


class Child:
    """A child process with limits on memory and on CPU time for each request."""

    def __init__(self, cpu_s: float) -> None:
        """Start the process.

        Raises:
            StorageError: the system cannot start it.
        """
        spec = importlib.util.find_spec("jq")
        folder = str(Path(spec.origin).parent) if spec is not None and spec.origin else ""
        command = [sys.executable, "-I", str(_WORKER), folder, str(cpu_s), str(MEMORY_BYTES)]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env={})  # noqa: S603 -- no shell
        except OSError as error:
            raise StorageError(
                f"{sys.executable}: could not start a process for jq expressions: {error}; run it again"
            ) from error
        self._stdin, self._stdout = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        self._cpu_s = cpu_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def request(self, programs: Sequence[str], payload: bytes = b"") -> list[Any]:
        """Return the response of the worker.

        Raises:
            ChildDiedError: it exceeded a limit, or crashed.
            StorageError: it could not start.
            KeyboardInterrupt: it was interrupted.
        """
        try:
            self._stdin.write(b"%b\t%b\n" % (orjson.dumps(programs), payload))
            self._stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        line = self._stdout.readline()
        if not line.endswith(b"\n"):
            raise self._death()
        response: list[Any] = orjson.loads(line)
        return response

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._stdin, self._stdout):
            with suppress(BrokenPipeError):  # what was not sent yet
                pipe.close()

    def _death(self) -> BaseException:
        """Return the error that says why the process ended."""
        code = self._process.wait()
        if code == -signal.SIGINT:  # Ctrl-C reaches both processes
            return KeyboardInterrupt()
        reasons = {
            -signal.SIGXCPU: f"took more than {self._cpu_s:g} s of CPU time",
            -signal.SIGABRT: _MEMORY,  # so jq ends when it cannot allocate
            EXIT_MEMORY: _MEMORY,
            -signal.SIGKILL: "was killed by the system, perhaps for its memory",
        }
        if code in reasons:
            return ChildDiedError(reasons[code])
        if code < 0:
            return ChildDiedError(f"crashed jq ({signal.Signals(-code).name})")
        return StorageError(f"{sys.executable}: the process for jq expressions ended with code {code}; reinstall the package jq")
