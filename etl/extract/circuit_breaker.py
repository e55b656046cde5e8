"""Whether a source gets further requests in this run. No I/O."""

from __future__ import annotations

import threading

from etl.core.errors import EtlError, SourceUnavailableError, UsageError

FAILURE_THRESHOLD = 3  # consecutive requests that failed, each after all its attempts


class CircuitOpenError(EtlError):
    """A request that was not sent because its source has failed; its code is that of the cause."""

    def __init__(self, origin: str, cause: EtlError) -> None:
        super().__init__(f"{origin}: no further requests in this run")
        self.code = cause.code


class CircuitBreaker:
    """Opens when a source rejects the token or a setting, or fails FAILURE_THRESHOLD requests in a row; threads may share it.

    `stopped` is set when it opens, so that waits can end.
    """

    def __init__(self, origin: str) -> None:
        self.stopped = threading.Event()
        self._origin = origin
        self._open_because: EtlError | None = None
        self._failures, self._lock = 0, threading.Lock()

    def check(self, *, cause: BaseException | None = None) -> None:
        """Return if requests may be sent.

        Raises:
            CircuitOpenError: from `cause`, if the circuit is open.
        """
        if self._open_because:
            raise CircuitOpenError(self._origin, self._open_because) from cause

    def record_success(self) -> None:
        """Count a request that succeeded."""
        with self._lock:
            self._failures = 0

    def record_failure(self, error: EtlError) -> None:
        """Count a request that failed after all its attempts."""
        with self._lock:
            self._failures += 1
            if isinstance(error, UsageError) or self._failures >= FAILURE_THRESHOLD:
                self._open(error)

    def stop(self) -> None:
        """Open the circuit because the run ends."""
        self._open(SourceUnavailableError("stopped"))

    def _open(self, error: EtlError) -> None:
        self._open_because = self._open_because or error
        self.stopped.set()
