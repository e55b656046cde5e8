"""The source's transform.jq, run over a page: one entry per record. No I/O.

jq takes most of the time of a transform, and half of that to read values that the program does not look into. So it gets of each
record only what the source says that the program reads.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jq
import orjson

from etl.core.errors import InvalidDataError
from etl.core.layout import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody

Entry = dict[str, Any]
_Copy = tuple[int, str, list[str]]  # index of the record, field, value


class _Tree(NamedTuple):
    """What is read of an object: the names of fields, and of others what is read of their objects."""

    fields: tuple[str, ...]
    objects: tuple[tuple[str, _Tree], ...]


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
        try:
            entries = orjson.loads(json.dumps(entries))
        except (RecursionError, ValueError) as error:
            raise InvalidDataError(f"{where}: is nested too deeply") from error
    result: list[Entry] = entries
    return result


def _read_part(source: Source, records: Sequence[Any]) -> tuple[str, list[_Copy]]:
    """Return the text of a page of what jq reads of the records, and the lists that bypass it.

    Raises:
        orjson.JSONEncodeError: a value is nested too deeply.
    """
    tree = _tree(tuple(path for path in source.read_fields if path not in source.copied_lists))
    page: list[Any] = []
    copies: list[_Copy] = []
    for index, record in enumerate(records):
        fields = _select(record, tree)
        page.append(fields)
        if fields is not record:
            for key in source.copied_lists:
                value = record.get(key)
                if _is_list_of_texts(value):
                    copies.append((index, key, value))
                elif key in record:
                    fields[key] = value
    part = page if source.records_key is None else {source.records_key: page}
    return orjson.dumps(part).decode(), copies


def _select(value: Any, tree: _Tree) -> Any:
    """Return a copy of an object with the fields of a tree; any other value as it is."""
    if type(value) is not dict:
        return value
    fields = {key: value[key] for key in tree.fields if key in value}
    for key, inner in tree.objects:
        if key in value:
            fields[key] = _select(value[key], inner)
    return fields


def _is_list_of_texts(value: object) -> bool:
    if type(value) is not list:
        return False
    try:
        "".join(value)
    except TypeError:
        return False
    return True


@cache
def _tree(paths: tuple[str, ...]) -> _Tree:
    fields = tuple(path for path in paths if "." not in path)
    inner: dict[str, list[str]] = {}
    for path in paths:
        key, dot, rest = path.partition(".")
        if dot:
            inner.setdefault(key, []).append(rest)
    return _Tree(fields, tuple((key, _tree(tuple(rests))) for key, rests in inner.items()))


@cache
def _program(source_name: str) -> Any:
    return jq.compile((SOURCES / source_name / "transform.jq").read_text(encoding="utf-8"))
