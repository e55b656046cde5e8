"""Millions of texts, by hashes of 8 bytes. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

from etl.core.columns import pack_column, unpack_column
from etl.core.ids import hash_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BITS = 5
_BOUNDS = [number << (64 - _BITS) for number in range(1, 1 << _BITS)]
BUCKETS = 1 << _BITS  # ranges of hashes, each of which is counted alone, so that few hashes are objects at once


# The losses and the facts of a page hash the same ids, and many models need few facts.
hash_key = lru_cache(maxsize=2048)(hash_text)


def distinct_hashes(texts: Iterable[str]) -> bytes:
    """Return the distinct hashes of texts, sorted, one after the other."""
    return b"".join(sorted(map(hash_key, {*texts})))


def numbers(hashes: bytes) -> array[int]:
    """Return hashes as numbers, which sort as the hashes do."""
    return unpack_column("Q", hashes, "big")


def as_bytes(hashes: Iterable[int]) -> bytes:
    """Return hashes that are numbers as bytes, one after the other."""
    return pack_column(array("Q", hashes), "big")


def ranges(hashes: array[int]) -> Iterator[slice]:
    """Yield which of sorted hashes are in each bucket."""
    start = 0
    for bound in _BOUNDS:
        end = bisect_left(hashes, bound, start)
        yield slice(start, end)
        start = end
    yield slice(start, len(hashes))


class HashSet:
    """A set of hashes that can only grow and be counted."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(BUCKETS)]

    def add(self, hashes: bytes) -> None:
        """Add sorted hashes, some of which may be in the set."""
        added = numbers(hashes)
        for bucket, range_ in zip(self._buckets, ranges(added), strict=True):
            bucket.extend(added[range_])

    @staticmethod
    def count(sets: Sequence[HashSet]) -> int:
        """Return how many distinct hashes some sets have."""
        return sum(len(set().union(*(set_._buckets[bucket] for set_ in sets))) for bucket in range(BUCKETS))  # noqa: SLF001
