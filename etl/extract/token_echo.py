"""Whether an answer repeats a token, however JSON, URLs and headers may spell it. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_ROUNDS = 8  # of escapes within escapes, such as %2568 or \u005cu0068
_OF_ESCAPES = "%\\u0123456789abcdefABCDEF"  # what an escape may be spelled of


def contains_token(text: bytes, token: str) -> bool:
    r"""Return whether a text has the token, as it is or with any of its characters escaped; linear in the text.

    Escapes are those of JSON (`\u0068`, `\/`) and of URLs (`%68`), with hex digits of either case, up to 8 within each other.
    They are decoded in the raw text, where they also stand in keys. The token is ASCII without backslashes.
    """
    plain = token.encode()
    has_backslashes = "/" in token  # that matter: \/, or those that an escape leaves
    for _ in range(_ROUNDS):
        if plain in (text.replace(b"\\", b"") if has_backslashes else text):
            return True
        decoded = 0
        for escape in _escapes(token):
            text, count = escape.subn(_decode, text)
            decoded += count
        if not decoded:
            return False
        has_backslashes = True
    return plain in text.replace(b"\\", b"")


@lru_cache(maxsize=8)
def _escapes(token: str) -> tuple[re.Pattern[bytes], ...]:
    """Return what matches an escaped character of the token or of an escape; most pages have none.

    There are two patterns since each begins with what is quick to look for.
    """
    codes = "|".join(sorted(f"{ord(each):02x}" for each in {*token, *_OF_ESCAPES}))
    return tuple(re.compile(rf"{mark}(?i:({codes}))".encode()) for mark in (r"\\u00", "%"))


def _decode(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode())
