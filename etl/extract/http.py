"""Polite requests: within the rate of their source, again when it may help, with the token for its own origin only."""

from __future__ import annotations

import logging
import threading
import time
import tomllib
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import requests
import tenacity
import urllib3
from pyrate_limiter import InMemoryBucket, Limiter, SingleBucketFactory
from pyrate_limiter import Rate as Window

from etl.errors import BadAnswer, BadUsage, EtlError, Unavailable
from etl.extract import line
from etl.extract.verdict import Again, Answer, Reply, answer_of, refuse_token
from etl.files import PROJECT
from etl.inert import inert

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from etl.extract.api import Access, Api
    from etl.filters import Rate

_log = logging.getLogger(__name__)

CONNECT_S = 10
READ_S = 90  # between two pieces: a page of CivitAI may be some megabytes, and its own router waits 30 s
ATTEMPTS = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
DEADLINE_S = 900  # within which the last attempt at a request begins, waits included
LOST_AFTER = 3  # requests that failed in a row, each with all its attempts


class NotAsked(EtlError):
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

    A source that rejects the token, or fails LOST_AFTER requests in a row, is not asked again.
    """

    def __init__(self, session: requests.Session, api: Api, access: Access, rate: Rate, largest_bytes: int) -> None:
        split = urlsplit(access.endpoint)
        self._origin = f"{split.scheme}://{split.netloc}"
        self._base = split.path
        self._api, self._access = api, access
        self._session = session
        self._largest_bytes = largest_bytes  # of a body, decompressed
        self._lost: EtlError | None = None
        self._over = threading.Event()  # ends every wait
        self._failures, self._lock = 0, threading.Lock()
        limiter = Limiter(
            # It keeps the time of every request of a run, which are few: no thread need sweep them out.
            SingleBucketFactory(InMemoryBucket([Window(rate.requests, int(rate.seconds * 1000))]), schedule_leak=False)
        )
        # limit_statuses: one 429 is no reason to hold back a whole window of requests.
        adapter = line.Line(limiter=limiter, per_host=False, limit_statuses=(), pool_maxsize=rate.in_flight)
        session.mount(access.endpoint + api.path, adapter)

    def get(self, target: str, etag: str | None) -> Answer:
        """Ask for path and query below the endpoint; wait for the turn that the rate allows, before each attempt.

        Raises:
            Unavailable: no connection, a timeout, or an answer that may be better later, after all attempts.
            BadUsage: the token was rejected.
            BadAnswer: the request was, or what came is no JSON.
            NotAsked: the source was given up.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Again),
            wait=_wait_s,
            stop=tenacity.stop_any(tenacity.stop_after_attempt(ATTEMPTS), tenacity.stop_before_delay(DEADLINE_S)),
            sleep=self._pause,
            reraise=True,
        )
        try:
            for attempt in attempts:
                with attempt:
                    answer = self._attempt(target, etag, attempt.retry_state)
        except Again as again:
            self._count(again.error)
            raise again.error from again
        except EtlError as error:
            self._count(error)
            raise
        with self._lock:
            self._failures = 0
        return answer

    def _attempt(self, target: str, etag: str | None, state: tenacity.RetryCallState) -> Answer:
        """Ask one time; log how it went, without a token, which is in no target and no error."""
        if self._lost:
            raise NotAsked(self._origin, self._lost)
        start = time.monotonic()
        told: list[object] = []
        try:
            reply = self._ask(target, etag)
            told.append(f"{reply.status}, {len(reply.body):,} bytes")
            return answer_of(self._api, self._access, reply)
        except (Again, EtlError) as error:
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
        self._lost = self._lost or Unavailable("stopped")
        self._over.set()

    def first(self, asks: Mapping[str, Any]) -> str:
        """Return path and query of the first page of a stream."""
        return self._base + self._api.first(asks)

    def read(self, target: str, value: Any, link: str | None) -> tuple[int, str | None]:
        """Return how many records the value of an answer to `target` has, and the target of the next page, null at the end.

        A link counts by its path and query, which are asked of the configured endpoint: a mirror may pass on links that name
        the host it copies. Nothing is ever sent to the host of a link.

        Raises:
            BadAnswer: the value is not a page, or its link is not an http(s) URL or not of the API's path.
        """
        try:
            records = len(self._api.records(value))
            following = self._api.following(target, link, value)
        except (TypeError, KeyError, AttributeError) as error:
            raise BadAnswer(f"{self._origin}: the answer has not the shape of a page; has the source changed?") from error
        if following is None:
            return records, None
        query = _query(self._origin + target, following, {self._base + self._api.path, self._api.path})
        refuse_token(self._access, unquote(following), unquote(query or ""))
        if query is None:
            told = f"{self._origin}: the next page is elsewhere (expected {self._api.path}, got {inert(following)})"
            raise BadAnswer(f"{told}; it is not followed: is {self._api.endpoint_variable} the address of this API?")
        return records, f"{self._base}{self._api.path}?{query}"

    def _ask(self, target: str, etag: str | None) -> Reply:
        """Ask one time, when it is its turn."""
        headers = {"If-None-Match": etag} if etag else {}
        try:
            # A redirect would lead to another host or to a page for people. Without `auth`, a .netrc would be sent.
            with self._session.get(
                self._origin + target, headers=headers, auth=partial(_sign, token=self._access.token),
                timeout=(CONNECT_S, READ_S), allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                body = self._body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Again(Unavailable(f"{self._origin}: {_cause(error)}; later may work")) from error
        link = response.links.get("next", {}).get("url")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(self._origin, response.status_code, response.reason or "", headers, link, body)

    def _body(self, response: requests.Response) -> bytes:
        """Return the body, decompressed; piece by piece, so that its length is not without end."""
        pieces, length = [], 0
        while piece := response.raw.read1(2**16, decode_content=True):
            pieces.append(piece)
            length += len(piece)
            if length > self._largest_bytes:
                told = f"{self._origin}: the answer is larger than {self._largest_bytes:,} bytes"
                raise BadAnswer(f"{told}; ask for smaller pages, or raise largest_mb in filters.toml")
        return b"".join(pieces)

    def _pause(self, seconds: float) -> None:
        self._over.wait(seconds)

    def _count(self, error: EtlError) -> None:
        """Count a request that failed with all its attempts."""
        with self._lock:
            self._failures += 1
            if isinstance(error, BadUsage) or self._failures >= LOST_AFTER:
                self._lost = self._lost or error
                self._over.set()


def _wait_s(state: tenacity.RetryCallState) -> float:
    """Return the wait before the next attempt: what the server asked for, else exponential with jitter."""
    failed = state.outcome.exception() if state.outcome else None
    if isinstance(failed, Again) and failed.wait_s is not None:
        return failed.wait_s
    if isinstance(failed, Again) and failed.is_late:
        return LONGEST_WAIT_S
    return tenacity.wait_exponential_jitter(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S, jitter=FIRST_WAIT_S)(state)


def _query(page: str, link: str, paths: Collection[str]) -> str | None:
    """Return the query of a link of `page`; null where it is not an http(s) URL, or its path is none of `paths`."""
    try:
        split = urlsplit(urljoin(page, link))
        is_address = split.scheme in ("http", "https") and split.hostname and split.port != 0
    except ValueError:  # its host or port is not one
        return None
    return split.query if is_address and split.path in paths else None


def _sign(request: requests.PreparedRequest, token: str | None) -> requests.PreparedRequest:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request


def _cause(error: Exception) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_S} s"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"silent for {READ_S} s, or the answer not whole within {line.WHOLE_S} s"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "the answer broke off"


def _user_agent() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']}/{project['version']}; python-requests/{requests.__version__}"
