"""Columns and hashes have the same bytes and numbers on machines of either byte order."""

from __future__ import annotations

import sys
from array import array

import pytest

from etl.core.columns import pack_column, unpack_column
from etl.core.ids import digest, hash_text, hash_texts


@pytest.mark.parametrize(("byte_order", "expected"), [("little", "0100000000000000"), ("big", "0000000000000001")])
def test_bytes_are_in_the_order_that_is_asked_for(byte_order: str, expected: str) -> None:
    column = array("Q", [1])
    assert pack_column(column, byte_order).hex() == expected
    assert column == array("Q", [1])
    assert unpack_column("Q", bytes.fromhex(expected), byte_order) == column


def test_bytes_are_swapped_where_the_machine_has_the_other_order(monkeypatch: pytest.MonkeyPatch) -> None:
    column = array("I", [1, 2])
    swapped = array("I", [1, 2])
    swapped.byteswap()
    monkeypatch.setattr(sys, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    assert pack_column(column, sys.byteorder) == column.tobytes()
    other = {"little": "big", "big": "little"}[sys.byteorder]
    assert pack_column(column, other) == swapped.tobytes()
    assert unpack_column("I", swapped.tobytes(), other) == column


def test_hashes_as_numbers_sort_as_hashes_do() -> None:
    texts = [f"o/{number}" for number in range(50)]
    assert [digest(text) for text in texts] == [*hash_texts(texts)]
    assert sorted(texts, key=digest) == sorted(texts, key=hash_text)
    assert f"{digest('o/a'):016x}" == hash_text("o/a").hex()
