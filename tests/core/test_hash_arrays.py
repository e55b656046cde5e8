"""Hashes in arrays, counted as sets would."""

from __future__ import annotations

from array import array
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from etl.core.hash_arrays import count_distinct, find_repeated, partition

# Few, so that some are equal; with equal low bytes, so that different ones are in one part.
HASHES = st.lists(st.sampled_from([0, 1, 256, 257, 1 << 20, (1 << 64) - 1, (1 << 64) - 257]), max_size=300)


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


@given(HASHES)
def test_repeated_hashes_are_those_that_are_there_several_times(hashes: list[int]) -> None:
    assert find_repeated(array("Q", hashes)) == {hash_ for hash_, count in Counter(hashes).items() if count > 1}
