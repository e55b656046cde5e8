"""Connections that end an answer which takes too long as a whole, headers included, however steadily it drips."""

from __future__ import annotations

import http.client
import io
import time
from typing import TYPE_CHECKING, Any

from requests_ratelimiter import LimiterAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer
    from urllib3 import PoolManager

WHOLE_S = 300  # for a whole answer


class Line(LimiterAdapter):
    """An adapter that holds requests to a rate, and their answers to WHOLE_S; through a proxy too."""

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more)
        _hold(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **more: Any) -> PoolManager:
        return _hold(super().proxy_manager_for(*arguments, **more))


class _Timed(io.RawIOBase):
    """What a socket receives, until an answer has taken too long."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._received = line, line.makefile("rb", buffering=0)
        self._until = time.monotonic() + WHOLE_S

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


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any) -> None:
        super().__init__(sock, *arguments, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _hold(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager
