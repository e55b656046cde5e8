"""Where one model is, and why not elsewhere."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.errors import BadUsage
from etl.files import read_json
from etl.filters import nearest
from etl.ledger import streams

if TYPE_CHECKING:
    from etl.explain.desk import Desk
    from etl.filters import Filter, Source
    from etl.selection import OnDisk

_LIKELY = 5000  # ids compared with one that is not there


@dataclass(frozen=True)
class ModelExplained:
    """Where one model is.

    Attributes:
        fields: The model as it was made, of the first stream that has it; null where none has.
        ranks: Its place among the models of each stream that has it, from 1.
        set_aside: Why the transform set it aside, by stream.
        manifests: Its place in each manifest that has it, from 1.
        not_in: Why it is not in each of the others.
        commands: jq commands that show it as it came and as it was made.
    """

    source: str
    id: str
    fields: dict[str, Any] | None
    ranks: dict[str, int]
    set_aside: dict[str, str]
    manifests: dict[str, int]
    not_in: dict[str, str]
    commands: list[str]


def explain_model(desk: Desk, source: Source, identity: str) -> ModelExplained:
    """Return where a model is and why not elsewhere.

    Raises:
        BadUsage: no stream on disk has it; the nearest are named.
        Missing: the models were not made yet.
    """
    drawn = {name: stream for name in streams(desk.data, source.name) if (stream := desk.drawn(source, name))}
    aside = {name: found[0] for name in drawn if (found := _set_aside(desk, source, name, identity))}
    fields, commands = _found(desk, source, drawn, identity)
    if aside:
        name, record = next(iter(aside.items()))
        commands = commands or desk.show_set_aside(source, name, [record])
    if not commands and identity not in source.skip:
        known = {model.id for stream in drawn.values() for model in stream.selection.models}
        likely = sorted(each for each in known if each[:3].lower() == identity[:3].lower())[:_LIKELY]
        near = [f"{source.name}:{each}" for each in difflib.get_close_matches(identity, likely, 3, 0.5)]
        raise BadUsage(f"{source.name}:{identity}: no stream on disk has it{nearest(near)}")
    ranks = {name: place + 1 for name, stream in drawn.items() if (place := _place(stream, identity)) is not None}
    reasons = {name: record["reason"] for name, (_, record) in aside.items()}
    is_skipped = identity in source.skip
    places = {
        each.file: "filters.toml skips it" if is_skipped else _place_in(desk, source, each, ranks, reasons)
        for each in source.filters
    }
    return ModelExplained(
        source.name, identity, fields, ranks, reasons,
        {file: place for file, place in places.items() if isinstance(place, int)},
        {file: why for file, why in places.items() if isinstance(why, str)},
        commands,
    )  # fmt: skip


def _set_aside(desk: Desk, source: Source, stream: str, identity: str) -> list[tuple[str, dict[str, Any]]]:
    return [(file, record) for file, record in desk.set_aside(source, stream) if str(record["id"] or "") == identity]


def _found(desk: Desk, source: Source, drawn: dict[str, OnDisk], identity: str) -> tuple[dict[str, Any] | None, list[str]]:
    """Return a model of the first stream that has it, skipped or not, with the commands that show it there."""
    for name, stream in drawn.items():
        selection = stream.selection
        for model in (*selection.models, *selection.skipped):
            if model.id == identity:
                fields = read_json(desk.data.models(source.name, name) / model.file)[model.place]
                return fields, desk.show(source, name, [model])
    return None, []


def _place(stream: OnDisk, identity: str) -> int | None:
    return next((place for place, model in enumerate(stream.selection.models) if model.id == identity), None)


def _place_in(desk: Desk, source: Source, each: Filter, ranks: dict[str, int], set_aside: dict[str, str]) -> int | str:
    """Return the place of a model on a page, from 1, or why it is not there."""
    stream = desk.drawn(source, each.stream)
    if stream is None:
        return f"no stream {each.stream} on disk"
    if each.stream not in ranks:
        if each.stream in set_aside:
            return f"set aside: {set_aside[each.stream]}"
        return f"not among the {len(stream.selection.models)} models of stream {each.stream}"
    place = ranks[each.stream] - 1
    facts = next(group.facts for group in stream.selection.groups if place in group.places)
    for option in each.options:
        if not option.keeps(facts):
            value = facts[option.axis]
            return f"{option.axis} {option.name} does not keep {', '.join(map(str, value)) if isinstance(value, list) else value}"
    found = stream.selection.places(each.keeps).index(place) + 1
    return found if found <= desk.filters.limit else f"cut: it would be number {found}, and the limit is {desk.filters.limit}"
