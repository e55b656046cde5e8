"""The image of a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.model import Filter


def choose_image(images: Sequence[Mapping[str, Any]], level: str | None) -> Mapping[str, Any] | None:
    """Return the mildest image; None if absent, or if it is more explicit than `level`."""
    most = len(LEVELS) if level is None else LEVELS.index(level)
    mildest = min(images, key=lambda image: LEVELS.index(image["level"]), default=None)
    return mildest if mildest and LEVELS.index(mildest["level"]) <= most else None


def page_level(filter_: Filter) -> str | None:
    """Return the most explicit level that the options of a filter include; None if none tests the level."""
    options = [option for option in filter_.options if option.field in ("level", "level_most") and option.tests_values]
    included = [{level for level in LEVELS if option.matches_values({option.field: level})} for option in options]
    levels = [max(levels, key=LEVELS.index) for levels in included if levels]
    return min(levels, key=LEVELS.index, default=None)
