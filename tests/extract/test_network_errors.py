"""What is told of a request that got no answer: the cause and what to do, 2 where a setting is wrong and 75 where it may pass."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.model import Rate
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

HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = HEAD + b"Content-Length: 2\r\n\r\n[]"
PAGE = "/api/models?limit=5"
AWAY = "http://hub.test"  # reached through a proxy only


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name in {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}:
            monkeypatch.delenv(name)
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(http_client, "INITIAL_BACKOFF_S", 0.01)


def ask(endpoint: str, token: str | None = None) -> tuple[int, str, int]:
    """Return the code and the words of what went wrong, 0 and none where nothing did; and how many waits there were."""
    waits: list[Wait] = []
    with session() as asking:
        try:
            Client(asking, API, Credentials(endpoint, token), Rate(500, 300, 3), 10**6, waits.append).get(PAGE, None)
        except EtlError as error:
            return error.code, str(error), len(waits)
    return 0, "", len(waits)


ODD_SERVERS = [
    (HEAD + b"X: 1\r\n" * 150 + b"\r\n", "it answered with more than 100 headers"),
    (HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n", "it answered with headers that are too long"),
    (HEAD + (b"X: " + b"x" * 60_000 + b"\r\n") * 3 + b"\r\n", "it answered with headers that are too long"),
    (b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n", "it answered with headers that are too long"),
    (b"HTTP/1.1 103 x\r\n\r\n" * 10_000, "it answered with headers that are too long"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "it answered with headers that are too long"),
    (b"SSH-2.0-OpenSSH_9\r\n", "its first line is not a status"),
    (b"HTTP/1.1 2x0 OK\r\n\r\n", "its first line is not a status"),
    (b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n", "its first line is not a status"),
    (b"HTTP/2 200\r\n\r\n", "its first line is not a status"),
    (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]", "its headers contradict each other"),
    (HEAD + b"Content-Length: 9\r\n\r\n[]", "the answer broke off"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]", "the answer broke off"),
    (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]", "the answer cannot be decompressed as its headers say"),
    (b"", "it closed the connection without an answer"),
]


@pytest.mark.parametrize(("sent", "words"), ODD_SERVERS)
def test_what_is_no_answer_is_told_by_its_cause_and_asked_again(sent: bytes, words: str) -> None:
    with RawServer(sent) as server:
        code, told, waits = ask(f"http://{server.address}")
    assert told.startswith(f"http://{server.address}: {words}")
    assert told.endswith("; later may work")
    assert (code, waits) == (75, 1)


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=next\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_after_interim_responses_the_final_one_counts(interim: bytes) -> None:
    with RawServer(interim + GOOD) as server, session() as asking:
        answer = Client(asking, API, Credentials(f"http://{server.address}", None), Rate(5, 1, 1), 10**6).get(PAGE, None)
    assert (answer.body, answer.link) == (b"[]", None)


def test_a_connection_that_is_refused_reset_or_led_nowhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    words = "it refused the connection: does a server listen there, and is HF_ENDPOINT right?; later may work"
    assert ask(origin) == (75, f"{origin}: {words}", 1)
    names: list[tuple[Exception, str]] = [
        (socket.gaierror(socket.EAI_NONAME, "x"), "no such host; is HF_ENDPOINT right?; later may work"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "no name server answers; is there a network?; later may work"),
        (OSError(101, "Network is unreachable"), "no way leads to it; is there a network?; later may work"),
        (OSError(24, "Too many open files"), "no connection (Too many open files); later may work"),
        (TimeoutError(), "no connection within 10 s; later may work"),
        (ConnectionResetError(), "it reset the connection; later may work"),
    ]
    for error, told in names:

        def fail(*_: object, error: Exception = error, **__: object) -> Any:
            raise error

        monkeypatch.setattr("urllib3.util.connection.create_connection", fail)
        assert ask(AWAY) == (75, f"{AWAY}: {told}", 1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of self-signed certificates with their keys: good, other (of another host) and expired, of 127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("certificates are made with openssl")
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "serial").write_text("01\n")
    (folder / "index.txt").touch()
    for name, host in (("good", "IP:127.0.0.1"), ("other", "DNS:other.test"), ("expired", "IP:127.0.0.1")):
        (folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca = own\n[own]\ndatabase = {folder}/index.txt\nserial = {folder}/serial\nnew_certs_dir = {folder}\n"
            f"default_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n[names]\nsubjectAltName = {host}\n"
        )
        ends = "20200102000000Z" if name == "expired" else "20990101000000Z"
        request = f"req -new -newkey rsa:2048 -nodes -keyout {name}.key -subj /CN={name} -out csr"
        sign = f"ca -batch -selfsign -config ca.cnf -extensions names -notext -keyfile {name}.key -in csr -out {name}.pem"
        dates = f"-startdate 20200101000000Z -enddate {ends}"
        for words in (request, f"{sign} {dates}"):
            subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    return folder


def tls(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


@pytest.mark.parametrize(
    ("name", "bundle", "words"),
    [
        ("good", "good", ""),
        (
            "good",
            None,
            "its certificate is not trusted by the CA bundle of certifi: if a proxy or mirror signs with a CA of its own",
        ),
        ("good", "other", "its certificate is not trusted by {bundle}: if a proxy or mirror signs with a CA of its own"),
        ("other", "other", "its certificate is that of another host: is HF_ENDPOINT right, or does a portal or proxy answer"),
        (
            "expired",
            "expired",
            "its certificate has expired: check the clock of this machine, or wait until the server has a new one",
        ),
    ],
)
def test_a_certificate_is_refused_with_the_reason_and_not_asked_again(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, name: str, bundle: str | None, words: str
) -> None:
    path = str(certificates / f"{bundle}.pem")
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
    with RawServer(GOOD, tls(certificates, name)) as server:
        code, told, waits = ask(f"https://{server.address}")
    assert told.startswith(f"https://{server.address}: {words.format(bundle=path)}" if words else "")
    assert (code, waits) == (75 if words else 0, 0)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "has no certificates in PEM"),
        (b"\0junk", "has no certificates in PEM"),
    ],
)
def test_a_ca_bundle_that_is_none_is_bad_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))
    with RawServer(b"") as server:
        origin = f"https://{server.address}"
        told = (
            f"{origin}: REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE: {path} {words}; name a file of CA certificates in PEM, or unset it"
        )
        assert ask(origin) == (2, told, 0)


def test_tls_where_none_is_spoken_is_bad_usage() -> None:
    with RawServer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        code, told, waits = ask(f"https://{server.address}")
    assert "TLS was expected where HF_ENDPOINT, the server, speaks without; write http:// there" in told
    assert (code, waits) == (2, 0)


@pytest.mark.parametrize(
    "address",
    ["http://", "//", "::::", "http://:80", "http://me:s3cr3t@127.0.0.1:99999", "http://127.0.0.1:x", "http://me:s3cr3t@[x",
     "ftp://127.0.0.1:1", "http://a b", "http:127.0.0.1", "http://" + "a" * 70 + ".test"],
)  # fmt: skip
@pytest.mark.parametrize(("variable", "scheme"), [("HTTP_PROXY", "http"), ("HTTPS_PROXY", "https"), ("ALL_PROXY", "https")])
def test_an_address_that_no_proxy_has_is_bad_usage(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str, address: str
) -> None:
    monkeypatch.setenv(variable, address)
    code, told, waits = ask(f"{scheme}://hub.test")
    assert f"{scheme.upper()}_PROXY or ALL_PROXY is not a valid address of a proxy (expected http://host:port, got " in told
    assert "s3cr3t" not in told
    assert (code, waits) == (2, 0)


def test_socks_without_its_package_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    code, told, waits = ask(AWAY)
    assert "HTTP_PROXY or ALL_PROXY names a SOCKS proxy, which needs PySocks" in told
    assert (code, waits) == (2, 0)


@pytest.mark.parametrize(
    ("status", "scheme", "code", "words"),
    [
        ("407 x", "http", 2, "the proxy wants user and password; write them into HTTP_PROXY: http://user:password@host:port"),
        (
            "407 x",
            "https",
            2,
            "wants user and password; write them into HTTPS_PROXY or ALL_PROXY: http://user:password@host:port",
        ),
        ("502 x", "https", 75, "answered 502 to CONNECT; later, or another HTTPS_PROXY or ALL_PROXY, may work"),
        ("403 x", "https", 75, "answered 403 to CONNECT; later, or another HTTPS_PROXY or ALL_PROXY, may work"),
    ],
)
def test_what_a_proxy_refuses_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, status: str, scheme: str, code: int, words: str
) -> None:
    with RawServer(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:s3cr3t@{proxy.address}")
        found, told, waits = ask(f"{scheme}://hub.test")
    assert words in told
    assert "s3cr3t" not in told
    assert (found, waits) == (code, status.startswith("502"))


def test_a_proxy_that_is_not_there_is_told_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        proxy = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HTTP_PROXY", f"http://me:s3cr3t@{proxy}")
    words = "it refused the connection: does a server listen there, and is HTTP_PROXY or ALL_PROXY right?; later may work"
    assert ask(AWAY) == (75, f"{AWAY}: the proxy {proxy}: {words}", 1)


PROXIES: list[Mapping[str, str]] = [
    {"HTTP_PROXY": "http://{}"},
    {"http_proxy": "http://{}"},
    {"ALL_PROXY": "http://{}"},
    {"HTTP_PROXY": "http://{}", "NO_PROXY": ""},
    {"HTTP_PROXY": "http://{}", "NO_PROXY": "example.org"},
    {"HTTP_PROXY": "bad:::address"},
    {"ALL_PROXY": "socks5://{}"},
]


@pytest.mark.parametrize("proxies", PROXIES)
@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST", "127.1"])
def test_a_token_for_this_machine_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch, proxies: Mapping[str, str], host: str
) -> None:
    with RawServer(GOOD) as server, RawServer(GOOD) as proxy:
        for name, value in proxies.items():
            monkeypatch.setenv(name, value.format(proxy.address))
        assert ask(f"http://{host}:{server.address.partition(':')[2]}", "hf_s3cr3t") == (0, "", 0)
    assert proxy.received == []
    assert [b"Authorization: Bearer hf_s3cr3t" in each for each in server.received] == [True]


def test_another_host_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(GOOD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        assert ask(AWAY) == (0, "", 0)
    assert [each.startswith(b"GET http://hub.test/api/models") for each in proxy.received] == [True]


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("127.1", True), ("0x7f000001", True), ("localhost", True), ("Localhost.", True),
     ("[::1]", True), ("[::ffff:127.0.0.1]", True), ("[0:0:0:0:0:0:0:1]", True), ("128.0.0.1", False), ("localhost.org", False),
     ("127.0.0.1.org", False), ("[::2]", False), ("0.0.0.1", False), ("x.localhost", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_which_hosts_are_this_machine(host: str, is_here: bool) -> None:  # noqa: FBT001  a column
    assert is_loopback(f"http://{host}:8080/base") is is_here


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "[::ffff:127.0.0.1]", "128.0.0.1", "localhost.org", "127.0.0.1.org"])
def test_a_token_without_tls_is_sent_to_this_machine_only(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{host}:9")
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 1)
    assert live.run("extract", "--source", "huggingface") == (75 if is_loopback(f"http://{host}") else 2)
    assert "s3cr3t" not in capsys.readouterr().err


def test_a_wrong_setting_ends_its_source_with_2_and_leaves_the_other(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.test")
    monkeypatch.setenv("HTTPS_PROXY", "http://:1")
    assert live.run("extract") == 2
    assert capsys.readouterr().err.count("HTTPS_PROXY or ALL_PROXY is not a valid address of a proxy") == 1
    assert live.data.ledger("civitai", "default").exists()


def test_no_repr_shows_the_token() -> None:
    access = Credentials("http://127.0.0.1:9", "hf_s3cr3t")
    with session() as asking:
        client = Client(asking, API, access, Rate(5, 1, 1), 10**6)
        shown = [repr(access), str(access), repr([access]), repr(client), repr(vars(client)), repr(client._sign)]  # noqa: SLF001
    assert [each for each in shown if "s3cr3t" in each] == []
    assert shown[0] == "Credentials(endpoint='http://127.0.0.1:9')"


def test_a_rate_that_is_used_up_is_told_and_the_wait_for_a_turn_ends_with_the_source() -> None:
    waits: list[Wait] = []

    def end(wait: Wait) -> None:
        waits.append(wait)
        client.stop()

    with RawServer(GOOD) as server, session() as asking:
        client = Client(asking, API, Credentials(f"http://{server.address}", None), Rate(1, 3600, 1), 10**6, end)
        client.get(PAGE, None)
        with pytest.raises(EtlError, match="not asked any more in this run"):
            client.get(PAGE, None)
    assert [wait.reason.partition(": ")[2] for wait in waits] == ["the rate of 1 requests in 3600 s"]
    assert len(server.received) == 1
