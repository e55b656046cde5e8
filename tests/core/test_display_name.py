"""Display names without invisible characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.display_name import clean_display_name
from etl.core.schemas import load_schema


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ab\ufeffgn", "abgn"), ("a\u200bb", "ab"), ("a\u3164", "a"), ("x\U000e0041\U000e007f", "x"), ("so\u00adft", "soft"),
        ("\u202eevil\x00", "evil"), ("a\u2060b\u2064", "ab"), ("\u115f\u1160\uffa0", ""), (" \u2800 ", ""), ("\u180ea", "a"),
        ("ab\u200dcd", "abcd"), ("ab\u200ccd", "abcd"), ("a\ufe0f", "a"), ("\u200d", ""), ("\u200d\U0001f525", "\U0001f525"),
    ],
)  # fmt: skip
def test_invisible_characters_are_removed(text: str, expected: str) -> None:
    assert clean_display_name(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0915\u094d\u200d\u0937",  # Devanagari
        "\u0d9a\u0dca\u200d\u0dbb",  # Sinhala
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",  # with a skin tone
        "1\ufe0f\u20e3",  # a keycap
    ],
)
def test_joiners_with_effect_are_kept(text: str) -> None:
    assert clean_display_name(text) == text


@given(st.text())
def test_a_clean_name_conforms_to_the_schema_and_is_a_fixed_point(text: str) -> None:
    name = clean_display_name(text)
    assert clean_display_name(name) == name
    assert name == "" or len(name) > 1000 or load_schema("civitai/model", "name").is_valid(name)
