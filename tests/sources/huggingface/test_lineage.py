"""Lineage of Hub models: relation, base models, root, depth and copies, by the rules and on the snapshot."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.core.layout import DataDir
from etl.sources.huggingface.lineage import read_bases
from etl.sources.source import TransformOptions, get_source
from etl.transform.facts import FactKeys, NeededFacts, find_lines, pack_facts, parse_facts
from etl.transform.hashes import distinct_hashes, numbers
from etl.transform.page import PageResult, followed_keys, needed_keys, resolve_page, transform_page
from etl.transform.stage import transform
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from random import Random

HUB = get_source("huggingface")
RULES = HUB.load_rules()
F32 = {"safetensors": {"parameters": {"F32": 1000, "I64": 5}, "total": 1005}}
FP8 = {"safetensors": {"parameters": {"BF16": 100, "F8_E4M3": 900}, "total": 1000}}
MXFP4 = {"safetensors": {"parameters": {"BF16": 100, "U8": 900}, "total": 1000}}
FIELDS = ("relation", "relation_from", "base_models", "root", "depth", "is_copy")


def record(identity: str, *bases: str, **fields: Any) -> dict[str, Any]:
    """Return a record with tags for `relation:id` or `id`, after its other tags."""
    tags = [f"base_model:{base}" for base in bases]
    return hf(identity, tags=[*fields.pop("tags", ()), *tags], **fields)


def resolve(*pages: list[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], dict[str, set[int]]]:
    """Return the models of pages by id, decided by the facts of all, and the hashes of ids by what is counted of them."""
    results: list[PageResult] = [transform_page(HUB, json.dumps(page).encode(), "p") for page in pages]
    needs = [distinct_hashes(needed_keys(page, RULES)) for page in results]
    packed = [pack_facts(page.facts or {}, RULES.kind) for page in results]
    follows = [distinct_hashes(followed_keys(page, RULES)) for page in results]
    needed = NeededFacts(RULES, zip(needs, follows, strict=True), (keys for keys, _ in packed), lambda index: packed[index][1])
    models: dict[str, dict[str, Any]] = {}
    counted: dict[str, set[int]] = {}
    for index, page in enumerate(results):
        assert page.dropped == []
        assert {rejected.reason for rejected in page.set_aside} <= {"private", "disabled"}
        lines, named = needed.of_page(index, needs[index])
        keys = parse_facts(find_lines(FactKeys.from_bytes(packed[index][0]).keys, packed[index][1], numbers(named))).keys()
        words = resolve_page(HUB, page.models, page.deferred, parse_facts(lines), keys, TransformOptions())
        models |= {model["id"]: model for model in page.models}
        for word, hashes in words.items():
            counted.setdefault(word, set()).update(numbers(hashes))
    return models, counted


def lineage(*records: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the lineage of records by id, each on a page of its own."""
    return {id_: tuple(model[field] for field in FIELDS) for id_, model in resolve(*([value] for value in records))[0].items()}


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (record("o/a"), ("unknown", "none")),
        (record("o/a", "finetune:p/b"), ("finetune", "tag")),
        (record("o/a", "p/b", "merge:p/b"), ("merge", "tag")),
        (record("o/a", "adapter:p/b", **F32), ("adapter", "tag")),
        (record("o/a", "p/b"), ("unknown", "none")),
        (record("o/a", "distilled:p/b"), ("unknown", "none")),
        (record("o/a", "finetune:p/b", "quantized:p/c", tags=["gguf"]), ("quantized", "tag")),
        # a tag says quantized
        (record("o/a", "quantized:p/b", tags=["onnx", "openvino"], **F32), ("finetune", "weights")),
        (record("o/a", "quantized:p/b", tags=["onnx"]), ("finetune", "format")),
        (record("o/a-onnx-int8", "quantized:p/b", **F32), ("quantized", "tag")),
        (record("o/a", "quantized:p/b", tags=["gguf"], **F32), ("quantized", "tag")),
        (record("o/a", "quantized:p/b", tags=["8-Bit"], **F32), ("quantized", "tag")),
        (record("o/a", "quantized:p/b", "finetune:p/c", tags=["gguf"]), ("quantized", "tag")),
        (record("o/a", "quantized:p/b", tags=["onnx"], gguf={"total": 7}), ("quantized", "tag")),
        (record("o/a", "quantized:p/b", **FP8), ("quantized", "tag")),
        (record("o/a", "quantized:p/b", **MXFP4), ("quantized", "tag")),
        # no tag does
        (record("o/a", tags=["fp8", "8-bit"], **FP8), ("unknown", "none")),
        (record("o/a", tags=["mxfp4"], **MXFP4), ("unknown", "none")),
        (record("o/a", tags=["gguf"]), ("unknown", "none")),
        (record("o/A-FP8", **FP8), ("quantized", "name")),
        (record("o/A_GGUF"), ("quantized", "name")),
        (record("o/A-Q4_K_M"), ("quantized", "name")),
        (record("o/A-3.5bpw-exl2"), ("quantized", "name")),
        (record("o/A-QAT-FP16-quantum"), ("unknown", "none")),
        (record("o/higgs-audio-7b-bitnet"), ("unknown", "none")),
        (record("o/a", tags=["peft"]), ("adapter", "library")),
        (record("o/a-4bit", tags=["peft"]), ("adapter", "library")),
        (record("o/a", tags=["peft-x", "xpeft"]), ("unknown", "none")),
        (record("o/a", library_name="peft"), ("adapter", "library")),
        (record("o/a", library_name="peft") | {"tags": None}, ("adapter", "library")),
        (record("o/a", library_name=["peft"]), ("unknown", "none")),
        (record("o/a-7b", library_name="peft", tags=["gguf"]), ("adapter", "library")),
        (record("o/IP-Adapter-a"), ("adapter", "name")),
        (record("o/a-LoRA"), ("adapter", "name")),
        (record("o/explorations-floral"), ("unknown", "none")),
        (record("o/a", "quantized:p/b"), ("quantized", "tag")),
    ],
)
def test_the_relation_and_its_evidence(subject: dict[str, Any], expected: tuple[str, str]) -> None:
    assert lineage(subject)[subject["id"]][:2] == expected


CHAINS: list[tuple[str, list[dict[str, Any]], tuple[Any, ...]]] = [
    ("no base", [record("o/a")], ([], "o/a", 0, "unknown")),
    ("missing base", [record("o/a", "finetune:p/b")], (["p/b"], "p/b", 1, "finetune")),
    ("base", [record("o/a", "finetune:p/b"), record("p/b")], (["p/b"], "p/b", 1, "finetune")),
    (
        "chain",
        [record("o/a", "adapter:p/b"), record("p/b", "finetune:q/c"), record("q/c", "finetune:r/d")],
        (["p/b"], "r/d", 3, "adapter"),
    ),
    ("case", [record("o/a", "finetune:P/B"), record("p/b", "finetune:Q/c"), record("q/C")], (["p/b"], "q/C", 2, "finetune")),
    ("one base in two spellings", [record("o/a", "finetune:p/b", "finetune:P/b")], (["p/b"], "p/b", 1, "finetune")),
    ("two bases", [record("o/a", "merge:p/b", "merge:q/c"), record("q/c")], (["p/b", "q/c"], None, None, "merge")),
    (
        "a base of two bases",
        [record("o/a", "finetune:p/b"), record("p/b", "merge:q/c", "merge:q/d")],
        (["p/b"], None, None, "finetune"),
    ),
    ("self-reference", [record("o/a", "O/A", "finetune:O/A")], ([], "o/a", 0, "unknown")),
    ("self-reference and a base", [record("o/a", "finetune:o/a", "finetune:p/b")], (["p/b"], "p/b", 1, "finetune")),
    ("cycle", [record("o/a", "finetune:p/b"), record("p/b", "finetune:O/a")], (["p/b"], None, None, "finetune")),
    (
        "a cycle further on",
        [record("o/a", "finetune:p/b"), record("p/b", "finetune:q/c"), record("q/c", "finetune:p/b")],
        (["p/b"], None, None, "finetune"),
    ),
    ("data set", [record("o/a", "finetune:p/data", tags=["dataset:P/Data"])], ([], "o/a", 0, "unknown")),
    ("address", [record("o/a", "https://huggingface.co/p/b", "finetune:datasets/p/b")], ([], "o/a", 0, "unknown")),
    ("renamed", [record("o/a", "finetune:P/B"), record("p/b")], (["p/b"], "p/b", 1, "finetune")),
    ("a name like a relation", [record("o/a", "merge")], (["merge"], "merge", 1, "unknown")),
    ("no id", [record("o/a", "p/b--c", "p/b..c", "finetune:", "/p")], ([], "o/a", 0, "unknown")),
    ("space", [record("o/a", "finetune:spaces/p/b")], ([], "o/a", 0, "unknown")),
    ("not a model and quantized by name, and named", [record("o/a-fp8", "x y"), record("p/b", "o/a-fp8")],
     ([], "o/a-fp8", 0, "quantized")),
    ("original", [record("o/a"), record("p/b", "adapter:O/A")], ([], "o/a", 0, "original")),
    ("original of a merge", [record("o/a"), record("p/b", "merge:o/a", "merge:q/c")], ([], "o/a", 0, "original")),
    ("named by itself only", [record("o/a", "finetune:o/a")], ([], "o/a", 0, "unknown")),
    ("quantized by name, and named", [record("o/a-fp8"), record("p/b", "finetune:o/a-fp8")], ([], "o/a-fp8", 0, "quantized")),
    ("two bases of one root", [record("o/a", "merge:p/b", "merge:q/c"), record("q/c", "finetune:P/b")],
     (["p/b", "q/c"], None, None, "merge")),
    ("a base, not the end", [record("o/a", "q/c"), record("p/b", "finetune:o/a")], (["q/c"], "q/c", 1, "unknown")),
]  # fmt: skip


@pytest.mark.parametrize(("records", "expected"), [case[1:] for case in CHAINS], ids=[case[0] for case in CHAINS])
def test_chains(records: list[dict[str, Any]], expected: tuple[Any, ...]) -> None:
    for pages in (records, records[::-1]):
        relation, _, bases, root, depth, _ = lineage(*pages)[records[0]["id"]]
        assert (bases, root, depth, relation) == expected


MERGE = record("o/m", "merge:p/b", "merge:q/c")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([record("o/a")], []),
        ([record("o/a", "finetune:p/b")], []),
        ([MERGE], ["p/b", "q/c"]),
        ([MERGE, record("Q/C")], ["p/b", "Q/C"]),
        ([MERGE, record("q/c", "finetune:r/d"), record("r/d", "finetune:R/e")], ["p/b", "R/e"]),
        ([MERGE, record("q/c", "finetune:P/b")], ["p/b"]),
        ([MERGE, record("p/b", "merge:r/d", "merge:r/e"), record("r/d", "quantized:r/f")], ["q/c", "r/e", "r/f"]),
        ([MERGE, record("p/b", "finetune:O/M")], ["q/c"]),
        ([record("o/a", "quantized:o/m"), MERGE], ["p/b", "q/c"]),
        ([record("o/a", "finetune:p/b"), record("p/b", "finetune:o/a")], []),
    ],
)
def test_a_chain_that_forks_has_the_roots_of_all_its_bases(records: list[dict[str, Any]], expected: list[str]) -> None:
    for pages in (records, records[::-1]):
        models = resolve(*([value] for value in pages))[0]
        assert models[records[0]["id"]]["roots"] == expected
    assert models[records[0]["id"]]["root"] is None or not expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (record("o/a"), None),
        (record("o/A-GGUF"), "gguf"),
        (record("o/A_gguf", "quantized:p/b", tags=["mlx"]), "gguf"),
        (record("o/A-MXFP4-GGUF"), "gguf"),
        (record("o/A-AWQ-4bit", tags=["awq", "compressed-tensors"]), "awq"),
        (record("o/A-4bit", tags=["mlx", "safetensors", "4-bit"]), "mlx"),
        (record("o/A-4bit"), None),
        (record("o/a-bnb", "quantized:p/b"), "bitsandbytes"),
        (record("o/a", tags=["GPTQ"]), "gptq"),
        (record("o/a", tags=["auto-round"]), "auto-round"),
        (record("o/a", tags=[["awq"], {"a": 1}, 7, "eetq"]), "eetq"),
        (hf("o/a", tags="awq"), None),
        (record("o/A-awqs", "quantized:p/b"), None),
        (record("o/a", "quantized:p/b", tags=["onnx"]), "onnx"),
        (record("o/a", "quantized:p/b", tags=["gguf", "safetensors"]), "gguf"),
        # files in a further format, beside the weights
        (record("o/a", tags=["onnx", "openvino", "safetensors"]), None),
        (record("o/a", tags=["onnx", "pytorch"]), None),
        (record("o/a", tags=["onnx", "safetensors", "fp8"]), "fp8"),
        (record("o/a", tags=["ONNX", "safetensors"]), None),
        (record("o/a-ONNX", tags=["onnx", "safetensors"]), "onnx"),
        (record("o/a", tags=["onnx", "transformers.js"]), "onnx"),
    ],
)
def test_the_format_is_by_the_name_else_by_the_tags(subject: dict[str, Any], expected: str | None) -> None:
    (model,) = transform_page(HUB, json.dumps([subject]).encode(), "p").models
    assert model["format"] == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (record("o/Model", "finetune:p/model"), True),
        (record("o/Model", "p/model"), True),
        (record("o/Model", "finetune:O/model-base"), False),
        (record("o/Model", "quantized:p/model", tags=["onnx"]), True),
        (record("o/Model", "quantized:p/model", tags=["gguf"]), False),
        (record("o/Model", "adapter:p/model"), False),
        (record("o/Model", "merge:p/model", "merge:p/other"), False),
        (record("o/Model"), False),
        (record("model", "finetune:p/model"), True),
    ],
)
def test_copies_have_the_name_of_another_owners_model(subject: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 -- a value
    assert lineage(subject)[subject["id"]][5] is expected


def test_what_is_peculiar_is_counted_by_distinct_ids() -> None:
    records = [
        record("o/a", "finetune:o/a"), record("O/A", "finetune:O/A"), record("o/data", "finetune:x y"),
        record("o/b", "finetune:o/c"), record("o/c", "finetune:O/b"), record("o/d", "finetune:o/b"),
        record("p/d", "finetune:o/missing"), record("q/d", "finetune:p/d"), record("r/d", "finetune:p/d"),
    ]  # fmt: skip
    for pages in ([records], [[value] for value in records]):
        counts = {word: len(ids) for word, ids in resolve(*pages)[1].items()}
        assert counts == {
            "self-reference": 1, "not a model": 1, "renamed base": 1, "cycle": 2, "missing base": 1, "copy": 2,
        }  # fmt: skip


def test_a_record_without_counts_in_another_spelling_hides_no_count() -> None:
    counted = hf("o/a", safetensors={"parameters": {"BF16": 7 * 10**9}, "total": 7 * 10**9})
    models, _ = resolve([counted], [hf("O/A")], [record("p/q", "quantized:o/a", tags=["gguf"])])
    assert (models["p/q"]["size"], models["p/q"]["base_models"]) == ("medium", ["o/a"])


IDS = ["o/a", "O/A", "p/a", "p/b", "q/c", "q/c-gguf"]
BASES = st.sampled_from([*(f"{word}:{id_}" for word in ("finetune", "merge") for id_ in IDS), "x y"])
RECORDS = st.lists(BASES, max_size=2).flatmap(lambda bases: st.builds(record, st.sampled_from(IDS), *map(st.just, bases)))


@settings(max_examples=60)
@given(st.lists(st.lists(RECORDS, min_size=1, max_size=3), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_pages_does_not_matter(pages: list[list[dict[str, Any]]], random: Random) -> None:
    def decide(pages: list[list[dict[str, Any]]]) -> tuple[list[str], dict[str, set[int]]]:
        models, counted = resolve(*pages)
        return sorted(map(json.dumps, models.values())), counted

    distinct = [[value] for value in {value["id"]: value for page in pages for value in page}.values()]
    assert decide(random.sample(distinct, len(distinct))) == decide(distinct)
    assert resolve(*random.sample(pages, len(pages)))[1] == resolve(*pages)[1]


def test_each_order_of_pages_gives_the_same() -> None:
    records = [
        record("o/a"), record("o/b", "finetune:O/A"), record("p/B", "quantized:o/b", tags=["gguf"]),
        record("p/c", "merge:o/b", "merge:o/d"),
        record("o/d", "finetune:p/C"),
    ]  # fmt: skip
    expected = lineage(*records)
    assert expected["p/B"][2:] == (["o/b"], "o/a", 2, False)
    assert [lineage(*order) for order in permutations(records) if lineage(*order) != expected] == []


def test_a_relation_follows_what_other_pages_say_now(workspace: Workspace) -> None:
    def relation() -> tuple[str, str | None]:
        transform(workspace.data, HUB)
        model = json.loads((workspace.data.models("huggingface", "default") / "page-0001.json").read_text())[0]
        return model["relation"], model["root"]

    workspace.write_stream("huggingface", "default", [record("o/a")])
    assert relation() == ("unknown", "o/a")
    workspace.write_stream("huggingface", "likes", [record("o/b", "finetune:o/a")])
    assert relation() == ("original", "o/a")
    workspace.write_stream("huggingface", "likes", [record("o/b")])
    assert relation() == ("unknown", "o/a")


def test_explain_prints_the_chain(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    records = [record("o/a", "quantized:p/a", tags=["onnx"]), record("p/a", "finetune:q/c", **F32), record("o/x")]
    workspace.write_stream("huggingface", "default", records)
    workspace.write_stream("huggingface", "likes", records)
    assert workspace.run("manifests") == 0
    capsys.readouterr()
    assert workspace.run("explain", "--json", "huggingface:o/a") == 0
    chain = json.loads(capsys.readouterr().out)["chain"]
    assert [line.split(" (")[0].split(";")[0] for line in chain] == [
        "o/a: finetune of p/a", "p/a: finetune of q/c", "q/c: not in the catalogue", "commercial unknown: decided by o/a",
    ]  # fmt: skip
    assert chain[0].endswith("its weights are not counted), a copy; license not stated: commercial unknown")
    assert workspace.run("explain", "huggingface:o/a") == 0
    assert "\nmade of:\n  o/a: finetune of p/a" in capsys.readouterr().out


def test_the_snapshot(shipped: Workspace) -> None:
    summary = transform(shipped.data, HUB)
    models: dict[str, Any] = {}
    for path in DataDir(shipped.data.root).models("huggingface").glob("*/page-*.json"):
        models |= {model["id"]: model for model in json.loads(path.read_text())}
    assert Counter((model["relation"], model["relation_from"]) for model in models.values()) == {
        ("unknown", "none"): 660, ("quantized", "tag"): 293, ("quantized", "name"): 29, ("finetune", "tag"): 203,
        ("finetune", "weights"): 12, ("finetune", "format"): 4, ("original", "chain"): 98, ("adapter", "tag"): 16,
        ("adapter", "name"): 1, ("merge", "tag"): 2,
    }  # fmt: skip
    assert summary["lineage"] == {"copy": 12, "missing base": 161, "self-reference": 1}
    minilm = models["sentence-transformers/all-MiniLM-L6-v2"]
    assert (minilm["relation"], minilm["relation_from"]) == ("finetune", "weights")
    assert Counter(model["depth"] for model in models.values()) == {0: 788, 1: 377, 2: 150, None: 2, 3: 1}


def test_long_tags_are_not_kept_in_memory() -> None:
    tracemalloc.start()
    for model in range(50):
        bases = [f"{model}/{number}" for number in range(500)]
        tags = "".join(f"\nbase_model:merge:{base}" for base in bases) + "\n"
        assert read_bases(f"{model}/7", tags).ids == tuple(base for base in bases if base != f"{model}/7")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 500_000
