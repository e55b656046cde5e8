"""Levels, flags and exclusions of what was published, by a second reading of the raw records."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.config.fields import format_value
from etl.expressions.evaluator import Evaluator
from etl.verify.evidence import TESTED, decide, gather, spelling_notes
from etl.verify.published import REBUILD, Check
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import SourceConfig
    from etl.expressions.expression import Expression
    from etl.verify.evidence import Evidence, SafetyVerdict
    from etl.verify.published import Published
    from etl.verify.raw_records import RawRecord, RawStream

    Inputs = Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]]

_NEVER_FETCHED = "no filter of filters.toml reads that stream, so it is never fetched again: if it is stale, remove it"


def check_safety(published: Published, streams: Mapping[tuple[str, str], RawStream], inputs: Inputs) -> Check:
    """Every model of a manifest has a record in its stream, and no record anywhere that forbids it on this manifest.

    A record forbids a model that must never be published, that filters.toml excludes by id, whose levels or flag do not match the
    manifest, or that was not requested. Of a model's records in all complete streams the worst counts. An expression that names a
    level or the flag is evaluated with what the raw records say of them. Notes count what the API's own filters should have
    excluded, and name ids with several spellings.

    `inputs` has of each stream whose models can be made what expressions on levels read of models in manifests, by id.
    """
    check = Check("levels and flags, read again", fix=REBUILD)
    audits = {
        source.name: _SourceAudit(source, [stream for (name, _), stream in streams.items() if name == source.name])
        for source in published.config.sources
    }
    with ExitStack() as stack:
        for audit in audits.values():
            stack.enter_context(audit.evaluator)
        for filter_, ids in published.ids_by_filter:
            _check_manifest(check, published, filter_, ids, streams, audits, inputs)
    check.notes += list(filter(None, map(_upstream_leaks, streams.values())))
    for source, audit in audits.items():
        check.notes += spelling_notes(source, audit.evidence)
    return check


def _check_manifest(  # noqa: PLR0913, PLR0917 -- a manifest, and what it is checked against
    check: Check, published: Published, filter_: Filter, ids: Sequence[str],
    streams: Mapping[tuple[str, str], RawStream], audits: Mapping[str, _SourceAudit], inputs: Inputs,
) -> None:  # fmt: skip
    """Add what is wrong with the models of a manifest."""
    stream = streams.get((filter_.source, filter_.stream))
    if stream is None or stream.has_read_errors:
        check.problems.append(
            f"{published.where(filter_.file)}: its models cannot be looked up in stream {filter_.stream}; see above"
        )
        return
    audit = audits[filter_.source]
    options = [option for option in filter_.options if option.field in TESTED and option.tests_values]
    check.looked_at += len(ids)
    for index, identity in enumerate(ids):
        for problem in audit.problems(stream, options, identity):
            check.problems.append(f"{published.where(filter_.file, f'$.models[{index}]')}: {identity} {problem}")
    own = inputs.get((filter_.source, filter_.stream))
    check.problems += audit.expression_problems(published, filter_, stream, ids, own)


class _SourceAudit:
    """Finds what forbids the models of one source on its manifests."""

    def __init__(self, source: SourceConfig, streams: Sequence[RawStream]) -> None:
        self.evidence: dict[str, Evidence] = gather(streams)
        self._skip = {model_key(identity) for identity in source.skip}
        self._used = {stream.name for stream in source.streams}
        self._verdicts: dict[tuple[str, str], SafetyVerdict | None] = {}
        self._expressions = [expression for expression in source.expressions if tests_levels(expression)]
        self.evaluator = Evaluator(self._expressions)

    def problems(self, stream: RawStream, options: Sequence[Option], identity: str) -> Iterator[str]:
        """Yield why a model must not be on a manifest with these options that reads from a stream."""
        if model_key(identity) in self._skip:
            yield "is excluded by id (skip in filters.toml)"
        verdict = self._verdict(stream, identity)
        if verdict is None:
            yield f"has no raw record in stream {stream.name}"
            return
        if verdict.rejected:
            yield f"is {verdict.rejected.rejections[0]} {self._cite(verdict.rejected)}"
            return
        for option in options:  # by the values in filters.toml, not by what extract and load use
            value, record = verdict.fields[option.field]
            if (option.includes and value not in option.includes) or value in option.excludes:
                descriptions = {"level_most": f"up to {value}", "flagged": "flagged" if value else "not flagged"}
                yield f"is {descriptions.get(option.field, value)} {self._cite(record)}"
        if verdict.unrequested:
            yield f"was not requested {self._cite(verdict.unrequested)}"
        if verdict.latest.id != identity:
            yield f"is spelled {verdict.latest.id} by the record fetched last {self._cite(verdict.latest)}"

    def expression_problems(
        self, published: Published, filter_: Filter, stream: RawStream, ids: Sequence[str],
        inputs: Mapping[str, Mapping[str, Any]] | None,
    ) -> Iterator[str]:  # fmt: skip
        """Yield the models of a manifest that do not match its expressions on levels, by what the raw records say of these."""
        conditions = [condition for condition in filter_.conditions if condition.where in self._expressions]
        if not conditions:
            return
        if inputs is None:
            yield f"{published.where(filter_.file)}: its expressions cannot be evaluated without the models; see below"
            return
        rows: dict[str, Mapping[str, Any]] = {}
        verdicts = {identity: verdict for identity in ids if (verdict := self._verdict(stream, identity))}
        for identity, verdict in verdicts.items():
            if (model := inputs.get(identity)) is not None:
                rows[identity] = {**model, **{name: finding.value for name, finding in verdict.fields.items()}}
        outcomes = self.evaluator.evaluate([*rows.values()], stream.ledger.timestamp)
        for identity, results in zip(rows, outcomes, strict=True):
            matches = {where for where, outcome in zip(self._expressions, results, strict=True) if outcome.is_match}
            for condition in conditions:
                if condition.where and condition.where not in matches:
                    where = published.where(filter_.file, f"$.models[{ids.index(identity)}]")
                    findings = verdicts[identity].fields
                    named = [name for name in TESTED if name in condition.where.fields] or TESTED
                    cited = ", ".join(
                        f"{name} {format_value(findings[name].value)} {self._cite(findings[name].record)}" for name in named
                    )
                    yield f"{where}: {identity} does not match {condition.title} ({condition.where.text}): {cited}"

    def _verdict(self, stream: RawStream, identity: str) -> SafetyVerdict | None:
        """Return what holds for a model in the manifests of a stream; None if the stream has no record of it."""
        key = model_key(identity)
        if (stream.name, key) not in self._verdicts:
            own = stream.records_of(key)
            is_unrequested = all(record.is_unrequested for record in own)
            verdict = decide(own, self.evidence.get(key), own[0] if is_unrequested else None) if own else None
            self._verdicts[stream.name, key] = verdict
        return self._verdicts[stream.name, key]

    def _cite(self, record: RawRecord) -> str:
        """Return the stream, file and JSON path of a record, and what to do if nothing ever fetches it again."""
        cited = f"in stream {record.stream}, see {record.where}"
        if record.stream in self._used:
            return cited
        folder = Path(record.where.rpartition(": $")[0]).parent
        return f"{cited}; {_NEVER_FETCHED}: {shlex.join(['rm', '-r', str(folder)])}"


def tests_levels(expression: Expression) -> bool:
    """Return whether an expression may read a field that the raw records decide."""
    return not expression.is_narrow or not set(TESTED).isdisjoint(expression.fields)


def _upstream_leaks(stream: RawStream) -> str | None:
    """Return how many records the API's own filters should have excluded; None if absent."""
    leaks = ", ".join(f"{count} {leak}" for leak, count in sorted(stream.leaks.items()))
    return f"{stream.source}/{stream.name}: the API's own filter let through {leaks}" if leaks else None
