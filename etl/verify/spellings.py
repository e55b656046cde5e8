"""Which models the records of a source spell in several ways, by 16 bytes a record. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_PARTS = 256  # looked at one after the other, so that few hashes are in a dict at once


class Spellings:
    """The hashes of the ids of all records, page by page: in any spelling, and as spelled.

    Equal hashes may be those of different ids, so that the ids on the pages must be compared.
    """

    def __init__(self) -> None:
        self._keys, self._spellings, self._starts = array("Q"), array("Q"), array("Q")

    def add_page(self, keys: array[int], spellings: array[int]) -> None:
        """Add the records of the next page."""
        self._starts.append(len(self._keys))
        self._keys.extend(keys)
        self._spellings.extend(spellings)

    def find_several(self) -> set[int]:
        """Return the hashes of the models with several hashes of spellings."""
        keys, spellings = self._keys, self._spellings
        parts = [array("Q") for _ in range(_PARTS)]
        appends = [part.append for part in parts]
        for position, key in enumerate(keys):
            appends[key % _PARTS](position)
        several: set[int] = set()
        for part in parts:
            first: dict[int, int] = {}
            several.update(
                keys[position]
                for position in part
                if first.setdefault(keys[position], spellings[position]) != spellings[position]
            )
        return several

    def pages_of(self, hashes: Container[int]) -> list[int]:
        """Return the numbers of all pages that have records of models, by the hashes of their ids in any spelling; rising."""
        positions = (position for position, key in enumerate(self._keys) if key in hashes)
        return sorted({bisect_right(self._starts, position) - 1 for position in positions})
