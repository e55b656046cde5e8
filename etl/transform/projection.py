"""The source's transform.jq, run over a page: one entry per record. No I/O.

jq takes a good part of the time of a transform. So the program says only what it makes of a record: the transform adds the
source, and null for fields that are not of the record. Of each record jq gets only what the source says that the program reads,
and what the program's definitions `copied_model` and `copied_evidence` copy is copied without it.
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
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody

Entry = dict[str, Any]

_COPIED = re.compile(r"^def copied_(model|evidence): \{(.*)\};$", re.MULTILINE)
# What is left of the program where these are copied without jq, in which even an empty object takes time.
_WITHOUT = {" + copied_model": "", ", evidence: copied_evidence": "", "copied_model": "{}", "copied_evidence": "{}"}
_MAX_INTEGER = 2**63  # what a JSON file has as an integer is below


class _Program(NamedTuple):
    """A transform.jq.

    Attributes:
        whole: The program as it is.
        rest: The program without what is copied.
        model: The copied fields of a model, each with the field of the record that it is copied from.
        evidence: Those of the evidence.
    """

    whole: Any
    rest: Any
    model: Sequence[tuple[str, str]]
    evidence: Sequence[tuple[str, str]]


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
    blank = _blank_model(source.name)
    for entry, record in zip(entries, records, strict=True):
        if "model" in entry:
            entry["model"] = model = {**blank, **entry["model"]}
            if part is not None:
                _copy(record, program.model, model)
                _copy(record, program.evidence, entry.setdefault("evidence", {}))
    return entries


@cache
def _blank_model(source_name: str) -> dict[str, str | None]:
    """Return the fields of a model that no record has, and null for all others, in the order of its schema."""
    return {**dict.fromkeys(load_schema(f"{source_name}/model").schema["required"]), "source": source_name}


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


def _copy(record: Mapping[str, Any], fields: Sequence[tuple[str, str]], target: Entry) -> None:
    """Copy some fields of a record by other names, as jq copies them: a whole number has no fraction."""
    for key, name in fields:
        value = record.get(name)
        target[key] = _as_integer(value) if type(value) is float else value


def _as_integer(value: float) -> float:
    return int(value) if abs(value) < _MAX_INTEGER and value.is_integer() else value


@cache
def _load_program(source_name: str) -> _Program:
    text = (SOURCES / source_name / "transform.jq").read_text(encoding="utf-8")
    copied: dict[str, list[tuple[str, str]]] = {"model": [], "evidence": []}
    for part, fields in _COPIED.findall(text):
        for field in fields.split(", "):
            key, _, name = field.partition(": .")
            copied[part].append((key, name or key))
            if not key.isidentifier() or not (name or key).isidentifier():
                raise ValueError(f"{source_name}/transform.jq: copied_{part}: `{field}` (expected `name` or `name: .field`)")
    rest = _COPIED.sub("", text)
    for use, instead in _WITHOUT.items():
        rest = rest.replace(use, instead)
    return _Program(jq.compile(text), jq.compile(rest), copied["model"], copied["evidence"])
