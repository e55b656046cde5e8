"""Lists of objects in JSON files, of which an item is found and parsed when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import orjson

from etl.core.errors import InvalidDataError
from etl.storage.json_files import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

# Of a list that `dump_json` wrote. No text in JSON has a line break, and what is within an object is indented further.
_OBJECT, _OBJECT_END, _SEPARATOR, _END_OF_LIST = b"\n  {", b"\n  }", b",\n  ", b"\n]\n"
_START, _BETWEEN, _END = b"[" + _OBJECT, _OBJECT_END + b"," + _OBJECT, _OBJECT_END + _END_OF_LIST


class JsonList(Sequence[Any]):
    """The items of a list in a file that this project wrote; those of a list that was edited are parsed at once."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InvalidDataError: it is missing or not a list in JSON.
            StorageError: it cannot be read.
        """
        self._path, self._content = path, read_bytes(path)
        self._items: list[Any] | None = None  # all, if they were parsed at once
        self._starts = [len(_START) - 1]  # of the items that were read and of the next; of one after the last when all are known
        self._is_complete = False
        if not (self._content.startswith(_START) and self._content.endswith(_END)):
            self._parse_all()

    def __len__(self) -> int:
        """Return the number of items."""
        while self._items is None and not self._is_complete:
            self._find_next()
        return len(self._starts) - 1 if self._items is None else len(self._items)

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
        if index < 0:
            index = range(len(self))[index]
        while self._items is None and not self._is_complete and len(self._starts) < index + 2:
            self._find_next()
        if self._items is not None:
            return self._items[index]
        start, end = self._starts[index], self._starts[index + 1] - len(_SEPARATOR)
        return self._parse(self._content[start:end])

    def _find_next(self) -> None:
        """Find the start of the next item; if a list is not as `dump_json` writes it, all are parsed."""
        start = self._content.find(_OBJECT, self._starts[-1])
        if start < 0:
            self._is_complete = True
            self._starts.append(len(self._content) - len(_END_OF_LIST) + len(_SEPARATOR))
        elif self._content.startswith(_BETWEEN, start + len(_OBJECT) - len(_BETWEEN)):
            self._starts.append(start + len(_OBJECT) - 1)
        else:
            self._parse_all()

    def _parse_all(self) -> None:
        items = self._parse(self._content)
        if not isinstance(items, list):
            raise InvalidDataError(f"{self._path}: expected a list")
        self._items = items

    def _parse(self, content: bytes) -> Any:
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise InvalidDataError(f"{self._path}: is not JSON: {error}") from error
