"""Ids of models."""

from __future__ import annotations


def model_key(identity: object) -> str:
    """Return what all spellings of an id share: the Hub's ids are unique regardless of case."""
    return str(identity).casefold()
