"""What a reply means: an answer, or to ask again and when, or to give up and why. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from etl.errors import BadAnswer, BadUsage, EtlError, Unavailable
from etl.files import parse_answer
from etl.inert import inert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.extract.api import Access, Api

LONGEST_TOLD_S = 330  # of a wait that a server asks for; the Hub's windows take 300 s
TAG = re.compile(r'(W/)?"[!#-~\x80-\xff]*"')
PASSING = {408, 425, 429, 500, 502, 503, 504, *range(520, 525)}
_MOST_VALUES = 1_000_000  # of a page: they take far more memory and time than its text; 100 large models of CivitAI have 300,000
_FOREVER = "too many pages"  # CivitAI's 429 that no waiting mends
_REFUSED: dict[int, tuple[type[EtlError], str]] = {
    401: (BadUsage, "the token is rejected, or one is due: mend, set or unset {tokens}"),
    403: (Unavailable, "it refuses this client or place; later, or from elsewhere, may work"),
    404: (BadAnswer, "there is no API at this address: has it moved?"),
    407: (BadUsage, "the proxy wants user and password; write them into HTTP_PROXY: http://user:password@host:port"),
    429: (Unavailable, "no waiting mends that: lower depth in filters.toml"),
    451: (Unavailable, "it does not answer in this region"),
}


@dataclass(frozen=True)
class Reply:
    """What came of one attempt at `origin`; header names in lower case; `link` is the address of the next page by the headers."""

    origin: str
    status: int
    reason: str
    headers: Mapping[str, str]
    link: str | None
    body: bytes  # decompressed


@dataclass(frozen=True)
class Answer:
    """A body and its value, with what its headers say: `link` is the address of the next page.

    Body and value are null where the server said that the body is the one of the tag that was sent along.
    """

    body: bytes | None
    value: Any
    etag: str | None
    link: str | None


class Again(Exception):
    """An attempt failed as it may not the next time: `error` is what to say if it does.

    `wait_s` is what the server asked for; what `is_late` takes a while to mend.
    """

    def __init__(self, error: EtlError, wait_s: float | None = None, *, is_late: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.wait_s, self.is_late = error, wait_s, is_late


def answer_of(api: Api, access: Access, reply: Reply) -> Answer:
    """Return the answer that a reply is.

    Raises:
        Again: it may be one later.
        EtlError: it will not be.
    """
    text, etag = reply.body.decode(errors="replace"), reply.headers.get("etag", "")
    if reply.status not in (200, 304):
        headers = {name: access.conceal(value) for name, value in reply.headers.items()}
        text = access.conceal(text)
        said = f"{reply.origin}: answered {reply.status} {inert(access.conceal(reply.reason))}: {inert(text)}"
        raise refusal(api, said, reply.status, headers, text)
    refuse_token(access, reply.body, reply.link or "", etag)
    tag = etag if TAG.fullmatch(etag) else None  # another would be refused when it is sent back
    if reply.status == 304:
        return Answer(None, None, tag, reply.link)
    return Answer(reply.body, _value(reply, text), tag, reply.link)


def refuse_token(access: Access, *texts: str | bytes) -> None:
    """Refuse what repeats our token, in any spelling: it would be written to disk, where no token may be.

    Raises:
        BadAnswer: one of the texts does.
    """
    if any(map(access.is_repeated, texts)):
        raise BadAnswer(f"{access.endpoint}: the answer repeats the token, so it is not kept; is this the right server?")


def _value(reply: Reply, text: str) -> Any:
    if (values := sum(map(reply.body.count, (b",", b"{", b"[")))) > _MOST_VALUES:
        much = f"about {values:,} values (expected at most {_MOST_VALUES:,})"
        raise BadAnswer(f"{reply.origin}: the answer has {much}; does the source ignore the size of a page?")
    try:
        return parse_answer(reply.body, reply.origin, unique=True)[1]
    except BadAnswer as error:
        if "json" not in reply.headers.get("content-type", "") or text.lstrip().startswith("<"):
            told = Unavailable(f"{reply.origin}: answered {inert(text)}, where JSON was due; later may work")
            raise Again(told, is_late=True) from error  # a page for people while the source is mended, say
        if isinstance(error.__cause__, json.JSONDecodeError | UnicodeDecodeError):
            raise Again(error) from error  # it may have been cut
        raise


def refusal(api: Api, said: str, status: int, headers: Mapping[str, str], text: str) -> EtlError | Again:
    """Return what an answer with a status other than 200 and 304 means; `said` is how a message begins."""
    if status in PASSING and not (status == 429 and _FOREVER in text):
        wait_s = _told_wait_s(headers, status)
        error = Unavailable(f"{said}; later may work")
        if wait_s is not None and wait_s > LONGEST_TOLD_S:
            return Unavailable(f"{said}; it asks to wait {wait_s:.0f} s")
        return Again(error, wait_s)
    if status in _REFUSED:
        kind, advice = _REFUSED[status]
    elif status >= 500:
        kind, advice = Unavailable, "later may work"
    elif status >= 400:
        kind, advice = BadAnswer, "it no longer takes this request: compare filters.toml with its documentation"
    elif status >= 300:
        kind, advice = BadAnswer, "it leads to {location}, which is not followed: if that is its address now, set {endpoint}"
    else:
        kind, advice = BadAnswer, "which is no page"
    location, tokens = inert(headers.get("location", "nowhere")), " or ".join(api.token_variables)
    return kind(f"{said}; {advice.format(location=location, tokens=tokens, endpoint=api.endpoint_variable)}")


def _told_wait_s(headers: Mapping[str, str], status: int) -> float | None:
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
