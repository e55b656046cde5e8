"""What the records of one model say that decides its level or its size, in words, for explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jq

from etl.core.ids import model_key
from etl.storage.json_files import parse_json_body
from etl.transform.page import transform_page
from etl.transform.projection import project

if TYPE_CHECKING:
    from etl.sources.source import Source, TransformOptions

_DECIDED = ("level", "level_most", "flagged", "size")  # fields that no record has itself
_INVALID_EVIDENCE = "what it is decided from has a value of the wrong type"


def describe(source: Source, body: bytes, where: object, key: str, options: TransformOptions) -> list[str]:
    """Return a line for each thing that decides, of each record of a page whose id has a key (`etl.core.ids.model_key`).

    Raises:
        InvalidDataError: the page is not a response of the source; `where` is only named in the message.
    """
    text, value, *_ = parse_json_body(body, where)
    only = "[.[$index]]" if source.records_key is None else f"{{{source.records_key}: [.{source.records_key}[$index]]}}"
    lines = []
    for index, record in enumerate(source.records(value)):
        if isinstance(record, dict) and model_key(record.get("id")) == key:
            alone = parse_json_body(jq.compile(only, args={"index": index}).input_text(text).text().encode(), where)
            lines += source.load_rules().describe(record, project(source, alone, where)[0], options)
            page = transform_page(source, alone, where, options)
            for lost in page.dropped:
                why = _INVALID_EVIDENCE if lost.field in _DECIDED else f"{lost.reason}, so that it was dropped"
                lines.append(f"{lost.field}: {why}")
            lines += [f"rejected: {record.reason}" + (f", {record.detail}" if record.detail else "") for record in page.set_aside]
    return lines
