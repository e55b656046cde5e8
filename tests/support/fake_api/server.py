"""HTTP servers on 127.0.0.1 for the tests: a fake API with configurable faults, and one that sends raw bytes."""

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
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.support.fake_api.apis import Civitai, Hub, Response, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

Api = Hub | Civitai


@dataclass(frozen=True)
class Call:
    """A request and the response to it; times are in seconds of a monotonic clock."""

    target: str
    headers: dict[str, str]
    status: int
    ignored: tuple[str, ...]
    bytes: int  # of the body as sent, perhaps compressed
    connection: int
    began: float
    ended: float


@dataclass(frozen=True)
class Fault:
    """Changes to a response: its status, body and headers, and how it is sent.

    `delay_s` is waited before the response, `byte_delay_s` after each byte of the body and, with `delays_headers`, of the
    headers. `truncates_body` closes the connection after half of the body, `hangs_up` before the status line.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    truncates_body: bool = False
    hangs_up: bool = False
    byte_delay_s: float = 0
    delays_headers: bool = False


class Server:
    """A fake API that serves requests in threads until it is closed.

    It is served below the path `base`, `latency_s` after each request. Of the requests in a fixed window of `window_s` seconds,
    those above `quota` get status 429, as on the Hub.
    `fault` may be set to a function of a request's path and query and of the number of earlier requests for them: the fault of
    the response, or None.
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
        self._earlier: dict[str, int] = {}  # by path and query
        self.encoded = lru_cache(maxsize=256)(self._encoded)  # equal requests are encoded once
        self._http = _Http(("127.0.0.1", port), _Handler, bind_and_activate=True)
        self._http.daemon_threads = True
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{self.base}"

    @property
    def max_in_flight(self) -> int:
        """The greatest number of concurrent requests."""
        events = sorted(event for call in self.calls for event in ((call.began, 1), (call.ended, -1)))
        return max(accumulate((step for _, step in events), initial=0))

    @property
    def ignored(self) -> set[str]:
        """The parameters without effect in all requests."""
        return {name for call in self.calls for name in call.ignored}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def record_request(self, target: str) -> int:
        """Count a request for a path and query; return the number of earlier ones."""
        with self._lock:
            self._earlier[target] = self._earlier.get(target, -1) + 1
            return self._earlier[target]

    def reset(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._earlier.clear()
            self._window = (time.monotonic(), 0)
            self.calls.clear()

    def use_quota(self) -> dict[str, str] | None:
        """Count a request in the current window; return its rate limit headers, None if the quota is exceeded."""
        with self._lock:
            start, used = self._window
            if time.monotonic() - start >= self._window_s:
                start, used = time.monotonic(), 0
            self._window = (start, used + 1)
            remaining_s = self._window_s - (time.monotonic() - start)
            headers = {
                "RateLimit": f'"api";r={max(0, self._quota - used - 1)};t={int(remaining_s) + 1}',
                "RateLimit-Policy": f'"fixed window";"api";q={self._quota};w={int(self._window_s)}',
            }
            return headers if used < self._quota else None

    def _encoded(self, query: str, authorization: str | None) -> tuple[Response, bytes, bytes]:
        """Return the response, its body, and its body compressed."""
        headers = {"Authorization": authorization} if authorization else {}
        response = self.api.respond(parse(query), headers, self.url)
        body = json.dumps(response.value, ensure_ascii=False, separators=(",", ":")).encode()
        return response, body, gzip.compress(body, 1, mtime=0)


class _Http(ThreadingHTTPServer):
    owner: Server
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no traceback if the client hung up, as it does in some tests."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    timeout = 30
    server: _Http

    def do_GET(self) -> None:
        """Respond, and record the call."""
        began, owner = time.monotonic(), self.server.owner
        split = urlsplit(self.path)
        rate_limit = owner.use_quota()
        fault = owner.fault(self.path, owner.record_request(self.path))
        time.sleep(owner.latency_s + (fault.delay_s if fault else 0))
        if rate_limit is None:
            response, body, compressed = Response(429, None), b"<html>429 Too Many Requests</html>", b""
        elif split.path != owner.base + owner.api.PATH:
            response, body, compressed = Response(404, None), b'{"error":"Not Found"}', b""
        else:
            response, body, compressed = owner.encoded(split.query, self.headers.get("Authorization"))
        headers = {**response.headers, "Content-Type": "application/json; charset=utf-8"}
        if isinstance(owner.api, Hub):
            headers |= rate_limit or {}
        if fault and fault.body is not None:
            body, compressed = fault.body, b""
        if compressed and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"], body = "gzip", compressed
        headers |= fault.headers if fault else {}
        status = fault.status if fault and rate_limit is not None else response.status
        owner.calls.append(
            Call(
                self.path, dict(self.headers), status, response.ignored, len(body),
                self.client_address[1], began, time.monotonic(),
            )
        )  # fmt: skip
        if fault and (fault.hangs_up or fault.truncates_body or fault.byte_delay_s):
            self._break(fault, headers, body)
        else:
            self._send(status, headers, body)

    def _break(self, fault: Fault, headers: dict[str, str], body: bytes) -> None:
        """Send a partial response, or send it slowly."""
        self.close_connection = True
        if fault.hangs_up:
            return
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Content-Length": str(len(body))}.items())
        head = f"HTTP/1.1 {fault.status} x\r\n{lines}\r\n".encode("latin-1")
        if not fault.delays_headers:
            self.wfile.write(head)
            head = b""
        content = head + (body[: len(body) // 2] if fault.truncates_body else body)
        with suppress(OSError):  # the client may hang up
            for index in range(len(content)):
                self.wfile.write(content[index : index + 1])
                if fault.byte_delay_s:
                    self.wfile.flush()
                    time.sleep(fault.byte_delay_s)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the method it replaces
        """Print nothing: the server records its calls."""


class RawServer:
    """A server that sends the same bytes on each connection, after the first bytes of a request, and closes it.

    `tls` enables TLS; `received` has the first bytes of each connection.
    """

    def __init__(self, response: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[bytes] = []
        self._response, self._tls = response, tls
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
            with suppress(OSError), connection, self._wrapped(connection) as wrapped:
                self.received.append(wrapped.recv(2**16))
                wrapped.sendall(self._response)
                if isinstance(wrapped, ssl.SSLSocket):
                    wrapped.unwrap()
                else:
                    wrapped.shutdown(socket.SHUT_WR)
                wrapped.recv(2**16)  # returns when the client has read everything, or hangs up
