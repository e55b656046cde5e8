"""Remote text that a person is shown."""

from __future__ import annotations


def replace_unprintable(text: str) -> str:
    """Return a text that moves no cursor and hides nothing: what cannot be printed is replaced."""
    return "".join(each if each.isprintable() else "�" for each in text)


def sanitize(text: str, most: int = 200) -> str:
    """Return a remote text fit for a message or a terminal: printable, on one line, at most so many characters."""
    words = replace_unprintable(" ".join(text[: 4 * most].split()))
    return words if len(words) <= most else f"{words[:most]}…"
