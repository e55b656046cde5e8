"""Text in messages: remote text sanitised for terminals, and how similar a suggested name must be. No I/O."""

from __future__ import annotations

import json

MIN_SIMILARITY = 0.6  # of a suggested name, as difflib measures it: of both texts together, 60 % of the characters match


def replace_unprintable(text: str) -> str:
    """Return a text with U+FFFD for each unprintable character, so that it cannot control a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def sanitize(text: str, max_chars: int = 200) -> str:
    """Return a remote text for a message or a terminal: printable, on one line, cut after `max_chars` characters."""
    line = replace_unprintable(" ".join(text[: 4 * max_chars].split()))
    return line if len(line) <= max_chars else f"{line[:max_chars]}…"


def quote(text: str) -> str:
    """Return a remote text as a JSON string for a terminal: complete and on one line, with its unprintable characters escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in quoted)
