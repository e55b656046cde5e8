"""Model ids."""

from __future__ import annotations


def model_key(identity: object) -> str:
    """Return an id's key, which is equal for all spellings of it: the Hub's ids are case-insensitive."""
    return str(identity).casefold()
