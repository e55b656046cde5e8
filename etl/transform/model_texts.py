"""A page of models as the text of each, so that few models of many are read and written again. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from etl.storage.json_files import dump_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_START, _BETWEEN, _END = (
    b"[\n  {",
    b"\n  },\n  {",
    b"\n  }\n]\n",
)  # no text in JSON has a line break, nor a deeper object this indent


def replace_models(
    content: bytes, indexes: Iterable[int], change: Callable[[int, dict[str, Any]], dict[str, Any]]
) -> bytes:  # fmt: skip
    """Return a page of models as `dump_json` writes it, with those of some indexes changed."""
    texts = content[len(_START) : -len(_END)].split(_BETWEEN)
    for index in indexes:
        model = change(index, orjson.loads(b"{%b}" % texts[index]))
        texts[index] = dump_json([model])[len(_START) : -len(_END)]
    return b"%b%b%b" % (_START, _BETWEEN.join(texts), _END)
