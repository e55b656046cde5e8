"""Requests without a response: the message names the cause and the fix; the code is 2 for a wrong setting, else 75."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.source_config import Rate
from etl.core.errors import EtlError
from etl.extract import http_client
from etl.extract.credentials import Credentials, is_loopback
from etl.extract.http_client import Client, Wait, session
from etl.sources.huggingface import SOURCE as API
from tests.support.fake_api.server import RawServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.extract.conftest import LiveWorkspace

STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
VALID = STATUS_LINE + b"Content-Length: 2\r\n\r\n[]"
REQUEST = "/api/models?limit=5"
REMOTE = "http://hub.test"  # reachable only through a proxy


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name in {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}:
            monkeypatch.delenv(name)
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(http_client, "INITIAL_BACKOFF_S", 0.01)


def fetch(endpoint: str, token: str | None = None) -> tuple[int, str, int]:
    """Return the exit code and message of a request, 0 and empty for a success, and its number of waits."""
    waits: list[Wait] = []
    with session() as http:
        try:
            Client(http, API, Credentials(endpoint, token), Rate(500, 300, 3), 10**6, waits.append).fetch(REQUEST, None)
        except EtlError as error:
            return error.code, str(error), len(waits)
    return 0, "", len(waits)


INVALID_HTTP = [
    (STATUS_LINE + b"X: 1\r\n" * 150 + b"\r\n", "the response has more than 100 headers"),
    (STATUS_LINE + b"X: " + b"x" * 70_000 + b"\r\n\r\n", "the response headers are too long"),
    (STATUS_LINE + (b"X: " + b"x" * 60_000 + b"\r\n") * 3 + b"\r\n", "the response headers are too long"),
    (b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n", "the response headers are too long"),
    (b"HTTP/1.1 103 x\r\n\r\n" * 10_000, "the response headers are too long"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "the response headers are too long"),
    (b"SSH-2.0-OpenSSH_9\r\n", "the response has no status line"),
    (b"HTTP/1.1 2x0 OK\r\n\r\n", "the response has no status line"),
    (b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n", "the response has no status line"),
    (b"HTTP/2 200\r\n\r\n", "the response has no status line"),
    (STATUS_LINE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]", "the response headers contradict each other"),
    (STATUS_LINE + b"Content-Length: 9\r\n\r\n[]", "the response was truncated"),
    (STATUS_LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]", "the response was truncated"),
    (
        STATUS_LINE + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]",
        "the response cannot be decompressed as its Content-Encoding says",
    ),
    (b"", "connection closed without a response"),
]


@pytest.mark.parametrize(("sent", "message"), INVALID_HTTP)
def test_invalid_http_is_described_and_retried(sent: bytes, message: str) -> None:
    with RawServer(sent) as server:
        code, error, waits = fetch(f"http://{server.address}")
    assert error.startswith(f"http://{server.address}: {message}")
    assert error.endswith("; retry later")
    assert (code, waits) == (75, 1)


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=next\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_interim_responses_are_skipped(interim: bytes) -> None:
    with RawServer(interim + VALID) as server, session() as http:
        response = Client(http, API, Credentials(f"http://{server.address}", None), Rate(5, 1, 1), 10**6).fetch(REQUEST, None)
    assert response.body
    assert (response.body.content, response.link) == (b"[]", None)


def test_connection_errors_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    problem = "connection refused; is a server listening there, and is HF_ENDPOINT right?; retry later"
    assert fetch(origin) == (75, f"{origin}: {problem}", 1)
    problems: list[tuple[Exception, str]] = [
        (socket.gaierror(socket.EAI_NONAME, "x"), "host not found; is HF_ENDPOINT right?; retry later"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "no name server responds; is there a network?; retry later"),
        (OSError(101, "Network is unreachable"), "no route to the host; is there a network?; retry later"),
        (OSError(24, "Too many open files"), "no connection (Too many open files); retry later"),
        (TimeoutError(), "no connection within 10 s; retry later"),
        (ConnectionResetError(), "connection reset; retry later"),
    ]
    for error, problem in problems:

        def fail(*_: object, error: Exception = error, **__: object) -> Any:
            raise error

        monkeypatch.setattr("urllib3.util.connection.create_connection", fail)
        assert fetch(REMOTE) == (75, f"{REMOTE}: {problem}", 1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of self-signed certificates for 127.0.0.1, with keys: valid, other (for another host) and expired."""
    if not shutil.which("openssl"):
        pytest.skip("openssl not found")
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "serial").write_text("01\n")
    (folder / "index.txt").touch()
    for name, host in (("valid", "IP:127.0.0.1"), ("other", "DNS:other.test"), ("expired", "IP:127.0.0.1")):
        (folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca = own\n[own]\ndatabase = {folder}/index.txt\nserial = {folder}/serial\nnew_certs_dir = {folder}\n"
            f"default_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n[names]\nsubjectAltName = {host}\n"
        )
        ends = "20200102000000Z" if name == "expired" else "20990101000000Z"
        request = f"req -new -newkey rsa:2048 -nodes -keyout {name}.key -subj /CN={name} -out csr"
        sign = f"ca -batch -selfsign -config ca.cnf -extensions names -notext -keyfile {name}.key -in csr -out {name}.pem"
        dates = f"-startdate 20200101000000Z -enddate {ends}"
        for arguments in (request, f"{sign} {dates}"):
            subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
    return folder


def tls(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


@pytest.mark.parametrize(
    ("name", "bundle", "message"),
    [
        ("valid", "valid", ""),
        (
            "valid",
            None,
            "the certificate is not trusted by certifi's CA bundle; if a proxy or mirror has its own CA",
        ),
        ("valid", "other", "the certificate is not trusted by {bundle}; if a proxy or mirror has its own CA"),
        (
            "other",
            "other",
            "the certificate is for another host; is HF_ENDPOINT right, or does a captive portal or proxy respond",
        ),
        (
            "expired",
            "expired",
            "the certificate has expired; check this machine's clock, or wait for the server to renew it",
        ),
    ],
)
def test_invalid_certificates_are_described_and_not_retried(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, name: str, bundle: str | None, message: str
) -> None:
    path = str(certificates / f"{bundle}.pem")
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
    with RawServer(VALID, tls(certificates, name)) as server:
        code, error, waits = fetch(f"https://{server.address}")
    assert error.startswith(f"https://{server.address}: {message.format(bundle=path)}" if message else "")
    assert (code, waits) == (75 if message else 0, 0)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "contains no PEM certificates"),
        (b"\0junk", "contains no PEM certificates"),
    ],
)
def test_invalid_ca_bundle_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))
    with RawServer(b"") as server:
        origin = f"https://{server.address}"
        where = f"{origin}: REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE: {path}"
        assert fetch(origin) == (2, f"{where} {problem}; set it to a PEM file of CA certificates, or unset it", 0)


def test_tls_to_a_plain_http_server_is_a_usage_error() -> None:
    with RawServer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        code, error, waits = fetch(f"https://{server.address}")
    assert "HF_ENDPOINT, the server, does not speak TLS on this port; set it to http://" in error
    assert (code, waits) == (2, 0)


@pytest.mark.parametrize(
    "address",
    ["http://", "//", "::::", "http://:80", "http://me:s3cr3t@127.0.0.1:99999", "http://127.0.0.1:x", "http://me:s3cr3t@[x",
     "ftp://127.0.0.1:1", "http://a b", "http:127.0.0.1", "http://" + "a" * 70 + ".test"],
)  # fmt: skip
@pytest.mark.parametrize(("variable", "scheme"), [("HTTP_PROXY", "http"), ("HTTPS_PROXY", "https"), ("ALL_PROXY", "https")])
def test_invalid_proxy_url_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str, address: str) -> None:
    monkeypatch.setenv(variable, address)
    code, error, waits = fetch(f"{scheme}://hub.test")
    assert f"{scheme.upper()}_PROXY or ALL_PROXY is not a valid proxy URL (expected http://host:port, got " in error
    assert "s3cr3t" not in error
    assert (code, waits) == (2, 0)


def test_socks_proxy_without_pysocks_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    code, error, waits = fetch(REMOTE)
    assert "HTTP_PROXY or ALL_PROXY names a SOCKS proxy, which requires PySocks; pip install pysocks" in error
    assert (code, waits) == (2, 0)


@pytest.mark.parametrize(
    ("status", "scheme", "code", "message"),
    [
        ("407 x", "http", 2, "the proxy requires user and password; set HTTP_PROXY to http://user:password@host:port"),
        (
            "407 x",
            "https",
            2,
            "requires user and password; set HTTPS_PROXY or ALL_PROXY to http://user:password@host:port",
        ),
        ("502 x", "https", 75, "HTTP 502 in response to CONNECT; retry later, or set another HTTPS_PROXY or ALL_PROXY"),
        ("403 x", "https", 75, "HTTP 403 in response to CONNECT; retry later, or set another HTTPS_PROXY or ALL_PROXY"),
    ],
)
def test_proxy_errors_omit_the_password(
    monkeypatch: pytest.MonkeyPatch, status: str, scheme: str, code: int, message: str
) -> None:
    with RawServer(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:s3cr3t@{proxy.address}")
        actual, error, waits = fetch(f"{scheme}://hub.test")
    assert message in error
    assert "s3cr3t" not in error
    assert (actual, waits) == (code, status.startswith("502"))


def test_unreachable_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        proxy = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HTTP_PROXY", f"http://me:s3cr3t@{proxy}")
    problem = "connection refused; is a server listening there, and is HTTP_PROXY or ALL_PROXY right?; retry later"
    assert fetch(REMOTE) == (75, f"{REMOTE}: the proxy {proxy}: {problem}", 1)


PROXIES: list[Mapping[str, str]] = [
    {"HTTP_PROXY": "http://{}"},
    {"http_proxy": "http://{}"},
    {"ALL_PROXY": "http://{}"},
    {"HTTP_PROXY": "http://{}", "NO_PROXY": ""},
    {"HTTP_PROXY": "http://{}", "NO_PROXY": "example.org"},
    {"HTTP_PROXY": "bad:::url"},
    {"ALL_PROXY": "socks5://{}"},
]


@pytest.mark.parametrize("proxies", PROXIES)
@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST", "127.1"])
def test_loopback_requests_bypass_proxies(monkeypatch: pytest.MonkeyPatch, proxies: Mapping[str, str], host: str) -> None:
    with RawServer(VALID) as server, RawServer(VALID) as proxy:
        for name, value in proxies.items():
            monkeypatch.setenv(name, value.format(proxy.address))
        assert fetch(f"http://{host}:{server.address.partition(':')[2]}", "hf_s3cr3t") == (0, "", 0)
    assert proxy.received == []
    assert [b"Authorization: Bearer hf_s3cr3t" in request for request in server.received] == [True]


def test_remote_requests_use_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(VALID) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        assert fetch(REMOTE) == (0, "", 0)
    assert [request.startswith(b"GET http://hub.test/api/models") for request in proxy.received] == [True]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("127.1", True), ("0x7f000001", True), ("localhost", True), ("Localhost.", True),
     ("[::1]", True), ("[::ffff:127.0.0.1]", True), ("[0:0:0:0:0:0:0:1]", True), ("128.0.0.1", False), ("localhost.org", False),
     ("127.0.0.1.org", False), ("[::2]", False), ("0.0.0.1", False), ("x.localhost", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_loopback_hosts_are_recognized(host: str, expected: bool) -> None:  # noqa: FBT001 -- a column
    assert is_loopback(f"http://{host}:8080/base") is expected


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "[::ffff:127.0.0.1]", "128.0.0.1", "localhost.org", "127.0.0.1.org"])
def test_token_without_tls_is_sent_to_loopback_only(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{host}:9")
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 1)
    assert live.run("extract", "--source", "huggingface") == (75 if is_loopback(f"http://{host}") else 2)
    assert "s3cr3t" not in capsys.readouterr().err


def test_wrong_proxy_setting_fails_its_source_only(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.test")
    monkeypatch.setenv("HTTPS_PROXY", "http://:1")
    assert live.run("extract") == 2
    assert capsys.readouterr().err.count("HTTPS_PROXY or ALL_PROXY is not a valid proxy URL") == 1
    assert live.data.ledger("civitai", "default").exists()


def test_no_repr_contains_the_token() -> None:
    credentials = Credentials("http://127.0.0.1:9", "hf_s3cr3t")
    with session() as http:
        client = Client(http, API, credentials, Rate(5, 1, 1), 10**6)
        values = [credentials, [credentials], client, vars(client), client.pagination, client._authorize]  # noqa: SLF001
        texts = [str(credentials), *map(repr, values)]
    assert [text for text in texts if "s3cr3t" in text] == []
    assert repr(credentials) == "Credentials(endpoint='http://127.0.0.1:9')"


def test_rate_limit_wait_is_reported_and_ends_with_the_source() -> None:
    waits: list[Wait] = []

    def end(wait: Wait) -> None:
        waits.append(wait)
        client.stop()

    with RawServer(VALID) as server, session() as http:
        client = Client(http, API, Credentials(f"http://{server.address}", None), Rate(1, 3600, 1), 10**6, end)
        client.fetch(REQUEST, None)
        with pytest.raises(EtlError, match="no further requests in this run"):
            client.fetch(REQUEST, None)
    assert [wait.reason.partition(": ")[2] for wait in waits] == ["rate limit of 1 requests in 3600 s"]
    assert len(server.received) == 1
