"""Which image of a model a card shows. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.filters import Filter


def choose_image(images: Sequence[Mapping[str, Any]], level: str | None) -> Mapping[str, Any] | None:
    """Return the mildest image of a model; None if absent, or if it is more explicit than `level` (None: any level)."""
    mildest = min(images, key=lambda image: LEVELS.index(image["level"]), default=None)
    is_within = mildest is not None and (level is None or LEVELS.index(mildest["level"]) <= LEVELS.index(level))
    return mildest if is_within else None


def page_level(filter_: Filter) -> str | None:
    """Return the most explicit level that a filter includes; None if none of its options tests the level.

    A filter that includes no level at all has the mildest, so that an error shows too little and never too much.
    """
    options = [option for option in filter_.options if option.field in ("level", "level_most") and option.tests_values]
    included = [level for level in LEVELS if all(option.matches_values({option.field: level}) for option in options)]
    return (included or LEVELS[:1])[-1] if options else None
