"""Sizes: which evidence decides, and what a name says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.files import PROJECT
from etl.filters import SIZES, SizeClass
from etl.transform.families import bears_out, family, rows
from etl.transform.names import is_servant, reading
from etl.transform.size import Evidence, Sizer, Verdict
from etl.transform.stage import evidence_of
from tests.sizes import FLOORS, ROWS, evidence, table

CLASSES = {each.name for each in SIZES} | {"unknown"}


def seen(name: str = "thing", tags: list[str] | None = None, gguf: float | None = None, **elements: float) -> Evidence:
    return evidence_of(name, tags or [], elements, sum(elements.values()) if elements else None, gguf)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (seen("Llama-2-7b", BF16=6.74e9), (6_740_000_000, "medium", "safetensors")),
        (seen("Llama-2-13b", F16=13.016e9), (13_016_000_000, "medium", "safetensors")),
        (seen("roberta-large", F32=355e6), (355_000_000, "small", "safetensors")),
        (seen(F32=650e6), (650_000_000, "small", "safetensors")),
        (seen(BF16=6.4e9), (6_400_000_000, "small", "safetensors")),
        (seen(BF16=6.6e9), (6_600_000_000, "medium", "safetensors")),
        (seen(BF16=13.4e9), (13_400_000_000, "medium", "safetensors")),
        (seen(BF16=13.6e9), (13_600_000_000, "large", "safetensors")),
        (seen("opt-6.7b"), (6_700_000_000, "small", "name")),
        (seen("thing-70B-GGUF", gguf=70.5e9), (70_500_000_000, "large", "gguf")),
        (seen("v2.5-base"), (None, "unknown", "none")),
        (seen("small-thing"), (None, "unknown", "none")),
        (seen(gguf=1e300), (None, "unknown", "none")),
        # Packed: eight 4-bit weights a word, as the name bears out; without a witness nothing is corrected.
        (seen("a-7B-GPTQ", ["4-bit"], F16=0.3e9, I32=0.8e9), (6_700_000_000, "medium", "safetensors corrected for packing")),
        (seen("a-32b-8bit", U32=8e9, F16=1e9), (33_000_000_000, "large", "safetensors corrected for packing")),
        (seen("a-14B-NVFP4", BF16=1.5e9, U8=6.6e9), (14_700_000_000, "large", "safetensors corrected for packing")),
        (seen("a-7B-AWQ", ["4-bit"], F16=1e9, I32=6.5e9), (7_500_000_000, "medium", "safetensors")),
        (seen("a-AWQ", ["4-bit"], F16=1e9, I32=1e9), (None, "unknown", "none")),
        (seen("a-FP8", F8_E4M3=7.2e9, BF16=0.8e9), (8_000_000_000, "medium", "safetensors")),
        (seen("a-AWQ", ["4-bit"], F16=20e9, I32=20e9), (None, "large", "safetensors")),
        # Counts that cannot be: of no weights at all, of one shard, of a part.
        (seen("a-8B", BF16=3e5), (8_000_000_000, "medium", "name")),
        (seen("a-405B-GGUF", gguf=12e9), (405_000_000_000, "large", "name")),
        # What was measured stands against a name that says less.
        (seen("a-7B-Omni", BF16=10.7e9), (10_700_000_000, "medium", "safetensors")),
        # The base model, but not that of an adapter.
        (seen("a-gguf", ["base_model:quantized:b/c-9B"]), (9_000_000_000, "medium", "base model's name")),
        (seen("a", ["base_model:adapter:b/c-9B"]), (None, "unknown", "none")),
        (seen("a-lora-7b"), (None, "unknown", "none")),
        (seen("a-7B-EAGLE3", BF16=8e8), (800_000_000, "small", "safetensors")),
        (seen("a", ["base_model:merge:b/c-9B", "base_model:merge:b/d-7B"]), (None, "unknown", "none")),
        (seen("gpt2-medium-tuned"), (355_000_000, "small", "family")),
        (seen("a-E4B", BF16=8e9), (8_000_000_000, "medium", "safetensors")),
        (seen("Mixtral-8x7B"), (None, "large", "name")),
        (seen("Llama-4-17B-16E"), (None, "large", "name")),
    ],
)  # fmt: skip
def test_which_evidence_decides(evidence: Evidence, expected: tuple[int | None, str, str]) -> None:
    assert Sizer().verdict(evidence)[:3] == expected


def test_what_disagrees_is_told() -> None:
    assert Sizer().verdict(seen("a-7B-Omni", BF16=10.7e9)).size_against == ["name"]
    assert Sizer().verdict(seen("a-8B", BF16=3e5)).size_against == ["safetensors"]
    assert Sizer().verdict(seen("a-26B-GGUF", gguf=5e8)).size_against == ["gguf"]
    assert Sizer().verdict(evidence_of("a-7b", [], {"BF16": 7e9}, 14e9, None)).size_from == "name"


def test_a_counted_base_beats_its_name() -> None:
    quantised = seen("a-gguf", ["base_model:quantized:b/c-9B"])
    assert Sizer(known={"b/c-9B": 14.2e9}).verdict(quantised) == Verdict(14_200_000_000, "large", "base model", [])


def test_a_marketplace_may_have_other_classes() -> None:
    classes = (SizeClass("edge", 1e9, is_through=True), SizeClass("rest", math.inf))
    assert [Sizer(classes).verdict(seen(name)).size for name in ("a-1b", "a-1.1b", "a")] == ["edge", "rest", "unknown"]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("qwen3-0.6b", 0.6, 0.6), ("stablelm-2-1_6b", 1.6, 1.6), ("t0_3b", 3, 3), ("bloomz-7b1", 7.1, 7.1),
        ("ling-1t", 1000, 1000),
        ("qwen3-30b-a3b", 30, 30), ("olmoe-1b-7b-0924", 7, 7), ("t5gemma-2-4b-4b", 8, 8), ("gemma-4-e4b-it", 4, math.inf),
        ("opt-350m", 0.35, 0.35), ("llama-2-7b-32k", 7, 7), ("megabeam-7b-1m", 7, 7), ("tinyllama-1.1b-step-480k-3t", 1.1, 1.1),
        ("rwkv7-380m-15b-slimpajama", 0.38, 0.38), ("codellama34b", 34, 34),
    ],
)  # fmt: skip
def test_names_state_sizes(name: str, low: float, high: float) -> None:
    told = reading(name)
    assert told is not None
    assert (told.low / 1e9, told.high / 1e9) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "name",
    [
        "phi-3-mini-128k", "a-4bit", "a-w4a16", "falcon3-1.58bit", "a-100b-tokens", "so400m", "v1.5b", "a-2507",
        "a-960h", "a-1024px",
                "clip-vit-bigg-14-laion2b-39b-b160k", "phi3b", "a-0b", "a-3b-9b-7b", "l6-h384", "x7b", "8-bit", "a-4t",
    ],
)  # fmt: skip
def test_what_is_no_size(name: str) -> None:
    assert reading(name) is None


@given(
    st.sampled_from([1, 3, 7, 8, 13, 70]), st.sampled_from("-_. "), st.sampled_from("-_. "), st.sampled_from(["b", "B"]),
    st.sampled_from(["chat", "Instruct", "v0.1", "2507", "hf", "128k"]),
)  # fmt: skip
def test_units_and_separators_do_not_change_the_verdict(number: int, before: str, after: str, unit: str, word: str) -> None:
    plain = Sizer().verdict(seen(f"thing-{number}b-{word}"))
    assert plain.size != "unknown"
    assert Sizer().verdict(seen(f"thing{before}{number}{unit}{after}{word}")) == plain
    assert Sizer().verdict(seen(f"thing{before}{number * 1000}m{after}{word}")) == plain


@given(st.sampled_from(ROWS), st.sampled_from(["name", "gguf", "base model"]))
def test_a_true_witness_never_makes_a_right_verdict_wrong(row: dict[str, Any], witness: str) -> None:
    told = evidence(row)
    count = row["parameters"]
    before = Sizer().verdict(told)
    if before.size != row["size"] or not count or row["kind"] in ("adapter", "draft"):
        return
    if witness == "name" and reading(told.name) is None:
        told = told._replace(name=f"{told.name}-{count // 10**6}m")
    elif witness == "gguf" and told.gguf is None:
        told = told._replace(gguf=count)
    elif witness == "base model" and "base_model:" not in told.tags:
        told = told._replace(tags=f"{told.tags}base_model:quantized:some/base\n")
    assert Sizer(known={"some/base": count}).verdict(told).size == row["size"]


number = st.none() | st.floats() | st.integers()


@given(
    st.text(), st.lists(st.text()), st.dictionaries(st.sampled_from(["BF16", "I32", "U8", "x"]), st.floats()),
    st.tuples(number, number),
)  # fmt: skip
def test_no_input_raises(
    name: str, tags: list[str], elements: dict[str, float], counts: tuple[float | None, float | None]
) -> None:
    total, gguf = counts
    told = Sizer().verdict(evidence_of(name, tags, elements, total, gguf))
    assert told.size in CLASSES
    assert (told.size == "unknown") is (told.size_from == "none")
    assert told.parameters is None or 0 <= told.parameters < 2**53


def test_names_of_servants() -> None:
    assert all(map(is_servant, ("alpaca-lora-7b", "eagle3-llama3-8b", "qwen3-8b-dflash-b16", "gemma-4-31b-it-assistant")))
    assert not any(map(is_servant, ("explorer-7b", "oasst-assistant-chat-7b", "loran-7b", "drafting-7b")))


def test_the_figures_of_the_documentation_are_those_measured() -> None:
    lines, total = table()
    assert len(ROWS) > 1000
    for way, (right, wrong) in FLOORS.items():
        assert total[way][0] >= right
        assert total[way][1] <= wrong
    assert "\n".join(lines) in (PROJECT / "docs" / "sizes.md").read_text(encoding="utf-8")


def test_the_families_are_borne_out() -> None:
    assert family("whisper-large-v3-turbo") == rows()["whisper-large-v3-turbo"]
    assert family("xlm-roberta-base-tuned") == rows()["xlm-roberta-base"]
    assert family("sdxl-vae-fp16") == rows()["sdxl-vae"]
    assert family("flux.1-dev-controlnet") is None
    assert family("clip-vit-b-32-xlm-roberta-base") is None
    told = [bears_out(row["id"].rpartition("/")[2].lower(), row["parameters"]) for row in ROWS if row["parameters"]]
    counted = [each for each in told if each]
    assert len(counted) > 100
    assert [words for words, fits in counted if not fits] == ["t5-small"]  # chronos-t5-small, which is no T5
