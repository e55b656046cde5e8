"""The valid values of a model's field by its schema, and the nearest one to an invalid value."""

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
def test_valid_values_have_no_problem(source: str, name: str, value: Any) -> None:
    assert problem(source, name, value) is None


@pytest.mark.parametrize(
    ("source", "name", "value", "nearest"),
    [
        ("civitai", "level", "R", "r"),
        ("civitai", "level", "XXX", "xxx"),
        ("civitai", "level", "PG-13", "pg13"),
        ("civitai", "level", "pg ", "pg"),
        ("civitai", "level", "?", ""),
        ("civitai", "source", "civit-ai", "civitai"),
        ("civitai", "source", "huggingface", ""),
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
def test_invalid_values_are_reported_with_the_nearest(source: str, name: str, value: Any, nearest: str) -> None:
    message = problem(source, name, value)
    assert message is not None
    assert message.partition("; nearest: ")[2] == nearest
    assert message.startswith(f"{json.dumps(value)} is not valid for {name} (expected ")


@pytest.mark.parametrize(
    ("value", "nearest"),
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
def test_hugging_face_ids_are_found_in_urls_and_slugs(value: str, nearest: str) -> None:
    assert (problem("huggingface", "id", value) or "").partition("; nearest: ")[2] == nearest


@pytest.mark.parametrize(
    ("value", "nearest"),
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
def test_civitai_ids_are_found_in_urls_and_urns(value: str, nearest: str) -> None:
    assert (problem("civitai", "id", value) or "").partition("; nearest: ")[2] == nearest


def test_ids_have_the_maximum_length_of_the_schema() -> None:
    max_length = load_schema("huggingface/model").schema["$defs"]["repository"]["maxLength"]
    assert problem("huggingface", "id", "x" * max_length) is None
    message = problem("huggingface", "id", "x" * (max_length + 1))
    assert message is not None
    assert f"text of at most {max_length} characters: owner/name" in message
    assert len(message) < 600


def test_expected_values_are_described() -> None:
    expected = {name: field.expected for name, field in model_fields("civitai", DEFAULT_SIZE_CLASSES).items()}
    assert expected["level"] == "pg, pg13, r, x or xxx"
    assert expected["source"] == "civitai"
    assert expected["license"] == "nothing: it is null in every model"
    assert expected["downloads"] == "a whole number from 0 to 9007199254740991"
    assert expected["updated"] == "text of at most 40 characters: ISO 8601, as the API gave it"


def test_size_classes_come_from_filters_toml() -> None:
    size = model_fields("huggingface", [SizeClass("s", 3e9), SizeClass("l", 7e9)])["size"]
    assert size.choices == ("s", "l", "unknown")
    assert size.accepts("s")
    assert not size.accepts("small")


def test_booleans_references_and_list_items_have_closed_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    class ToySchema:
        schema = {"properties": FLAGGED, "$defs": {"most": {"enum": ["r", "x", None]}}}  # noqa: RUF012 -- a stand-in

    monkeypatch.setattr(module, "load_schema", lambda _name: ToySchema)
    toy = model_fields("toy", DEFAULT_SIZE_CLASSES)
    assert [toy[name].choices for name in ("flagged", "flags", "most")] == [(True, False), ("a", "b"), ("r", "x", None)]
    assert [toy[name].is_list for name in ("flagged", "flags", "most")] == [False, True, False]
    assert [toy["flagged"].accepts(value) for value in (True, False, 1, 0, "true")] == [True, True, False, False, False]
    assert toy["flagged"].problem(1) == "1 is not valid for flagged (expected true or false); nearest: true"
    assert toy["flagged"].problem("False") == '"False" is not valid for flagged (expected true or false); nearest: false'
    assert toy["most"].problem("X") == '"X" is not valid for most (expected r or x); nearest: x'


@pytest.mark.parametrize(
    ("value", "values", "nearest"),
    [
        ("MIT", ["apache-2.0", "mit", None, "smit"], "mit"),
        ("SD1.5", ["SD 1.5", "SDXL 1.0"], "SD 1.5"),
        ("false", [True, False, "auto"], False),
        (100, [7, 90, 120, None], 90),
        (100, [90, 110], 90),
        ("q", ["pq", "mit"], "pq"),
        ("q", ["mit", "nd"], None),
        ("abcde", ["abcxy"], "abcxy"),  # 60 % of both texts match
        ("abcdef", ["abcxyz"], None),
        (7, ["seven"], None),
        ("mit", [], None),
    ],
)
def test_the_nearest_value_differs_least(value: Any, values: list[Any], nearest: Any) -> None:
    assert repr(nearest_value(value, values)) == repr(nearest)


def test_a_list_of_objects_is_for_where_only() -> None:
    images = model_fields("civitai", DEFAULT_SIZE_CLASSES)["images"]
    assert images.item_names == ("url", "width", "height", "level", "blurhash")
    expected = "objects, which only `where` can test: with url, width, height, level, blurhash"
    assert images.problem("pg") == f'"pg" is not valid for images (expected {expected})'
    assert model_fields("civitai", DEFAULT_SIZE_CLASSES)["tags"].item_names == ()
