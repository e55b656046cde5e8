"""Why two filters of a source may choose the same models: verify and explanations use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.filters import kept_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.filters import Filter
    from etl.selection import OnDisk


def why_alike(pair: tuple[Filter, Filter], streams: Sequence[OnDisk | None], limit: int) -> str | None:
    """Return why two filters, with the streams that they draw on, publish the same list; null when nothing explains it."""
    (one, other), (ones, others) = pair, streams
    if ones is None or others is None:
        return None
    kept = [[kept_values(each.source, option) for option in each.options] for each in (one, other)]
    places = ones.selection.places(one.keeps), others.selection.places(other.keeps)
    if one.stream == other.stream:
        if kept[0] == kept[1]:
            return "they keep the same values by definition"
        if places[0][:limit] == places[1][:limit]:
            return f"they share stream {one.stream}, and no model before the cut is kept by one of them only"
        return None
    ids = [{drawn.selection.models[place].id for place in held} for drawn, held in zip((ones, others), places, strict=True)]
    if ids[0] == ids[1] and ones.ledger.exhausted and others.ledger.exhausted:
        return f"streams {one.stream} and {other.stream} have no more, and hold the same {len(ids[0])} models that they keep"
    return None
