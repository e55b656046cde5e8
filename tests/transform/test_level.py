"""Levels of CivitAI."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.transform import level


@pytest.mark.parametrize(
    ("nsfw", "bits", "expected"),
    [
        (False, 1, "pg"), (False, 2, "pg13"), (False, 28, "r"), (False, 24, "x"), (False, 16, "xxx"), (False, 31, "pg"),
        (True, 1, "r"), (True, 3, "r"), (True, 8, "x"), (True, 4, "r"),
        (False, None, "xxx"), (False, 0, "xxx"), (False, -1, "xxx"), (False, 64, "xxx"), (False, 1.5, "xxx"), (True, None, "xxx"),
    ],
)  # fmt: skip
def test_level(nsfw: bool, bits: float | None, expected: str) -> None:  # noqa: FBT001  a column of the table
    assert level.from_evidence(nsfw=nsfw, nsfw_level=bits) == expected


@given(st.one_of(st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_flag_never_makes_a_model_safer(bits: float | None) -> None:
    levels = list(level.LEVELS.values())
    plain, flagged = (levels.index(level.from_evidence(nsfw=flag, nsfw_level=bits)) for flag in (False, True))
    assert flagged >= max(plain, levels.index("r"))
