"""Millions of texts, by hashes of 8 bytes. No I/O.

Of 3,000,000 texts, two have the same hash with a probability of 1 in 4,000,000.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUCKETS = 256  # each is counted alone, so that few hashes are objects at once


def hash_texts(texts: Iterable[str]) -> bytes:
    """Return the hash of each text, one after the other."""
    return b"".join(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in texts)


def numbers(hashes: bytes) -> array[int]:
    """Return each hash as a number."""
    return array("Q", hashes)


class HashSet:
    """A set of hashes that can only grow and be counted."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(BUCKETS)]

    def add(self, hashes: bytes) -> None:
        """Add hashes, some of which may be in the set."""
        buckets = self._buckets
        for number in numbers(hashes):
            buckets[number % BUCKETS].append(number)

    @staticmethod
    def count(sets: Sequence[HashSet]) -> int:
        """Return how many distinct hashes some sets have."""
        return sum(len(set().union(*(set_._buckets[bucket] for set_ in sets))) for bucket in range(BUCKETS))  # noqa: SLF001
