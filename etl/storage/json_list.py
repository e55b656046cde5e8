"""Lists of objects in JSON files, of which an item is parsed when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import orjson

from etl.core.errors import InvalidDataError
from etl.storage.json_files import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

# Of a list that `dump_json` wrote. No text in JSON has a line break, and what is within an object is indented further.
_START, _BETWEEN, _END, _OBJECT = b"[\n  {", b"\n  },\n  {", b"\n  }\n]\n", b"\n  {"


class JsonList(Sequence[Any]):
    """The items of a list in a file that this project wrote; those of a list that was edited are parsed at once."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InvalidDataError: it is missing or not a list in JSON.
            StorageError: it cannot be read.
        """
        self._path, content = path, read_bytes(path)
        self._texts: list[bytes] = []
        self._items: list[Any] = []
        texts = content[len(_START) : -len(_END)].split(_BETWEEN)
        is_ours = content.startswith(_START) and content.endswith(_END)
        if is_ours and content.count(_OBJECT) == len(texts):  # all are objects, and none is empty
            self._texts = texts
        elif not isinstance(items := self._parse(content), list):
            raise InvalidDataError(f"{path}: expected a list")
        else:
            self._items = items

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._texts or self._items)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return an item, or some.

        Raises:
            InvalidDataError: it is not JSON.
        """
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return self._parse(b"{%b}" % self._texts[index]) if self._texts else self._items[index]

    def _parse(self, content: bytes) -> Any:
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise InvalidDataError(f"{self._path}: is not JSON: {error}") from error
