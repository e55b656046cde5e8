"""Where hashes are in an array: some 5 bytes for each beside it, where a dict takes more than 100. No I/O."""

from __future__ import annotations

from array import array

_IN_BUCKET = 64  # hashes, on average


class HashIndex:
    """The positions of the hashes in an array, which stays as it is."""

    def __init__(self, hashes: array[int]) -> None:
        self._hashes = hashes
        self._mask = (1 << max(0, (len(hashes) // _IN_BUCKET).bit_length())) - 1
        self._buckets = [array("I") for _ in range(self._mask + 1)]
        mask, appends = self._mask, [bucket.append for bucket in self._buckets]
        for position, hash_ in enumerate(hashes):
            appends[hash_ & mask](position)

    def positions(self, hash_: int) -> list[int]:
        """Return the positions of a hash, ascending."""
        hashes = self._hashes
        return [position for position in self._buckets[hash_ & self._mask] if hashes[position] == hash_]
