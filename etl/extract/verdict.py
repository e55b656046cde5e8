"""What an answer means that is not a page: ask again and when, or give up and why. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from etl.errors import BadAnswer, BadUsage, EtlError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.extract.api import Api

LONGEST_TOLD_S = 330  # of a wait that a server asks for; the Hub's windows take 300 s
_PASSING = {408, 425, 429, 500, 502, 503, 504, *range(520, 525)}
_FOREVER = "too many pages"  # CivitAI's 429 that no waiting mends
_REFUSED: dict[int, tuple[type[EtlError], str]] = {
    403: (Unavailable, "it refuses this client or place; later, or from elsewhere, may work"),
    404: (BadAnswer, "there is no API at this address: has it moved?"),
    451: (Unavailable, "it does not answer in this region"),
}


class Again(Exception):
    """An attempt failed as it may not the next time: `error` is what to say if it does, `wait_s` what the server asked for."""

    def __init__(self, error: EtlError, wait_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.wait_s = error, wait_s


def refusal(api: Api, said: str, status: int, headers: Mapping[str, str], text: str) -> EtlError | Again:
    """Return what an answer with a status other than 200 and 304 means; `said` is how a message begins."""
    if status in _PASSING and _FOREVER not in text:
        wait_s = _told_wait_s(headers, status)
        error = Unavailable(f"{said}; later may work")
        if wait_s is not None and wait_s > LONGEST_TOLD_S:
            return Unavailable(f"{said}; it asks to wait {wait_s:.0f} s")
        return Again(error, wait_s)
    if status == 401:
        return BadUsage(f"{said}; the token is rejected: mend or unset {' or '.join(api.token_variables)}")
    if status in _REFUSED:
        kind, advice = _REFUSED[status]
    elif status == 429 or status >= 500:
        kind, advice = Unavailable, "later may work"
    elif status < 400:
        kind, advice = BadAnswer, "it leads to another address, which is not followed"
    else:
        kind, advice = BadAnswer, "it no longer takes this request: compare filters.toml with its documentation"
    return kind(f"{said}; {advice}")


def _told_wait_s(headers: Mapping[str, str], status: int) -> float | None:
    """Return the seconds that the server asks to wait: of the Hub's RateLimit where its window is used up, else Retry-After."""
    window = re.search(r";\s*r=0\b.*?;\s*t=(\d+)", headers.get("RateLimit", ""))
    if status == 429 and window:
        return int(window[1]) + 1.0
    told = headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
