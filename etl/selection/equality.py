"""Why two filters of a source select the same models; for verify and explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.config.lookup import included_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.filters import Filter
    from etl.selection.stored import StoredStream

    FilteredStream = tuple[Filter, StoredStream]


def explain_equality(pair: tuple[Filter, Filter], streams: Sequence[StoredStream | None]) -> str | None:
    """Return why two filters publish equal lists; None if nothing explains it.

    `streams` are those that the filters read from, None if not on disk.
    """
    left, right = streams
    if left is None or right is None:
        return None
    reason = _within_stream if pair[0].stream == pair[1].stream else _across_streams
    return reason((pair[0], left), (pair[1], right))


def _within_stream(left: FilteredStream, right: FilteredStream) -> str | None:
    """Return why two filters of one stream select the same models."""
    included = [[included_models(filter_.source, option) for option in filter_.options] for filter_, _ in (left, right)]
    orders = (left[0].order_field, right[0].order_field)
    if included[0] == included[1] and orders[0] == orders[1]:
        return "they include the same values by definition"
    if _published_ids(*left) != _published_ids(*right):
        return None
    if orders[0] == orders[1]:
        return f"they share stream {left[0].stream}, and no model before the limit matches only one of them"
    names = " and ".join(f"by {order}" if order else "in stream order" for order in orders)
    return f"they share stream {left[0].stream}, and the models before the limit are the same {names}"


def _across_streams(left: FilteredStream, right: FilteredStream) -> str | None:
    """Return why filters of two streams select the same models: each matches both, or the streams contain no others."""
    left_ids, right_ids = _matching_ids(*left), _matching_ids(*right)
    if not left_ids and not right_ids:
        return "both are empty; index.json has the reasons"
    pairs = zip(left[0].options, right[0].options, strict=True)
    # Only fields can show that a model matches: a server-side option that tests none proves nothing.
    has_one_order = left[0].order_field == right[0].order_field
    is_checked = has_one_order and all(
        a is b or all(option.tests_values or not option.params for option in (a, b)) for a, b in pairs
    )
    shared = set(_matching_ids(right[0], left[1])) & set(_matching_ids(left[0], right[1]))
    if (published := _published_ids(*left)) == _published_ids(*right) and is_checked and shared.issuperset(published):
        return "each model matches both filters by its own fields"
    if set(left_ids) == set(right_ids) and left[1].ledger.exhausted and right[1].ledger.exhausted:
        streams = f"{left[0].stream} and {right[0].stream}"
        return f"streams {streams} are exhausted, and contain the same {len(left_ids)} matching models"
    return None


def _matching_ids(filter_: Filter, stream: StoredStream) -> list[str]:
    """Return the ids of the models of a stream that match a filter, in its order, before the limit."""
    return [stream.selection.models[position].id for position in stream.selection.ranking(filter_)]


def _published_ids(filter_: Filter, stream: StoredStream) -> list[str]:
    """Return the ids of the models of a filter's manifest."""
    return _matching_ids(filter_, stream)[: filter_.limit]
