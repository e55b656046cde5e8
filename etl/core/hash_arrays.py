"""Millions of hashes in arrays: how many differ, and which are repeated. No I/O."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def partition(arrays: Sequence[array[int]], by: Sequence[array[int]] | None = None) -> list[array[int]]:
    """Return the hashes of arrays in 256 arrays: equal ones in the same one, or those for which equal ones are in `by`."""
    buckets = [array("Q") for _ in range(256)]
    appends = [bucket.append for bucket in buckets]
    for hashes, others in zip(arrays, arrays if by is None else by, strict=True):
        bytes_ = memoryview(others).cast("B")[:: others.itemsize].tobytes()  # one of each hash
        for append, hash_ in zip(map(appends.__getitem__, bytes_), hashes, strict=True):
            append(hash_)
    return buckets


def count_distinct(arrays: Sequence[array[int]]) -> int:
    """Return how many distinct hashes there are in arrays together."""
    return sum(len(set(bucket)) for bucket in partition(arrays))


def find_repeated(hashes: array[int]) -> set[int]:
    """Return the hashes that are in an array several times."""
    crowded = (bucket for bucket in partition([hashes]) if len(set(bucket)) < len(bucket))
    return {hash_ for bucket in crowded for hash_, count in Counter(bucket).items() if count > 1}
