"""Arrays of numbers as bytes that are the same on all machines. No I/O."""

from __future__ import annotations

import sys
from array import array
from typing import Any


def pack_column(column: array[Any], byte_order: str = "little") -> bytes:
    """Return numbers as bytes, little-endian or as `byte_order` says."""
    return _in_order(column[:], byte_order).tobytes()


def unpack_column(code: str, content: bytes, byte_order: str = "little") -> array[Any]:
    """Return the numbers that `pack_column` packed, as an array with a type code."""
    column: array[Any] = array(code)
    column.frombytes(content)
    return _in_order(column, byte_order)


def _in_order(column: array[Any], byte_order: str) -> array[Any]:
    """Return a column, of which the bytes are swapped in place where this machine has the other order."""
    if sys.byteorder != byte_order:
        column.byteswap()
    return column
