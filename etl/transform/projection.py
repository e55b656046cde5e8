"""The source's transform.jq, run over a page: one entry per record. No I/O.

jq takes most of the time of a transform, and half of that to read values that the program does not look into. So it gets of each
record only what the source says that the program reads.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import jq
import orjson

from etl.core.errors import InvalidDataError
from etl.core.layout import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody

Entry = dict[str, Any]
_Tree = dict[str, Any]  # by key, the tree of what is read of its value; an empty one for the value as it is
_Copy = tuple[int, str, list[str]]  # index of the record, field, value


def project(source: Source, body: JsonBody, where: object) -> list[Entry]:
    """Return what transform.jq makes of each record of a page that has records; `where` is only named in messages.

    Raises:
        InvalidDataError: jq cannot read it.
    """
    records = source.records(body.value)
    text = body.text
    copies: list[_Copy] = []
    if source.read_fields and body.is_exact:
        with suppress(orjson.JSONEncodeError):  # nested deeper than it writes
            text, copies = _read_part(source, records)
    entries = run_program(source, text, where)
    if len(entries) != len(records):
        raise InvalidDataError(f"{where}: {source.name}/transform.jq made {len(entries)} entries of {len(records)} records")
    for index, key, value in copies:
        if "model" in entries[index]:
            entries[index]["model"][key] = value
    return entries


def run_program(source: Source, text: str, where: object) -> list[Entry]:
    """Run transform.jq over the text of a page.

    Raises:
        InvalidDataError: jq cannot read it.
    """
    try:
        (entries,) = _program(source.name).input_text(text).all()
    except ValueError as error:  # what jq cannot read although json can, such as nesting beyond its depth
        raise InvalidDataError(f"{where}: {source.name}/transform.jq cannot read it: {error}") from error
    try:
        orjson.dumps(entries)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, which JSON files have as a float
        entries = orjson.loads(json.dumps(entries))
    result: list[Entry] = entries
    return result


def _read_part(source: Source, records: Sequence[Any]) -> tuple[str, list[_Copy]]:
    """Return the text of a page of what jq reads of the records, and the lists that bypass it.

    Raises:
        orjson.JSONEncodeError: a value is nested too deeply.
    """
    tree = _tree(source.read_fields)
    page: list[Any] = []
    copies: list[_Copy] = []
    for index, record in enumerate(records):
        fields = _select(record, tree)
        page.append(fields)
        if isinstance(fields, dict):
            copies += [(index, key, fields.pop(key)) for key in source.copied_lists if _is_list_of_texts(fields.get(key))]
    value = page if source.records_key is None else {source.records_key: page}
    return orjson.dumps(value).decode(), copies


def _select(value: Any, tree: Mapping[str, _Tree]) -> Any:
    """Return a copy of an object with the fields of a tree; any other value as it is."""
    if type(value) is not dict:
        return value
    return {key: _select(value[key], inner) if inner else value[key] for key, inner in tree.items() if key in value}


def _is_list_of_texts(value: object) -> bool:
    if not isinstance(value, list):
        return False
    try:
        "".join(value)
    except TypeError:
        return False
    return True


@cache
def _tree(fields: tuple[str, ...]) -> _Tree:
    tree: _Tree = {}
    for path in fields:
        node = tree
        for key in path.split("."):
            node = node.setdefault(key, {})
    return tree


@cache
def _program(source_name: str) -> Any:
    return jq.compile((SOURCES / source_name / "transform.jq").read_text(encoding="utf-8"))
