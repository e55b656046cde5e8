"""Files of parts, of which damaged ones are ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.storage.checked_parts import read_parts, write_parts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("length", [b"4", b"-3", b"x", b"9" * 15, b"9" * 19, b"9" * 40, b"9" * 5000])
@pytest.mark.parametrize("numbers", [[0], [1], [0, 1]])
def test_a_file_with_a_wrong_length_is_ignored(tmp_path: Path, length: bytes, numbers: list[int]) -> None:
    path = tmp_path / "parts"
    write_parts(path, "program", [b"abc", b"def"])
    assert read_parts(path, "program", numbers) == [[b"abc", b"def"][number] for number in numbers]
    path.write_bytes(path.read_bytes().replace(b" 3\n", b" %b\n" % length, 1))
    assert read_parts(path, "program", numbers) is None
