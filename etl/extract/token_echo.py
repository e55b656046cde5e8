"""Whether a response contains the token, however JSON, URLs and headers spell it. No I/O."""

from __future__ import annotations

import re
from functools import lru_cache

_ROUNDS = 8  # of nested escapes, such as %2568 or \u005cu0068
_ESCAPE_CHARACTERS = "%\\u0123456789abcdefABCDEF"  # what an escape consists of


def contains_token(text: bytes, token: str) -> bool:
    r"""Return whether a text contains the token, plain or with any of its characters escaped; linear in the text.

    Escapes are those of JSON (`\u0068`, `\/`) and of URLs (`%68`), with hex digits of either case, nested up to 8 times.
    They are decoded in the raw text, since keys contain them too. The token is ASCII without backslashes.
    """
    plain = token.encode()
    ignores_backslashes = "/" in token  # for \/, and for those that a decoded escape leaves
    for _ in range(_ROUNDS):
        if plain in (text.replace(b"\\", b"") if ignores_backslashes else text):
            return True
        decoded = 0
        for escape in _escapes(token):
            text, count = escape.subn(_decode, text)
            decoded += count
        if not decoded:
            return False
        ignores_backslashes = True
    return plain in text.replace(b"\\", b"")


@lru_cache(maxsize=8)
def _escapes(token: str) -> tuple[re.Pattern[bytes], ...]:
    """Return patterns of an escaped character of the token or of an escape; most pages contain none.

    There are two patterns because each begins with a literal, which is fast to search for.
    """
    codes = "|".join(sorted(f"{ord(character):02x}" for character in {*token, *_ESCAPE_CHARACTERS}))
    return tuple(re.compile(rf"{prefix}(?i:({codes}))".encode()) for prefix in (r"\\u00", "%"))


def _decode(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode())
