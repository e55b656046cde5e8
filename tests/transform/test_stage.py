"""Pages to models: what is made, what is set aside, and what is refused as a whole."""

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

from etl.contracts import contract
from etl.errors import BadAnswer
from etl.files import PROGRAMS, PROJECT, parse_answer
from etl.transform.page import Page, models_of
from tests.conftest import House, civitai, hf

SOURCES = ("huggingface", "civitai")
SNAPSHOT = sorted((PROJECT / "data" / "raw").glob("*/*/page-*.json"))
HOSTILE: list[Any] = [None, True, "", "x\u0000", 2**60, -1, 1.5, [], {}, [None], {"a": 1}, "../../etc/passwd", "\u202e"]


def made(source: str, *records: Any) -> Page:
    page = list(records) if source == "huggingface" else {"items": list(records)}
    return models_of(source, json.dumps(page).encode(), Path("page-0001.json"))


def test_a_record_of_the_hub() -> None:
    tags = ["transformers", "license:mit", "license:other"]
    fields = {"pipeline_tag": "text-generation", "gated": "auto", "safetensors": {"total": 596049920}}
    page = made("huggingface", hf("Qwen/Qwen3-0.6B", tags=tags, **fields))
    assert page.models == [
        {
            "id": "Qwen/Qwen3-0.6B", "source": "huggingface", "slug": "Qwen--Qwen3-0.6B", "name": "Qwen3-0.6B", "author": "Qwen",
            "type": "text-generation", "downloads": 5, "likes": 1, "tags": tags, "license": "mit", "gated": "auto",
            "created": None, "updated": "2026-01-01T00:00:00.000Z", "url": "https://huggingface.co/Qwen/Qwen3-0.6B",
            "parameters": 596049920, "size": "small", "size_from": "safetensors", "size_against": [],
        }
    ]  # fmt: skip


def test_a_record_of_civitai() -> None:
    versions = [
        {"baseModel": "SD 1.5", "publishedAt": "2025-01-01T00:00:00.000Z", "files": []},
        {
            "baseModel": "SDXL 1.0", "publishedAt": "2026-01-01T00:00:00.000Z",
            "files": [{"type": "VAE", "primary": True, "sizeKB": 9}, {"type": "Model", "primary": True, "sizeKB": 1.5}],
        },
    ]  # fmt: skip
    page = made("civitai", civitai(7, name=" A\u202e\u0007b ", modelVersions=versions, creator={"username": "me"}, nsfwLevel=12))
    model = page.models[0]
    assert (model["id"], model["slug"], model["name"], model["author"]) == ("7", "7", "Ab", "me")
    assert (model["base"], model["bases"], model["file_bytes"]) == ("SDXL 1.0", ["SD 1.5", "SDXL 1.0"], 1536)
    assert (model["level"], model["updated"], model["license"]) == ("r", "2026-01-01T00:00:00.000Z", None)


@pytest.mark.parametrize(
    ("source", "record", "reason"),
    [
        ("huggingface", hf("a/b", private=True), "private"),
        ("huggingface", hf("a/b", disabled=True), "disabled"),
        ("huggingface", "text", "$[1]: 'text' is not of type 'object'"),
        ("huggingface", {"likes": 1}, "$[1]: 'id' is a required property"),
        ("huggingface", hf("a/../b"), "$.id: "),
        ("huggingface", hf("a/b\n"), "$.id: "),
        ("huggingface", hf("a/b", downloads="12"), "$.downloads: '12' is not of type 'integer', 'null'"),
        ("huggingface", hf("a/b", downloads=2**53), "$.downloads: "),
        ("huggingface", hf("a/b", tags=7), "$.tags: 7 is not of type 'array', 'null'"),
        ("civitai", civitai(3, poi=True), "poi"),
        ("civitai", civitai(3, minor=True), "minor"),
        ("civitai", civitai(3, mode="TakenDown"), "taken down"),
        ("civitai", civitai(3, nsfwLevel=33), "blocked"),
        ("civitai", civitai(2**53), "$.items[1].id: "),
        ("civitai", civitai(3, name="\u200e \u0000"), "$.name: "),
        ("civitai", civitai(3, creator="me"), "Cannot index string"),
    ],
)
def test_a_record_is_set_aside_with_its_reason_and_costs_no_other(source: str, record: Any, reason: str) -> None:
    good = hf("good/one") if source == "huggingface" else civitai(1)
    page = made(source, good, record, good)
    assert len(page.models) == 2
    assert page.records == 3
    assert [(each.record, each.reason[: len(reason)]) for each in page.set_aside] == [(1, reason)]


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
def test_a_page_of_another_shape_is_refused_by_name(source: str, body: bytes) -> None:
    with pytest.raises(BadAnswer, match=r"page-0009\.json"):
        models_of(source, body, Path("page-0009.json"))


def test_a_lone_surrogate_and_an_infinite_number_cost_no_page() -> None:
    body = b'[{"id": "a/b", "likes": 1e400}, {"id": "c/d", "author": "\\ud800 \\\\ud800 \\ud83d\\ude00"}]'
    page = models_of("huggingface", body, Path("p"))
    assert [model["author"] for model in page.models] == ["\ufffd \\ud800 \U0001f600"]
    assert [each.id for each in page.set_aside] == ["a/b"]


@given(st.binary(max_size=60))
def test_any_bytes_give_models_or_a_clean_error(body: bytes) -> None:
    for source in SOURCES:
        try:
            models_of(source, body, Path("p"))
        except BadAnswer as error:
            assert "p: " in str(error)  # noqa: PT017  a page may be good too


def mutations() -> list[tuple[str, dict[str, Any]]]:
    """Return records with each of their fields replaced by each hostile value."""
    whole = {
        "huggingface": hf(
            "a/b", safetensors={"total": 5}, gguf={"total": 5}, pipeline_tag="x", config={}, gated=False, disabled=False
        ),
        "civitai": civitai(5, poi=False, minor=False, mode=None, creator={"username": "me"}),
    }
    return [(source, {**record, key: value}) for source, record in whole.items() for key in record for value in HOSTILE]


def test_hostile_values_anywhere_are_set_aside_or_kept_within_the_contract() -> None:
    cases = mutations()
    assert len(cases) > 200
    for source, record in cases:
        page = made(source, record)
        assert len(page.models) + len(page.set_aside) == 1, record
        assert not any(contract("model", source).violations(model) for model in page.models)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "tags", "stats"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(json_values, max_size=4))
def test_any_records_are_all_accounted_for(records: list[Any]) -> None:
    for source in SOURCES:
        page = made(source, *records)
        assert len(page.models) + len(page.set_aside) == page.records == len(records)


def test_both_validators_agree_on_good_and_bad_models() -> None:
    checked = set()
    for source, record in mutations():
        for model in made(source, record).models or [record]:
            check = contract("model", source)
            is_good = not list(check._worded(model))  # noqa: SLF001  the two validators, one by one
            assert check._gate.is_valid(model) is is_good  # noqa: SLF001  as above
            checked.add(is_good)
    assert checked == {True, False}


def test_the_jq_command_gives_what_the_package_gives() -> None:
    command = shutil.which("jq")
    if command is None:
        pytest.skip("the jq command is not installed; the package alone is required")
    assert len(SNAPSHOT) > 40
    for path in SNAPSHOT[:3] + SNAPSHOT[-3:]:
        program = PROGRAMS / f"{path.parent.parent.name}.jq"
        printed = subprocess.run([command, "-f", program, path], capture_output=True, check=True).stdout
        text, _ = parse_answer(path.read_bytes(), path)
        assert json.loads(printed) == jq.compile(program.read_text()).input_text(text).first()


def test_the_snapshot_loses_no_record(shipped: House) -> None:
    assert shipped.run("transform") == 0
    pages = 0
    for source in SOURCES:
        summary = json.loads(shipped.data.summary(source).read_text())
        assert not contract("summary").violations(summary)
        for stream in summary["streams"].values():
            for page in stream:
                pages += 1
                assert page["models"] == page["records"]
    assert pages == len(SNAPSHOT)


def test_models_of_pages_that_are_gone_disappear(house: House) -> None:
    house.put("huggingface", "default", [hf("a/a")], [hf("a/b")])
    house.put("huggingface", "likes", [hf("a/a")])
    assert house.run("transform") == 0
    assert (house.data.models("huggingface", "default") / "page-0002.json").is_file()
    house.put("huggingface", "default", [hf("a/a")])
    shutil.rmtree(house.data.raw("huggingface", "likes"))
    assert house.run("transform") == 0
    left = sorted(
        str(path.relative_to(house.data.models("huggingface"))) for path in house.data.models("huggingface").rglob("*.json")
    )
    assert left == ["default/page-0001.json", "summary.json"]


def test_what_is_made_of_the_same_stays_and_what_was_spoilt_is_made_again(house: House) -> None:
    house.put("huggingface", "default", [hf("a/a")], [hf("a/b")])
    assert house.run("transform") == 0
    models, summary = house.data.models("huggingface", "default") / "page-0002.json", house.data.summary("huggingface")
    made, inode = models.read_bytes(), models.stat().st_ino
    os.utime(summary, (0, 0))
    assert house.run("transform") == 0
    assert models.stat().st_ino == inode
    assert summary.stat().st_mtime > 0
    for spoilt, content in ((models, b"[]"), (summary, b"{}"), (summary, b"[]"), (summary, b"")):
        spoilt.write_bytes(content)
        assert house.run("transform") == 0
        assert models.read_bytes() == made
        assert not contract("summary").violations(json.loads(summary.read_bytes()))
    raw = house.data.raw("huggingface", "default") / "page-0002.json"
    raw.write_text(json.dumps([hf("a/c")]))
    assert house.run("transform") == 0
    assert json.loads(models.read_bytes())[0]["id"] == "a/c"


def test_a_model_takes_its_size_from_the_count_of_its_base_wherever_that_is(house: House) -> None:
    made_of = hf("me/tuned-gguf", tags=["base_model:quantized:you/plain"])
    packed = {"parameters": {"I32": 10**9}, "total": 10**9}
    four_bits = hf("me/packed-4bit", tags=["base_model:quantized:you/plain"], safetensors=packed)
    house.put("huggingface", "default", [made_of, four_bits])
    house.put("huggingface", "likes", [hf("you/plain", safetensors={"total": 8 * 10**9})])
    assert house.run("transform") == 0
    path = house.data.models("huggingface", "default") / "page-0001.json"
    models = json.loads(path.read_bytes())
    assert [(each["size"], each["size_from"], each["parameters"]) for each in models] == [
        ("medium", "base model", 8 * 10**9),
        ("medium", "safetensors corrected for packing", 8 * 10**9),
    ]
    summary = json.loads(house.data.summary("huggingface").read_bytes())
    assert not contract("summary").violations(summary)
    (page,) = summary["streams"]["default"]
    assert page["unsized"] == 0
    assert page["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_family_that_counts_do_not_bear_out_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf(f"o{n}/gpt2-xl", safetensors={"total": 10**7}) for n in range(2)])
    assert house.run("transform") == 0
    assert "2 of 2 counted models of gpt2-xl have other parameters" in capsys.readouterr().err


def test_a_bad_page_ends_with_65_names_itself_and_leaves_nothing_to_publish(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.put("huggingface", "default", [hf("a/a")])
    house.put("huggingface", "likes", [hf("a/a")], [hf("a/b")])
    assert house.run("manifests") == 0
    before = (house.data.manifests / "index.json").read_bytes()
    (house.data.raw("huggingface", "likes") / "page-0002.json").unlink()
    (house.data.raw("huggingface", "default") / "page-0001.json").write_text("<html>")
    assert house.run("manifests") == 65
    told = capsys.readouterr().err
    assert "likes/page-0002.json" in told
    assert "default/page-0001.json" in told
    assert list(house.data.models("huggingface").rglob("*.json")) == []
    assert (house.data.manifests / "index.json").read_bytes() == before
