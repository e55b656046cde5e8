"""A web server on 127.0.0.1 that sends a folder with the headers that docs/clients.md recommends."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class SiteServer(ThreadingHTTPServer):
    """Sends the files of a folder, and records the requests below v1/ as path and status."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.log: list[tuple[str, int]] = []
        self.damaged_once: set[str] = set()  # files below v1/ whose next response lacks its last byte

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def take_log(self) -> list[tuple[str, int]]:
        """Return the requests since the last call, sorted."""
        log, self.log = self.log, []
        return sorted(log)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SiteServer

    def do_GET(self) -> None:
        name = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
        path = self.server.folder / name
        body = path.read_bytes() if path.is_file() else b""
        etag = f'"{sha256(body).hexdigest()}"'
        status = 404 if not path.is_file() else 304 if self.headers["If-None-Match"] == etag else 200
        if (file := name.removeprefix("v1/")) in self.server.damaged_once:
            self.server.damaged_once.remove(file)
            body = body[:-1]
        if name.startswith("v1/"):
            self.server.log.append((file, status))
        self.send_response(status)
        self.send_header("Cache-Control", _cache_control(name))
        self.send_header("Content-Type", _TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("ETag", etag)
        self.send_header("Content-Length", "0" if status == 304 else str(len(body)))
        self.end_headers()
        if status == 200:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def _cache_control(name: str) -> str:
    if name == "v1/entry.json":
        return "public, max-age=300"
    return "public, max-age=31536000, immutable" if name.startswith("v1/") else "no-cache"


@contextmanager
def serve(folder: Path) -> Iterator[SiteServer]:
    """Serve a folder while the context is open."""
    with SiteServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
