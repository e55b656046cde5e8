"""Why two filters of a source select the same models; for verify and explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.config.lookup import included_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    published = _published_ids(*left)
    if not published and not _published_ids(*right):
        return "both are empty; index.json has the reasons"
    pairs = zip(left[0].options, right[0].options, strict=True)
    # Only fields can show that a model matches: a server-side option that tests none proves nothing.
    has_one_order = left[0].order_field == right[0].order_field
    is_checked = has_one_order and all(
        a is b or all(option.tests_values or not option.params for option in (a, b)) for a, b in pairs
    )
    filters = (left[0], right[0])
    is_proven = published == _published_ids(*right) and is_checked
    if is_proven and all(_match(stream, filters, published) for _, stream in (left, right)):
        return "each model matches both filters by its own fields"
    if left[1].ledger.exhausted and right[1].ledger.exhausted:
        left_keys, right_keys = (_matching_keys(*pair) for pair in (left, right))
        if left_keys == right_keys:
            streams = f"{left[0].stream} and {right[0].stream}"
            return f"streams {streams} are exhausted, and contain the same {len(left_keys)} matching models"
    return None


def _match(stream: StoredStream, filters: Sequence[Filter], ids: Iterable[str]) -> bool:
    """Return whether models are in a stream and match filters there."""
    positions = [stream.selection.position_of(id_) for id_ in ids]
    return all(
        position is not None and stream.selection.is_matching(position, filter_) for position in positions for filter_ in filters
    )


def _matching_keys(filter_: Filter, stream: StoredStream) -> set[int]:
    """Return the hashes of the models of a stream that match a filter."""
    return {stream.selection.keys[position] for position in stream.selection.positions(filter_)}


def _published_ids(filter_: Filter, stream: StoredStream) -> list[str]:
    """Return the ids of the models of a filter's manifest."""
    return [ref.id for ref in stream.selection.refs(stream.selection.published(filter_))]
