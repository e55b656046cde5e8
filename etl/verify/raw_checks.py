"""Checks of the raw responses, and of the order of what was published from them, without the models."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from etl.verify.order import ORDER_TOLERANCE
from etl.verify.published import FETCH_AGAIN, REBUILD, Check
from etl.verify.raw_records import model_key
from etl.verify.value_order import ValueOrder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.verify.matching import GreatestUnlisted
    from etl.verify.published import Published
    from etl.verify.raw_records import RawStream
    from etl.verify.raw_streams import Key, RawStreams


def check_raw_hashes(streams: Sequence[RawStream]) -> Check:
    """Every raw page is the one in its ledger: same hash, length and number of records."""
    check = Check("raw pages against ledgers", fix=FETCH_AGAIN)
    for stream in streams:
        for index, page in enumerate(stream.pages):
            check.looked_at += 1
            entry = page.entry
            if page.read_error:
                problem = page.read_error
            elif (page.bytes, page.sha256) != (entry.bytes, entry.sha256):
                problem = f"{entry.file} has another hash or length"
            elif page.record_count != entry.records:
                problem = f"{entry.file} has {page.record_count} records (expected {entry.records})"
            else:
                continue
            check.problems.append(
                f"{stream.where}: $.pages[{index}]: {problem}; fetch it again: make extract SOURCE={stream.source}"
            )
    return check


def check_order(published: Published, raw: RawStreams, greatest: Mapping[Key, GreatestUnlisted]) -> Check:
    """The models of a manifest are in the order of the raw pages, each once; a duplicate may be at any of its records.

    If the filter orders by a field, its values in the raw records never rise, those that are equal are in the order of the raw
    pages, and no model of the stream that matches and is not listed has a greater one: `greatest` are those of rebuilt streams.
    """
    check = Check("order of the streams", fix=REBUILD)
    by_value = ValueOrder(published, raw, greatest)
    value_problems = by_value.problems()
    for filter_, ids in published.ids_by_filter:
        stream = raw.streams.get((filter_.source, filter_.stream))
        if stream is None or stream.has_read_errors:
            continue
        check.looked_at += 1
        if filter_.order_field:
            check.problems += value_problems.get(filter_, ())
            continue
        last = -1
        seen: set[str] = set()
        for index, key in enumerate(map(model_key, ids)):
            positions = stream.positions_of(key)
            if not positions:
                continue  # reported by another check
            after = bisect_right(positions, last)
            if after == len(positions) or key in seen:
                where = published.where(filter_.file, f"$.models[{index}].id")
                check.problems.append(f"{where}: {ids[index]} is out of stream order, or a duplicate")
            seen.add(key)
            last = positions[min(after, len(positions) - 1)]
    check.notes += by_value.notes()
    return check


def check_request_honored(streams: Sequence[RawStream]) -> Check:
    """The APIs honoured the requests: types, base models and order, except for counters that moved meanwhile."""
    check = Check(
        "responses against requests", fix=f"{FETCH_AGAIN}; if the source still ignores an option, remove it from filters.toml"
    )
    for stream in streams:
        check.looked_at += stream.record_count
        if 2 * stream.unrequested > stream.record_count:
            counts = f"{stream.unrequested} of {stream.record_count} records were not requested"
            check.problems.append(
                f"{stream.where}: {counts}, the first at {stream.first_unrequested}; the source ignores an option"
            )
        elif stream.unrequested:
            check.notes.append(f"{stream.source}/{stream.name}: {stream.unrequested} records were not requested")
        _check_order(check, stream)
    return check


def _check_order(check: Check, stream: RawStream) -> None:
    """Add a problem if too many records of a stream are out of the requested order; a note if the API need not keep it."""
    ranked, out_of_order, first = stream.order
    if out_of_order <= 1 + ORDER_TOLERANCE * ranked:
        return
    if stream.has_partial_records:
        message = f"{out_of_order} of {ranked} records are out of order by {stream.sort_key}"
        check.notes.append(
            f"{stream.source}/{stream.name}: {message}; with baseModels the API may sort by counters of the base model"
        )
        return
    message = f"{out_of_order} of {ranked} records are out of order, the first at {first}"
    check.problems.append(f"{stream.where}: {message}; the source ignores the order {stream.params['sort'][0]}")
