"""One request: its retries, their waits, and which responses are accepted."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from etl.config.source_config import Rate
from etl.core.errors import EtlError, InvalidDataError, SourceUnavailableError, UsageError
from etl.extract import http_client, transport
from etl.extract.circuit_breaker import CircuitOpenError
from etl.extract.credentials import Credentials
from etl.extract.http_client import Client
from etl.extract.pagination import Pagination
from etl.extract.responses import HttpReply, PageResponse, RetryableError, parse_response
from etl.sources.huggingface import SOURCE as API
from tests.support.builders import hub_catalogue
from tests.support.fake_api.apis import Hub
from tests.support.fake_api.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = "/api/models?limit=5&sort=likes"
RATE = Rate(500, 300, 3)
MAX_BYTES = 10**6


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Hub(hub_catalogue())) as fake_hub:
        yield fake_hub


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(http_client, "INITIAL_BACKOFF_S", 0.01)
    monkeypatch.setattr(http_client, "MAX_BACKOFF_S", 0.03)
    with requests.Session() as session:
        yield Client(session, API, Credentials(server.url, None), RATE, MAX_BYTES)


TRANSIENT_FAULTS = [
    *(Fault(status) for status in (408, 425, 429, 500, 502, 503, 504, 520, 524)),
    Fault(hangs_up=True),
    Fault(truncates_body=True),
    Fault(200, b"<html>maintenance", {"Content-Type": "text/html"}),
    Fault(200, b"\n<html>maintenance"),
    Fault(200, b"busy", {"Content-Type": "text/plain"}),
    Fault(200, b'[{"id"'),
    Fault(200, b"[]", {"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("fault", TRANSIENT_FAULTS)
def test_transient_errors_are_retried(client: Client, server: Server, fault: Fault) -> None:
    server.fault = lambda _, before: fault if before < 2 else None
    response = client.fetch(REQUEST, None)
    assert response.body
    assert len(response.body.value) == 5
    assert response.link is not None
    assert len(server.calls) == 3


@pytest.mark.parametrize("fault", TRANSIENT_FAULTS)
def test_retries_end_after_six_attempts(client: Client, server: Server, fault: Fault) -> None:
    server.fault = lambda *_: fault
    with pytest.raises(EtlError) as error:
        client.fetch(REQUEST, None)
    assert len(server.calls) == 6
    assert isinstance(error.value, InvalidDataError if fault.body == b'[{"id"' else SourceUnavailableError)


TOO_MANY_PAGES = Fault(429, b'{"error":"You\'ve requested too many pages, please use cursors instead"}')


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        (Fault(400, b"{}"), InvalidDataError),
        (Fault(401, b"{}"), UsageError),
        (Fault(403, b"<html>"), SourceUnavailableError),
        (Fault(404, b"{}"), InvalidDataError),
        (Fault(451, b"{}"), SourceUnavailableError),
        (Fault(501, b"{}"), SourceUnavailableError),
        (Fault(301, b"", {"Location": "/api/models"}), InvalidDataError),
        (Fault(204, b""), InvalidDataError),
        (TOO_MANY_PAGES, SourceUnavailableError),
        (Fault(429, b"{}", {"Retry-After": "3600"}), SourceUnavailableError),
        (Fault(200, b"[NaN]"), InvalidDataError),
        (Fault(200, b'[{"id":"a","id":"b"}]'), InvalidDataError),
        (Fault(200, b"[" * 100_000), InvalidDataError),
        (Fault(200, b'[{"id":' + b"9" * 5000 + b"}]"), InvalidDataError),
        (Fault(407, b""), UsageError),
    ],
)
def test_permanent_errors_are_not_retried(client: Client, server: Server, fault: Fault, error_type: type[EtlError]) -> None:
    server.fault = lambda *_: fault
    with pytest.raises(error_type):
        client.fetch(REQUEST, None)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" + b"0," * 500_000 + b"0]", ""),
        (b"[" + b"0," * 1_000_000 + b"0]", "has about 1,000,001 values (expected at most 1,000,000); does the source ignore"),
        (b"[" + b"{}," * 1_000_000 + b"{}]", "has about 2,000,002 values (expected at most 1,000,000)"),
        (b"[[" + b"[]," * 1_000_000 + b"[]]]", "has about 2,000,003 values (expected at most 1,000,000)"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested too deeply"),
        (
            b"[-" + b"9" * 5000 + b"]",
            "is not JSON: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits",
        ),
        (b"[" + b"9" * 4000 + b",1e400,-1e-999999999]", ""),
    ],
)
def test_values_and_numbers_of_a_page_have_limits(body: bytes, message: str) -> None:
    result = parse(200, {"Content-Type": "application/json"}, body)
    assert message in str(result)
    assert isinstance(result, InvalidDataError if message else PageResponse)


@pytest.mark.parametrize("compressed", [False, True])
def test_response_size_is_limited(
    client: Client,
    server: Server,
    compressed: bool,  # noqa: FBT001 -- a column
) -> None:
    body = b" " * 10**7
    server.fault = lambda *_: Fault(
        200, gzip.compress(body) if compressed else body, {"Content-Encoding": "gzip"} if compressed else {}
    )
    with pytest.raises(InvalidDataError, match="larger than 1,000,000 bytes; lower page or raise largest_mb"):
        client.fetch(REQUEST, None)
    assert len(server.calls) == 1


EMPTY_BLOCKS = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 1000  # decompresses to nothing


@pytest.mark.parametrize(
    "fault",
    [
        Fault(200, b"[" + b" " * 1000, byte_delay_s=0.05),
        Fault(200, b"[]", byte_delay_s=0.05, delays_headers=True),
        Fault(200, EMPTY_BLOCKS, {"Content-Encoding": "gzip"}, byte_delay_s=0.05),
    ],
)
def test_slow_responses_exceed_the_total_timeout(
    client: Client, server: Server, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(transport, "TOTAL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 2)
    server.fault = lambda *_: fault
    start = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=r"not complete within 0\.2 s"):
        client.fetch(REQUEST, None)
    assert time.monotonic() - start < 5
    assert len(server.calls) == 2


def test_silence_ends_at_the_read_timeout(client: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "READ_TIMEOUT_S", 0.1)
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 2)
    server.fault = lambda *_: Fault(delay_s=0.5)
    with pytest.raises(SourceUnavailableError, match=r"no data for 0\.1 s"):
        client.fetch(REQUEST, None)


def test_retries_end_at_the_deadline(client: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "RETRY_DEADLINE_S", 1)
    server.fault = lambda *_: Fault(429, b"{}", {"Retry-After": "20"})
    with pytest.raises(SourceUnavailableError):
        client.fetch(REQUEST, None)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"RateLimit": '"api";r=0;t=12'}, 13),
        (429, {"RateLimit": '"api";r=0;t=12', "Retry-After": "3"}, 13),
        (429, {"RateLimit": '"api";r=7;t=12', "Retry-After": "3"}, 3),
        (429, {"RateLimit": '"api";r=7;t=12'}, None),
        (503, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 +" + "9" * 20}, None),
        (503, {"RateLimit": '"api";r=0;t=12', "Retry-After": "2"}, 2),
        (429, {"RateLimit": '"pages";r=9;t=1, "api" ; r=0 ; t=12'}, 13),
        (429, {"RateLimit": '"api";t=12;r=0'}, 13),
        (429, {"RateLimit": '"api";r=0, "pages";r=9;t=1'}, None),
        (503, {"Retry-After": "soon"}, None),
        (503, {"Retry-After": "-5"}, None),
        (503, {}, None),
    ],
)
def test_retry_after_is_parsed(status: int, headers: dict[str, str], wait_s: float | None) -> None:
    result = parse(status, headers)
    assert isinstance(result, RetryableError)
    assert result.wait_s == wait_s


def parse(status: int, headers: dict[str, str], body: bytes = b"") -> PageResponse | RetryableError | EtlError:
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        return parse_response(API, Credentials("https://x.org", None), HttpReply("https://x.org", status, "", lower, None, body))
    except (RetryableError, EtlError) as error:
        return error


def test_too_long_retry_after_is_not_retried() -> None:
    assert isinstance(parse(503, {"Retry-After": "330"}), RetryableError)
    assert isinstance(parse(503, {"Retry-After": "331"}), SourceUnavailableError)
    assert isinstance(parse(429, {"RateLimit": '"api";r=0;t=' + "9" * 5000}), SourceUnavailableError)


@pytest.mark.parametrize(
    ("etag", "kept"), [('"1"', True), ('W/"a-\xe9"', True), ("1", False), ('"1"\r\n "2"', False), ("", False)]
)
def test_only_valid_etags_are_kept(etag: str, kept: bool) -> None:  # noqa: FBT001 -- a column
    result = parse(200, {"ETag": etag}, b"[]")
    assert isinstance(result, PageResponse)
    assert result.etag == (etag if kept else None)


@given(st.integers(100, 999), st.binary(max_size=20), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_headers_give_a_response_or_an_etl_error(status: int, body: bytes, kind: str, rate: str, wait: str) -> None:
    result = parse(status, {"Content-Type": kind, "RateLimit": rate, "Retry-After": wait}, body)
    assert isinstance(result, PageResponse) or str(result).isprintable()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"<html>", "not JSON (expected JSON, got <html>); retry later"),
        (204, b"", ": HTTP 204; expected status 200; has the API changed?"),
        (302, b"", "it redirects to https://y.org/z, which is not followed; if the API has moved there, set HF_ENDPOINT"),
        (400, b"", "compare filters.toml with its documentation"),
        (401, b"", "fix, set or unset HF_TOKEN"),
        (403, b"", "retry later or from elsewhere"),
        (404, b"", "has it moved?"),
        (429, TOO_MANY_PAGES.body, "waiting does not help; lower depth in filters.toml"),
        (451, b"", "in this region"),
        (501, b"", "retry later"),
    ],
)
def test_http_errors_say_how_to_fix_them(status: int, body: bytes, message: str) -> None:
    assert message in str(parse(status, {"Location": "https://y.org/z"}, body or b""))


@pytest.mark.parametrize(
    ("body", "min_waits", "max_waits"),
    [(b"<html>", [30] * 5, [30] * 5), (b"[1", [1, 2, 4, 8, 16], [2, 3, 5, 9, 17])],
)
def test_html_responses_use_max_backoff(
    server: Server, monkeypatch: pytest.MonkeyPatch, body: bytes, min_waits: list[float], max_waits: list[float]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Client, "_sleep", lambda _, seconds: waits.append(seconds))
    server.fault = lambda *_: Fault(200, body)
    with requests.Session() as session, pytest.raises(EtlError):
        Client(session, API, Credentials(server.url, None), RATE, MAX_BYTES).fetch(REQUEST, None)
    assert all(low <= wait <= high for low, wait, high in zip(min_waits, waits, max_waits, strict=True))


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    result = parse(503, {"Retry-After": date})
    assert isinstance(result, RetryableError)
    assert result.wait_s is not None
    assert 90 < result.wait_s <= 100
    past = parse(503, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"})
    assert isinstance(past, RetryableError)
    assert past.wait_s == 0


def test_retry_after_is_honoured(client: Client, server: Server) -> None:
    server.fault = lambda _, before: Fault(429, b"{}", {"Retry-After": "1"}) if before == 0 else None
    client.fetch(REQUEST, None)
    assert server.calls[1].began - server.calls[0].ended >= 0.99


def test_open_circuit_ends_waits_of_other_requests(client: Client, server: Server) -> None:
    server.fault = lambda target, _: Fault(401) if "bad" in target else Fault(503, b"{}", {"Retry-After": "300"})
    errors: list[EtlError] = []

    def wait() -> None:
        try:
            client.fetch(REQUEST, None)
        except EtlError as error:
            errors.append(error)

    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    while not server.calls:
        waiting.join(0.01)
    with pytest.raises(UsageError):
        client.fetch(REQUEST + "&bad", None)
    waiting.join(60)
    assert isinstance(errors[0], CircuitOpenError)
    assert errors[0].code == 2


def test_circuit_opens_after_three_consecutive_failures(client: Client, server: Server) -> None:
    server.fault = lambda target, _: Fault(403) if "bad" in target else None
    for target in ("&bad", "&bad", "", "&bad", "&bad"):
        if target:
            with pytest.raises(SourceUnavailableError):
                client.fetch(REQUEST + target, None)
        else:
            client.fetch(REQUEST, None)
    with pytest.raises(SourceUnavailableError):
        client.fetch(REQUEST + "&bad", None)
    sent = len(server.calls)
    with pytest.raises(CircuitOpenError) as error:
        client.fetch(REQUEST, None)
    assert error.value.code == 75
    assert len(server.calls) == sent


MIRROR = "https://mirror.test"
# Links to the page after https://mirror.test/api/models?sort=likes&limit=5; the accepted ones give cursor=a.
ACCEPTED = [
    "https://mirror.test/api/models?cursor=a",
    "https://MIRROR.test:443/api/models?cursor=a#b",
    "https://huggingface.co/api/models?cursor=a",
    "http://huggingface.co:8080/api/models?cursor=a#top",
    "http://[::1]:1/api/models?cursor=a",
    "https://user:secret@huggingface.co/api/models?cursor=a",
    "https://mirror.test@huggingface.co/api/models?cursor=a",
    "//huggingface.co/api/models?cursor=a",
    "/api/models?cursor=a",
    "models?cursor=a",
    "?cursor=a",
]
REJECTED = [
    "https://mirror.test/api/datasets?cursor=a",
    "https://huggingface.co/api/datasets?cursor=a",
    "https://huggingface.co/api/models/?cursor=a",
    "https://huggingface.co/api/x/../models?cursor=a",
    "https://huggingface.co/api/%6dodels?cursor=a",
    "https://huggingface.co/hf/api/models?cursor=a",
    "https://huggingface.co/API/models?cursor=a",
    "https://huggingface.co?cursor=a",
    "https://huggingface.co/?/api/models?cursor=a",
    "https://huggingface.co/#/api/models?cursor=a",
    "https://huggingface.co\\api\\models?cursor=a",
    "//api/models?cursor=a",
    "/models?cursor=a",
    "ftp://huggingface.co/api/models?cursor=a",
    "file:///api/models?cursor=a",
    "javascript:/api/models?cursor=a",
    "http:/api/models?cursor=a",
    "http:///api/models?cursor=a",
    "http://:80/api/models?cursor=a",
    "http://huggingface.co:0/api/models?cursor=a",
    "http://huggingface.co:99999/api/models?cursor=a",
    "http://huggingface.co:x/api/models?cursor=a",
    "http://[/api/models?cursor=a",
]


def next_request(endpoint: str, link: str, token: str | None = None) -> str | None:
    pagination = Pagination(API, Credentials(endpoint, token))
    return pagination.parse_page(pagination.first_request({"sort": "likes", "limit": 5}), [], link).next_request


@pytest.mark.parametrize("link", ACCEPTED)
def test_next_link_is_requested_from_the_configured_endpoint(link: str) -> None:
    assert next_request(MIRROR, link) == "/api/models?cursor=a"


@pytest.mark.parametrize("link", REJECTED)
def test_next_link_outside_the_api_is_rejected(link: str) -> None:
    with pytest.raises(InvalidDataError) as error:
        next_request(MIRROR, link)
    problem = f"{MIRROR}: the link to the next page has another path (expected /api/models, got {link})"
    assert str(error.value) == f"{problem}; it is not followed; is HF_ENDPOINT the base URL of this API?"
    assert error.value.code == 65


@pytest.mark.parametrize(
    "link",
    [
        "https://huggingface.co/api/models?cursor=a",
        "https://huggingface.co/hf/api/models?cursor=a",
        "https://mirror.test/api/models?cursor=a",
        "https://mirror.test/hf/api/models?cursor=a",
        "/api/models?cursor=a",
        "models?cursor=a",
    ],
)
def test_next_link_may_omit_the_base_path(link: str) -> None:
    assert next_request(f"{MIRROR}/hf", link) == "/hf/api/models?cursor=a"


@pytest.mark.parametrize("link", ["https://huggingface.co/other/api/models?cursor=a", "/hf/models?cursor=a", "/hf?cursor=a"])
def test_next_link_with_another_base_path_is_rejected(link: str) -> None:
    with pytest.raises(InvalidDataError, match=r"another path \(expected /api/models, got "):
        next_request(f"{MIRROR}/hf", link)


@pytest.mark.parametrize(
    "link",
    [
        "https://huggingface.co/api/models?cursor=a&token=hf_s/cret",
        "https://huggingface.co/api/models?cursor=a&token=hf_s%2Fcret",
        "https://huggingface.co/api/models?cursor=a&token=%68f_s%2fcret",
        "https://huggingface.co/api/models?cursor=a&token=hf_s\t/cret",
        "https://hf_s%2Fcret@huggingface.co/api/models?cursor=a",
        "https://huggingface.co/api/models?cursor=a#hf_s/cret",
        "https://huggingface.co/api/datasets?token=hf_s/cret",
    ],
)
def test_next_link_with_the_token_is_rejected_and_redacted(link: str) -> None:
    with pytest.raises(InvalidDataError, match="the response contains the token") as error:
        next_request(MIRROR, link, "hf_s/cret")
    assert "cret" not in str(error.value)
