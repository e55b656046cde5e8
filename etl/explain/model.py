"""Where one model is, and why not elsewhere."""

from __future__ import annotations

import difflib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.config.lookup import did_you_mean
from etl.core.errors import UsageError
from etl.core.ids import model_key
from etl.storage.json_files import read_bytes, read_json

if TYPE_CHECKING:
    from etl.config.model import Filter, SourceConfig
    from etl.explain.context import ExplainContext
    from etl.selection.safety import Ruling
    from etl.selection.selection import ModelRef
    from etl.selection.stored import StoredStream

_MAX_SUGGESTION_POOL = 5000  # ids compared with one that is not there


@dataclass(frozen=True)
class ModelExplanation:
    """Where one model is.

    Attributes:
        fields: The model as it was made, of the first stream that has it; null where none has.
        ranks: Its place among the models of each stream that has it, from 1.
        set_aside: Why the transform set it aside, by stream.
        evidence: What its records say that decides its level or size, and the fields they lost, by streams that say the same.
        rulings: What records of other streams, or others of the same, decide of it, by stream.
        manifests: Its place in each manifest that has it, from 1.
        not_in: Why it is not in each of the others.
        commands: jq commands that show it as it came and as it was made.
    """

    source: str
    id: str
    fields: dict[str, Any] | None
    ranks: dict[str, int]
    set_aside: dict[str, str]
    evidence: dict[str, list[str]]
    rulings: dict[str, str]
    manifests: dict[str, int]
    not_in: dict[str, str]
    commands: list[str]


def explain_model(desk: ExplainContext, source: SourceConfig, identity: str) -> ModelExplanation:
    """Return where a model is and why not elsewhere; its id may be spelled in any case.

    Raises:
        BadUsage: no stream on disk has it; the nearest are named.
        Missing: the models were not made yet.
    """
    drawn = desk.streams(source).all_streams()
    key = model_key(identity)
    held = {name: models for name, stream in drawn.items() if (models := _held(stream, key))}
    aside = {name: records for name in drawn if (records := _set_aside(desk, source, name, key))}
    is_skipped = key in {model_key(skipped) for skipped in source.skip}
    if not held and not aside and not is_skipped:
        known = {model.id for stream in drawn.values() for model in stream.selection.models}
        likely = sorted(each for each in known if each[:3].lower() == identity[:3].lower())[:_MAX_SUGGESTION_POOL]
        near = [f"{source.name}:{each}" for each in difflib.get_close_matches(identity, likely, 3, 0.5)]
        raise UsageError(f"{source.name}:{identity}: no stream on disk has it{did_you_mean(near)}")
    fields, commands = None, []
    for name, models in list(held.items())[:1]:
        fields = read_json(desk.data.models(source.name, name) / models[0].file)[models[0].page_index]
        commands = desk.show(source, name, models[:1])
    for name, records in list(aside.items())[: not held]:
        commands = desk.show_set_aside(source, name, records[:1])
    places = {name: stream.selection.position_of(identity) for name, stream in drawn.items()}
    ranks = {name: place + 1 for name, place in places.items() if place is not None}
    reasons = {name: records[0][1]["reason"] for name, records in aside.items()}
    files = {name: [*(model.file for model in held.get(name, ())), *(file for file, _ in aside.get(name, ()))] for name in drawn}
    rulings = {name: drawn[name].selection.rulings.get(rank - 1) for name, rank in ranks.items()}
    in_manifests = {
        each.file: "filters.toml skips it" if is_skipped else _place_in(desk, source, each, ranks, reasons)
        for each in source.filters
    }
    return ModelExplanation(
        source.name, identity, fields, ranks, reasons, _evidence(desk, source, key, files),
        {name: _ruled(desk, source, ruling) for name, ruling in rulings.items() if ruling},
        {file: place for file, place in in_manifests.items() if isinstance(place, int)},
        {file: why for file, why in in_manifests.items() if isinstance(why, str)},
        commands,
    )  # fmt: skip


def _set_aside(desk: ExplainContext, source: SourceConfig, stream: str, key: str) -> list[tuple[str, dict[str, Any]]]:
    return [(file, record) for file, record in desk.set_aside(source, stream) if model_key(record["id"] or "") == key]


def _held(stream: StoredStream, key: str) -> list[ModelRef]:
    """Return the models that the records of one model became in a stream: that which counts, skipped ones, and duplicates."""
    selection = stream.selection
    return [
        model for model in (*selection.models, *selection.skipped, *selection.duplicates) if model_key(model.record_id) == key
    ]


def _evidence(desk: ExplainContext, source: SourceConfig, key: str, files: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what the records of a model say, by the streams whose records say the same."""
    told: dict[tuple[str, ...], list[str]] = {}
    for name, pages in files.items():
        lines: list[str] = []
        for file in dict.fromkeys(pages):
            path = desk.data.raw(source.name, name) / file
            lines += desk.describe(source, read_bytes(path), path, key)
        if lines:
            told.setdefault(tuple(lines), []).append(name)
    return {", ".join(names): list(lines) for lines, names in told.items()}


def _ruled(desk: ExplainContext, source: SourceConfig, ruling: Ruling) -> str:
    raised = ", ".join(f"{field} {value}" for field, value in ruling.fields.items())
    told = f"{raised or 'withheld'}: stream {ruling.stream} says {ruling.word}"
    streams = desk.streams(source)
    if streams.is_read(ruling.stream):
        return told
    remove = shlex.join(["rm", "-r", str(desk.data.raw(source.name, ruling.stream))])
    return f"{told}; fetched {streams.ledgers[ruling.stream].timestamp}, and no filter reads it; to remove it: {remove}"


def _place_in(
    desk: ExplainContext, source: SourceConfig, each: Filter, ranks: dict[str, int], set_aside: dict[str, str]
) -> int | str:
    """Return the place of a model on a page, from 1, or why it is not there."""
    streams = desk.streams(source)
    stream = streams.get(each.stream)
    if stream is None:
        return str(streams.missing_reason(each.stream))
    if each.stream not in ranks:
        if each.stream in set_aside:
            return f"set aside: {set_aside[each.stream]}"
        return f"not among the {len(stream.selection.models)} models of stream {each.stream}"
    place = ranks[each.stream] - 1
    group = next(group for group in stream.selection.groups if place in group.positions)
    ruling = stream.selection.rulings.get(place)
    if ruling and (ruling.forbids or place in stream.selection.withheld(each.matches)):
        return _ruled(desk, source, ruling)
    for option in each.options:
        if not option.matches(group.values):
            value = group.values[option.axis]
            return f"{option.axis} {option.name} does not keep {', '.join(map(str, value)) if isinstance(value, list) else value}"
    found = stream.selection.positions(each.matches).index(place) + 1
    return found if found <= desk.config.limit else f"cut: it would be number {found}, and the limit is {desk.config.limit}"
