"""Which values a field of a model takes, as the schema says, and which is the nearest to one that it does not take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from etl.config import fields as module
from etl.config.fields import model_fields, nearest_value
from etl.core.schemas import load_schema
from etl.sources.source import DEFAULT_SIZE_CLASSES, SizeClass

FLAGGED: dict[str, Any] = {
    "flagged": {"type": "boolean"},
    "flags": {"type": ["array", "null"], "items": {"enum": ["a", "b"]}},
    "most": {"description": "By a reference.", "$ref": "#/$defs/most"},
}


def problem(source: str, name: str, value: Any) -> str | None:
    return model_fields(source, DEFAULT_SIZE_CLASSES)[name].problem(value)


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("civitai", "level", "xxx"),
        ("civitai", "source", "civitai"),
        ("civitai", "file_bytes", 0),
        ("civitai", "file_bytes", 2**53 - 1),
        ("civitai", "bases", "SDXL 1.0"),
        ("civitai", "updated", "2026-01-01T00:00:00.000Z"),
        ("civitai", "id", "4201"),
        ("huggingface", "license", "MIT"),
        ("huggingface", "size", "unknown"),
        ("huggingface", "size_against", "gguf"),
        ("huggingface", "gated", False),
        ("huggingface", "gated", True),
        ("huggingface", "gated", "manual"),
        ("huggingface", "id", "org/name"),
        ("huggingface", "id", "gpt2"),
    ],
)
def test_a_value_that_models_may_have_is_no_problem(source: str, name: str, value: Any) -> None:
    assert problem(source, name, value) is None


@pytest.mark.parametrize(
    ("source", "name", "value", "near"),
    [
        ("civitai", "level", "R", "r"),
        ("civitai", "level", "XXX", "xxx"),
        ("civitai", "level", "PG-13", "pg13"),
        ("civitai", "level", "pg ", "pg"),
        ("civitai", "level", "?", "pg"),
        ("civitai", "source", "huggingface", "civitai"),
        ("civitai", "file_bytes", "<200000000", "200000000"),
        ("civitai", "file_bytes", "200,000", "200000"),
        ("civitai", "downloads", True, "1"),
        ("civitai", "downloads", 1.0, "1"),
        ("civitai", "downloads", -3, "0"),
        ("civitai", "downloads", 2**64, ""),
        ("civitai", "downloads", float("nan"), ""),
        ("civitai", "license", "mit", ""),
        ("civitai", "updated", "2026", ""),
        ("civitai", "bases", 15, '"15"'),
        ("huggingface", "license", True, '"true"'),
        ("huggingface", "license", "", ""),
        ("huggingface", "size", "Large", "large"),
        ("huggingface", "size_from", "Safetensor", "safetensors"),
        ("huggingface", "size_against", "GGUF", "gguf"),
        ("huggingface", "gated", 1, "true"),
        ("huggingface", "gated", 0, "false"),
    ],
)
def test_a_value_that_no_model_can_have_is_told_with_the_nearest(source: str, name: str, value: Any, near: str) -> None:
    told = problem(source, name, value)
    assert told is not None
    assert told.partition("; nearest: ")[2] == near
    assert told.startswith(f"{json.dumps(value)} is not valid for {name} (expected ")


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("https://huggingface.co/org/name", "org/name"),
        ("https://huggingface.co/org/name/tree/main?x=1", "org/name"),
        ("https://huggingface.co/api/models/org/name", "org/name"),
        ("https://huggingface.co/gpt2", "gpt2"),
        ("hf.co/org/name:Q4_K_M", "org/name"),
        ("huggingface:org/name", "org/name"),
        ("hf://org/name", "org/name"),
        ("git@hf.co:org/name.git", "org/name"),
        ("org--name", "org/name"),
        ("models--org--name", "org/name"),
        ("org/name/", "org/name"),
        (" org / name\n", "org/name"),
        ("@org/name@main", "org/name"),
        ("org/my name", "org/my-name"),
        ("---", ""),
    ],
)
def test_an_id_of_the_hub_is_found_in_what_it_was_copied_with(value: str, near: str) -> None:
    assert (problem("huggingface", "id", value) or "").partition("; nearest: ")[2] == near


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("https://civitai.com/models/123/some-name", "123"),
        ("https://civitai.red/models/123?modelVersionId=456", "123"),
        ("https://civitai.com/api/v1/models/123", "123"),
        ("civitai.com/models/123", "123"),
        ("civitai:123", "123"),
        ("urn:air:sdxl:checkpoint:civitai:123@456", "123"),
        ("#123", "123"),
        (" 123", "123"),
        ("123 ", "123"),
        ("model 123", "123"),
        ("some-name", ""),
    ],
)
def test_an_id_of_civitai_is_found_in_what_it_was_copied_with(value: str, near: str) -> None:
    assert (problem("civitai", "id", value) or "").partition("; nearest: ")[2] == near


def test_an_id_is_as_long_as_the_schema_allows() -> None:
    most = load_schema("huggingface/model").schema["$defs"]["repository"]["maxLength"]
    assert problem("huggingface", "id", "x" * most) is None
    told = problem("huggingface", "id", "x" * (most + 1))
    assert told is not None
    assert f"text of at most {most} characters: owner/name" in told
    assert len(told) < 600


def test_what_is_possible_is_told() -> None:
    told = {name: field.expected for name, field in model_fields("civitai", DEFAULT_SIZE_CLASSES).items()}
    assert told["level"] == "pg, pg13, r, x or xxx"
    assert told["source"] == "civitai"
    assert told["license"] == "nothing: it is null in every model"
    assert told["downloads"] == "a whole number from 0 to 9007199254740991"
    assert told["updated"] == "text of at most 40 characters: ISO 8601, as the API gave it"


def test_size_classes_are_those_of_filters_toml() -> None:
    size = model_fields("huggingface", [SizeClass("s", 3e9), SizeClass("l", 7e9)])["size"]
    assert size.choices == ("s", "l", "unknown")
    assert size.accepts("s")
    assert not size.accepts("small")


def test_a_boolean_and_a_referred_and_a_listed_enum_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:

    class Toy:
        schema = {"properties": FLAGGED, "$defs": {"most": {"enum": ["r", "x", None]}}}  # noqa: RUF012  a stand-in for a schema

    monkeypatch.setattr(module, "load_schema", lambda _name: Toy)
    toy = model_fields("toy", DEFAULT_SIZE_CLASSES)
    assert [toy[name].choices for name in ("flagged", "flags", "most")] == [(True, False), ("a", "b"), ("r", "x", None)]
    assert [toy[name].is_list for name in ("flagged", "flags", "most")] == [False, True, False]
    assert [toy["flagged"].accepts(value) for value in (True, False, 1, 0, "true")] == [True, True, False, False, False]
    assert toy["flagged"].problem(1) == "1 is not valid for flagged (expected true or false); nearest: true"
    assert toy["flagged"].problem("False") == '"False" is not valid for flagged (expected true or false); nearest: false'
    assert toy["most"].problem("X") == '"X" is not valid for most (expected r or x); nearest: x'


@pytest.mark.parametrize(
    ("value", "values", "near"),
    [
        ("MIT", ["apache-2.0", "mit", None, "smit"], "mit"),
        ("SD1.5", ["SD 1.5", "SDXL 1.0"], "SD 1.5"),
        ("false", [True, False, "auto"], False),
        (100, [7, 90, 120, None], 90),
        (100, [90, 110], 90),
        ("q", ["pq", "mit"], "pq"),
        ("q", ["mit", "nd"], "mit"),
        ("mit", [], None),
    ],
)
def test_the_nearest_differs_least(value: Any, values: list[Any], near: Any) -> None:
    assert repr(nearest_value(value, values)) == repr(near)
