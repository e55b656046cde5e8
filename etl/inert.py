"""Remote text that a person is shown."""

from __future__ import annotations


def inert(text: str, most: int = 200) -> str:
    """Return a remote text fit for a message or a terminal: printable, on one line, at most so many characters."""
    words = " ".join(text[: 4 * most].split())
    words = "".join(each if each.isprintable() else "�" for each in words)
    return words if len(words) <= most else f"{words[:most]}…"
