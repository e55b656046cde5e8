"""One polite request: within the rate of its source, with timeouts, and with the token for its own origin only."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
from pyrate_limiter import InMemoryBucket, Limiter, SingleBucketFactory
from pyrate_limiter import Rate as Window
from requests_ratelimiter import LimiterAdapter

from etl.errors import BadAnswer, BadUsage, EtlError, Unavailable
from etl.files import PROJECT, parse_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.extract.api import Access, Api
    from etl.filters import Rate

CONNECT_S = 10
READ_S = 90  # a page of CivitAI may be some megabytes, and its own router waits 30 s
_LONGEST = 200  # characters of a server's own words in a message


@dataclass(frozen=True)
class Answer:
    """A body, decompressed, with what its headers say: `link` is the address of the next page.

    `body` is null where the server said that it is the one of the tag that was sent along.
    """

    body: bytes | None
    etag: str | None
    link: str | None


def session() -> requests.Session:
    """Return a session that says who asks; it keeps connections open between requests."""
    made = requests.Session()
    made.headers.update({"User-Agent": _user_agent(), "Accept": "application/json", "Accept-Encoding": "gzip"})
    return made


class Client:
    """Asks one source, and reads what it says about its pages; threads may share it."""

    def __init__(self, session: requests.Session, api: Api, access: Access, rate: Rate) -> None:
        split = urlsplit(access.endpoint)
        self._origin = f"{split.scheme}://{split.netloc}"
        self._base = split.path
        self._api, self._token = api, access.token
        self._session = session
        limiter = Limiter(
            # It keeps the time of every request of a run, which are few: no thread need sweep them out.
            SingleBucketFactory(InMemoryBucket([Window(rate.requests, int(rate.seconds * 1000))]), schedule_leak=False)
        )
        # limit_statuses: by default one 429 would count as a whole window of requests.
        adapter = LimiterAdapter(limiter=limiter, per_host=False, limit_statuses=(), pool_maxsize=rate.in_flight)
        session.mount(access.endpoint + api.path, adapter)

    def get(self, target: str, etag: str | None) -> Answer:
        """Ask for path and query below the endpoint; wait for the turn that the rate allows.

        Raises:
            Unavailable: no connection, a timeout, or an answer that may be better later.
            BadUsage: the token was rejected.
            BadAnswer: the request was.
        """
        headers = {"If-None-Match": etag} if etag else {}
        try:
            # A redirect would lead to another host or to a page for people. Without `auth`, a .netrc would be sent.
            response = self._session.get(
                self._origin + target, headers=headers, auth=partial(_sign, token=self._token),
                timeout=(CONNECT_S, READ_S), allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise Unavailable(f"{self._origin}: {_cause(error)}; later may work") from error
        if response.status_code not in (200, 304):
            raise self._refusal(response)
        link = response.links.get("next", {}).get("url")
        return Answer(response.content if response.status_code == 200 else None, response.headers.get("ETag"), link)

    def first(self, asks: Mapping[str, Any]) -> str:
        """Return path and query of the first page of a stream."""
        return self._base + self._api.first(asks)

    def read(self, target: str, body: bytes, answer: Answer) -> tuple[int, str | None]:
        """Return how many records the body of an answer to `target` has, and the target of the next page, null at the end.

        Raises:
            BadAnswer: the body is not a page, or its next page is of another origin.
        """
        _, value = parse_answer(body, self._origin)
        try:
            records = len(self._api.records(value))
            following = self._api.following(target, answer.link, value)
        except (TypeError, KeyError, AttributeError) as error:
            raise BadAnswer(f"{self._origin}: the answer has not the shape of a page; has the source changed?") from error
        if following is None:
            return records, None
        split = urlsplit(urljoin(self._origin + target, following))
        if f"{split.scheme}://{split.netloc}" != self._origin:
            raise BadAnswer(f"{self._origin}: the next page is of another origin, {inert(following)}; it is not followed")
        return records, f"{split.path}?{split.query}"

    def _refusal(self, response: requests.Response) -> EtlError:
        status = response.status_code
        said = f"{self._origin}: answered {status} {inert(response.reason or '')}: {inert(response.text)}"
        if status == 401:
            return BadUsage(f"{said}; the token is rejected: mend or unset {self._api.token_variable}")
        if status == 451:
            return Unavailable(f"{said}; it does not answer in this region")
        if status in (403, 408, 425, 429) or status >= 500:
            return Unavailable(f"{said}; later may work")
        return BadAnswer(f"{said}; the request is not one that it takes")


def inert(text: str) -> str:
    """Return a remote text fit for a message: printable, on one line, short."""
    words = " ".join(text[: 4 * _LONGEST].split())
    words = "".join(each if each.isprintable() else "�" for each in words)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _sign(request: requests.PreparedRequest, token: str | None) -> requests.PreparedRequest:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_S} s"
    if isinstance(error, requests.Timeout):
        return f"no answer within {READ_S} s"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"the answer broke off ({type(error).__name__})"


def _user_agent() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']}/{project['version']}; python-requests/{requests.__version__}"
