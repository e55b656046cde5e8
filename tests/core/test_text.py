"""Tests of sanitising remote text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.text import quote


@given(st.text())
def test_a_quoted_text_is_printable_json_of_the_text(text: str) -> None:
    assert json.loads(quote(text)) == text
    assert quote(text).isprintable()


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("SD 1.5", '"SD 1.5"'), ("é☃", '"é☃"'), ('a"\\', r'"a\"\\"'), ("\x1b\u202e\xa0", r'"\u001b\u202e\u00a0"')],
)
def test_printable_characters_are_not_escaped(text: str, quoted: str) -> None:
    assert quote(text) == quoted
