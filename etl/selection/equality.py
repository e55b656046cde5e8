"""Why two filters of a source may choose the same models: verify and explanations use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.config.lookup import included_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.model import Filter
    from etl.selection.stored import StoredStream

    Drawn = tuple[Filter, StoredStream]


def explain_equality(pair: tuple[Filter, Filter], streams: Sequence[StoredStream | None], limit: int) -> str | None:
    """Return why two filters, with the streams that they draw on, publish the same list; null when nothing explains it."""
    one, other = streams
    if one is None or other is None:
        return None
    reason = _within_stream if pair[0].stream == pair[1].stream else _across_streams
    return reason((pair[0], one), (pair[1], other), limit)


def _within_stream(one: Drawn, other: Drawn, limit: int) -> str | None:
    """Return why two filters that share a stream choose the same."""
    kept = [[included_values(each.source, option) for option in each.options] for each, _ in (one, other)]
    if kept[0] == kept[1]:
        return "they keep the same values by definition"
    if _matching_ids(*one)[:limit] == _matching_ids(*other)[:limit]:
        return f"they share stream {one[0].stream}, and no model before the cut is kept by one of them only"
    return None


def _across_streams(one: Drawn, other: Drawn, limit: int) -> str | None:
    """Return why filters of two streams choose the same: the models say that they belong on both, or there are no others."""
    first, second = _matching_ids(*one), _matching_ids(*other)
    if not first and not second:
        return "both are empty, and index.json says why"
    pairs = zip(one[0].options, other[0].options, strict=True)
    is_checked = all(a is b or all(each.values or not each.params for each in (a, b)) for a, b in pairs)
    both = set(_matching_ids(other[0], one[1])) & set(_matching_ids(one[0], other[1]))
    if first[:limit] == second[:limit] and is_checked and both.issuperset(first[:limit]):
        return "each of the models belongs on both, by what it says itself"
    if set(first) == set(second) and one[1].ledger.exhausted and other[1].ledger.exhausted:
        streams = f"{one[0].stream} and {other[0].stream}"
        return f"streams {streams} have no more, and hold the same {len(first)} models that they keep"
    return None


def _matching_ids(each: Filter, drawn: StoredStream) -> list[str]:
    """Return the ids of the models of a stream that a filter keeps, before the cut."""
    return [drawn.selection.models[place].id for place in drawn.selection.places(each.matches)]
