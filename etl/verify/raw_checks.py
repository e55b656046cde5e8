"""Checks of the raw responses, and of what was published from them; read from the raw pages, without the models."""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from etl.verify.evidence import TESTED, decide, gather, spelling_notes
from etl.verify.order import ORDER_TOLERANCE, count_out_of_order
from etl.verify.published import Check
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.model import Option, SourceConfig
    from etl.verify.evidence import Evidence, SafetyVerdict
    from etl.verify.published import Published
    from etl.verify.raw_records import RawRecord, RawStream

_NEVER_FETCHED = "no filter of filters.toml reads that stream, so it is never fetched again: if it is stale, remove it"


def check_raw_hashes(streams: Sequence[RawStream]) -> Check:
    """Every raw page is the one in its ledger: same hash, length and number of records."""
    check = Check("raw pages against ledgers")
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


def check_safety(published: Published, streams: Mapping[tuple[str, str], RawStream]) -> Check:
    """Every model of a manifest has a record in its stream, and no record anywhere that forbids it on this manifest.

    A record forbids a model that must never be published, that filters.toml excludes by id, whose levels or flag do not match the
    manifest, or that was not requested. Of a model's records in all complete streams the worst counts. Notes count what the API's
    own filters should have excluded, and name ids with several spellings.
    """
    check = Check("levels and flags, read again")
    audits = {
        source.name: _SourceAudit(source, [stream for (name, _), stream in streams.items() if name == source.name])
        for source in published.config.sources
    }
    for filter_, ids in published.ids_by_filter:
        stream = streams.get((filter_.source, filter_.stream))
        if stream is None or stream.has_read_errors:
            check.problems.append(
                f"{published.where(filter_.file)}: its models cannot be looked up in stream {filter_.stream}; see above"
            )
            continue
        options = [option for option in filter_.options if option.axis in TESTED and option.values]
        check.looked_at += len(ids)
        for index, identity in enumerate(ids):
            for problem in audits[filter_.source].problems(stream, options, identity):
                check.problems.append(f"{published.where(filter_.file, f'$.models[{index}]')}: {identity} {problem}")
    check.notes += list(filter(None, map(_upstream_leaks, streams.values())))
    for source, audit in audits.items():
        check.notes += spelling_notes(source, audit.evidence)
    return check


class _SourceAudit:
    """Finds what forbids the models of one source on its manifests."""

    def __init__(self, source: SourceConfig, streams: Sequence[RawStream]) -> None:
        self.evidence: dict[str, Evidence] = gather(streams)
        self._skip = {model_key(identity) for identity in source.skip}
        self._used = {stream.name for stream in source.streams}
        self._verdicts: dict[tuple[str, str], SafetyVerdict | None] = {}

    def problems(self, stream: RawStream, options: Sequence[Option], identity: str) -> Iterator[str]:
        """Yield why a model must not be on a manifest with these options that reads from a stream."""
        key = model_key(identity)
        if key in self._skip:
            yield "is excluded by id (skip in filters.toml)"
        if (stream.name, key) not in self._verdicts:
            self._verdicts[stream.name, key] = self._verdict(stream, key)
        verdict = self._verdicts[stream.name, key]
        if verdict is None:
            yield f"has no raw record in stream {stream.name}"
            return
        if verdict.rejected:
            yield f"is {verdict.rejected.rejections[0]} {self._cite(verdict.rejected)}"
            return
        for option in options:  # by the values in filters.toml, not by what extract and load use
            value, record = verdict.fields[option.axis]
            if (value in option.values) is option.is_exclusion:
                descriptions = {"level_most": f"up to {value}", "flagged": "flagged" if value else "not flagged"}
                yield f"is {descriptions.get(option.axis, value)} {self._cite(record)}"
        if verdict.unrequested:
            yield f"was not requested {self._cite(verdict.unrequested)}"
        if verdict.latest.id != identity:
            yield f"is spelled {verdict.latest.id} by the record fetched last {self._cite(verdict.latest)}"

    def _verdict(self, stream: RawStream, key: str) -> SafetyVerdict | None:
        own = stream.records_of(key)
        is_unrequested = all(record.is_unrequested for record in own)
        return decide(own, self.evidence.get(key), own[0] if is_unrequested else None) if own else None

    def _cite(self, record: RawRecord) -> str:
        """Return the stream, file and JSON path of a record, and what to do if nothing ever fetches it again."""
        cited = f"in stream {record.stream}, see {record.where}"
        if record.stream in self._used:
            return cited
        folder = Path(record.where.rpartition(": $")[0]).parent
        return f"{cited}; {_NEVER_FETCHED}: {shlex.join(['rm', '-r', str(folder)])}"


def check_order(published: Published, streams: Mapping[tuple[str, str], RawStream]) -> Check:
    """The models of a manifest are in the order of the raw pages, each once; a duplicate may be at any of its records."""
    check = Check("order of the streams")
    for filter_, ids in published.ids_by_filter:
        stream = streams.get((filter_.source, filter_.stream))
        if stream is None or stream.has_read_errors:
            continue
        check.looked_at += 1
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
    return check


def _upstream_leaks(stream: RawStream) -> str | None:
    """Return how many records the API's own filters should have excluded; None if absent."""
    counts = Counter(leak for record in stream.records for leak in record.leaks)
    leaks = ", ".join(f"{count} {leak}" for leak, count in sorted(counts.items()))
    return f"{stream.source}/{stream.name}: the API's own filter let through {leaks}" if leaks else None


def check_request_honored(streams: Sequence[RawStream]) -> Check:
    """The APIs honoured the requests: types, base models and order, except for counters that moved meanwhile."""
    check = Check("responses against requests")
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
