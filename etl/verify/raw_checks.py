"""Checks of the raw responses, and of the order of what was published from them, without the models."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from etl.verify.order import ORDER_TOLERANCE, count_out_of_order
from etl.verify.published import FETCH_AGAIN, REBUILD, Check
from etl.verify.raw_records import model_key
from etl.verify.value_order import ValueOrder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.verify.published import Published
    from etl.verify.raw_records import RawStream


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


def check_order(published: Published, streams: Mapping[tuple[str, str], RawStream]) -> Check:
    """The models of a manifest are in the order of the raw pages, each once; a duplicate may be at any of its records.

    If the filter orders by a field, its values in the raw records never rise, those that are equal are in the order of the raw
    pages, and no model of the stream that matches and is not listed has a greater one.
    """
    check = Check("order of the streams", fix=REBUILD)
    by_value = ValueOrder(published, streams)
    for filter_, ids in published.ids_by_filter:
        stream = streams.get((filter_.source, filter_.stream))
        if stream is None or stream.has_read_errors:
            continue
        check.looked_at += 1
        if filter_.order_field:
            check.problems += by_value.problems(filter_, filter_.order_field, ids, stream)
            continue
        last = -1
        seen: set[str] = set()
        for index, key in enumerate(map(model_key, ids)):
            positions = stream.positions.get(key)
            if positions is None:
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
        records = stream.records
        check.looked_at += len(records)
        unrequested = [record for record in records if record.is_unrequested]
        if 2 * len(unrequested) > len(records):
            message = f"{len(unrequested)} of {len(records)} records were not requested, the first at {unrequested[0].where}"
            check.problems.append(f"{stream.where}: {message}; the source ignores an option")
        elif unrequested:
            check.notes.append(f"{stream.source}/{stream.name}: {len(unrequested)} records were not requested")
        _check_order(check, stream)
    return check


def _check_order(check: Check, stream: RawStream) -> None:
    """Add a problem if too many records of a stream are out of the requested order; a note if the API need not keep it."""
    ranked = [record for record in stream.records if record.rank is not None]
    ranks = [record.rank for record in ranked if record.rank is not None]
    out_of_order = count_out_of_order(ranks)
    if out_of_order <= 1 + ORDER_TOLERANCE * len(ranks):
        return
    if stream.has_partial_records:
        message = f"{out_of_order} of {len(ranks)} records are out of order by {stream.sort_key}"
        check.notes.append(
            f"{stream.source}/{stream.name}: {message}; with baseModels the API may sort by counters of the base model"
        )
        return
    first = next(record.where for record, (before, after) in zip(ranked[1:], pairwise(ranks), strict=True) if after > before)
    message = f"{out_of_order} of {len(ranks)} records are out of order, the first at {first}"
    check.problems.append(f"{stream.where}: {message}; the source ignores the order {stream.params['sort'][0]}")
