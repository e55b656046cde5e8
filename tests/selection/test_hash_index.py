"""Where hashes are in an array, as a dict would say."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from etl.selection import hash_index
from etl.selection.hash_index import HashIndex

# Few, so that some are equal; with equal low bytes, so that different ones are in one bucket.
HASHES = st.lists(st.sampled_from([0, 1, 256, 257, 1 << 20, (1 << 64) - 1, (1 << 64) - 257]), max_size=300)


@given(HASHES)
def test_positions_are_those_of_equal_hashes(hashes: list[int]) -> None:
    index = HashIndex(array("Q", hashes))
    expected: dict[int, list[int]] = {}
    for position, hash_ in enumerate(hashes):
        expected.setdefault(hash_, []).append(position)
    for _ in range(2):  # by a scan, then by the buckets
        assert {hash_: index.positions(hash_) for hash_ in expected} == expected
        for _ in range(hash_index._SCANS):  # noqa: SLF001 -- as many scans
            assert index.positions(2) == []
    assert "_buckets" in vars(index)


def test_buckets_stay_small() -> None:
    index = HashIndex(array("Q", range(10_000)))
    assert max(len(bucket) for bucket in index._buckets) <= 2 * hash_index._IN_BUCKET  # noqa: SLF001 -- what lookups cost
