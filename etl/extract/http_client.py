"""HTTP client: rate-limited, retrying, and sending a source's token to its own origin only."""

from __future__ import annotations

import logging
import time
import tomllib
from typing import TYPE_CHECKING, NamedTuple

import requests
import tenacity
import urllib3
from requests.utils import select_proxy

from etl.core.errors import EtlError, InvalidDataError
from etl.core.layout import PROJECT
from etl.extract import transport
from etl.extract.circuit_breaker import CircuitBreaker
from etl.extract.credentials import is_loopback
from etl.extract.network_errors import Route, classify_failure
from etl.extract.pagination import Pagination
from etl.extract.responses import ETAG, HttpReply, PageResponse, RetryableError, parse_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source_config import Rate
    from etl.extract.credentials import Credentials
    from etl.sources.source import Source

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 90  # between two reads: a page of CivitAI may have several megabytes, and its own router waits 30 s
MAX_ATTEMPTS = 6
INITIAL_BACKOFF_S, MAX_BACKOFF_S = 1.0, 30.0
RETRY_DEADLINE_S = 900  # within which the last attempt at a request begins, waits included


class Wait(NamedTuple):
    """Why a request waits, and before which attempt; `seconds` is None while it waits for the rate limit."""

    reason: str
    seconds: float | None = None
    attempt: int = 1
    attempts: int = MAX_ATTEMPTS


def session() -> requests.Session:
    """Return a session that identifies this project and keeps connections open between requests."""
    result = requests.Session()
    result.headers.update({"User-Agent": _user_agent(), "Accept": "application/json", "Accept-Encoding": "gzip"})
    return result


class Client:
    """Fetches the pages of one source; threads may share it.

    `on_wait` is called in the thread of a request before it waits.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- the source, its limits, and a callback
        self, session: requests.Session, api: Source, credentials: Credentials, rate: Rate, max_response_bytes: int,
        on_wait: Callable[[Wait], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.pagination = Pagination(api, credentials)
        self._origin = self.pagination.origin
        self._api, self._credentials = api, credentials
        self._session = session
        self._max_response_bytes = max_response_bytes  # of a decompressed body
        self._circuit = CircuitBreaker(self._origin)
        self._on_wait = on_wait
        rate_wait = Wait(f"{self._origin}: rate limit of {rate.requests} requests in {rate.seconds:g} s")
        limiter = transport.InterruptibleLimiter(rate, self._circuit.stopped, lambda: on_wait(rate_wait))
        self._is_direct = is_loopback(credentials.endpoint)  # a proxy would see a token that is sent without TLS
        prefix = requests.Request("GET", credentials.endpoint + api.path).prepare().url or ""
        session.mount(prefix, transport.TotalTimeoutAdapter(limiter, rate.in_flight, is_direct=self._is_direct))

    def fetch(self, request: str, etag: str | None) -> PageResponse:
        """Return the response to path and query, after retries; each attempt waits for the rate limit.

        Raises:
            SourceUnavailableError: no connection, a timeout, or a transient error, after all attempts.
            UsageError: the token was rejected, or a network setting is wrong.
            InvalidDataError: the request was rejected, or the response is not JSON.
            CircuitOpenError: the source gets no further requests in this run.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetryableError),
            wait=_backoff_s,
            stop=tenacity.stop_any(tenacity.stop_after_attempt(MAX_ATTEMPTS), tenacity.stop_before_delay(RETRY_DEADLINE_S)),
            before_sleep=self._report_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            for attempt in attempts:
                with attempt:
                    response = self._try_once(request, etag, attempt.retry_state)
        except RetryableError as failure:
            self._circuit.record_failure(failure.error)
            raise failure.error from failure
        except EtlError as error:
            self._circuit.record_failure(error)
            raise
        self._circuit.record_success()
        return response

    def stop(self) -> None:
        """End all waits; send nothing more."""
        self._circuit.stop()

    def _try_once(self, request: str, etag: str | None, state: tenacity.RetryCallState) -> PageResponse:
        """Send a request once and log the result; neither requests nor errors contain a token."""
        self._circuit.check()
        start = time.monotonic()
        result: list[object] = []
        try:
            reply = self._send(request, etag)
            result.append(f"{reply.status}, {len(reply.body):,} bytes")
            return parse_response(self._api, self._credentials, reply)
        except (RetryableError, EtlError) as error:
            result.append(error)
            raise
        finally:
            _log.info(
                "%s%s: attempt %d, waited %.1f s, took %.2f s: %s",
                self._origin, request, state.attempt_number, state.upcoming_sleep, time.monotonic() - start,
                ": ".join(map(str, result)),
            )  # fmt: skip

    def _send(self, request: str, etag: str | None) -> HttpReply:
        """Send a request once, when the rate limit allows it."""
        headers = {"If-None-Match": etag} if etag and ETAG.fullmatch(etag) else {}  # a ledger may have been edited
        try:
            # A redirect would lead to another host or to an HTML page. Without `auth`, requests would send a .netrc's password.
            with self._session.get(
                self._origin + request, headers=headers, auth=self._authorize,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                body = self._read_body(response)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' errors are OSErrors
            self._circuit.check(cause=error)  # it may have opened while the request waited
            raise classify_failure(error, self._route()) from error
        link = response.links.get("next", {}).get("url")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(self._origin, response.status_code, response.reason or "", headers, link, body)

    def _read_body(self, response: requests.Response) -> bytes:
        """Return the decompressed body, read in chunks so that its length can be limited."""
        chunks, length = [], 0
        while chunk := response.raw.read1(2**16, decode_content=True):
            chunks.append(chunk)
            length += len(chunk)
            if length > self._max_response_bytes:
                problem = f"the response is larger than {self._max_response_bytes:,} bytes"
                raise InvalidDataError(f"{self._origin}: {problem}; lower page or raise largest_mb in filters.toml")
        return b"".join(chunks)

    def _route(self) -> Route:
        """Return how the server is reached, by the environment variables that requests reads."""
        settings = self._session.merge_environment_settings(self._origin, {}, None, None, None)
        is_tls = self._origin.startswith("https:")
        return Route(
            self._origin,
            self._api.endpoint_variable,
            None if self._is_direct else select_proxy(self._origin, settings["proxies"]),
            settings["verify"] if is_tls and isinstance(settings["verify"], str) else None,
            (CONNECT_TIMEOUT_S, READ_TIMEOUT_S, transport.TOTAL_TIMEOUT_S),
        )

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._credentials.token:
            request.headers["Authorization"] = f"Bearer {self._credentials.token}"
        return request

    def _report_wait(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self._circuit.stopped.is_set():
            self._on_wait(Wait(str(error), state.upcoming_sleep, state.attempt_number + 1, MAX_ATTEMPTS))

    def _sleep(self, seconds: float) -> None:
        self._circuit.stopped.wait(seconds)


def _backoff_s(state: tenacity.RetryCallState) -> float:
    """Return the wait before the next attempt: what the server requires, else exponential with jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RetryableError) and error.wait_s is not None:
        return error.wait_s
    if isinstance(error, RetryableError) and error.use_max_backoff:
        return MAX_BACKOFF_S
    return tenacity.wait_exponential_jitter(multiplier=INITIAL_BACKOFF_S, max=MAX_BACKOFF_S, jitter=INITIAL_BACKOFF_S)(state)


def _user_agent() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']}/{project['version']}; python-requests/{requests.__version__}"
