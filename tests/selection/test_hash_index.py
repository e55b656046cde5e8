"""Where hashes are in arrays, as a dict would say."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from etl.selection import hash_index
from etl.selection.hash_index import HashIndex, count_distinct, partition

# Few, so that some are equal; with equal low bytes, so that different ones are in one bucket.
HASHES = st.lists(st.sampled_from([0, 1, 256, 257, 1 << 20, (1 << 64) - 1, (1 << 64) - 257]), max_size=300)


@given(HASHES)
def test_positions_are_those_of_equal_hashes(hashes: list[int]) -> None:
    index = HashIndex(array("Q", hashes))
    expected: dict[int, list[int]] = {}
    for position, hash_ in enumerate(hashes):
        expected.setdefault(hash_, []).append(position)
    assert {hash_: index.positions(hash_) for hash_ in expected} == expected
    assert index.positions(2) == []
    assert sorted(index.repeated()) == sorted(positions for positions in expected.values() if len(positions) > 1)


@given(st.lists(HASHES, max_size=3))
def test_hashes_are_counted_once_over_all_arrays(lists: list[list[int]]) -> None:
    assert count_distinct([array("Q", hashes) for hashes in lists]) == len({hash_ for hashes in lists for hash_ in hashes})


@given(HASHES)
def test_a_partition_has_equal_hashes_in_one_part(hashes: list[int]) -> None:
    keys = array("Q", hashes)
    numbers = array("Q", range(len(hashes)))
    parts = partition([numbers], by=[keys])
    assert sorted(number for part in parts for number in part) == [*numbers]
    owner = {hash_: index for index, part in enumerate(partition([keys])) for hash_ in part}
    assert all(owner[hashes[number]] == index for index, part in enumerate(parts) for number in part)


def test_buckets_stay_small() -> None:
    index = HashIndex(array("Q", range(10_000)))
    assert max(len(bucket) for bucket in index._buckets) <= 2 * hash_index._IN_BUCKET  # noqa: SLF001 -- what lookups cost
