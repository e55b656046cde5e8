"""Transforming pages: models, rejected records, dropped fields, invalid pages, and what is on disk afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.core.errors import InvalidDataError
from etl.core.layout import PROJECT
from etl.core.schemas import load_schema
from etl.sources.source import get_source
from etl.storage.json_files import parse_json_body
from etl.transform.page import PageResult, transform_page
from etl.transform.stage import transform
from tests.conftest import Workspace, civitai, hf

SOURCES = ("huggingface", "civitai")
SNAPSHOT = sorted((PROJECT / "data" / "raw").glob("*/*/page-*.json"))
HOSTILE: list[Any] = [None, True, "", "x\u0000", 2**60, -1, 1.5, [], {}, [None], {"a": 1}, "../../etc/passwd", "\u202e"]


COMPLETE = {
    "huggingface": json.dumps(
        hf(
            "o/m-7b", _id="1", author="o", pipeline_tag="text-generation", library_name="transformers", gated="auto",
            disabled=False, createdAt="2025-01-01T00:00:00.000Z", tags=["gguf", "license:mit", "base_model:quantized:o/m"],
            safetensors={"parameters": {"BF16": 7 * 10**9}, "total": 7 * 10**9},
            gguf={"total": 7 * 10**9, "architecture": "llama"},
        )
    ),
    "civitai": json.dumps(
        civitai(
            5, nsfw=False, nsfwLevel=5, poi=False, minor=False, mode="Archived", availability="Public", tags=["a", "b"],
            creator={"username": "me"},
            modelVersions=[
                {
                    "id": 1, "index": 0, "baseModel": "SD 1.5", "publishedAt": "2026-01-01T00:00:00.000Z", "nsfwLevel": 5,
                    "files": [{"id": 1, "type": "Model", "primary": True, "sizeKB": 1.5}],
                    "images": [{"nsfwLevel": 1}, {"nsfwLevel": 4}],
                }
            ],
        )
    ),
}  # fmt: skip


def transform_records(source: str, *records: Any) -> PageResult:
    page = list(records) if source == "huggingface" else {"items": list(records)}
    return transform_page(get_source(source), json.dumps(page).encode(), Path("page-0001.json"))


def test_all_fields_of_a_hub_model() -> None:
    tags = ["transformers", "license:mit", "license:other"]
    fields = {"pipeline_tag": "text-generation", "gated": "auto", "safetensors": {"total": 596049920}}
    page = transform_records("huggingface", hf("Qwen/Qwen3-0.6B", tags=tags, **fields))
    assert page.models == [
        {
            "id": "Qwen/Qwen3-0.6B", "source": "huggingface", "slug": "Qwen--Qwen3-0.6B", "name": "Qwen3-0.6B", "author": "Qwen",
            "type": "text-generation", "downloads": 5, "likes": 1, "tags": tags, "license": "mit", "gated": "auto",
            "created": None, "updated": "2026-01-01T00:00:00.000Z", "url": "https://huggingface.co/Qwen/Qwen3-0.6B",
            "parameters": 596049920, "size": "small", "size_from": "safetensors", "size_against": [],
            "relation": "unknown", "relation_from": "none", "format": None, "base_models": [],
            "root": "Qwen/Qwen3-0.6B", "depth": 0, "roots": [], "is_copy": False, "license_chain": [],
            "commercial": "unknown", "commercial_from": "Qwen/Qwen3-0.6B", "license_conflict": None,
        }
    ]  # fmt: skip


def test_fields_of_a_civitai_model() -> None:
    weights = {"type": "Model", "primary": True, "sizeKB": 1.5}
    files = [{"type": "VAE", "primary": True, "sizeKB": 9}, {**weights, "primary": False, "sizeKB": 7}, weights]
    versions = [
        {"baseModel": "SD 1.5", "publishedAt": "2025-01-01T00:00:00.000Z", "files": files},
        {"baseModel": "SDXL 1.0", "publishedAt": "2026-01-01T00:00:00.000Z", "files": [weights]},
    ]
    page = transform_records(
        "civitai", civitai(7, name=" A\u202e\u0007b ", modelVersions=versions, creator={"username": "me"}, nsfwLevel=12)
    )
    model = page.models[0]
    assert (model["id"], model["slug"], model["name"], model["author"]) == ("7", "7", "Ab", "me")
    assert (model["base"], model["bases"], model["file_bytes"]) == ("SD 1.5", ["SD 1.5", "SDXL 1.0"], 1536)
    assert (model["level"], model["level_most"], model["level_from"], model["flagged"]) == ("r", "x", "mask", False)
    assert (model["updated"], model["license"], model["availability"]) == ("2026-01-01T00:00:00.000Z", None, None)
    assert page.dropped == []


@pytest.mark.parametrize(
    ("name", "author", "expected"),
    [("a/b", "c", "c"), ("a/b", None, "a"), ("a/b", False, "a"), ("b", None, None), ("a/b", "", None), ("a/b", 0, None)],
)
def test_the_author_is_stated_or_the_owner_in_the_id(name: str, author: object, expected: str | None) -> None:
    (model,) = transform_records("huggingface", hf(name, author=author)).models
    assert (model["author"], model["url"]) == (expected, f"https://huggingface.co/{name}")


REJECTED: list[tuple[str, Any, str]] = [
    ("huggingface", hf("a/b", private=True), "private"),
    ("huggingface", hf("a/b", private="no"), "private"),
    ("huggingface", hf("a/b", disabled=True), "disabled"),
    ("huggingface", hf("a/b", disabled=0), "disabled"),
    ("huggingface", "text", "id"),
    ("huggingface", {"likes": 1}, "id"),
    ("huggingface", hf("a/../b"), "id"),
    ("huggingface", hf("a/b\n"), "id"),
    ("huggingface", hf("a/" + "b" * 499), "id"),
    ("huggingface", {"id": ["a/b"]}, "id"),
    ("civitai", civitai(3, poi=True), "poi"),
    ("civitai", civitai(3, poi="false"), "poi"),
    ("civitai", civitai(3, poi=[]), "poi"),
    ("civitai", civitai(3, minor=True), "minor"),
    ("civitai", civitai(3, minor=0), "minor"),
    ("civitai", civitai(3, mode="TakenDown"), "takendown"),
    ("civitai", civitai(3, mode=3), "takendown"),
    ("civitai", civitai(3, mode="takendown"), "takendown"),
    ("civitai", civitai(3, availability="private"), "notpublic"),
    ("civitai", civitai("3", poi=True), "poi"),
    ("civitai", civitai("3"), "id"),
    ("civitai", civitai(3, availability="Private"), "notpublic"),
    ("civitai", civitai(3, availability="Unsearchable"), "notpublic"),
    ("civitai", civitai(3, availability=False), "notpublic"),
    ("civitai", civitai(3, type=None), "type"),
    ("civitai", civitai(3, type=""), "type"),
    ("civitai", civitai(3, type=["LORA"]), "type"),
    ("civitai", {"id": 3}, "type"),
    ("civitai", civitai(3, type=7, poi=True), "poi"),
    ("civitai", civitai(2**53), "id"),
    ("civitai", civitai(0), "id"),
    ("civitai", "text", "id"),
    ("civitai", {"type": "LORA"}, "id"),
]


@pytest.mark.parametrize(("source", "record", "reason"), REJECTED)
def test_a_record_is_rejected_with_a_reason_and_the_others_are_transformed(source: str, record: Any, reason: str) -> None:
    good = hf("good/one") if source == "huggingface" else civitai(1)
    page = transform_records(source, good, record, good)
    assert len(page.models) == 2
    assert page.records == 3
    assert [(rejected.record, rejected.reason) for rejected in page.set_aside] == [(1, reason)]
    assert (page.set_aside[0].detail is None) is (reason not in ("id", "type"))


@pytest.mark.parametrize(
    "record",
    [
        civitai(3, poi=None, minor=False, mode=None, availability=None), civitai(3, mode="Archived", availability="EarlyAccess"),
        civitai(3, nsfwLevel=33), civitai(3, nsfw=True, nsfwLevel=60), civitai(3, availability="Public"),
    ],
)  # fmt: skip
def test_allowed_values_of_safety_fields_give_a_model(record: dict[str, Any]) -> None:
    page = transform_records("civitai", record)
    assert (page.set_aside, [model["availability"] for model in page.models]) == ([], [record.get("availability")])


@pytest.mark.parametrize(
    ("identity", "expected"),
    [(3, 3), (3.0, 3), ("3", "3"), (0, 0), (2**53, None), (1.5, None), (True, None), (None, None), ({"a": 1}, None)],
)
@pytest.mark.parametrize("fields", [{"type": None}, {"poi": True}])
def test_a_rejected_record_has_its_id_as_it_came(identity: Any, expected: Any, fields: dict[str, Any]) -> None:
    (record,) = transform_records("civitai", civitai(3) | {"id": identity} | fields).set_aside
    assert (record.id, type(record.id)) == (expected, type(expected))


def test_rejected_records_without_an_id_count_each(workspace: Workspace) -> None:
    nameless = {key: value for key, value in civitai(3).items() if key != "id"}
    workspace.write_stream("civitai", "default", [civitai(1), nameless, nameless, {**nameless, "id": None}], asks={})
    (total, _) = transform(workspace.data, get_source("civitai"))["losses"]
    assert (total["stream"], total["reason"], total["ids"], total["of"]) == (None, "id", 3, 4)


@pytest.mark.parametrize("number", ["7", "7.0", "7e0", "70e-1"])
def test_equal_numbers_in_different_notations_are_the_same_id(number: str) -> None:
    page = transform_page(get_source("civitai"), b'{"items": [{"id": %b, "type": "LORA"}]}' % number.encode(), Path("p"))
    assert [(model["id"], model["slug"]) for model in page.models] == [("7", "7")]


@pytest.mark.parametrize("fields", [{"type": None}, {"type": 5}, {"id": "3"}, {"type": "x" * 1001}])
def test_levels_of_a_record_without_a_valid_id_or_type_are_kept(fields: dict[str, Any]) -> None:
    (record,) = transform_records("civitai", civitai(3, nsfwLevel=16, **({"id": 3} | fields))).set_aside
    assert record.levels == {"level": "xxx", "level_most": "xxx", "flagged": False}
    assert str(record.id) == "3"


def test_ids_of_up_to_500_characters_are_valid() -> None:
    name = "espnet/" + "x" * 493
    page = transform_records("huggingface", hf(name))
    assert [(model["id"], model["slug"]) for model in page.models] == [(name, name.replace("/", "--"))]


BAD_FIELDS: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ("civitai", {"creator": {"username": 90210}}, {"author": None}, [("author", "wrong type")]),
    ("civitai", {"creator": {"username": ""}}, {"author": None}, [("author", "empty")]),
    ("civitai", {"creator": "me"}, {"author": None}, [("author", "wrong type")]),
    ("civitai", {"creator": None}, {"author": None}, []),
    ("civitai", {"tags": [{"name": "x"}]}, {"tags": []}, [("tags", "wrong type")]),
    ("civitai", {"tags": ["a", None, "", "b"]}, {"tags": ["a", "b"]}, [("tags", "wrong type")]),
    ("civitai", {"tags": "a"}, {"tags": None}, [("tags", "wrong type")]),
    ("civitai", {"stats": {"thumbsUpCount": -1}}, {"likes": None, "downloads": None}, [("likes", "negative")]),
    ("civitai", {"stats": {"downloadCount": 2**53}}, {"downloads": None}, [("downloads", "too large")]),
    ("civitai", {"stats": 7}, {"likes": None}, [("downloads", "wrong type"), ("likes", "wrong type")]),
    ("civitai", {"name": "\u200e \u0000"}, {"name": "5"}, [("name", "empty")]),
    ("civitai", {"name": 7}, {"name": "5"}, [("name", "wrong type")]),
    ("civitai", {"name": "x" * 1001}, {"name": "5"}, [("name", "too long")]),
    ("civitai", {"name": None}, {"name": "5"}, []),
    (
        "civitai", {"modelVersions": "none"}, {"base": None, "bases": None},
        [("updated", "wrong type"), ("base", "wrong type"), ("bases", "wrong type"), ("file_bytes", "wrong type")],
    ),
    (
        "civitai", {"modelVersions": ["x"]}, {"base": None, "bases": None},
        [("updated", "wrong type"), ("base", "wrong type"), ("bases", "wrong type"), ("file_bytes", "wrong type")],
    ),
    ("civitai", {"modelVersions": ["x", {"baseModel": "Pony"}]}, {"base": "Pony", "bases": ["Pony"]}, []),
    ("civitai", {"modelVersions": [{"files": ["x"]}]}, {"file_bytes": None}, [("file_bytes", "wrong type")]),
    ("civitai", {"modelVersions": [{"files": [{"type": 5}]}]}, {"file_bytes": None}, [("file_bytes", "wrong type")]),
    ("civitai", {"modelVersions": [{"files": [{"type": "VAE", "primary": True}]}]}, {"file_bytes": None}, []),
    ("civitai", {"nsfwLevel": "1"}, {"level": "xxx"}, [("level", "wrong type")]),
    ("civitai", {"nsfw": "no"}, {"flagged": True, "level": "xxx"}, [("flagged", "wrong type")]),
    ("civitai", {"modelVersions": [{"images": [{"nsfwLevel": "R"}]}]}, {"level_most": "xxx"}, [("level_most", "wrong type")]),
    ("civitai", {"modelVersions": [{"baseModel": ""}]}, {"base": None, "bases": []}, [("base", "empty"), ("bases", "empty")]),
    ("civitai", {"modelVersions": [{"publishedAt": "2026-09-13 14:37:43"}]}, {"updated": None}, [("updated", "wrong form")]),
    ("civitai", {"modelVersions": [{"publishedAt": "2026-13-01T00:00:00Z"}]}, {"updated": None}, [("updated", "wrong form")]),
    (
        "civitai", {"modelVersions": [{"publishedAt": "soon"}, {"publishedAt": "2026-09-13T14:37:43Z"}]},
        {"updated": "2026-09-13T14:37:43Z"}, [],
    ),
    ("huggingface", {"safetensors": {"parameters": 5, "total": 7}}, {"parameters": 7}, [("size", "wrong type")]),
    ("huggingface", {"pipeline_tag": ""}, {"type": None}, [("type", "empty")]),
    ("huggingface", {"downloads": "12"}, {"downloads": None}, [("downloads", "wrong type")]),
    ("huggingface", {"downloads": 2**53}, {"downloads": None}, [("downloads", "too large")]),
    ("huggingface", {"tags": 7}, {"tags": None, "license": None}, [("tags", "wrong type")]),
    ("huggingface", {"tags": ["license:mit", 7]}, {"tags": ["license:mit"], "license": "mit"}, [("tags", "wrong type")]),
    ("huggingface", {"author": {}}, {"author": None}, [("author", "wrong type")]),
    ("huggingface", {"gated": 1}, {"gated": None}, [("gated", "wrong type")]),
    ("huggingface", {"lastModified": 5}, {"updated": None}, [("updated", "wrong type")]),
    ("huggingface", {"safetensors": [1]}, {"size": "unknown"}, [("size", "wrong type")]),
    ("huggingface", {"safetensors": {"total": "x"}}, {"size": "unknown"}, [("size", "wrong type")]),
    ("huggingface", {"safetensors": {"parameters": {"BF16": "1"}}}, {"size": "unknown"}, [("size", "wrong type")]),
    ("huggingface", {"gguf": {"total": [], "architecture": None}}, {"size": "unknown"}, [("size", "wrong type")]),
    ("huggingface", {"safetensors": None, "gguf": {}}, {"size": "unknown"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "expected", "dropped"), BAD_FIELDS)
def test_an_invalid_field_is_dropped_and_the_model_is_kept(
    source: str, fields: dict[str, Any], expected: dict[str, Any], dropped: list[tuple[str, str]]
) -> None:
    page = transform_records(source, hf("o/m", **fields) if source == "huggingface" else civitai(5, **fields))
    (model,) = page.models
    assert {field: model[field] for field in expected} == expected
    assert [(drop.field, drop.reason) for drop in page.dropped] == dropped


@pytest.mark.parametrize("kind", ["Model", "Pruned Model", "Diffusion Model", "UNet"])
def test_file_types_that_count_as_weights(kind: str) -> None:
    version = {"files": [{"type": "VAE", "primary": True, "sizeKB": 1}, {"type": kind, "sizeKB": 12000000, "primary": True}]}
    assert transform_records("civitai", civitai(5, modelVersions=[version])).models[0]["file_bytes"] == 12288000000


@pytest.mark.parametrize(
    ("fields", "site"),
    [
        ({"nsfwLevel": 1}, "com"), ({"nsfwLevel": 30}, "com"), ({"nsfwLevel": 24}, "red"), ({"nsfw": True}, "red"),
        ({"nsfwLevel": None}, "red"),
    ],
)  # fmt: skip
def test_the_url_is_on_the_site_that_lists_the_level(fields: dict[str, Any], site: str) -> None:
    assert transform_records("civitai", civitai(5, **fields)).models[0]["url"] == f"https://civitai.{site}/models/5"


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("huggingface", b""), ("huggingface", b"{}"), ("huggingface", b"[1] [2]"), ("huggingface", b"[NaN]"),
        ("huggingface", b"\xff"),
        ("huggingface", b"<html>"), ("huggingface", b"[" * 200_000 + b"]" * 200_000), ("civitai", b"[]"),
        ("civitai", b'{"items": 3}'),
        ("civitai", b'{"error": "no"}'),
    ],
)  # fmt: skip
def test_a_page_of_another_shape_is_an_error_with_its_path(source: str, body: bytes) -> None:
    with pytest.raises(InvalidDataError, match=r"page-0009\.json"):
        transform_page(get_source(source), body, Path("page-0009.json"))


def test_lone_surrogates_are_replaced_and_numbers_out_of_range_dropped() -> None:
    body = b'[{"id": "a/b", "likes": 1e400}, {"id": "c/d", "author": "\\ud800 \\\\ud800 \\ud83d\\ude00"}]'
    page = transform_page(get_source("huggingface"), body, Path("p"))
    assert [model["author"] for model in page.models] == ["a", "\ufffd \\ud800 \U0001f600"]
    assert [(drop.id, drop.field, drop.reason) for drop in page.dropped] == [("a/b", "likes", "too large")]


@pytest.mark.parametrize("number", [b"1e400", b"9" * 310, b"-1e400"])
def test_numbers_of_any_magnitude_are_read(number: bytes) -> None:
    body = b'{"items": [{"id": 1, "type": "LORA", "nsfwLevel": %b, "stats": {"downloadCount": %b}}]}' % (number, number)
    page = transform_page(get_source("civitai"), body, Path("p"))
    assert [(model["level"], model["downloads"]) for model in page.models] == [("xxx", None)]


@given(st.binary(max_size=60))
def test_any_bytes_give_models_or_an_error_with_the_path(body: bytes) -> None:
    for source in SOURCES:
        try:
            transform_page(get_source(source), body, Path("p"))
        except InvalidDataError as error:
            assert "p: " in str(error)  # noqa: PT017  the bytes may also be a valid page


def mutations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return copies of records, in each of which a hostile value replaces a field; with source and field."""
    records = {
        "huggingface": hf(
            "a/b", safetensors={"total": 5}, gguf={"total": 5}, pipeline_tag="x", config={}, gated=False, disabled=False
        ),
        "civitai": civitai(5, poi=False, minor=False, mode=None, creator={"username": "me"}),
    }
    return [(source, key, {**record, key: value}) for source, record in records.items() for key in record for value in HOSTILE]


SAFETY = {"huggingface": {"private", "disabled"}, "civitai": {"poi", "minor", "mode", "availability"}}
REQUIRED = {"huggingface": {"id"}, "civitai": {"id", "type"}}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def test_hostile_values_of_optional_fields_do_not_reject_the_model() -> None:
    cases = mutations()
    assert len(cases) > 200
    for source, field, record in cases:
        page = transform_records(source, record)
        assert len(page.models) + len(page.set_aside) == 1, record
        assert page.models or field in SAFETY[source] | REQUIRED[source], record
        assert not any(load_schema(f"{source}/model").violations(model) for model in page.models)


@given(st.sampled_from(SOURCES), st.data())
def test_any_value_of_an_optional_field_keeps_the_model(source: str, data: st.DataObject) -> None:
    """Replace a value at any depth of a complete record by any JSON, except in required and safety fields."""
    record = json.loads(COMPLETE[source])
    paths = [json_path for json_path in _json_paths(record) if json_path[0] not in SAFETY[source] | REQUIRED[source]]
    *parents, last = data.draw(st.sampled_from(paths))
    container = record
    for key in parents:
        container = container[key]
    container[last] = data.draw(ANY_JSON)
    page = transform_records(source, record)
    assert page.set_aside == []
    assert len(page.models) == 1
    assert not load_schema(f"{source}/model").violations(page.models[0])


def _json_paths(value: Any) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(key, *rest) for key, item in items for rest in ((), *_json_paths(item))]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "tags", "stats"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(json_values, max_size=4))
def test_every_record_becomes_a_model_or_is_rejected(records: list[Any]) -> None:
    for source in SOURCES:
        page = transform_records(source, *records)
        assert len(page.models) + len(page.set_aside) == page.records == len(records)


def test_both_validators_agree_on_valid_and_invalid_models() -> None:
    results = set()
    for source, _, record in mutations():
        for model in transform_records(source, record).models or [record]:
            schema = load_schema(f"{source}/model")
            is_valid = not list(schema._describe(model))  # noqa: SLF001  each validator by itself
            assert schema._fast.is_valid(model) is is_valid  # noqa: SLF001  as above
            results.add(is_valid)
    assert results == {True, False}


def test_the_jq_command_and_the_package_give_the_same() -> None:
    command = shutil.which("jq")
    if command is None:
        pytest.skip("the jq command is not installed; only the package is required")
    assert len(SNAPSHOT) > 40
    for path in SNAPSHOT[:3] + SNAPSHOT[-3:]:
        program = PROJECT / "etl" / "sources" / path.parent.parent.name / "transform.jq"
        printed = subprocess.run([command, "-f", program, path], capture_output=True, check=True).stdout
        text = parse_json_body(path.read_bytes(), path).text
        assert json.loads(printed) == jq.compile(program.read_text()).input_text(text).first()


def test_every_record_of_the_snapshot_becomes_a_model(shipped: Workspace) -> None:
    assert shipped.run("transform") == 0
    pages = 0
    for source in SOURCES:
        summary = json.loads(shipped.data.summary(source).read_text())
        assert not load_schema("summary").violations(summary)
        for stream in summary["streams"].values():
            for page in stream:
                pages += 1
                assert page["models"] == page["records"]
    assert pages == len(SNAPSHOT)


def test_models_of_removed_pages_are_deleted(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("a/a")], [hf("a/b")])
    workspace.write_stream("huggingface", "likes", [hf("a/a")])
    assert workspace.run("transform") == 0
    assert (workspace.data.models("huggingface", "default") / "page-0002.json").is_file()
    workspace.write_stream("huggingface", "default", [hf("a/a")])
    shutil.rmtree(workspace.data.raw("huggingface", "likes"))
    assert workspace.run("transform") == 0
    files = sorted(
        str(path.relative_to(workspace.data.models("huggingface")))
        for path in workspace.data.models("huggingface").rglob("*.json")
    )
    assert files == ["default/page-0001.json", "summary.json"]


def test_up_to_date_models_are_kept_and_corrupted_ones_rebuilt(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("a/a")], [hf("a/b")])
    assert workspace.run("transform") == 0
    models, summary = workspace.data.models("huggingface", "default") / "page-0002.json", workspace.data.summary("huggingface")
    expected, inode = models.read_bytes(), models.stat().st_ino
    os.utime(summary, (0, 0))
    assert workspace.run("transform") == 0
    assert models.stat().st_ino == inode
    assert summary.stat().st_mtime > 0
    for corrupted, content in ((models, b"[]"), (summary, b"{}"), (summary, b"[]"), (summary, b"")):
        corrupted.write_bytes(content)
        assert workspace.run("transform") == 0
        assert models.read_bytes() == expected
        assert not load_schema("summary").violations(json.loads(summary.read_bytes()))
    raw = workspace.data.raw("huggingface", "default") / "page-0002.json"
    raw.write_text(json.dumps([hf("a/c")]))
    assert workspace.run("transform") == 0
    assert json.loads(models.read_bytes())[0]["id"] == "a/c"


def test_the_count_of_a_base_model_in_any_stream_decides_the_size(workspace: Workspace) -> None:
    derived = hf("me/tuned-gguf", tags=["base_model:quantized:you/plain"])
    packed = {"parameters": {"I32": 10**9}, "total": 10**9}
    four_bits = hf("me/packed-4bit", tags=["base_model:quantized:you/plain"], safetensors=packed)
    workspace.write_stream("huggingface", "default", [derived, four_bits])
    workspace.write_stream("huggingface", "likes", [hf("you/plain", safetensors={"total": 8 * 10**9})])
    assert workspace.run("transform") == 0
    path = workspace.data.models("huggingface", "default") / "page-0001.json"
    models = json.loads(path.read_bytes())
    assert [(model["size"], model["size_from"], model["parameters"]) for model in models] == [
        ("medium", "base model", 8 * 10**9),
        ("medium", "safetensors corrected for packing", 8 * 10**9),
    ]
    summary = json.loads(workspace.data.summary("huggingface").read_bytes())
    assert not load_schema("summary").violations(summary)
    (page,) = summary["streams"]["default"]
    assert page["unsized"] == 0
    assert page["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_family_inconsistent_with_counts_is_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf(f"o{n}/gpt2-xl", safetensors={"total": 10**7}) for n in range(2)])
    assert workspace.run("transform") == 0
    assert "2 of 2 counted models of gpt2-xl have other parameters" in capsys.readouterr().err


def test_a_model_in_two_streams_is_counted_once_for_its_family(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, [hf("o/gpt2-xl", safetensors={"total": 10**7})])
    assert workspace.run("transform") == 0
    summary = json.loads(workspace.data.summary("huggingface").read_bytes())
    assert summary["families"]["gpt2-xl"] == {"borne_out": 0, "against": 1}
    assert "have other parameters" not in capsys.readouterr().err


def test_losses_are_counted_by_page_and_by_distinct_ids(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        hf("o/a", pipeline_tag=""),
        hf("o/b", pipeline_tag=7, likes=-1),
        hf("o/c", private=True),
        hf("o/d", pipeline_tag=""),
    ]
    workspace.write_stream("huggingface", "default", records)
    workspace.write_stream("huggingface", "likes", [hf("O/A", pipeline_tag=""), hf("o/e")])
    assert workspace.run("transform") == 0
    summary = json.loads(workspace.data.summary("huggingface").read_bytes())
    assert not load_schema("summary").violations(summary)
    (page,) = summary["streams"]["default"]
    assert page["set_aside"] == [{"record": 2, "id": "o/c", "reason": "private"}]
    assert page["dropped"] == [
        {"field": "type", "reason": "empty", "models": 2, "first": "o/a"},
        {"field": "type", "reason": "wrong type", "models": 1, "first": "o/b"},
        {"field": "likes", "reason": "negative", "models": 1, "first": "o/b"},
    ]
    assert [tuple(row.values()) for row in summary["losses"]] == [
        (None, "dropped", "likes", 1, 5, "o/b"), (None, "dropped", "type", 3, 5, "o/a"),
        (None, "rejected", "private", 1, 5, "o/c"),
        ("default", "dropped", "likes", 1, 4, "o/b"), ("default", "dropped", "type", 3, 4, "o/a"),
        ("default", "rejected", "private", 1, 4, "o/c"), ("likes", "dropped", "type", 1, 2, "O/A"),
    ]  # fmt: skip
    output = capsys.readouterr().err
    assert "huggingface: rejected records: private 1, such as o/c" in output
    assert "huggingface: dropped values: likes (negative) 1, such as o/b, type (empty) 3, such as o/a" in output


def test_invalid_pages_exit_with_65_and_publish_nothing(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("a/a")])
    workspace.write_stream("huggingface", "likes", [hf("a/a")], [hf("a/b")])
    assert workspace.run("manifests") == 0
    before = (workspace.data.manifests / "index.json").read_bytes()
    (workspace.data.raw("huggingface", "likes") / "page-0002.json").unlink()
    (workspace.data.raw("huggingface", "default") / "page-0001.json").write_text("<html>")
    assert workspace.run("manifests") == 65
    output = capsys.readouterr().err
    assert "likes/page-0002.json" in output
    assert "default/page-0001.json" in output
    assert list(workspace.data.models("huggingface").rglob("*.json")) == []
    assert (workspace.data.manifests / "index.json").read_bytes() == before
