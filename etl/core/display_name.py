"""Display names without invisible characters. No I/O."""

from __future__ import annotations

import re
import unicodedata

# Control characters, bidirectional marks, Unicode's default-ignorable code points, and blank fillers.
# Joiners and the variation selectors of emoji are absent: they may shape the neighbouring characters.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SHAPERS = re.compile("[\u200c\u200d\ufe0e\ufe0f]")
_JOINER = "\u200d"
_JOINERS = ("\u200c", _JOINER)
_KEYCAP = "\u20e3"
# Scripts with joining letters: Arabic and related ones, those of India and Sri Lanka, Tibetan, Myanmar, Khmer, Mongolian, Adlam.
_JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua8ff\ufb50-\ufdff\ufe70-\ufefc\U0001e900-\U0001e95f]"
)


def clean_display_name(text: str) -> str:
    """Return a text without invisible characters, trimmed; joiners and selectors stay where they shape a neighbour."""
    text = _INVISIBLE.sub("", text)
    if _SHAPERS.search(text):
        cleaned = ""
        for index, char in enumerate(text):
            if not _SHAPERS.match(char) or _has_effect(char, cleaned[-1:], text[index + 1 : index + 2]):
                cleaned += char
        text = cleaned
    return text.strip()


def _has_effect(char: str, before: str, after: str) -> bool:
    """Return whether a joiner is between joining letters or between emoji, or a selector follows a symbol."""
    is_symbol = before != "" and unicodedata.category(before) in ("So", "Sk", "Sm")
    if char not in _JOINERS:
        return is_symbol or after == _KEYCAP
    if char == _JOINER and (is_symbol or before == "\ufe0f"):
        return after != "" and unicodedata.category(after) == "So"
    ends_cluster = before != "" and unicodedata.combining(before) == 9  # a virama, which a joiner shapes even at the end
    return _JOINING.match(before) is not None and (ends_cluster or _JOINING.match(after) is not None)
