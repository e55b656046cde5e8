"""The two APIs on 127.0.0.1, over one catalogue each; by hand: `make serve`."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.support.fake_api.apis import Answer, Civitai, Hub, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

Api = Hub | Civitai


@dataclass(frozen=True)
class Call:
    """One request as the server saw it, and what it answered; times in seconds of a monotonic clock."""

    target: str
    headers: dict[str, str]
    status: int
    ignored: tuple[str, ...]
    bytes: int  # of the body as it was sent
    connection: int
    began: float
    ended: float


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer; what is not named here is as it should be.

    `cut` sends half of the body and closes, `drop` closes before any answer, `drip_s` waits that long after each byte of the
    body, and, if `drips_all`, of the headers.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    cut: bool = False
    drop: bool = False
    drip_s: float = 0
    drips_all: bool = False


class Server:
    """One API, answering in threads until it is closed.

    It answers below the path `base`. `latency_s` is waited before each answer. At most `quota` requests in `window_s` are
    answered, as the Hub counts them.
    `fault` may be set: given path and query of a request and how often they were asked before, it returns what goes wrong.
    """

    def __init__(
        self, api: Api, *, base: str = "", latency_s: float = 0, quota: int = 500, window_s: float = 300, port: int = 0
    ) -> None:
        self.api, self.base = api, base
        self.latency_s = latency_s
        self.calls: list[Call] = []
        self.fault: Callable[[str, int], Fault | None] = lambda _target, _before: None
        self._quota, self._window_s = quota, window_s
        self._window = (time.monotonic(), 0)
        self._lock = threading.Lock()
        self._asked: dict[str, int] = {}
        self.body = lru_cache(maxsize=256)(self._body)  # the same question costs the encoding once
        self._http = _Http(("127.0.0.1", port), _Handler, bind_and_activate=True)
        self._http.daemon_threads = True
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{self.base}"

    @property
    def in_flight(self) -> int:
        """The greatest number of requests that were being answered at once."""
        moments = sorted(moment for call in self.calls for moment in ((call.began, 1), (call.ended, -1)))
        flying = most = 0
        for _, step in moments:
            flying += step
            most = max(most, flying)
        return most

    @property
    def ignored(self) -> set[str]:
        """Parameters that some request sent for nothing."""
        return {name for call in self.calls for name in call.ignored}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def asked(self, target: str) -> int:
        """Count a request for a target; return how many there were before."""
        with self._lock:
            self._asked[target] = self._asked.get(target, -1) + 1
            return self._asked[target]

    def forget(self) -> None:
        """Begin as if nothing had been asked."""
        with self._lock:
            self._asked.clear()
            self._window = (time.monotonic(), 0)
            self.calls.clear()

    def count(self) -> dict[str, str] | None:
        """Count a request in the fixed window; return its headers, None when the window is full."""
        with self._lock:
            start, used = self._window
            if time.monotonic() - start >= self._window_s:
                start, used = time.monotonic(), 0
            self._window = (start, used + 1)
            left = self._window_s - (time.monotonic() - start)
            headers = {
                "RateLimit": f'"api";r={max(0, self._quota - used - 1)};t={int(left) + 1}',
                "RateLimit-Policy": f'"fixed window";"api";q={self._quota};w={int(self._window_s)}',
            }
            return headers if used < self._quota else None

    def _body(self, query: str, authorization: str | None) -> tuple[Answer, bytes, bytes]:
        """Return the answer, its body, and its body compressed."""
        headers = {"Authorization": authorization} if authorization else {}
        answer = self.api.answer(parse(query), headers, self.url)
        body = json.dumps(answer.value, ensure_ascii=False, separators=(",", ":")).encode()
        return answer, body, gzip.compress(body, 1, mtime=0)


class _Http(ThreadingHTTPServer):
    owner: Server
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up, which some tests let it do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    timeout = 30
    server: _Http

    def do_GET(self) -> None:
        """Answer, and write down what was asked."""
        began, owner = time.monotonic(), self.server.owner
        split = urlsplit(self.path)
        told = owner.count()
        fault = owner.fault(self.path, owner.asked(self.path))
        time.sleep(owner.latency_s + (fault.delay_s if fault else 0))
        if told is None:
            answer, body, packed = Answer(429, None), b"<html>429 Too Many Requests</html>", b""
        elif split.path != owner.base + owner.api.PATH:
            answer, body, packed = Answer(404, None), b'{"error":"Not Found"}', b""
        else:
            answer, body, packed = owner.body(split.query, self.headers.get("Authorization"))
        headers = {**answer.headers, "Content-Type": "application/json; charset=utf-8"}
        if isinstance(owner.api, Hub):
            headers |= told or {}
        if fault and fault.body is not None:
            body, packed = fault.body, b""
        if packed and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"], body = "gzip", packed
        headers |= fault.headers if fault else {}
        status = fault.status if fault and told is not None else answer.status
        owner.calls.append(
            Call(
                self.path, dict(self.headers), status, answer.ignored, len(body),
                self.client_address[1], began, time.monotonic(),
            )
        )  # fmt: skip
        if fault and (fault.drop or fault.cut or fault.drip_s):
            self._break(fault, headers, body)
        else:
            self._send(status, headers, body)

    def _break(self, fault: Fault, headers: dict[str, str], body: bytes) -> None:
        """Send less than an answer, or slowly."""
        self.close_connection = True
        if fault.drop:
            return
        told = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Content-Length": str(len(body))}.items())
        head = f"HTTP/1.1 {fault.status} x\r\n{told}\r\n".encode("latin-1")
        if not fault.drips_all:
            self.wfile.write(head)
            head = b""
        sent = head + (body[: len(body) // 2] if fault.cut else body)
        with suppress(OSError):  # the client may give up
            for place in range(len(sent)):
                self.wfile.write(sent[place : place + 1])
                if fault.drip_s:
                    self.wfile.flush()
                    time.sleep(fault.drip_s)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the method it replaces
        """Print nothing: calls are kept."""


class RawServer:
    """A server that sends the same bytes to each connection once the first bytes of a request came, and closes it.

    With `tls` it speaks TLS; `received` is what came on each connection.
    """

    def __init__(self, sent: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[bytes] = []
        self._sent, self._tls = sent, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            with suppress(OSError), connection, self._wrapped(connection) as line:
                self.received.append(line.recv(2**16))
                line.sendall(self._sent)
                if isinstance(line, ssl.SSLSocket):
                    line.unwrap()
                else:
                    line.shutdown(socket.SHUT_WR)
                line.recv(2**16)  # until the client has read all, or hangs up
