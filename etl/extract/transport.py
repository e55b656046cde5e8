"""Connections that wait for their turn, go through no proxy to this machine, and end an answer that takes too long as a whole."""

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

    from etl.config.model import Rate

TOTAL_TIMEOUT_S = 300  # for a whole answer
MAX_HEADER_BYTES = 2**17  # status and headers, with those of interim responses; one line has at most 2^16, by http.client
_LOOKS_S = 0.05  # between two looks whether it is a request's turn


class TurnLimiter(Limiter):
    """At most so many requests in a window; who waits for a turn stops when all is `over`, and has `on_wait` called first."""

    def __init__(self, rate: Rate, over: Event, on_wait: Callable[[], None]) -> None:
        window = Window(rate.requests, int(rate.seconds * 1000))
        # It keeps the time of every request of a run, which are few: no thread need sweep them out.
        super().__init__(SingleBucketFactory(InMemoryBucket([window]), schedule_leak=False))
        self._over, self._on_wait = over, on_wait

    def try_acquire(self, *_: Any, **__: Any) -> bool:
        """Return True when it is the caller's turn, False when all is over."""
        is_waiting = False
        while not super().try_acquire(blocking=False):
            if not is_waiting:
                self._on_wait()
            is_waiting = True
            if self._over.wait(_LOOKS_S):
                return False
        return True


class TotalTimeoutAdapter(LimiterAdapter):
    """An adapter that holds requests to a rate, and their answers to WHOLE_S; through a proxy too, unless it `is_direct`."""

    def __init__(self, turns: TurnLimiter, in_flight: int, *, is_direct: bool) -> None:
        # limit_statuses: one 429 is no reason to hold back a whole window of requests.
        super().__init__(limiter=turns, per_host=False, limit_statuses=(), pool_maxsize=in_flight)
        self._is_direct = is_direct

    def send(self, request: PreparedRequest, *arguments: Any, **more: Any) -> Response:
        """Send a request in its turn, through the proxy that the environment names for it unless `is_direct`."""
        return super().send(request, *arguments, **(more | {"proxies": {}} if self._is_direct else more))

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more)
        _install_pools(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **more: Any) -> PoolManager:
        return _install_pools(super().proxy_manager_for(*arguments, **more))


class _DeadlineReader(io.RawIOBase):
    """What a socket receives, until an answer has taken too long."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._received = line, line.makefile("rb", buffering=0)
        self._until = time.monotonic() + TOTAL_TIMEOUT_S

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._line.settimeout(min(left_s, self._line.gettimeout() or left_s))
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Reader(io.BufferedReader):
    """A buffer over what is received, which reads no more lines than `left_bytes` allow; null where it need not count."""

    left_bytes: int | None = MAX_HEADER_BYTES

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.left_bytes is not None:
            self.left_bytes -= len(line)
            if self.left_bytes < 0:
                raise http.client.LineTooLong("headers")
        return line


class _Response(http.client.HTTPResponse):
    """The final response to a request, with a bound on the length of its headers."""

    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any) -> None:
        super().__init__(sock, *arguments, **more)
        self.fp.close()
        self.fp = self._reader = _Reader(_DeadlineReader(sock))

    def begin(self) -> None:
        """Read status and headers; those of interim responses, such as 103 Early Hints, are passed over."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first
            super().begin()
        self._reader.left_bytes = None


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
