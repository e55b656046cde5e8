"""Sizes and levels: the rules of the classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.transform import level, size


@pytest.mark.parametrize(
    ("name", "safetensors", "gguf", "expected"),
    [
        ("Llama-2-7b", 6.74e9, None, (6_740_000_000, "medium", "safetensors")),
        ("Llama-2-13b", 13.016e9, None, (13_016_000_000, "medium", "safetensors")),
        ("roberta-large", 355e6, None, (355_000_000, "small", "safetensors")),
        ("thing", 6.4e9, None, (6_400_000_000, "small", "safetensors")),
        ("thing", 6.6e9, None, (6_600_000_000, "medium", "safetensors")),
        ("thing", 13.4e9, None, (13_400_000_000, "medium", "safetensors")),
        ("thing", 13.6e9, None, (13_600_000_000, "large", "safetensors")),
        ("thing-70B-GGUF", None, 70.5e9, (70_500_000_000, "large", "gguf")),
        ("Qwen3-0.6B", None, None, (600_000_000, "small", "name")),
        ("bloom-560m", None, None, (560_000_000, "small", "name")),
        ("v2.5-base", None, None, (None, "unknown", "none")),
        ("30B-3B", None, None, (None, "unknown", "none")),
        ("thing", 0, None, (None, "unknown", "none")),
        ("thing", 1e300, None, (None, "unknown", "none")),
    ],
)
def test_size(name: str, safetensors: float | None, gguf: float | None, expected: tuple[int | None, str, str]) -> None:
    verdict = size.from_evidence(name, safetensors, gguf)
    assert (verdict.parameters, verdict.size, verdict.size_from) == expected


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
