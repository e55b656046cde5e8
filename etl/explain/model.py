"""Where one model is published, and why it is absent elsewhere."""

from __future__ import annotations

import difflib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.config.lookup import did_you_mean
from etl.core.errors import UsageError
from etl.core.ids import model_key
from etl.core.text import MIN_SIMILARITY
from etl.explain.mismatch import describe_mismatch, format_value
from etl.sources.source import get_source
from etl.storage.json_files import read_bytes, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.filters import Filter
    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.explain.context import ExplainContext
    from etl.selection.safety import Ruling
    from etl.selection.stored import StoredStream, StoredStreams
    from etl.selection.stream_models import ModelRef

    Rejected = list[tuple[str, dict[str, Any]]]  # page files with records

_MAX_SUGGESTION_POOL = 5000  # ids compared with an unknown one


@dataclass(frozen=True)
class ModelExplanation:
    """Where one model is. Field names are keys of `explain --json`.

    Attributes:
        fields: The model in the first stream that has it; None if no stream has.
        ranks: Its rank, from 1, in each stream that has it.
        set_aside: Why the transform rejected it, by stream.
        evidence: What decides its level or size, and which fields were dropped; streams with equal evidence share a key.
        chain: The models that it was made of, a line each with the evidence; empty for a source without lineage.
        rulings: What other records of the same model decide, by stream.
        manifests: Its rank, from 1, in each manifest that has it.
        not_in: Why it is absent from each other manifest.
        commands: jq commands that show it, raw and transformed.
    """

    source: str
    id: str
    fields: dict[str, Any] | None
    ranks: dict[str, int]
    set_aside: dict[str, str]
    evidence: dict[str, list[str]]
    chain: list[str]
    rulings: dict[str, str]
    manifests: dict[str, int]
    not_in: dict[str, str]
    commands: list[str]


def explain_model(context: ExplainContext, source: SourceConfig, identity: str) -> ModelExplanation:
    """Return where a model is and why it is absent elsewhere; the case of its id does not matter.

    Raises:
        UsageError: no stream on disk has it; the message suggests similar ids.
        MissingInputError: the models of a stream have not been built.
    """
    stored = context.streams(source)
    streams = stored.all_streams()
    key = model_key(identity)
    models = {name: refs for name, stream in streams.items() if (refs := _refs(stream, key))}
    rejected = {name: records for name in streams if (records := _rejected(context, source, name, key))}
    is_excluded = key in {model_key(skipped) for skipped in source.skip}
    if not models and not rejected and not is_excluded:
        raise UsageError(f"{source.name}:{identity}: not found in any stream on disk{_suggest(source, streams, identity)}")
    fields, commands = _show(context, source, models, rejected)
    indexes = {name: stream.selection.position_of(identity) for name, stream in streams.items()}
    positions = {name: position for name, position in indexes.items() if position is not None}
    ranks = {name: streams[name].selection.stream_rank(position) for name, position in positions.items()}
    reasons = {name: records[0][1]["reason"] for name, records in rejected.items()}
    files = {
        name: [*(model.file for model in models.get(name, ())), *(file for file, _ in rejected.get(name, ()))]
        for name in streams
    }  # fmt: skip
    rulings = {name: streams[name].selection.rulings.get(position) for name, position in positions.items()}
    in_manifests = {
        filter_.file: "excluded by id in filters.toml" if is_excluded else _rank_in(context, source, filter_, positions, reasons)
        for filter_ in source.filters
    }  # fmt: skip
    return ModelExplanation(
        source.name, identity, fields, ranks, reasons, _evidence(context, source, key, files),
        _chain(context, source, streams, fields),
        {name: describe_ruling(context.data, source, stored, ruling) for name, ruling in rulings.items() if ruling},
        {file: rank for file, rank in in_manifests.items() if isinstance(rank, int)},
        {file: reason for file, reason in in_manifests.items() if isinstance(reason, str)},
        commands,
    )  # fmt: skip


def _refs(stream: StoredStream, key: str) -> list[ModelRef]:
    """Return the models that a stream has of one key: the selected one, those excluded by id, and duplicates."""
    return stream.selection.refs(stream.selection.records_of(key))


def _rejected(context: ExplainContext, source: SourceConfig, stream: str, key: str) -> Rejected:
    return [(file, record) for file, record in context.rejected(source, stream) if model_key(record["id"] or "") == key]


def _suggest(source: SourceConfig, streams: Mapping[str, StoredStream], identity: str) -> str:
    """Return the end of a message that suggests similar ids."""
    selections = [stream.selection for stream in streams.values()]
    ids = (selection.ref(position).id for selection in selections for position in selection.positions_in_order)
    pool = sorted({id_ for id_ in ids if id_[:3].lower() == identity[:3].lower()})[:_MAX_SUGGESTION_POOL]
    return did_you_mean([f"{source.name}:{id_}" for id_ in difflib.get_close_matches(identity, pool, 3, MIN_SIMILARITY)])


def _show(
    context: ExplainContext, source: SourceConfig, models: Mapping[str, list[ModelRef]], rejected: Mapping[str, Rejected]
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the fields of a model and the commands that show it, from the first stream that has it."""
    for name, refs in models.items():
        fields = read_json(context.data.models(source.name, name) / refs[0].file)[refs[0].page_index]
        return fields, context.jq_for_models(source, name, refs[:1])
    for name, records in rejected.items():
        return None, context.jq_for_rejected(source, name, records[:1])
    return None, []


def _evidence(context: ExplainContext, source: SourceConfig, key: str, files: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the evidence in the records of a model; streams with equal evidence share a key."""
    by_lines: dict[tuple[str, ...], list[str]] = {}
    for name, pages in files.items():
        lines: list[str] = []
        for file in dict.fromkeys(pages):
            path = context.data.raw(source.name, name) / file
            lines += context.describe(source, read_bytes(path), path, key)
        if lines:
            by_lines.setdefault(tuple(lines), []).append(name)
    return {", ".join(names): list(lines) for lines, names in by_lines.items()}


def _chain(
    context: ExplainContext, source: SourceConfig, streams: Mapping[str, StoredStream], fields: dict[str, Any] | None
) -> list[str]:  # fmt: skip
    """Return a line for each model of the chain of a model."""

    def lookup(identity: str) -> dict[str, Any] | None:
        refs = {name: refs for name, stream in streams.items() if (refs := _refs(stream, model_key(identity)))}
        return _show(context, source, refs, {})[0]

    return get_source(source.name).load_rules().chain(fields, lookup) if fields else []


def describe_ruling(data: DataDir, source: SourceConfig, streams: StoredStreams, ruling: Ruling) -> str:
    """Return what other records of a model decide: `level r: stream month says r`; how to remove a stream that is not read."""
    raised = ", ".join(f"{field} {format_value(value)}" for field, value in ruling.fields.items())
    message = f"{raised or 'withheld'}: stream {ruling.stream} says {ruling.word}"
    if streams.is_read(ruling.stream):
        return message
    remove = shlex.join(["rm", "-r", str(data.raw(source.name, ruling.stream))])
    return f"{message}; fetched {streams.ledgers[ruling.stream].timestamp}, and no filter reads it; to remove it: {remove}"


def _rank_in(
    context: ExplainContext, source: SourceConfig, filter_: Filter, positions: Mapping[str, int], reasons: Mapping[str, str]
) -> int | str:
    """Return the rank of a model in a manifest, from 1, or why it is absent; `reasons` are those of rejected records."""
    streams = context.streams(source)
    stream = streams.get(filter_)
    if stream is None:
        return str(streams.missing_reason(filter_))
    selection = stream.selection
    if filter_.stream not in positions:
        if filter_.stream in reasons:
            return f"rejected: {reasons[filter_.stream]}"
        return f"not among the {selection.count} models of stream {filter_.stream}"
    position = positions[filter_.stream]
    any_ruling = selection.rulings.get(position)
    if ruling := any_ruling if any_ruling and any_ruling.forbids else selection.decisive_rulings(filter_).get(position):
        return describe_ruling(context.data, source, streams, ruling)
    if reason := _mismatch(context, source, filter_, stream, position):
        return reason
    rank = selection.rank_of(position, filter_)
    return rank if rank <= filter_.limit else f"over the limit: rank {rank}, limit {filter_.limit}"


def _mismatch(
    context: ExplainContext, source: SourceConfig, filter_: Filter, stream: StoredStream, position: int
) -> str | None:  # fmt: skip
    """Return the first condition of a filter that a model of its stream does not match, with its values; None if it matches."""
    selection = stream.selection
    group = selection.group_at(position)
    condition = next((condition for condition in filter_.conditions if not condition.matches(group.values)), None)
    if condition is None:
        return None
    message, names = describe_mismatch(condition, group.values)
    fields = context.fields(source, filter_.stream, selection.ref(position), names)
    named = ", ".join(f"{name} {format_value(value)}" for name, value in fields.items())
    return message + (f" ({named})" if named else "")
