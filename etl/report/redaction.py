"""Names of models above pg13 in texts of others, such as checks that quote what is wrong. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_CHARS = 3  # of a name: shorter ones would be found in many texts that are not about the model
_REPLACEMENT = "(name hidden)"


class Redaction:
    """Replaces names in texts, where they stand alone."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted({name for name in names if len(name) >= MIN_CHARS}, key=lambda name: (-len(name), name))

    def __call__(self, text: str) -> str:
        """Return a text without the names."""
        for name in self._names:
            if name in text:
                text = _replace(text, name)
        return text


def _replace(text: str, name: str) -> str:
    """Replace a name except where it is a part of a longer word."""
    parts = text.split(name)
    result = parts[0]
    for part in parts[1:]:
        is_within_word = (result[-1:].isalnum() and name[0].isalnum()) or (part[:1].isalnum() and name[-1].isalnum())
        result += (name if is_within_word else _REPLACEMENT) + part
    return result
