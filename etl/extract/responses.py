"""What an HTTP response means: a page, an error to retry and when, or a permanent error. No I/O."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, InvalidDataError, SourceUnavailableError, UsageError
from etl.core.text import sanitize
from etl.storage.json_files import parse_json_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.extract.credentials import Credentials
    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody

MAX_RETRY_AFTER_S = 330  # the Hub's windows take 300 s
ETAG = re.compile(r'(W/)?"[!#-~\x80-\xff]*"')
TRANSIENT = {408, 425, 429, 500, 502, 503, 504, *range(520, 525)}
_MAX_VALUES = 1_000_000  # in a page: values take far more memory and time than their text; 100 large CivitAI models have 300,000
_PERMANENT_429 = "too many pages"  # CivitAI's 429 that no wait resolves
_ERROR_ADVICE: dict[int, tuple[type[EtlError], str]] = {
    401: (UsageError, "the token was rejected, or one is required; fix, set or unset {tokens}"),
    403: (SourceUnavailableError, "it rejects this client or location; retry later or from elsewhere"),
    404: (InvalidDataError, "no API at this URL; has it moved?"),
    407: (UsageError, "the proxy requires user and password; set HTTP_PROXY to http://user:password@host:port"),
    429: (SourceUnavailableError, "waiting does not help; lower depth in filters.toml"),
    451: (SourceUnavailableError, "not available in this region"),
}


@dataclass(frozen=True)
class HttpReply:
    """The response to one attempt at `origin`: header names in lower case; `link` is the next-page URL of its `Link` header."""

    origin: str
    status: int
    reason: str
    headers: Mapping[str, str]
    link: str | None
    body: bytes  # decompressed


@dataclass(frozen=True)
class PageResponse:
    """A body with its ETag and next-page URL (`link`).

    The body is None for a 304: it is the one whose ETag was sent.
    """

    body: JsonBody | None
    etag: str | None
    link: str | None


class RetryableError(Exception):
    """A transient failure of one attempt; `error` is what to raise when no attempts remain.

    `wait_s` is the wait that the server requires; `use_max_backoff` is set where a short wait is unlikely to help.
    """

    def __init__(self, error: EtlError, wait_s: float | None = None, *, use_max_backoff: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.wait_s, self.use_max_backoff = error, wait_s, use_max_backoff


def parse_response(api: Source, credentials: Credentials, reply: HttpReply) -> PageResponse:
    """Return the page of a 200 or 304 response.

    Raises:
        RetryableError: a retry may succeed.
        EtlError: it will not.
    """
    text, etag = reply.body.decode(errors="replace"), reply.headers.get("etag", "")
    if reply.status not in (200, 304):
        headers = {name: credentials.redact(value) for name, value in reply.headers.items()}
        text = credentials.redact(text)
        status = f"{reply.origin}: HTTP {reply.status} {sanitize(credentials.redact(reply.reason))}".rstrip()
        message = f"{status}: {sanitize(text)}" if text else status
        raise classify_error(api, message, reply.status, headers, text)
    reject_echoed_token(credentials, reply.body, reply.link or "", etag)
    valid_etag = etag if ETAG.fullmatch(etag) else None  # requests refuses to send others
    if reply.status == 304:
        return PageResponse(None, valid_etag, reply.link)
    return PageResponse(_parse_body(reply, text), valid_etag, reply.link)


def reject_echoed_token(credentials: Credentials, *texts: str | bytes) -> None:
    """Reject texts that contain the token in any spelling: they would be written to disk, where no token may be.

    Raises:
        InvalidDataError: one of them does.
    """
    if any(map(credentials.is_echoed, texts)):
        raise InvalidDataError(
            f"{credentials.endpoint}: the response contains the token, so it is not stored; is this the right server?"
        )  # fmt: skip


def _parse_body(reply: HttpReply, text: str) -> JsonBody:
    if (count := sum(map(reply.body.count, (b",", b"{", b"[")))) > _MAX_VALUES:
        values = f"about {count:,} values (expected at most {_MAX_VALUES:,})"
        raise InvalidDataError(f"{reply.origin}: the response has {values}; does the source ignore the page size?")
    try:
        return parse_json_body(reply.body, reply.origin, unique=True)
    except InvalidDataError as error:
        if "json" not in reply.headers.get("content-type", "") or text.lstrip().startswith("<"):
            unavailable = SourceUnavailableError(f"{reply.origin}: not JSON (expected JSON, got {sanitize(text)}); retry later")
            raise RetryableError(unavailable, use_max_backoff=True) from error  # such as an HTML page during maintenance
        if isinstance(error.__cause__, json.JSONDecodeError | UnicodeDecodeError):
            raise RetryableError(error) from error  # it may have been truncated
        raise


def classify_error(api: Source, message: str, status: int, headers: Mapping[str, str], text: str) -> EtlError | RetryableError:
    """Return the error of a status other than 200 and 304; `message` is the start of its text."""
    if status in TRANSIENT and not (status == 429 and _PERMANENT_429 in text):
        wait_s = _retry_after_s(headers, status)
        if wait_s is not None and wait_s > MAX_RETRY_AFTER_S:
            limit = f"expected at most {MAX_RETRY_AFTER_S} s"
            return SourceUnavailableError(f"{message}; it requires a wait of {wait_s:.0f} s ({limit}); retry later")
        return RetryableError(SourceUnavailableError(f"{message}; retry later"), wait_s)
    kind, advice = _error_advice(status)
    location, tokens = sanitize(headers.get("location", "nowhere")), " or ".join(api.token_variables)
    return kind(f"{message}; {advice.format(location=location, tokens=tokens, endpoint=api.endpoint_variable)}")


def _error_advice(status: int) -> tuple[type[EtlError], str]:
    if status in _ERROR_ADVICE:
        return _ERROR_ADVICE[status]
    if status >= 500:
        return SourceUnavailableError, "retry later"
    if status >= 400:
        return InvalidDataError, "the API rejects this request; compare filters.toml with its documentation"
    if status >= 300:
        return InvalidDataError, "it redirects to {location}, which is not followed; if the API has moved there, set {endpoint}"
    return InvalidDataError, "expected status 200; has the API changed?"


def _retry_after_s(headers: Mapping[str, str], status: int) -> float | None:
    """Return the wait that the server requires: by the Hub's RateLimit if its window is used up, else by Retry-After."""
    for window in headers.get("ratelimit", "").split(",") if status == 429 else ():
        parameters = dict(part.strip().partition("=")[::2] for part in window.split(";"))
        if parameters.get("r") == "0" and (seconds := parameters.get("t", "")).isdecimal():
            return float(seconds) + 1
    retry_after = headers.get("retry-after", "").strip()
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # not a date, or one without a valid zone
        return None
