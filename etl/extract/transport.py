"""HTTP transport: an interruptible rate limit, no proxy to this machine, limits on response time and headers."""

from __future__ import annotations

import http.client
import io
import time
from typing import TYPE_CHECKING, Any

from pyrate_limiter import InMemoryBucket, Limiter, SingleBucketFactory
from pyrate_limiter import Rate as Window
from requests_ratelimiter import LimiterAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from threading import Event

    from _typeshed import WriteableBuffer
    from requests import PreparedRequest, Response
    from urllib3 import PoolManager

    from etl.config.source_config import Rate

TOTAL_TIMEOUT_S = 300  # for a complete response
MAX_HEADER_BYTES = 2**17  # status and headers, with those of interim responses; one line has at most 2^16, by http.client
_POLL_S = 0.05  # between two attempts to acquire the rate limit


class InterruptibleLimiter(Limiter):
    """A rate limit whose waits end when `stopped` is set; `on_wait` is called once before a wait."""

    def __init__(self, rate: Rate, stopped: Event, on_wait: Callable[[], None]) -> None:
        window = Window(rate.requests, int(rate.seconds * 1000))
        # It keeps the time of every request of a run: too few to need a thread that removes the old ones.
        super().__init__(SingleBucketFactory(InMemoryBucket([window]), schedule_leak=False))
        self._stopped, self._on_wait = stopped, on_wait

    def try_acquire(self, *_: Any, **__: Any) -> bool:
        """Return True once the rate allows the request, False when stopped."""
        is_waiting = False
        while not super().try_acquire(blocking=False):
            if not is_waiting:
                self._on_wait()
            is_waiting = True
            if self._stopped.wait(_POLL_S):
                return False
        return True


class TotalTimeoutAdapter(LimiterAdapter):
    """An adapter that limits the rate of requests and the time of responses; it bypasses proxies if `is_direct`."""

    def __init__(self, limiter: InterruptibleLimiter, in_flight: int, *, is_direct: bool) -> None:
        # limit_statuses: a single 429 must not block requests for a whole window.
        super().__init__(limiter=limiter, per_host=False, limit_statuses=(), pool_maxsize=in_flight)
        self._is_direct = is_direct

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request when the rate allows it, through the proxy that the environment sets unless `is_direct`."""
        return super().send(request, *args, **(kwargs | {"proxies": {}} if self._is_direct else kwargs))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _install_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        return _install_pools(super().proxy_manager_for(*args, **kwargs))


class _DeadlineReader(io.RawIOBase):
    """What a socket receives, until TOTAL_TIMEOUT_S have passed."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._file = connection, connection.makefile("rb", buffering=0)
        self._deadline = time.monotonic() + TOTAL_TIMEOUT_S

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self._connection.settimeout(min(remaining_s, self._connection.gettimeout() or remaining_s))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _HeaderReader(io.BufferedReader):
    """A buffered reader whose lines may have `remaining_bytes` in total; None once the headers are read."""

    remaining_bytes: int | None = MAX_HEADER_BYTES

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.remaining_bytes is not None:
            self.remaining_bytes -= len(line)
            if self.remaining_bytes < 0:
                raise http.client.LineTooLong("headers")
        return line


class _Response(http.client.HTTPResponse):
    """The final response to a request, with a limit on the length of its headers."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = self._reader = _HeaderReader(_DeadlineReader(sock))

    def begin(self) -> None:
        """Read status and headers, skipping interim responses such as 103 Early Hints."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # the state before the first response
            super().begin()
        self._reader.remaining_bytes = None


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _install_pools(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager
