"""verify --site of a URL: the same checks over HTTP."""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from etl.verify.site.download import UrlReader
from etl.verify.site.reading import UnreadableFileError
from tests.verify.test_stage import failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.verify.site.tampering import TamperedSite


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; `redirects` are locations by path, `statuses` errors."""

    protocol_version = "HTTP/1.1"
    redirects: dict[str, str]
    statuses: dict[str, int]
    connections: set[Any]

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        if status := self.statuses.get(self.path):
            self.send_error(status)
        elif location := self.redirects.get(self.path):
            self.send_response(302)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, type[Handler]]]:
    """Yield the URL of a server of a folder, and its handler."""
    handler = type("_Handler", (Handler,), {"redirects": {}, "statuses": {}, "connections": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_url_is_checked_over_one_connection(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(site.workspace.data.site) as (url, handler):
        assert site.workspace.run("verify", "--site", f"{url}/") == 0
        assert capsys.readouterr().out.endswith("14 checks, 0 failed\n")
        assert len(handler.connections) == 1
        (site.folder / site.reference("page", "small")["file"]).write_text("{}")
        assert site.workspace.run("verify", "--site", url) == 1
    problems = failed(capsys.readouterr().out)["files and hashes"]
    assert f"{url}/v1/index." in problems
    assert "json: $.manifests[2]: pages/hf-small." in problems
    assert "upload it again" in problems


def test_redirects_stay_on_the_host(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(site.workspace.data.site) as (url, handler):
        handler.redirects["/moved/v1/entry.json"] = "/v1/entry.json"
        assert UrlReader(f"{url}/moved").read("entry.json") == (site.folder / "entry.json").read_bytes()
        search = f"/v1/{site.entry['search']['file']}"
        handler.redirects[search] = f"{url.replace('127.0.0.1', 'localhost')}{search}"
        assert site.workspace.run("verify", "--site", url) == 1
        assert "redirected to http://localhost:" in failed(capsys.readouterr().out)["files and hashes"]
        handler.redirects[search] = search
        with pytest.raises(UnreadableFileError, match="redirected more than 5 times"):
            UrlReader(url).read(site.entry["search"]["file"])


def test_a_long_file_is_not_read_to_its_end(site: TamperedSite) -> None:
    with serve(site.workspace.data.site) as (url, _), pytest.raises(UnreadableFileError, match="longer than 10 bytes"):
        UrlReader(url).read("entry.json", 10)


def test_a_server_without_the_site_fails(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(site.workspace.data.manifests) as (url, _):
        assert site.workspace.run("verify", "--site", url) == 1
    assert f"{url}/v1/entry.json: $: entry.json: not found (status 404)" in failed(capsys.readouterr().out)["entry"]


def test_an_error_of_the_server_is_no_failed_check(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(site.workspace.data.site) as (url, handler):
        handler.statuses["/v1/entry.json"] = 500
        assert site.workspace.run("verify", "--site", url) == 75
        assert "the server has an error (status 500); retry later" in capsys.readouterr().err
    assert site.workspace.run("verify", "--site", url) == 75  # it does not run any more
    assert "no complete response (ConnectionError); retry later" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://", "https://user:secret@host.example", "https://host.example/?a=1", "https://h.example#a"]
)
def test_urls_that_are_not_of_a_site(site: TamperedSite, capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert site.workspace.run("verify", "--site", url) == 2
    error = capsys.readouterr().err
    assert "SITE: must be a folder or an http(s) URL without user" in error
    assert "secret" not in error
