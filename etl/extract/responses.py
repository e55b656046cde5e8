"""What a reply means: an answer, or to ask again and when, or to give up and why. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from etl.core.errors import EtlError, InvalidDataError, SourceUnavailableError, UsageError
from etl.core.text import sanitize
from etl.storage.json_files import parse_json_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.extract.credentials import Credentials
    from etl.sources.source import Source

MAX_RETRY_AFTER_S = 330  # of a wait that a server asks for; the Hub's windows take 300 s
ETAG = re.compile(r'(W/)?"[!#-~\x80-\xff]*"')
TRANSIENT = {408, 425, 429, 500, 502, 503, 504, *range(520, 525)}
_MAX_VALUES = 1_000_000  # of a page: they take far more memory and time than its text; 100 large models of CivitAI have 300,000
_PERMANENT_429 = "too many pages"  # CivitAI's 429 that no waiting mends
_ERROR_ADVICE: dict[int, tuple[type[EtlError], str]] = {
    401: (UsageError, "the token is rejected, or one is due: mend, set or unset {tokens}"),
    403: (SourceUnavailableError, "it refuses this client or place; later, or from elsewhere, may work"),
    404: (InvalidDataError, "there is no API at this address: has it moved?"),
    407: (UsageError, "the proxy wants user and password; write them into HTTP_PROXY: http://user:password@host:port"),
    429: (SourceUnavailableError, "no waiting mends that: lower depth in filters.toml"),
    451: (SourceUnavailableError, "it does not answer in this region"),
}


@dataclass(frozen=True)
class HttpReply:
    """What came of one attempt at `origin`; header names in lower case; `link` is the address of the next page by the headers."""

    origin: str
    status: int
    reason: str
    headers: Mapping[str, str]
    link: str | None
    body: bytes  # decompressed


@dataclass(frozen=True)
class PageResponse:
    """A body and its value, with what its headers say: `link` is the address of the next page.

    Body and value are null where the server said that the body is the one of the tag that was sent along.
    """

    body: bytes | None
    value: Any
    etag: str | None
    link: str | None


class RetryableError(Exception):
    """An attempt failed as it may not the next time: `error` is what to say if it does.

    `wait_s` is what the server asked for; what `is_late` takes a while to mend.
    """

    def __init__(self, error: EtlError, wait_s: float | None = None, *, is_late: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.wait_s, self.is_late = error, wait_s, is_late


def parse_response(api: Source, access: Credentials, reply: HttpReply) -> PageResponse:
    """Return the answer that a reply is.

    Raises:
        Again: it may be one later.
        EtlError: it will not be.
    """
    text, etag = reply.body.decode(errors="replace"), reply.headers.get("etag", "")
    if reply.status not in (200, 304):
        headers = {name: access.redact(value) for name, value in reply.headers.items()}
        text = access.redact(text)
        said = f"{reply.origin}: answered {reply.status} {sanitize(access.redact(reply.reason))}: {sanitize(text)}"
        raise classify_error(api, said, reply.status, headers, text)
    reject_echoed_token(access, reply.body, reply.link or "", etag)
    tag = etag if ETAG.fullmatch(etag) else None  # another would be refused when it is sent back
    if reply.status == 304:
        return PageResponse(None, None, tag, reply.link)
    return PageResponse(reply.body, _value(reply, text), tag, reply.link)


def reject_echoed_token(access: Credentials, *texts: str | bytes) -> None:
    """Refuse what repeats our token, in any spelling: it would be written to disk, where no token may be.

    Raises:
        BadAnswer: one of the texts does.
    """
    if any(map(access.is_echoed, texts)):
        raise InvalidDataError(f"{access.endpoint}: the answer repeats the token, so it is not kept; is this the right server?")


def _value(reply: HttpReply, text: str) -> Any:
    if (values := sum(map(reply.body.count, (b",", b"{", b"[")))) > _MAX_VALUES:
        much = f"about {values:,} values (expected at most {_MAX_VALUES:,})"
        raise InvalidDataError(f"{reply.origin}: the answer has {much}; does the source ignore the size of a page?")
    try:
        return parse_json_body(reply.body, reply.origin, unique=True)[1]
    except InvalidDataError as error:
        if "json" not in reply.headers.get("content-type", "") or text.lstrip().startswith("<"):
            told = SourceUnavailableError(f"{reply.origin}: answered {sanitize(text)}, where JSON was due; later may work")
            raise RetryableError(told, is_late=True) from error  # a page for people while the source is mended, say
        if isinstance(error.__cause__, json.JSONDecodeError | UnicodeDecodeError):
            raise RetryableError(error) from error  # it may have been cut
        raise


def classify_error(api: Source, said: str, status: int, headers: Mapping[str, str], text: str) -> EtlError | RetryableError:
    """Return what an answer with a status other than 200 and 304 means; `said` is how a message begins."""
    if status in TRANSIENT and not (status == 429 and _PERMANENT_429 in text):
        wait_s = _retry_after_s(headers, status)
        error = SourceUnavailableError(f"{said}; later may work")
        if wait_s is not None and wait_s > MAX_RETRY_AFTER_S:
            return SourceUnavailableError(f"{said}; it asks to wait {wait_s:.0f} s")
        return RetryableError(error, wait_s)
    if status in _ERROR_ADVICE:
        kind, advice = _ERROR_ADVICE[status]
    elif status >= 500:
        kind, advice = SourceUnavailableError, "later may work"
    elif status >= 400:
        kind, advice = InvalidDataError, "it no longer takes this request: compare filters.toml with its documentation"
    elif status >= 300:
        kind, advice = (
            InvalidDataError,
            "it leads to {location}, which is not followed: if that is its address now, set {endpoint}",
        )
    else:
        kind, advice = InvalidDataError, "which is no page"
    location, tokens = sanitize(headers.get("location", "nowhere")), " or ".join(api.token_variables)
    return kind(f"{said}; {advice.format(location=location, tokens=tokens, endpoint=api.endpoint_variable)}")


def _retry_after_s(headers: Mapping[str, str], status: int) -> float | None:
    """Return the seconds that the server asks to wait: of the Hub's RateLimit where its window is used up, else Retry-After."""
    for window in headers.get("ratelimit", "").split(",") if status == 429 else ():
        parameters = dict(part.strip().partition("=")[::2] for part in window.split(";"))
        if parameters.get("r") == "0" and (seconds := parameters.get("t", "")).isdecimal():
            return float(seconds) + 1
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # no date, one without a zone, or with one that is none
        return None
