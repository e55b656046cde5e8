"""Polite requests: within the rate of their source, again when it may help, with the token for its own origin only."""

from __future__ import annotations

import logging
import threading
import time
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import urllib3
from requests.utils import select_proxy

from etl.core.errors import EtlError, InvalidDataError, SourceUnavailableError, UsageError
from etl.core.layout import PROJECT
from etl.core.text import sanitize
from etl.extract import transport
from etl.extract.credentials import is_loopback
from etl.extract.network_errors import Route, classify_failure
from etl.extract.responses import ETAG, HttpReply, PageResponse, RetryableError, parse_response, reject_echoed_token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from etl.config.model import Rate
    from etl.extract.credentials import Credentials
    from etl.sources.source import Source

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 90  # between two pieces: a page of CivitAI may be some megabytes, and its own router waits 30 s
MAX_ATTEMPTS = 6
INITIAL_BACKOFF_S, MAX_BACKOFF_S = 1.0, 30.0
RETRY_DEADLINE_S = 900  # within which the last attempt at a request begins, waits included
FAILURE_THRESHOLD = 3  # requests that failed in a row, each with all its attempts


class Wait(NamedTuple):
    """What a request waits for, and before which of at most so many attempts; `seconds` is null where it waits for its turn."""

    reason: str
    seconds: float | None = None
    attempt: int = 1
    attempts: int = MAX_ATTEMPTS


class CircuitOpenError(EtlError):
    """A request that was not sent, since its source was given up; its code is that of the cause."""

    def __init__(self, origin: str, cause: EtlError) -> None:
        super().__init__(f"{origin}: not asked any more in this run")
        self.code = cause.code


def session() -> requests.Session:
    """Return a session that says who asks; it keeps connections open between requests."""
    made = requests.Session()
    made.headers.update({"User-Agent": _user_agent(), "Accept": "application/json", "Accept-Encoding": "gzip"})
    return made


class Client:
    """Asks one source, and reads what it says about its pages; threads may share it.

    A source that rejects the token, or fails LOST_AFTER requests in a row, is not asked again. `on_wait` is called in the
    thread of a request before it waits.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what a source is, and what is called
        self, session: requests.Session, api: Source, access: Credentials, rate: Rate, max_response_bytes: int,
        on_wait: Callable[[Wait], None] = lambda _: None,
    ) -> None:  # fmt: skip
        split = urlsplit(access.endpoint)
        self._origin = f"{split.scheme}://{split.netloc}"
        self._base = split.path
        self._api, self._access = api, access
        self._session = session
        self._largest_bytes = max_response_bytes  # of a body, decompressed
        self._lost: EtlError | None = None
        self._over = threading.Event()  # ends every wait
        self._failures, self._lock = 0, threading.Lock()
        self._on_wait = on_wait
        held = Wait(f"{self._origin}: the rate of {rate.requests} requests in {rate.seconds:g} s")
        turns = transport.TurnLimiter(rate, self._over, lambda: on_wait(held))
        self._is_direct = is_loopback(access.endpoint)  # a proxy would receive a token that is sent without TLS
        prefix = requests.Request("GET", access.endpoint + api.path).prepare().url or ""
        session.mount(prefix, transport.TotalTimeoutAdapter(turns, rate.in_flight, is_direct=self._is_direct))

    def get(self, target: str, etag: str | None) -> PageResponse:
        """Ask for path and query below the endpoint; wait for the turn that the rate allows, before each attempt.

        Raises:
            Unavailable: no connection, a timeout, or an answer that may be better later, after all attempts.
            BadUsage: the token was rejected, or a setting of the network is wrong.
            BadAnswer: the request was, or what came is no JSON.
            NotAsked: the source was given up.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetryableError),
            wait=_backoff_s,
            stop=tenacity.stop_any(tenacity.stop_after_attempt(MAX_ATTEMPTS), tenacity.stop_before_delay(RETRY_DEADLINE_S)),
            before_sleep=self._report,
            sleep=self._pause,
            reraise=True,
        )
        try:
            for attempt in attempts:
                with attempt:
                    answer = self._attempt(target, etag, attempt.retry_state)
        except RetryableError as again:
            self._count(again.error)
            raise again.error from again
        except EtlError as error:
            self._count(error)
            raise
        with self._lock:
            self._failures = 0
        return answer

    def _attempt(self, target: str, etag: str | None, state: tenacity.RetryCallState) -> PageResponse:
        """Ask one time; log how it went, without a token, which is in no target and no error."""
        if self._lost:
            raise CircuitOpenError(self._origin, self._lost)
        start = time.monotonic()
        told: list[object] = []
        try:
            reply = self._ask(target, etag)
            told.append(f"{reply.status}, {len(reply.body):,} bytes")
            return parse_response(self._api, self._access, reply)
        except (RetryableError, EtlError) as error:
            told.append(error)
            raise
        finally:
            _log.info(
                "%s%s: attempt %d, waited %.1f s, took %.2f s: %s",
                self._origin, target, state.attempt_number, state.upcoming_sleep, time.monotonic() - start,
                ": ".join(map(str, told)),
            )  # fmt: skip

    def stop(self) -> None:
        """End all waits; send nothing more."""
        self._lost = self._lost or SourceUnavailableError("stopped")
        self._over.set()

    def first(self, asks: Mapping[str, Any]) -> str:
        """Return path and query of the first page of a stream."""
        return self._base + self._api.first_request(asks)

    def read(self, target: str, value: Any, link: str | None) -> tuple[int, str | None]:
        """Return how many records the value of an answer to `target` has, and the target of the next page, null at the end.

        A link counts by its path and query, which are asked of the configured endpoint: a mirror may pass on links that name
        the host it copies. Nothing is ever sent to the host of a link.

        Raises:
            BadAnswer: the value is not a page, or its link is not an http(s) URL or not of the API's path.
        """
        try:
            records = len(self._api.records(value))
            following = self._api.next_page(target, link, value)
        except (TypeError, KeyError, AttributeError) as error:
            raise InvalidDataError(f"{self._origin}: the answer has not the shape of a page; has the source changed?") from error
        if following is None:
            return records, None
        query = _query(self._origin + target, following, {self._base + self._api.path, self._api.path})
        reject_echoed_token(self._access, following, query or "")
        if query is None:
            told = f"{self._origin}: the next page is elsewhere (expected {self._api.path}, got {sanitize(following)})"
            raise InvalidDataError(f"{told}; it is not followed: is {self._api.endpoint_variable} the address of this API?")
        return records, f"{self._base}{self._api.path}?{query}"

    def _ask(self, target: str, etag: str | None) -> HttpReply:
        """Ask one time, when it is its turn."""
        headers = {"If-None-Match": etag} if etag and ETAG.fullmatch(etag) else {}  # a ledger may have been edited
        try:
            # A redirect would lead to another host or to a page for people. Without `auth`, a .netrc would be sent.
            with self._session.get(
                self._origin + target, headers=headers, auth=self._sign,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                body = self._body(response)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # those of requests are OSErrors
            if self._lost:  # while it waited for its turn
                raise CircuitOpenError(self._origin, self._lost) from error
            raise classify_failure(error, self._route()) from error
        link = response.links.get("next", {}).get("url")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(self._origin, response.status_code, response.reason or "", headers, link, body)

    def _body(self, response: requests.Response) -> bytes:
        """Return the body, decompressed; piece by piece, so that its length is not without end."""
        pieces, length = [], 0
        while piece := response.raw.read1(2**16, decode_content=True):
            pieces.append(piece)
            length += len(piece)
            if length > self._largest_bytes:
                told = f"{self._origin}: the answer is larger than {self._largest_bytes:,} bytes"
                raise InvalidDataError(f"{told}; ask for smaller pages, or raise largest_mb in filters.toml")
        return b"".join(pieces)

    def _route(self) -> Route:
        """Return how the server is reached, by what requests reads in the environment."""
        settings = self._session.merge_environment_settings(self._origin, {}, None, None, None)
        is_tls = self._origin.startswith("https:")
        return Route(
            self._origin,
            self._api.endpoint_variable,
            None if self._is_direct else select_proxy(self._origin, settings["proxies"]),
            settings["verify"] if is_tls and isinstance(settings["verify"], str) else None,
            (CONNECT_TIMEOUT_S, READ_TIMEOUT_S, transport.TOTAL_TIMEOUT_S),
        )

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.token:
            request.headers["Authorization"] = f"Bearer {self._access.token}"
        return request

    def _report(self, state: tenacity.RetryCallState) -> None:
        failed = state.outcome.exception() if state.outcome else None
        if not self._over.is_set():
            self._on_wait(Wait(str(failed), state.upcoming_sleep, state.attempt_number + 1, MAX_ATTEMPTS))

    def _pause(self, seconds: float) -> None:
        self._over.wait(seconds)

    def _count(self, error: EtlError) -> None:
        """Count a request that failed with all its attempts."""
        with self._lock:
            self._failures += 1
            if isinstance(error, UsageError) or self._failures >= FAILURE_THRESHOLD:
                self._lost = self._lost or error
                self._over.set()


def _backoff_s(state: tenacity.RetryCallState) -> float:
    """Return the wait before the next attempt: what the server asked for, else exponential with jitter."""
    failed = state.outcome.exception() if state.outcome else None
    if isinstance(failed, RetryableError) and failed.wait_s is not None:
        return failed.wait_s
    if isinstance(failed, RetryableError) and failed.is_late:
        return MAX_BACKOFF_S
    return tenacity.wait_exponential_jitter(multiplier=INITIAL_BACKOFF_S, max=MAX_BACKOFF_S, jitter=INITIAL_BACKOFF_S)(state)


def _query(page: str, link: str, paths: Collection[str]) -> str | None:
    """Return the query of a link of `page`; null where it is not an http(s) URL, or its path is none of `paths`."""
    try:
        split = urlsplit(urljoin(page, link))
        is_address = split.scheme in ("http", "https") and split.hostname and split.port != 0
    except ValueError:  # its host or port is not one
        return None
    return split.query if is_address and split.path in paths else None


def _user_agent() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']}/{project['version']}; python-requests/{requests.__version__}"
