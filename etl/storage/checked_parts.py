"""Files of the cache: parts, each with a checksum, so that one that was edited, or written by another program, is ignored."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING

from etl.storage.json_files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_parts(path: Path, program: str | Sequence[str], parts: Sequence[bytes]) -> None:
    """Write a file of parts, each of which can be read without the others.

    `program` is the fingerprint of what made them, or of what made each.

    Raises:
        StorageError: the disk is full, or a permission is missing.
    """
    programs = [program] * len(parts) if isinstance(program, str) else program
    lines = (b"%s %d\n" % (_checksum(own, part), len(part)) for own, part in zip(programs, parts, strict=True))
    write_atomic(path, b"".join(chain.from_iterable(zip(lines, parts, strict=True))))


def read_parts(path: Path, program: str | Sequence[str], numbers: Sequence[int]) -> list[bytes] | None:
    """Return parts of a file by their numbers, which must rise; None if one is absent or not as the program wrote it.

    `program` is the fingerprint of what made them, or of what made each.
    """
    programs = dict(zip(numbers, [program] * len(numbers) if isinstance(program, str) else program, strict=True))
    parts: list[bytes] = []
    try:
        with path.open("rb") as file:
            for number in range(numbers[-1] + 1):
                checksum, length = file.readline().split()
                if number not in programs:
                    file.seek(int(length), 1)
                    continue
                parts.append(file.read(int(length)))
                if checksum != _checksum(programs[number], parts[-1]):
                    return None
    except (OSError, ValueError, OverflowError, MemoryError):  # absent, no line of a part, or a length that no file has
        return None
    return parts


def _checksum(program: str, part: bytes) -> bytes:
    checksum = hashlib.sha256(program.encode())
    checksum.update(part)
    return checksum.hexdigest().encode()
