"""The source's transform.jq, run over a page: one entry per record. No I/O.

jq takes most of the time of a transform, more than half of that for values that the program only copies. So it gets of each
record only what the source says that the program reads, and what the program's definitions `copied_model` and
`copied_evidence` copy is copied without it.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jq
import orjson

from etl.core.errors import InvalidDataError
from etl.core.layout import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody

Entry = dict[str, Any]

_COPIED = re.compile(r"^def copied_(model|evidence): \{(.*)\};$", re.MULTILINE)
_MAX_INTEGER = 2**63  # what a JSON file has as an integer is below


class _Program(NamedTuple):
    """A transform.jq.

    Attributes:
        whole: The program as it is.
        rest: The program without what is copied.
        model: The copied fields of a model, with the fields of the record that they are copied from.
        evidence: Those of the evidence.
    """

    whole: Any
    rest: Any
    model: Mapping[str, str]
    evidence: Mapping[str, str]


def project(source: Source, body: JsonBody, where: object) -> list[Entry]:
    """Return what transform.jq makes of each record of a page that has records; `where` is only named in messages.

    Raises:
        InvalidDataError: jq cannot read it.
    """
    records = source.records(body.value)
    program = _load_program(source.name)
    part = _read_part(source, records) if body.is_exact else None
    entries = _run(source, program.whole, body.text, where) if part is None else _run(source, program.rest, part, where)
    if len(entries) != len(records):
        raise InvalidDataError(f"{where}: {source.name}/transform.jq made {len(entries)} entries of {len(records)} records")
    if part is not None:
        for entry, record in zip(entries, records, strict=True):
            if "model" in entry:
                entry["model"] |= _copy(record, program.model)
                entry["evidence"] |= _copy(record, program.evidence)
    return entries


def run_program(source: Source, text: str, where: object) -> list[Entry]:
    """Run transform.jq as it is over the text of a page.

    Raises:
        InvalidDataError: jq cannot read it.
    """
    return _run(source, _load_program(source.name).whole, text, where)


def _run(source: Source, program: Any, text: str, where: object) -> list[Entry]:
    try:
        (entries,) = program.input_text(text).all()
    except ValueError as error:  # what jq cannot read although json can, such as nesting beyond its depth
        raise InvalidDataError(f"{where}: {source.name}/transform.jq cannot read it: {error}") from error
    try:
        orjson.dumps(entries)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, which JSON files have as a float
        try:
            entries = orjson.loads(json.dumps(entries))
        except (RecursionError, ValueError) as error:
            raise InvalidDataError(f"{where}: is nested too deeply") from error
    result: list[Entry] = entries
    return result


def _read_part(source: Source, records: Sequence[Any]) -> str | None:
    """Return the text of a page of what jq reads of the records; None if all of it is needed."""
    if not source.read_fields:
        return None
    page = [
        {key: record[key] for key in source.read_fields if key in record} if type(record) is dict else record
        for record in records
    ]  # fmt: skip
    with suppress(orjson.JSONEncodeError):  # nested deeper than it writes
        return orjson.dumps(page if source.records_key is None else {source.records_key: page}).decode()
    return None


def _copy(record: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """Return some fields of a record by other names, as jq copies them: a whole number has no fraction."""
    values = {key: record.get(name) for key, name in fields.items()}
    if float in map(type, values.values()):
        values = {key: _as_integer(value) if type(value) is float else value for key, value in values.items()}
    return values


def _as_integer(value: float) -> float:
    return int(value) if abs(value) < _MAX_INTEGER and value.is_integer() else value


@cache
def _load_program(source_name: str) -> _Program:
    text = (SOURCES / source_name / "transform.jq").read_text(encoding="utf-8")
    copied: dict[str, dict[str, str]] = {"model": {}, "evidence": {}}
    for part, fields in _COPIED.findall(text):
        for field in fields.split(", "):
            key, _, name = field.partition(": .")
            copied[part][key] = name or key
            if not key.isidentifier() or not copied[part][key].isidentifier():
                raise ValueError(f"{source_name}/transform.jq: copied_{part}: `{field}` (expected `name` or `name: .field`)")
    rest = _COPIED.sub(r"def copied_\1: {};", text)
    return _Program(jq.compile(text), jq.compile(rest), copied["model"], copied["evidence"])
