"""Where hashes are in an array: some 5 bytes for each beside it, where a dict takes more than 100. No I/O."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    def repeated(self) -> Iterator[list[int]]:
        """Yield the positions of each hash that is there several times."""
        hash_of = self._hashes.__getitem__
        for bucket in self._buckets:
            if len(set(map(hash_of, bucket))) == len(bucket):
                continue
            groups: dict[int, list[int]] = {}
            for position in bucket:
                groups.setdefault(hash_of(position), []).append(position)
            yield from (positions for positions in groups.values() if len(positions) > 1)


def count_distinct(arrays: Sequence[array[int]]) -> int:
    """Return how many distinct hashes there are in arrays together."""
    return sum(len(set(bucket)) for bucket in partition(arrays))


def partition(arrays: Sequence[array[int]], by: Sequence[array[int]] | None = None) -> list[array[int]]:
    """Return the hashes of arrays in 256 arrays: equal ones in the same one, or those for which equal ones are in `by`."""
    buckets = [array("Q") for _ in range(256)]
    appends = [bucket.append for bucket in buckets]
    for hashes, others in zip(arrays, arrays if by is None else by, strict=True):
        for hash_, other in zip(hashes, others, strict=True):
            appends[other & 255](hash_)
    return buckets
