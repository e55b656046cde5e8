"""The content level of a CivitAI model."""

from __future__ import annotations

LEVELS = {1: "pg", 2: "pg13", 4: "r", 8: "x", 16: "xxx"}


def from_evidence(*, nsfw: bool, nsfw_level: float | None) -> str:
    """Return the level of the lowest bit set in `nsfw_level`, raised to at least r where the model is flagged.

    A level that is missing or is none of the five is xxx, so that a gap never shows adult content on a safe page.
    """
    if nsfw_level is None or nsfw_level <= 0 or nsfw_level != int(nsfw_level):
        return "xxx"
    bits = int(nsfw_level)
    lowest = bits & -bits
    return LEVELS.get(max(lowest, 4) if nsfw else lowest, "xxx")
