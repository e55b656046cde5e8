"""Where hashes are in an array: some 5 bytes for each beside it, where a dict takes more than 100. No I/O."""

from __future__ import annotations

from array import array
from functools import cached_property

_IN_BUCKET = 64  # hashes, on average
_SCANS = 24  # lookups that take less than half of the time of making the buckets


class HashIndex:
    """The positions of the hashes in an array, which stays as it is."""

    def __init__(self, hashes: array[int]) -> None:
        self._hashes = hashes
        self._mask = (1 << max(0, (len(hashes) // _IN_BUCKET).bit_length())) - 1
        self._scans = 0

    def positions(self, hash_: int) -> list[int]:
        """Return the positions of a hash, ascending."""
        if self._scans < _SCANS:
            self._scans += 1
            return self._scan(hash_)
        hashes = self._hashes
        return [position for position in self._buckets[hash_ & self._mask] if hashes[position] == hash_]

    def _scan(self, hash_: int) -> list[int]:
        positions: list[int] = []
        try:
            while True:
                positions.append(self._hashes.index(hash_, positions[-1] + 1 if positions else 0))
        except ValueError:
            return positions

    @cached_property
    def _buckets(self) -> list[array[int]]:
        buckets = [array("I") for _ in range(self._mask + 1)]
        mask, appends = self._mask, [bucket.append for bucket in buckets]
        for position, hash_ in enumerate(self._hashes):
            appends[hash_ & mask](position)
        return buckets
