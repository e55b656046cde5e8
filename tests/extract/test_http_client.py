"""One request: how often it is asked again, after which waits, and what is taken for an answer."""

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

from etl.config.model import Rate
from etl.core.errors import EtlError, InvalidDataError, SourceUnavailableError, UsageError
from etl.extract import http_client, transport
from etl.extract.credentials import Credentials
from etl.extract.http_client import CircuitOpenError, Client
from etl.extract.responses import HttpReply, PageResponse, RetryableError, parse_response
from etl.sources.huggingface import SOURCE as API
from tests.support.builders import hub_catalogue
from tests.support.fake_api.apis import Hub
from tests.support.fake_api.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "/api/models?limit=5&sort=likes"
RATE = Rate(500, 300, 3)
LARGEST_BYTES = 10**6


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Hub(hub_catalogue())) as made:
        yield made


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(http_client, "INITIAL_BACKOFF_S", 0.01)
    monkeypatch.setattr(http_client, "MAX_BACKOFF_S", 0.03)
    with requests.Session() as session:
        yield Client(session, API, Credentials(server.url, None), RATE, LARGEST_BYTES)


PASSING = [
    *(Fault(status) for status in (408, 425, 429, 500, 502, 503, 504, 520, 524)),
    Fault(drop=True),
    Fault(cut=True),
    Fault(200, b"<html>maintenance", {"Content-Type": "text/html"}),
    Fault(200, b"\n<html>maintenance"),
    Fault(200, b"busy", {"Content-Type": "text/plain"}),
    Fault(200, b'[{"id"'),
    Fault(200, b"[]", {"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_asked_again(client: Client, server: Server, fault: Fault) -> None:
    server.fault = lambda _, before: fault if before < 2 else None
    answer = client.get(PAGE, None)
    assert len(answer.value) == 5
    assert answer.link is not None
    assert len(server.calls) == 3


@pytest.mark.parametrize("fault", PASSING)
def test_what_lasts_is_given_up_after_six_attempts(client: Client, server: Server, fault: Fault) -> None:
    server.fault = lambda *_: fault
    with pytest.raises(EtlError) as error:
        client.get(PAGE, None)
    assert len(server.calls) == 6
    assert isinstance(error.value, InvalidDataError if fault.body == b'[{"id"' else SourceUnavailableError)


TOO_MANY = Fault(429, b'{"error":"You\'ve requested too many pages, please use cursors instead"}')


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(400, b"{}"), InvalidDataError),
        (Fault(401, b"{}"), UsageError),
        (Fault(403, b"<html>"), SourceUnavailableError),
        (Fault(404, b"{}"), InvalidDataError),
        (Fault(451, b"{}"), SourceUnavailableError),
        (Fault(501, b"{}"), SourceUnavailableError),
        (Fault(301, b"", {"Location": "/api/models"}), InvalidDataError),
        (Fault(204, b""), InvalidDataError),
        (TOO_MANY, SourceUnavailableError),
        (Fault(429, b"{}", {"Retry-After": "3600"}), SourceUnavailableError),
        (Fault(200, b"[NaN]"), InvalidDataError),
        (Fault(200, b'[{"id":"a","id":"b"}]'), InvalidDataError),
        (Fault(200, b"[" * 100_000), InvalidDataError),
        (Fault(200, b'[{"id":' + b"9" * 5000 + b"}]"), InvalidDataError),
        (Fault(407, b""), UsageError),
    ],
)
def test_what_will_not_pass_is_asked_once(client: Client, server: Server, fault: Fault, kind: type[EtlError]) -> None:
    server.fault = lambda *_: fault
    with pytest.raises(kind):
        client.get(PAGE, None)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("body", "words"),
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
def test_values_and_numbers_of_a_page_have_bounds(body: bytes, words: str) -> None:
    verdict = verdict_on(200, {"Content-Type": "application/json"}, body)
    assert str(verdict).endswith(words) or words in str(verdict)
    assert isinstance(verdict, InvalidDataError if words else PageResponse)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_without_end_is_cut_off(
    client: Client,
    server: Server,
    packed: bool,  # noqa: FBT001  a column
) -> None:
    body = b" " * 10**7
    server.fault = lambda *_: Fault(200, gzip.compress(body) if packed else body, {"Content-Encoding": "gzip"} if packed else {})
    with pytest.raises(InvalidDataError, match="larger than 1,000,000 bytes"):
        client.get(PAGE, None)
    assert len(server.calls) == 1


HOLLOW = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 1000  # blocks of which nothing comes


@pytest.mark.parametrize(
    "fault",
    [
        Fault(200, b"[" + b" " * 1000, drip_s=0.05),
        Fault(200, b"[]", drip_s=0.05, drips_all=True),
        Fault(200, HOLLOW, {"Content-Encoding": "gzip"}, drip_s=0.05),
    ],
)
def test_a_drip_is_cut_off(client: Client, server: Server, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    monkeypatch.setattr(transport, "TOTAL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 2)
    server.fault = lambda *_: fault
    start = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=r"not whole within 0\.2 s"):
        client.get(PAGE, None)
    assert time.monotonic() - start < 5
    assert len(server.calls) == 2


def test_silence_is_a_timeout(client: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "READ_TIMEOUT_S", 0.1)
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 2)
    server.fault = lambda *_: Fault(delay_s=0.5)
    with pytest.raises(SourceUnavailableError, match=r"silent for 0\.1 s"):
        client.get(PAGE, None)


def test_the_deadline_ends_the_attempts(client: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "RETRY_DEADLINE_S", 1)
    server.fault = lambda *_: Fault(429, b"{}", {"Retry-After": "20"})
    with pytest.raises(SourceUnavailableError):
        client.get(PAGE, None)
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
def test_the_wait_is_what_the_server_asks_for(status: int, headers: dict[str, str], wait_s: float | None) -> None:
    verdict = verdict_on(status, headers)
    assert isinstance(verdict, RetryableError)
    assert verdict.wait_s == wait_s


def verdict_on(status: int, headers: dict[str, str], body: bytes = b"") -> PageResponse | RetryableError | EtlError:
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        return parse_response(API, Credentials("https://x.org", None), HttpReply("https://x.org", status, "", lower, None, body))
    except (RetryableError, EtlError) as error:
        return error


def test_a_wait_that_is_too_long_is_not_waited() -> None:
    assert isinstance(verdict_on(503, {"Retry-After": "330"}), RetryableError)
    assert isinstance(verdict_on(503, {"Retry-After": "331"}), SourceUnavailableError)
    assert isinstance(verdict_on(429, {"RateLimit": '"api";r=0;t=' + "9" * 5000}), SourceUnavailableError)


@pytest.mark.parametrize(
    ("etag", "kept"), [('"1"', True), ('W/"a-\xe9"', True), ("1", False), ('"1"\r\n "2"', False), ("", False)]
)
def test_a_tag_is_kept_if_it_can_be_sent_back(etag: str, kept: bool) -> None:  # noqa: FBT001  a column
    verdict = verdict_on(200, {"ETag": etag}, b"[]")
    assert isinstance(verdict, PageResponse)
    assert verdict.etag == (etag if kept else None)


@given(st.integers(100, 999), st.binary(max_size=20), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_headers_are_an_answer_or_an_error_of_ours(status: int, body: bytes, kind: str, rate: str, wait: str) -> None:
    verdict = verdict_on(status, {"Content-Type": kind, "RateLimit": rate, "Retry-After": wait}, body)
    assert isinstance(verdict, PageResponse) or str(verdict).isprintable()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "where JSON was due; later may work"),
        (204, b"", "answered 204 : ; which is no page"),
        (302, b"", "it leads to https://y.org/z, which is not followed: if that is its address now, set HF_ENDPOINT"),
        (400, b"", "compare filters.toml with its documentation"),
        (401, b"", "mend, set or unset HF_TOKEN"),
        (403, b"", "from elsewhere, may work"),
        (404, b"", "has it moved?"),
        (429, TOO_MANY.body, "no waiting mends that: lower depth in filters.toml"),
        (451, b"", "in this region"),
        (501, b"", "later may work"),
    ],
)
def test_each_refusal_says_what_to_do(status: int, body: bytes, words: str) -> None:
    assert words in str(verdict_on(status, {"Location": "https://y.org/z"}, body or b""))


@pytest.mark.parametrize(
    ("body", "least", "most"),
    [(b"<html>", [30] * 5, [30] * 5), (b"[1", [1, 2, 4, 8, 16], [2, 3, 5, 9, 17])],
)
def test_a_page_for_people_is_asked_again_late_and_all_else_soon(
    server: Server, monkeypatch: pytest.MonkeyPatch, body: bytes, least: list[float], most: list[float]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Client, "_pause", lambda _, seconds: waits.append(seconds))
    server.fault = lambda *_: Fault(200, body)
    with requests.Session() as session, pytest.raises(EtlError):
        Client(session, API, Credentials(server.url, None), RATE, LARGEST_BYTES).get(PAGE, None)
    assert all(low <= wait <= high for low, wait, high in zip(least, waits, most, strict=True))


def test_a_date_is_a_wait_too() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    verdict = verdict_on(503, {"Retry-After": then})
    assert isinstance(verdict, RetryableError)
    assert verdict.wait_s is not None
    assert 90 < verdict.wait_s <= 100
    past = verdict_on(503, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"})
    assert isinstance(past, RetryableError)
    assert past.wait_s == 0


def test_a_wait_that_a_server_asks_for_is_kept(client: Client, server: Server) -> None:
    server.fault = lambda _, before: Fault(429, b"{}", {"Retry-After": "1"}) if before == 0 else None
    client.get(PAGE, None)
    assert server.calls[1].began - server.calls[0].ended >= 0.99


def test_a_source_that_is_lost_ends_the_waits_of_its_other_requests(client: Client, server: Server) -> None:
    server.fault = lambda target, _: Fault(401) if "bad" in target else Fault(503, b"{}", {"Retry-After": "300"})
    ended: list[EtlError] = []

    def wait() -> None:
        try:
            client.get(PAGE, None)
        except EtlError as error:
            ended.append(error)

    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    while not server.calls:
        waiting.join(0.01)
    with pytest.raises(UsageError):
        client.get(PAGE + "&bad", None)
    waiting.join(60)
    assert isinstance(ended[0], CircuitOpenError)
    assert ended[0].code == 2


def test_a_source_that_fails_three_times_in_a_row_is_not_asked_again(client: Client, server: Server) -> None:
    server.fault = lambda target, _: Fault(403) if "bad" in target else None
    for target in ("&bad", "&bad", "", "&bad", "&bad"):
        if target:
            with pytest.raises(SourceUnavailableError):
                client.get(PAGE + target, None)
        else:
            client.get(PAGE, None)
    with pytest.raises(SourceUnavailableError):
        client.get(PAGE + "&bad", None)
    asked = len(server.calls)
    with pytest.raises(CircuitOpenError) as error:
        client.get(PAGE, None)
    assert error.value.code == 75
    assert len(server.calls) == asked


MIRROR = "https://mirror.test"
# Links that an answer may hold to the page after https://mirror.test/api/models?sort=likes&limit=5; all lead to cursor=a.
FOLLOWED = [
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
REFUSED = [
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


def following(endpoint: str, link: str, token: str | None = None) -> str | None:
    with requests.Session() as session:
        client = Client(session, API, Credentials(endpoint, token), RATE, LARGEST_BYTES)
        return client.read(client.first({"sort": "likes", "limit": 5}), [], link)[1]


@pytest.mark.parametrize("link", FOLLOWED)
def test_a_link_is_asked_of_the_configured_endpoint_whatever_host_it_names(link: str) -> None:
    assert following(MIRROR, link) == "/api/models?cursor=a"


@pytest.mark.parametrize("link", REFUSED)
def test_a_link_that_is_not_an_address_of_the_api_is_refused_and_told(link: str) -> None:
    with pytest.raises(InvalidDataError) as error:
        following(MIRROR, link)
    told = f"{MIRROR}: the next page is elsewhere (expected /api/models, got {link}); it is not followed"
    assert str(error.value) == f"{told}: is HF_ENDPOINT the address of this API?"
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
def test_below_a_base_path_a_link_may_name_the_path_with_and_without_it(link: str) -> None:
    assert following(f"{MIRROR}/hf", link) == "/hf/api/models?cursor=a"


@pytest.mark.parametrize("link", ["https://huggingface.co/other/api/models?cursor=a", "/hf/models?cursor=a", "/hf?cursor=a"])
def test_below_a_base_path_another_path_is_refused(link: str) -> None:
    with pytest.raises(InvalidDataError, match=r"is elsewhere \(expected /api/models, got "):
        following(f"{MIRROR}/hf", link)


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
def test_a_link_that_repeats_the_token_is_refused_without_it(link: str) -> None:
    with pytest.raises(InvalidDataError, match="the answer repeats the token") as error:
        following(MIRROR, link, "hf_s/cret")
    assert "cret" not in str(error.value)
