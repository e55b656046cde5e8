"""Sanitising remote text for messages and terminals. No I/O."""

from __future__ import annotations


def replace_unprintable(text: str) -> str:
    """Return a text with U+FFFD for each unprintable character, so that it cannot control a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def sanitize(text: str, max_chars: int = 200) -> str:
    """Return a remote text for a message or a terminal: printable, on one line, cut after `max_chars` characters."""
    line = replace_unprintable(" ".join(text[: 4 * max_chars].split()))
    return line if len(line) <= max_chars else f"{line[:max_chars]}…"
