"""Response bodies are parsed as the standard library parses them, whichever parser does it; files are written as a whole."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.errors import InvalidDataError
from etl.storage import json_files
from etl.storage.json_files import parse_json_body, use_own_partial_names, write_atomic

NUMBERS = [
    "0", "-0", "-0.0", "1.0", "1.5", "1E5", "1e22", "1e-400", "1e400", "-1e400", "9e308", "9007199254740993",
    "18446744073709551615", "18446744073709551616", "-9223372036854775809", "9" * 400, "0.1234567890123456789",
]  # fmt: skip
TEXTS = [
    *NUMBERS, *(template % number for number in NUMBERS for template in ("[%s]", "[0,%s]", '{"a":%s}', "[0,\n%s]", "[ %s]")),
    "null", "true", '""', '"\\u0000"', '"\\ud83d\\ude00"', '"\\\\ud800"', '"\x7f"', '{"a": 1, "b": 2, "a": 3}', " [ 1 ,\r\n2\t] ",
    "[" * 200 + "]" * 200,
]  # fmt: skip
INVALID = ["", "nan", "NaN", "-Infinity", "01", "1.", "[1,]", "[1] [2]", "\ufeff1", '"\t"', "\x0c1", "<html>", "[" * 200_000]


@pytest.mark.parametrize("text", TEXTS)
def test_values_are_those_of_the_standard_library(text: str) -> None:
    body = parse_json_body(text.encode(), "a page")
    assert repr(body.value) == repr(json.loads(text))  # also the types of numbers, and the order of keys
    assert body.text == text


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
))  # fmt: skip
def test_any_value_is_read_as_by_the_standard_library(value: object) -> None:
    text = json.dumps(value).replace("Infinity", "1e400")
    assert repr(parse_json_body(text.encode(), "a page").value) == repr(
        parse_json_body(text.encode(), "a page", unique=True).value
    )


@pytest.mark.parametrize("text", INVALID)
def test_messages_are_those_of_the_standard_library(text: str) -> None:
    messages = []
    for unique in (False, True):
        with pytest.raises(InvalidDataError) as caught:
            parse_json_body(text.encode(), "a page", unique=unique)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(("number", "is_exact"), [
    ("1.5", True), ("-1e-5", True), ("900719925474099", True), ("9007199254740993", False), ("0.12345678901234567", False),
    ("18446744073709551616", False), ("1e400", False), ('"66f0000000000000000000a1"', True), ('"0000000000000000000"', True),
])  # fmt: skip
def test_numbers_that_parsers_read_differently_are_not_exact(number: str, *, is_exact: bool) -> None:
    assert parse_json_body(f"[{number}]".encode(), "a page").is_exact is is_exact


def test_a_lone_surrogate_is_replaced_in_text_and_value() -> None:
    body = parse_json_body(rb'["\ud800 \\ud800"]', "a page")
    assert (body.text, body.value) == (r'["\ufffd \\ud800"]', ["\ufffd \\ud800"])


def write_as_worker(path: Path, content: bytes) -> None:
    use_own_partial_names()
    write_atomic(path, content)


def test_two_workers_may_write_a_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page-0001.json"
    replace = Path.replace
    seen = []

    def replace_late(partial: Path, target: Path) -> Path:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as other:
            other.submit(write_as_worker, path, b"other").result()
        seen.append(path.read_bytes())
        return replace(partial, target)

    monkeypatch.setattr(json_files, "_own_names", {})
    monkeypatch.setattr(Path, "replace", replace_late)
    write_as_worker(path, b"own")
    assert (seen, path.read_bytes()) == ([b"other"], b"own")
    assert [*tmp_path.iterdir()] == [path]
