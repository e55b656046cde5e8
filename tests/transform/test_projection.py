"""jq gets what the program reads of each record, and makes the same entries of it as of whole records."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.errors import InvalidDataError
from etl.core.schemas import load_schema
from etl.sources.source import get_source
from etl.storage.json_files import parse_json_body
from etl.transform import projection
from etl.transform.page import transform_page
from etl.transform.projection import _load_program, _run, project
from tests.conftest import hf

if TYPE_CHECKING:
    from pathlib import Path

    from etl.sources.source import Source

HUB = get_source("huggingface")
COMPLETE = hf(
    "o/m", author="o", pipeline_tag="x", tags=["gguf", "license:mit"], gated="auto", private=False, disabled=False,
    library_name="x", safetensors={"parameters": {"BF16": 5}, "total": 5},
    gguf={"total": 5, "architecture": "llama", "chat_template": "{{ x }}"},
)  # fmt: skip
FIELDS = load_schema("huggingface/model").schema["required"]
COUNTS = ("downloads", "likes")  # copied, and a part of a published file
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def entries(*records: Any) -> list[dict[str, Any]]:
    """Return the entries of records, after a check that they are those of the whole page."""
    body = parse_json_body(json.dumps(records).encode(), "p")
    result = project(HUB, body, "p")
    whole = _run(HUB, _load_program("huggingface").whole, body.text, "p")
    for entry in whole:
        if "model" in entry:
            entry["model"] = dict.fromkeys(FIELDS) | {"source": "huggingface"} | entry["model"]
    assert result == whole
    assert counts(result) == counts(whole)
    return result


def counts(result: list[dict[str, Any]]) -> list[str]:
    """Return the numbers that may get into a file, as it has them."""
    values = [entry.get("model", {}).get(field) for entry in result for field in COUNTS]
    return [repr(value) for value in values if isinstance(value, int | float)]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that jq gets."""
    seen: list[str] = []

    def run(source: Source, program: Any, text: str, where: object) -> list[dict[str, Any]]:
        seen.append(text)
        return _run(source, program, text, where)

    monkeypatch.setattr(projection, "_run", run)
    return seen


def test_jq_gets_only_what_the_program_reads_and_does_not_copy(texts: list[str]) -> None:
    (entry,) = project(HUB, parse_json_body(json.dumps([COMPLETE]).encode(), "p"), "p")
    (record,) = json.loads(texts[0])
    assert record == {"id": "o/m", "private": False, "disabled": False}
    assert entry["model"]["tags"] == ["gguf", "license:mit"]
    assert entry["evidence"] == {"safetensors": COMPLETE["safetensors"], "gguf": COMPLETE["gguf"], "library": "x"}


@pytest.mark.parametrize("value", ["9007199254740993", "0.12345678901234567", "[" * 300 + "]" * 300])
def test_jq_gets_the_whole_page_where_a_part_may_differ(texts: list[str], value: str) -> None:
    body = f'[{{"id": "o/m", "private": {value}, "x": 1}}]'
    project(HUB, parse_json_body(body.encode(), "p"), "p")
    assert texts == [body]


@pytest.mark.parametrize("tags", [None, [], ["a", "a"], ["a", 1], [None], "a", {"a": 1}, 1, ["a\x00b", "a\nb", "\U0001f600"]])
def test_tags_of_any_type_pass_through(tags: object) -> None:
    assert [entry["model"]["tags"] for entry in entries({**COMPLETE, "tags": tags}, COMPLETE)] == [tags, COMPLETE["tags"]]


def test_records_that_are_no_models_keep_their_index() -> None:
    result = entries(3, {**COMPLETE, "private": True}, None, COMPLETE, [COMPLETE])
    assert ["model" in entry for entry in result] == [False, False, False, True, False]


@given(st.sampled_from([
    *((key,) for key in COMPLETE), ("gguf", "total"), ("gguf", "architecture"), ("safetensors", "total"),
    ("safetensors", "parameters"),
]), ANY_JSON)  # fmt: skip
def test_any_value_of_a_field_gives_the_entry_of_the_whole_record(path: tuple[str, ...], value: object) -> None:
    record = json.loads(json.dumps(COMPLETE))
    container = record if len(path) == 1 else record[path[0]]
    container[path[-1]] = value
    entries(record)


def test_an_integer_beyond_64_bits_becomes_the_float_that_json_files_have() -> None:
    (entry,) = entries({**COMPLETE, "gguf": {"total": 10**30}, "likes": 10**30})
    assert repr(entry["evidence"]["gguf"]) == "{'total': 1e+30}"
    assert repr(entry["model"]["likes"]) == "1e+30"


@pytest.mark.parametrize("likes", [3.0, -0.0, 3.5, 1e15, 9e15, 1e16, 1e300])
def test_a_copied_number_is_what_jq_makes_of_it(likes: float) -> None:
    entries({**COMPLETE, "likes": likes})


@pytest.mark.parametrize("depth", [300, 900])
def test_values_nested_deeper_than_the_validator_goes_are_dropped(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    page = transform_page(HUB, f'[{{"id": "o/m", "likes": {deep}, "tags": ["a", {deep}]}}]'.encode(), "p")
    assert [(drop.field, drop.reason) for drop in page.dropped] == [("likes", "wrong type"), ("tags", "wrong type")]
    assert page.models[0]["tags"] == ["a"]


@pytest.mark.parametrize("depth", [250, 1_000, 1_021, 5_000])
def test_a_value_of_any_depth_is_dropped_or_an_error(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    with suppress(InvalidDataError):  # by the limits of the parsers, which depend on the version of Python
        assert transform_page(HUB, f'[{{"id": "o/m", "likes": {deep}}}]'.encode(), "p").models[0]["likes"] is None


@pytest.mark.parametrize("field", ["a: (.b | length)", "a:.b", "a, ", "a: .b.c", '"a": .b'])
def test_a_copy_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, field: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "transform.jq").write_text(f"def copied_model: {{likes, {field}}};\nmap({{model: copied_model}})\n")
    monkeypatch.setattr(projection, "SOURCES", tmp_path)
    with pytest.raises(ValueError, match=r"x/transform\.jq: copied_model: "):
        _load_program("x")
