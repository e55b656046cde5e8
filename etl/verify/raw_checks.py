"""Checks of what the APIs answered, and of what was published of it; read from the raw pages, without the models."""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from etl.verify.evidence import TESTED, gather, spelling_notes, verdict
from etl.verify.order import ORDER_TOLERANCE, count_out_of_order
from etl.verify.published import Check
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.model import Option, SourceConfig
    from etl.verify.evidence import Evidence, SafetyVerdict
    from etl.verify.published import Published
    from etl.verify.raw_records import RawRecord, RawStream

_NEVER_RENEWED = "no filter of filters.toml reads that stream, so it is never fetched again: if it is stale, remove it"


def check_raw_hashes(streams: Sequence[RawStream]) -> Check:
    """Every page of raw answers is the one that its ledger names: same hash, length and number of records."""
    check = Check("raw pages against ledgers")
    for stream in streams:
        for place, page in enumerate(stream.pages):
            check.looked_at += 1
            told = page.entry
            if page.read_error:
                problem = page.read_error
            elif (page.bytes, page.sha256) != (told.bytes, told.sha256):
                problem = f"{told.file} has another hash or length"
            elif page.record_count != told.records:
                problem = f"{told.file} has {page.record_count} records and not {told.records}"
            else:
                continue
            check.problems.append(f"{stream.where}: $.pages[{place}]: {problem}; ask again: make extract SOURCE={stream.source}")
    return check


def check_safety(published: Published, streams: Mapping[tuple[str, str], RawStream]) -> Check:
    """Each model of a manifest has a record in its stream, and none anywhere that forbids it on this manifest.

    That is: it must not be published or is skipped by filters.toml, its levels or flag are not those that the manifest is for,
    or it is not what was asked for. Of its records in all complete streams the worst counts. What the API itself should have
    left out is counted, and ids of several spellings are named.
    """
    check = Check("levels and flags, read again")
    audits = {
        source.name: _SourceAudit(source, [stream for (name, _), stream in streams.items() if name == source.name])
        for source in published.config.sources
    }
    for each, held in published.known:
        stream = streams.get((each.source, each.stream))
        if stream is None or stream.has_read_errors:
            check.problems.append(
                f"{published.where(each.file)}: its models cannot be looked up in stream {each.stream}; see above"
            )
            continue
        options = [option for option in each.options if option.axis in TESTED and option.values]
        check.looked_at += len(held)
        for place, identity in enumerate(held):
            for why in audits[each.source].problems(stream, options, identity):
                check.problems.append(f"{published.where(each.file, f'$.models[{place}]')}: {identity} {why}")
    check.notes += list(filter(None, map(_upstream_leaks, streams.values())))
    for source, audit in audits.items():
        check.notes += spelling_notes(source, audit.evidence)
    return check


class _SourceAudit:
    """What forbids models of one source on its manifests."""

    def __init__(self, source: SourceConfig, streams: Sequence[RawStream]) -> None:
        self.evidence: dict[str, Evidence] = gather(streams)
        self._skip = {model_key(identity) for identity in source.skip}
        self._used = {stream.name for stream in source.streams}
        self._verdicts: dict[tuple[str, str], SafetyVerdict | None] = {}

    def problems(self, stream: RawStream, options: Sequence[Option], identity: str) -> Iterator[str]:
        """Yield why a model must not be on a manifest with these options that draws on a stream."""
        key = model_key(identity)
        if key in self._skip:
            yield "is skipped by filters.toml"
        if (stream.name, key) not in self._verdicts:
            self._verdicts[stream.name, key] = self._verdict(stream, key)
        found = self._verdicts[stream.name, key]
        if found is None:
            yield "is in no record of its stream, so that nothing tells what it is"
            return
        if found.rejected:
            yield f"is {found.rejected.rejections[0]} {self._cite(found.rejected)}"
            return
        for option in options:  # by the values as filters.toml has them, and not by what extraction and load ask
            value, record = found.fields[option.axis]
            if (value in option.values) is option.is_exclusion:
                words = {"level_most": f"up to {value}", "flagged": "flagged" if value else "not flagged"}
                yield f"is {words.get(option.axis, value)} {self._cite(record)}"
        if found.unrequested:
            yield f"is not what was asked for {self._cite(found.unrequested)}"
        if found.latest.id != identity:
            yield f"is spelled {found.latest.id} by the record fetched last {self._cite(found.latest)}"

    def _verdict(self, stream: RawStream, key: str) -> SafetyVerdict | None:
        own = stream.records_of(key)
        is_unrequested = all(record.is_unrequested for record in own)
        return verdict(own, self.evidence.get(key), own[0] if is_unrequested else None) if own else None

    def _cite(self, record: RawRecord) -> str:
        """Return the stream, file and JSON path of a record; what to do if nothing ever fetches it again."""
        cited = f"in stream {record.stream}, see {record.where}"
        if record.stream in self._used:
            return cited
        folder = Path(record.where.rpartition(": $")[0]).parent
        return f"{cited}; {_NEVER_RENEWED}: {shlex.join(['rm', '-r', str(folder)])}"


def check_order(published: Published, streams: Mapping[tuple[str, str], RawStream]) -> Check:
    """The models of a manifest stand in the order of the raw pages, each once; one that came again may stand at any record."""
    check = Check("order of the streams")
    for each, held in published.known:
        stream = streams.get((each.source, each.stream))
        if stream is None or stream.has_read_errors:
            continue
        check.looked_at += 1
        last = -1
        seen: set[str] = set()
        for place, key in enumerate(map(model_key, held)):
            positions = stream.positions.get(key)
            if positions is None:
                continue  # another check tells of it
            after = bisect_right(positions, last)
            if after == len(positions) or key in seen:
                where = published.where(each.file, f"$.models[{place}].id")
                check.problems.append(f"{where}: {held[place]} stands before its place in the stream, or twice")
            seen.add(key)
            last = positions[min(after, len(positions) - 1)]
    return check


def _upstream_leaks(stream: RawStream) -> str | None:
    """Return how many records the API's own filters should have excluded; None if there are none."""
    counts = Counter(leak for record in stream.records for leak in record.leaks)
    leaks = ", ".join(f"{count} {leak}" for leak, count in sorted(counts.items()))
    return f"{stream.source}/{stream.name}: the API's own filter let through {leaks}" if leaks else None


def check_request_honored(streams: Sequence[RawStream]) -> Check:
    """The APIs honoured what they were asked: types, base models, and the order, but for counters that moved meanwhile."""
    check = Check("answers against requests")
    for stream in streams:
        records = stream.records
        check.looked_at += len(records)
        strangers = [said for said in records if said.is_unrequested]
        if 2 * len(strangers) > len(records):
            told = f"{len(strangers)} of {len(records)} records are not what was asked, the first at {strangers[0].where}"
            check.problems.append(f"{stream.where}: {told}; the source ignores an option")
        elif strangers:
            check.notes.append(f"{stream.source}/{stream.name}: {len(strangers)} records were not asked for")
        _check_order(check, stream)
    return check


def _check_order(check: Check, stream: RawStream) -> None:
    """Refuse a stream of which too many records are out of the requested order; where the API need not keep it, note that."""
    ranked = [said for said in stream.records if said.rank is not None]
    ranks = [said.rank for said in ranked if said.rank is not None]
    behind = count_out_of_order(ranks)
    if behind <= 1 + ORDER_TOLERANCE * len(ranks):
        return
    if stream.has_partial_records:
        by = f"records are out of order by {stream.sort_key}"
        reason = "with baseModels the API may sort by counters of the base model"
        check.notes.append(f"{stream.source}/{stream.name}: {behind} of {len(ranks)} {by}; {reason}")
        return
    first = next(said.where for said, (before, after) in zip(ranked[1:], pairwise(ranks), strict=True) if after > before)
    told = f"{behind} of {len(ranks)} records stand out of order, the first at {first}"
    check.problems.append(f"{stream.where}: {told}; the source ignores the order {stream.params['sort'][0]}")
