"""Sizes of Hub models: which evidence decides, and which parameter counts names state."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.layout import PROJECT
from etl.sources.huggingface.corroboration import bases
from etl.sources.huggingface.evidence import SizeEstimate, SizeEvidence
from etl.sources.huggingface.families import check_family, family, family_table
from etl.sources.huggingface.names import is_auxiliary, parse_size
from etl.sources.huggingface.rules import read_size_evidence
from etl.sources.huggingface.size import SizeEstimator, depends_on_bases, nominal
from etl.sources.source import DEFAULT_SIZE_CLASSES, SizeClass
from tests.support.sizes import BOUNDS, ROWS, evidence, table

CLASSES = {size_class.name for size_class in DEFAULT_SIZE_CLASSES} | {"unknown"}


def evidence_of(name: str = "thing", tags: list[str] | None = None, gguf: float | None = None, **elements: float) -> SizeEvidence:
    """Return the evidence of a repository; `elements` are counts by data type, as in `safetensors`."""
    return size_evidence(name, tags or [], elements, sum(elements.values()) if elements else None, gguf)


def size_evidence(
    name: str, tags: list[str], elements: object, total: object, gguf: object, architecture: object = None
) -> SizeEvidence:
    """Return the evidence of a repository with these counts."""
    safetensors, gguf_counts = {"parameters": elements, "total": total}, {"total": gguf, "architecture": architecture}
    return read_size_evidence(name, tags, safetensors, gguf_counts)[0]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (evidence_of("Llama-2-7b", BF16=6.74e9), (6_740_000_000, "medium", "safetensors")),
        (evidence_of("Llama-2-13b", F16=13.016e9), (13_016_000_000, "medium", "safetensors")),
        (evidence_of("roberta-large", F32=355e6), (355_000_000, "small", "safetensors")),
        (evidence_of(F32=650e6), (650_000_000, "small", "safetensors")),
        (evidence_of(BF16=6.4e9), (6_400_000_000, "small", "safetensors")),
        (evidence_of(BF16=6.6e9), (6_600_000_000, "medium", "safetensors")),
        (evidence_of(BF16=13.4e9), (13_400_000_000, "medium", "safetensors")),
        (evidence_of(BF16=13.6e9), (13_600_000_000, "large", "safetensors")),
        (evidence_of("opt-6.7b"), (6_700_000_000, "small", "name")),
        (evidence_of("thing-70B-GGUF", gguf=70.5e9), (70_500_000_000, "large", "gguf")),
        (evidence_of("v2.5-base"), (None, "unknown", "none")),
        (evidence_of("small-thing"), (None, "unknown", "none")),
        (evidence_of(gguf=1e300), (None, "unknown", "none")),
        # Packed: several weights per element. A count is corrected only if other evidence, such as the name, is consistent.
        (
            evidence_of("a-7B-GPTQ", ["4-bit"], F16=0.3e9, I32=0.8e9),
            (6_700_000_000, "medium", "safetensors corrected for packing"),
        ),
        (evidence_of("a-32b-8bit", U32=8e9, F16=1e9), (33_000_000_000, "large", "safetensors corrected for packing")),
        (evidence_of("a-14B-NVFP4", BF16=1.5e9, U8=6.6e9), (14_700_000_000, "large", "safetensors corrected for packing")),
        (evidence_of("a-7B-AWQ", ["4-bit"], F16=1e9, I32=6.5e9), (7_500_000_000, "medium", "safetensors")),
        (evidence_of("a-AWQ", ["4-bit"], F16=1e9, I32=1e9), (None, "unknown", "none")),
        (evidence_of("a-FP8", F8_E4M3=7.2e9, BF16=0.8e9), (8_000_000_000, "medium", "safetensors")),
        (evidence_of("a-AWQ", ["4-bit"], F16=20e9, I32=20e9), (None, "large", "safetensors")),
        # Implausible counts: of no weights, of one shard, of a part.
        (evidence_of("a-8B", BF16=3e5), (8_000_000_000, "medium", "name")),
        (evidence_of("a-405B-GGUF", gguf=12e9), (405_000_000_000, "large", "name")),
        # A count wins over a smaller size in the name.
        (evidence_of("a-7B-Omni", BF16=10.7e9), (10_700_000_000, "medium", "safetensors")),
        # The base model's size counts, except for adapters.
        (evidence_of("a-gguf", ["base_model:quantized:b/c-9B"]), (9_000_000_000, "medium", "base model's name")),
        (evidence_of("a", ["base_model:adapter:b/c-9B"]), (None, "unknown", "none")),
        (evidence_of("a-lora-7b"), (None, "unknown", "none")),
        (evidence_of("a-7B-EAGLE3", BF16=8e8), (800_000_000, "small", "safetensors")),
        (evidence_of("a", ["base_model:merge:b/c-9B", "base_model:merge:b/d-7B"]), (None, "unknown", "none")),
        (evidence_of("gpt2-medium-tuned"), (355_000_000, "small", "family")),
        (evidence_of("a-E4B", BF16=8e9), (8_000_000_000, "medium", "safetensors")),
        (evidence_of("Mixtral-8x7B"), (None, "large", "name")),
        (evidence_of("Llama-4-17B-16E"), (None, "large", "name")),
    ],
)  # fmt: skip
def test_which_evidence_decides(evidence: SizeEvidence, expected: tuple[int | None, str, str]) -> None:
    assert SizeEstimator().estimate(evidence)[:3] == expected


def test_conflicting_evidence_is_listed() -> None:
    assert SizeEstimator().estimate(evidence_of("a-7B-Omni", BF16=10.7e9)).size_against == ["name"]
    assert SizeEstimator().estimate(evidence_of("a-8B", BF16=3e5)).size_against == ["safetensors"]
    assert SizeEstimator().estimate(evidence_of("a-26B-GGUF", gguf=5e8)).size_against == ["gguf"]
    assert SizeEstimator().estimate(evidence_of("qwen-image", ["diffusers"], BF16=7.1e9)).size_against == ["family"]
    assert SizeEstimator().estimate(evidence_of("roberta-base-ncc-512b")).size_against == ["name"]
    assert SizeEstimator().estimate(evidence_of("top-5x7b-gguf", gguf=7.2e9)).size_against == ["name"]
    assert SizeEstimator().estimate(size_evidence("a", [], {}, None, 4.6e8, "clip")).size_against == ["gguf"]


def test_the_count_of_a_base_model_wins_over_its_name() -> None:
    quantised = evidence_of("a-gguf", ["base_model:quantized:b/c-9B"])
    assert SizeEstimator(base_counts={"b/c-9B": 14.2e9}).estimate(quantised) == SizeEstimate(
        14_200_000_000, "large", "base model", []
    )


def test_size_classes_are_configurable() -> None:
    classes = (SizeClass("edge", 1e9, is_inclusive=True), SizeClass("rest", math.inf))
    sizes = [SizeEstimator(classes).estimate(evidence_of(name)).size for name in ("a-1b", "a-1.1b", "a")]
    assert sizes == ["edge", "rest", "unknown"]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("qwen3-0.6b", 0.6, 0.6), ("stablelm-2-1_6b", 1.6, 1.6), ("t0_3b", 3, 3), ("bloomz-7b1", 7.1, 7.1), ("a-6_7b1", 6.7, 6.7),
        ("ling-1t", 1000, 1000),
        ("qwen3-30b-a3b", 30, 30), ("olmoe-1b-7b-0924", 7, 7), ("t5gemma-2-4b-4b", 8, 8),
        ("gemma-4-e4b-it", 6, math.inf), ("hunyuan-a13b", 19.5, math.inf),
        ("opt-350m", 0.35, 0.35), ("llama-2-7b-32k", 7, 7), ("megabeam-7b-1m", 7, 7), ("tinyllama-1.1b-step-480k-3t", 1.1, 1.1),
        ("rwkv7-380m-15b-slimpajama", 0.38, 0.38), ("codellama34b", 34, 34),
        ("a-27b-gptq-4b-128g", 27, 27), ("mixtral_7bx2_moe", 11.2, 12.95), ("llama-4-17b-16e", 17, 272),
        ("qwen3-tiny-random", 1e-9, 1),
        # Total and active parameters.
        ("smallthinker-21ba3b", 21, 21), ("smallthinker-4ba0.6b-instruct", 4, 4), ("4ba0_6b", 4, 4), ("30ba3b-2507", 30, 30),
        ("235ba22b.q4", 235, 235), ("30b_a3b", 30, 30), ("21b-a3b", 21, 21), ("smallthinker21ba3b", 21, 21),
        ("1ta32b", 1000, 1000), ("12ba900m", 12, 12),
    ],
)  # fmt: skip
def test_sizes_are_parsed_from_names(name: str, low: float, high: float) -> None:
    parameters = parse_size(name)
    assert parameters is not None
    assert (parameters.low / 1e9, parameters.high / 1e9) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "name",
    [
        "phi-3-mini-128k", "a-4bit", "a-w4a16", "falcon3-1.58bit", "a-100b-tokens", "so400m", "v1.5b", "a-2507",
        "a-960h", "a-1024px",
        "clip-vit-bigg-14-laion2b-39b-b160k", "phi3b", "a-0b", "a-3b-9b-7b", "l6-h384", "x7b", "8-bit", "a-4t", "glove.840b.300d",
    ],
)  # fmt: skip
def test_other_numbers_are_not_sizes(name: str) -> None:
    assert parse_size(name) is None


@given(
    st.sampled_from([1, 3, 7, 8, 13, 70]), st.sampled_from("-_. "), st.sampled_from("-_. "), st.sampled_from(["b", "B"]),
    st.sampled_from(["chat", "Instruct", "v0.1", "2507", "hf", "128k"]),
)  # fmt: skip
def test_units_and_separators_do_not_change_the_estimate(number: int, before: str, after: str, unit: str, word: str) -> None:
    plain = SizeEstimator().estimate(evidence_of(f"thing-{number}b-{word}"))
    assert plain.size != "unknown"
    assert SizeEstimator().estimate(evidence_of(f"thing{before}{number}{unit}{after}{word}")) == plain
    assert SizeEstimator().estimate(evidence_of(f"thing{before}{number * 1000}m{after}{word}")) == plain


@given(st.sampled_from(ROWS), st.sampled_from(["name", "gguf", "base model"]))
def test_more_correct_evidence_never_makes_a_correct_size_wrong(row: dict[str, Any], added: str) -> None:
    item = evidence(row)
    count = row["parameters"]
    before = SizeEstimator().estimate(item)
    if before.size != row["size"] or not count or row["kind"] in ("adapter", "draft"):
        return
    if added == "name" and parse_size(item.name) is None:
        item = item._replace(name=f"{item.name}-{round(nominal(count, None) / 1e6)}m")
    elif added == "gguf" and item.gguf is None:
        item = item._replace(gguf=count)
    elif added == "base model" and "base_model:" not in item.tags:
        item = item._replace(tags=f"{item.tags}base_model:quantized:some/base\n")
    assert SizeEstimator(base_counts={"some/base": count}).estimate(item).size == row["size"]


def test_bases_change_only_estimates_that_depend_on_them() -> None:
    items = [evidence(row, counts=counts) for row in ROWS for counts in (True, False)]
    names = ["bert-7b-questions", "bert-900m", "sdxl-vae", *(item.name for item in items[::100])]
    changed = Counter[bool]()
    for item in items:
        for name in (item.name, *names) if bases(item.tags) else ():
            renamed = item._replace(name=name)
            before = SizeEstimator().estimate(renamed)
            for count in (1e8, 7e9, 1e12):
                after = SizeEstimator(base_counts=dict.fromkeys(bases(item.tags), count)).estimate(renamed)
                changed[depends_on_bases(renamed)] += after != before
    assert changed[False] == 0
    assert changed[True] > 1000


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("a", ["base_model:quantized:o/b"]),
        ("bert-7b-questions", ["base_model:finetune:o/b"]),  # a base may contradict it
        ("gemma-e4b", ["base_model:finetune:o/b", "text-generation"]),  # a minimum
    ],
)
def test_some_estimates_depend_on_bases(name: str, tags: list[str]) -> None:
    assert depends_on_bases(evidence_of(name, tags))


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("a", ["base_model:o/b"]),
        ("a-lora", ["base_model:finetune:o/b"]),
        ("a", ["base_model:finetune:o/b", "lora"]),
        ("a", ["base_model:finetune:o/b", "comfyui"]),
        ("bert-500m-questions", ["base_model:finetune:o/b"]),
        ("llama-7b", ["base_model:finetune:o/b"]),
        ("a-7b", ["base_model:finetune:o/b", "text-generation"]),
    ],
)
def test_other_estimates_do_not_depend_on_bases(name: str, tags: list[str]) -> None:
    assert not depends_on_bases(evidence_of(name, tags))


number = st.none() | st.floats() | st.integers()


sizes = st.from_regex(r"[-_. ](?:[0-9]{1,3}x)?[ae]?[0-9]{1,5}(?:[._][0-9]{1,3})?[bmt](?:x?[0-9]{1,2})?", fullmatch=True)


@given(
    st.text() | st.lists(sizes).map("".join), st.lists(st.text()),
    st.dictionaries(st.sampled_from(["BF16", "I32", "U8", "x"]), st.floats()),
    st.tuples(number, number),
)  # fmt: skip
def test_no_input_raises(
    name: str, tags: list[str], elements: dict[str, float], counts: tuple[float | None, float | None]
) -> None:
    total, gguf = counts
    estimate = SizeEstimator().estimate(size_evidence(name, tags, elements, total, gguf))
    assert estimate.size in CLASSES
    assert (estimate.size == "unknown") is (estimate.size_from == "none")
    assert estimate.parameters is None or 0 <= estimate.parameters < 2**53


def test_auxiliary_models_are_recognised_by_name() -> None:
    assert all(map(is_auxiliary, ("alpaca-lora-7b", "eagle3-llama3-8b", "qwen3-8b-dflash-b16", "gemma-4-31b-it-assistant")))
    assert all(map(is_auxiliary, ("granite-8b-accelerator", "llama-7b-tokenizer", "wan2.1-14b-controlnet", "llama-3-8b-sae")))
    assert not any(map(is_auxiliary, ("explorer-7b", "oasst-assistant-chat-7b", "loran-7b", "drafting-7b")))


def test_accuracy_is_within_bounds_and_as_documented() -> None:
    lines, total = table()
    assert len(ROWS) > 1000
    for method, (right, wrong) in BOUNDS.items():
        assert total[method][0] >= right
        assert total[method][1] <= wrong
    assert "\n".join(lines) in (PROJECT / "docs" / "sizes.md").read_text(encoding="utf-8")


def test_families_are_consistent_with_counts() -> None:
    assert family("whisper-large-v3-turbo") == family_table()["whisper-large-v3-turbo"]
    assert family("xlm-roberta-base-tuned") == family_table()["xlm-roberta-base"]
    assert family("sdxl-vae-fp16") == family_table()["sdxl-vae"]
    assert family("clip-vit-b-32-xlm-roberta-base") is None
    results = [
        result
        for row in ROWS
        if row["parameters"]
        for result in check_family(row["id"].rpartition("/")[2].lower(), row["tags"], row["parameters"]).items()
    ]
    assert len(results) > 300
    # The exceptions: tiny-gpt2, and a part of jina-clip-v2.
    assert sorted(name for name, is_consistent in results if not is_consistent) == ["gpt2", "xlm-roberta"]


@pytest.mark.parametrize(
    "name",
    [
        "flux.1-dev-controlnet", "phi-4.5", "kimi-k2-mini", "hunyuanvideo-foley", "deepseek-r1-distill",
        "deepseek-v3-tiny-random", "glm-4.5-air-reap50", "ltx-2.3", "t5gemma-b-b-ul2", "blooming", "starcoder2",
        "qwen-image-2.1", "qwen-image-2", "qwen_image_v2", "qwen.image.2.0", "qwen-image-2-1-fp8", "qwen-image-ver.2",
        "qwen-image-edit-2.0", "qwen-image-2-2512", "qwen-image-max", "kimi-k2.9", "kimi-k3.5", "minimax-m2.9", "glm-5.9",
        "z-image_2", "phi-4-2", "ltx-video-0.9.7-dev", "whisper-large-v4", "e5-base-v3",
        "stable-diffusion-xl-base-2.0", "deepseek-ocr-3",
    ],
)  # fmt: skip
def test_other_versions_and_parts_have_no_family(name: str) -> None:
    assert family(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "qwen-image-2512", "qwen-image-edit-2511", "qwen-image-4bit", "qwen-image-8-bit", "qwen-image-4-steps", "phi-4-128k",
        "command-r-plus-08-2024", "deepseek-r1-0528", "kimi-k2.5", "glm-5.2", "whisper-large-v3", "tinyllama-1.1b-chat-v1.0",
        "stable-diffusion-xl-base-1.0", "nomic-embed-text-v1.5", "clip-vit-l-14-336", "pixart-xl-2-1024-ms",
    ],
)  # fmt: skip
def test_dates_and_other_suffixes_do_not_change_the_family(name: str) -> None:
    assert family(name) is not None


# Models that are not in tests/support/sizes.ndjson, with the sizes in their model cards and papers.
WELL_KNOWN = {
    "small": """
        google-t5/t5-large google/byt5-base sentence-transformers/gtr-t5-xxl facebook/xlm-roberta-xl
        openai/whisper-large-v2 distil-whisper/distil-large-v3.5 facebook/wav2vec2-large-xlsr-53
        facebook/dinov3-vitb16-pretrain facebook/dinov2-giant laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K
        stabilityai/stable-diffusion-2-1 Kwai-Kolors/Kolors stabilityai/stable-diffusion-3.5-medium
        PixArt-alpha/PixArt-Sigma-XL-2-1024-MS Tongyi-MAI/Z-Image Alibaba-NLP/gte-base-en-v1.5 jinaai/jina-embeddings-v4
        microsoft/bitnet-b1.58-2B-4T microsoft/phi-1_5 stabilityai/stablelm-2-1_6b-chat bigscience/T0_3B
        bigscience/bloom-1b7 EleutherAI/gpt-j-6B ibm-granite/granite-3.0-1b-a400m-base HuggingFaceTB/SmolVLM-Instruct
        vikhyatk/moondream2 allenai/OLMo-1B-hf google/gemma-3n-E2B-it-litert-preview Systran/faster-whisper-medium
        01-ai/Yi-6B-200K Xenova/gpt2 microsoft/Phi-tiny-MoE-instruct amazon/chronos-t5-large
        unsloth/Qwen2.5-1.5B-Instruct-bnb-4bit stabilityai/stablelm-3b-4e1t Qwen/Qwen-1_8B-Chat
        deepseek-ai/deepseek-vl2-tiny openai-community/gpt2-xl Lightricks/LTX-Video zai-org/GLM-OCR deepseek-ai/DeepSeek-OCR-2
        PaddlePaddle/PaddleOCR-VL-1.6 tencent/HunyuanOCR rednote-hilab/dots.ocr coqui/XTTS-v2 jinaai/jina-reranker-v3
        CohereLabs/cohere-transcribe-03-2026 arcee-ai/Trinity-Nano-Preview PowerInfer/SmallThinker-4BA0.6B-Instruct
    """,
    "medium": """
        meta-llama/CodeLlama-7b-Instruct-hf google/gemma-7b tiiuae/falcon-mamba-7b-instruct upstage/SOLAR-10.7B-v1.0
        HuggingFaceH4/zephyr-7b-alpha deepseek-ai/DeepSeek-R1-Distill-Qwen-7B nvidia/Llama-3.1-Nemotron-Nano-8B-v1
        allenai/OLMoE-1B-7B-0125-Instruct mistralai/Pixtral-12B-2409 black-forest-labs/FLUX.1-schnell google/flan-t5-xxl
        black-forest-labs/FLUX.1-Krea-dev openchat/openchat_3.5 openbmb/MiniCPM-V-2_6 openbmb/MiniCPM-Llama3-V-2_5
        TheBloke/Mistral-7B-Instruct-v0.2-AWQ HF1BitLLM/Llama3-8B-1.58-100B-tokens
        LoneStriker/Mistral-7B-v0.2-8.0bpw-h8-exl2 Qwen/Qwen2.5-7B-Instruct-1M NousResearch/Yarn-Mistral-7b-128k
        zai-org/GLM-4.6V-Flash nvidia/NV-Embed-v2 tencent/HunyuanVideo-1.5 bigscience/mt0-xxl bigscience/T0pp
        unsloth/Llama-3.1-8B-Instruct-GGUF bigscience/bloomz-7b1-mt facebook/xlm-roberta-xxl
        microsoft/Phi-mini-MoE-instruct kyutai/moshiko-pytorch-bf16 google/gemma-3n-E4B-it-litert-preview
        tencent/Hunyuan-MT-7B microsoft/VibeVoice-Large microsoft/VibeVoice-ASR
    """,
    "large": """
        meta-llama/Llama-4-Maverick-17B-128E-Instruct mistralai/Mixtral-8x22B-Instruct-v0.1 bigscience/bloom
        bigscience/bloomz mistralai/Mistral-Small-Instruct-2409 mistralai/Magistral-Small-2509
        mistralai/Devstral-Small-2507 bigcode/starcoder mistralai/Pixtral-Large-Instruct-2411
        deepseek-ai/DeepSeek-V3.1-Base deepseek-ai/DeepSeek-R1-Zero xai-org/grok-2 cerebras/Qwen3-Coder-REAP-25B-A3B
        nvidia/Llama-3_1-Nemotron-51B-Instruct tencent/Hunyuan-A13B-Instruct databricks/dbrx-instruct
        ai21labs/AI21-Jamba-1.5-Mini ai21labs/AI21-Jamba-Large-1.7 CohereLabs/c4ai-command-r-v01
        CohereLabs/c4ai-command-a-03-2025 Qwen/QwQ-32B-AWQ Qwen/Qwen3-Next-80B-A3B-Thinking-FP8 inclusionAI/Ling-1T
        HuggingFaceH4/zephyr-orpo-141b-A35b-v0.1 rednote-hilab/dots.llm1.inst MiniMaxAI/MiniMax-Text-01 zai-org/GLM-4.6
        MiniMaxAI/MiniMax-M2.1 moonshotai/Kimi-K2-Base moonshotai/Kimi-VL-A3B-Thinking-2506 Wan-AI/Wan2.2-I2V-A14B
        HiDream-ai/HiDream-I1-Full Lightricks/LTX-2 tencent/HunyuanImage-3.0 Qwen/Qwen-Image-Layered google/flan-ul2
        microsoft/Phi-4-reasoning-plus deepseek-ai/deepseek-vl2 TheBloke/Falcon-180B-Chat-GPTQ
        Qwen/Qwen1.5-MoE-A2.7B-Chat ibm-granite/granite-4.0-h-small inclusionAI/Ring-flash-2.0
        meituan-longcat/LongCat-Flash-Thinking internlm/Intern-S1 turboderp/Mixtral-8x7B-instruct-exl2
        cloudyu/Mixtral_34Bx2_MoE_60B openai/gpt-oss-safeguard-20b ISTA-DASLab/gemma-3-27b-it-GPTQ-4b-128g
        baidu/ERNIE-4.5-21B-A3B-Thinking moonshotai/Kimi-K3 moonshotai/Kimi-K2.7-Code zai-org/GLM-5.3-Flash
        MiniMaxAI/MiniMax-M3 Qwen/Qwen3.8-Flash-Next XiaomiMiMo/MiMo-V2.5-Pro stepfun-ai/Step-3.7-Flash tencent/Hy3
        arcee-ai/Trinity-Mini arcee-ai/Trinity-Large-Preview poolside/Laguna-S-2.1 PowerInfer/SmallThinker-21BA3B-Instruct
    """,
    "unknown": """
        google/siglip-so400m-patch14-224 lmsys/EAGLE3-gpt-oss-120b-bf16 RedHatAI/Llama-3.1-8B-Instruct-speculator.eagle3
        ibm-ai-platform/llama3-8b-accelerator jukofyork/DeepSeek-R1-DRAFT-0.6B-v3.0 tloen/alpaca-lora-7b h94/IP-Adapter
        Shakker-Labs/FLUX.1-dev-ControlNet-Union-Pro city96/t5-v1_1-xxl-encoder-bf16 karpathy/nanoGPT
        lllyasviel/ic-light sentence-transformers/average_word_embeddings_glove.840B.300d mistralai/Some-Large-2612
        Xenova/llama-3-tokenizer someone/Qwen-0.5B-to-DeepSeek-7B someone/Phi-3-1M-steps-4bit someone/a3f9b2d4
        someone/resnet-512px-100-epochs
    """,
}


@pytest.mark.parametrize("size", WELL_KNOWN)
def test_sizes_of_well_known_models(size: str) -> None:
    identities = WELL_KNOWN[size].split()
    sizes = {identity: SizeEstimator().estimate(evidence_of(identity.rpartition("/")[2])).size for identity in identities}
    assert sizes == dict.fromkeys(identities, size)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["transformers", "bert"], ("small", "architecture")),
        (["diffusers", "diffusers:FluxPipeline"], ("medium", "architecture")),
        (["bert"], ("unknown", "none")),  # may be an author's own tag
        (["transformers", "llama"], ("unknown", "none")),
        (["transformers", "bert", "base_model:adapter:a/b"], ("unknown", "none")),
    ],
)
def test_an_architecture_with_a_single_size_is_evidence(tags: list[str], expected: tuple[str, str]) -> None:
    assert SizeEstimator().estimate(evidence_of("thing", tags))[1:3] == expected


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        # Auxiliary models and parts of a model do not have the size of their base model.
        (evidence_of("flux.1-dev-controlnet-union", ["base_model:finetune:black-forest-labs/FLUX.1-dev"]), "unknown"),
        (evidence_of("tiny-random-thing", ["base_model:finetune:a/b-70B"]), "small"),
        # A repository of several models has no size.
        (evidence_of("thing_comfy", ["diffusion-single-file", "base_model:finetune:a/b-1.3B"]), "unknown"),
        # Two sizes are possible: that of the family and that of the base model.
        (evidence_of("deepseek-r1-medical", ["base_model:finetune:a/Llama-8B"]), "unknown"),
        # Active parameters cannot corroborate a packed count; the size of an expert is not that of the mixture.
        (evidence_of("a-A13B-GPTQ-Int4", I32=9e9, BF16=2e9), "unknown"),
        (evidence_of("a-7b-moe", ["mixtral"]), "unknown"),
        (evidence_of("a-14b-moe", ["mixtral"]), "large"),
        # Position ids are not weights, packed or not; only a number with a unit declares the bits.
        (evidence_of("thing", F32=110e6, I64=512), "small"),
        (evidence_of("llama-3-8b-gptq-int4", I32=0.9e9, F16=1e9), "medium"),
        # In a diffusers repository, the count is that of a part.
        (evidence_of("flux.1-dev", ["diffusers"], F32=84e6), "medium"),
    ],
)
def test_evidence_of_other_weights_is_ignored(evidence: SizeEvidence, expected: str) -> None:
    assert SizeEstimator().estimate(evidence).size == expected


QWEN = {"BF16": 7_615_616_512}
PACKED = {"BF16": 9_964_787_842, "U32": 78_613_118_976}
UNPACKED = 314_590_621_012


@pytest.mark.parametrize("total", [333_312, 15e9, 5e12, 1e300, -1, 0, 0.5, None, 2])
def test_a_total_that_is_not_the_sum_of_its_parts_is_ignored(total: float | None) -> None:
    estimate = SizeEstimator().estimate(size_evidence("alpha", ["transformers"], QWEN, total, None))
    assert estimate == SizeEstimate(7_615_616_512, "medium", "safetensors", [])
    assert (
        SizeEstimator().estimate(size_evidence("alpha-AWQ", ["4-bit"], {"F16": 3e8, "I32": 8e8}, total, None)).size == "unknown"
    )
    assert (
        SizeEstimator().estimate(size_evidence("a-7B-AWQ", ["4-bit"], {"F16": 3e8, "I32": 8e8}, total, None)).parameters
        == 6_700_000_000
    )


@pytest.mark.parametrize(
    ("name", "tags", "elements", "total", "expected"),
    [
        ("alpha", ["mlx", "8-bit"], PACKED, UNPACKED, (UNPACKED, "large")),
        ("alpha", ["mlx"], PACKED, UNPACKED, (UNPACKED, "large")),
        ("alpha-310B", ["mlx", "8-bit"], PACKED, UNPACKED, (UNPACKED, "large")),
        ("alpha", ["mlx", "8-bit"], PACKED, 640e9, (None, "large")),  # the count if unpacked from 4 bits; large in any case
        ("alpha", ["4-bit"], {"F16": 3e8, "I32": 8e8}, 6.7e9, (6_700_000_000, "medium")),
        ("alpha", ["2-bit"], {"F16": 3e8, "I32": 5e8}, 8.1e9, (8_100_000_000, "medium")),
        ("alpha-3bit", [], {"F16": 3e8, "U32": 7.5e8}, 8.2e9, (8_200_000_000, "medium")),
        ("alpha", ["6-bit"], {"F16": 3e8, "U32": 1.5e9}, 8.2e9, (8_200_000_000, "medium")),
        ("alpha", ["nvfp4"], {"BF16": 1e9, "U8": 3.5e9}, 8e9, (8_000_000_000, "medium")),
        ("alpha", ["8-bit"], {"F16": 1e9, "U32": 2e9}, 17e9, (None, "unknown")),
        ("alpha", ["4-bit"], {"F16": 3e8, "I32": 8e8}, 1.1e9, (None, "unknown")),  # a sum of the parts corroborates nothing
    ],
)  # fmt: skip
def test_a_total_of_unpacked_weights_corroborates_the_parts(
    name: str, tags: list[str], elements: dict[str, float], total: float, expected: tuple[int | None, str]
) -> None:
    assert SizeEstimator().estimate(size_evidence(name, tags, elements, total, None))[:2] == expected


@pytest.mark.parametrize(
    ("name", "architecture", "expected"),
    [
        ("alpha-mtp-gguf", "clip", "unknown"), ("alpha-gguf", "CLIP", "unknown"), ("alpha-gguf", "mmproj", "unknown"),
        ("alpha-gguf", "qwen2vl_projector", "unknown"), ("alpha-gguf", "mllama-vision", "unknown"),
        ("alpha-gguf", "eagle3", "unknown"), ("alpha-gguf", "gemma4-assistant", "unknown"),
        ("alpha-gguf", "t5encoder", "unknown"), ("alpha-gguf", "imatrix", "unknown"),
        ("alpha-gguf", "controlvector", "unknown"), ("alpha-27b-gguf", "clip", "large"), ("alpha-9b-gguf", "clip", "medium"),
        ("alpha-mmproj-gguf", "clip", "unknown"), ("alpha-eagle3-gguf", "eagle3", "small"), ("alpha-gguf", "cogvlm", "small"),
        ("alpha-gguf", "llama", "small"), ("alpha-gguf", "flux", "small"), ("alpha-gguf", None, "small"),
        ("alpha-gguf", "", "small"),
    ],
)  # fmt: skip
def test_a_gguf_file_of_a_part_is_not_evidence(name: str, architecture: str | None, expected: str) -> None:
    assert SizeEstimator().estimate(size_evidence(name, ["gguf"], {}, None, 460e6, architecture)).size == expected


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (evidence_of("qwen-image-2.1", ["diffusers"], BF16=7_115_136_400), (7_115_136_400, "medium", "safetensors", [])),
        (evidence_of("qwen-image", ["diffusers"], BF16=7_115_136_400), (7_115_136_400, "medium", "safetensors", ["family"])),
        (evidence_of("alpha-20b", ["diffusers"], BF16=7_115_136_400), (7_115_136_400, "medium", "safetensors", ["name"])),
        (evidence_of("kimi-k2", BF16=3e9), (3_000_000_000, "small", "safetensors", ["family"])),
        # The count is of another part: the text encoder, a much smaller one, or the weights that are not quantised.
        (evidence_of("qwen-image", ["diffusers"], BF16=8_292_166_656), (20_400_000_000, "large", "family", ["safetensors"])),
        (evidence_of("flux.1-dev", ["diffusers"], F16=4_762_310_656), (11_900_000_000, "medium", "family", ["safetensors"])),
        (evidence_of("alpha", ["diffusers"], F16=4_762_310_656), (None, "unknown", "none", ["safetensors"])),
        (evidence_of("alpha-vae", ["diffusers"], F32=83_653_863), (83_653_863, "small", "safetensors", [])),
        (evidence_of("flux.1-dev", ["diffusers"], F16=207e6), (11_900_000_000, "medium", "family", ["safetensors"])),
        (evidence_of("a-26B-W4A16", BF16=1e9), (26_000_000_000, "large", "name", ["safetensors"])),
        # With its quantised elements, the count is complete.
        (evidence_of("a-70B-FP8", F8_E4M3=7e9, BF16=1e9), (8_000_000_000, "medium", "safetensors", ["name"])),
        # A GGUF file with the family's architecture, and a single shard.
        (
            size_evidence("qwen-image-gguf", ["gguf"], {}, None, 7.1e9, "qwen_image"),
            (7_100_000_000, "medium", "gguf", ["family"]),
        ),
        (size_evidence("deepseek-v3-gguf", ["gguf"], {}, None, 26e9, "deepseek2"), (None, "large", "family", ["gguf"])),
    ],
)  # fmt: skip
def test_an_unpacked_count_wins_over_family_and_name(
    evidence: SizeEvidence, expected: tuple[int | None, str, str, list[str]]
) -> None:
    assert SizeEstimator().estimate(evidence) == expected


@pytest.mark.parametrize(
    ("evidence", "size"),
    [
        (evidence_of("biox-electra-base-squad2-bioasq8b"), "small"),
        (evidence_of("biox-electra-base-squad2-bioasq8b", ["transformers", "electra", "question-answering"]), "small"),
        (evidence_of("roberta-base-ncc-512b"), "small"),
        (evidence_of("thing-512b", ["transformers", "bert", "fill-mask"]), "small"),
        (evidence_of("thing-30b", ["base_model:finetune:google-bert/bert-base-uncased"]), "small"),
        (evidence_of("wav2vec2-base-60b"), "small"),
        (evidence_of("electra-base-8b-gguf", gguf=110e6), "small"),
        # The number counts for models that contain an encoder, were trained with one, or name a larger teacher.
        (evidence_of("llava-clip-vit-large-vicuna-13b"), "medium"),
        (evidence_of("thing-clip-vit-large-13b", ["transformers", "clip", "image-text-to-text"]), "medium"),
        (evidence_of("thing-8b", ["transformers", "bert", "text-generation"]), "medium"),
        (evidence_of("deepseek-r1-0528-qwen3-8b"), "medium"),
        (evidence_of("xlm-roberta-xl-3.5b"), "small"),
    ],
)
def test_a_number_far_above_the_family_is_not_the_size(evidence: SizeEvidence, size: str) -> None:
    assert SizeEstimator().estimate(evidence).size == size


@pytest.mark.parametrize(
    ("name", "tags", "gguf", "expected"),
    [
        ("top-5x7b-gguf", [], 7_241_732_096, (7_241_732_096, "medium")),
        ("top-4x13b-gguf", [], 13e9, (13_000_000_000, "medium")),
        ("best-3x70b-gguf", [], 70.5e9, (70_500_000_000, "large")),
        ("alpha-8x7b-gguf", [], 46.7e9, (46_700_000_000, "large")),
        ("alpha-8x7b-gguf", [], 2e9, (None, "unknown")),
        ("alpha-8x7b-gguf", ["mixtral"], 2e9, (None, "large")),  # of one shard
        ("alpha-gguf", ["base_model:quantized:a/top-5x7B"], 7_241_732_096, (7_241_732_096, "medium")),
    ],
)
def test_a_count_of_one_expert_conflicts_with_a_mixture(
    name: str, tags: list[str], gguf: float, expected: tuple[int | None, str]
) -> None:
    assert SizeEstimator().estimate(size_evidence(name, ["gguf", *tags], {}, None, gguf, None))[:2] == expected


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("w4", ["compressed-tensors"]), ("a", ["gptq"]), ("a", ["awq"]), ("a", ["bitsandbytes"]), ("a", ["4-bit"]),
        ("a", ["exl2"]), ("a", ["nvfp4"]), ("a", ["fp8"]), ("a", ["modelopt"]), ("a", ["base_model:quantized:b/c"]),
        ("a", ["quantized"]),
        ("a-gptq", []), ("a-awq", []), ("a-bnb-4bit", []), ("a-exl3", []), ("a-nvfp4", []), ("a-w4a16", []), ("a-int4", []),
        ("a-4.0bpw", []), ("a-hqq", []), ("a-autoround", []), ("a-mlx", []), ("a-mxfp4", []), ("a-quantized.w8a8", []),
    ],
)  # fmt: skip
def test_a_total_without_parts_of_quantised_weights_is_ignored(name: str, tags: list[str]) -> None:
    for total in (2_261_053_168, 40e9, 5e6):
        assert SizeEstimator().estimate(size_evidence(name, tags, {}, total, None)) == SizeEstimate(
            None, "unknown", "none", ["safetensors"]
        )
    assert SizeEstimator().estimate(size_evidence(f"7b-{name}", tags, {}, 2_261_053_168, None))[:3] == (
        7_000_000_000,
        "medium",
        "name",
    )
    assert SizeEstimator().estimate(size_evidence(f"2b-{name}", tags, {}, 2_261_053_168, None)).parameters == 2_261_053_168


def test_a_total_without_parts_of_other_weights_is_evidence() -> None:
    assert SizeEstimator().estimate(size_evidence("quantum-bert", ["transformers"], {}, 7.6e9, None)).size == "medium"
    assert SizeEstimator().estimate(size_evidence("a-lora-4bit", ["peft"], {}, 7.6e9, None)).size == "unknown"


WORDS = ["alpha", "7b", "70b", "8x7b", "a3b", "21ba3b", "gguf", "instruct", "kimi-k2", "qwen-image", "bert-base", "2.1", "large"]
TAGS = ["transformers", "text-generation", "bert", "mixtral", "base_model:finetune:a/b-70B", "sentence-transformers"]
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map("-".join)
totals = st.none() | st.floats() | st.integers()


@given(names, st.lists(st.sampled_from(TAGS)), st.integers(11 * 10**8, 10**12), totals, totals)
def test_an_unpacked_count_decides_for_any_name_and_tags(
    name: str, tags: list[str], count: int, total: float | None, gguf: float | None
) -> None:
    """Exceptions: diffusers and quantised repositories, and counts below a thousandth of the size in the name."""
    estimate = SizeEstimator().estimate(size_evidence(name, tags, {"BF16": count}, total, gguf))
    assert estimate.size_from == "safetensors"
    assert estimate.parameters == count
    parsed = parse_size(name)
    size_in_name = parsed.low if parsed and parsed.is_total else None
    assert estimate.size == SizeEstimator().estimate(evidence_of(BF16=nominal(count, size_in_name))).size


@given(st.sampled_from(ROWS), totals)
def test_a_total_changes_nothing_if_the_parts_are_unpacked(row: dict[str, Any], total: float | None) -> None:
    item = evidence(row)
    unpacked = {dtype: count for dtype, count in item.elements.items() if dtype in {"BF16", "F16", "F32"}} or {"BF16": 7.6e9}
    item = item._replace(elements=unpacked, total=sum(unpacked.values()))
    assert SizeEstimator().estimate(item._replace(total=total)) == SizeEstimator().estimate(item)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (
            size_evidence("alpha", [], QWEN, 333_312, None),
            ["safetensors total 333,312 is not the sum of its parts 7,615,616,512; the parts count"],
        ),
        (size_evidence("alpha", ["8-bit"], PACKED, UNPACKED, None), []),
        (
            size_evidence("alpha-27b-gguf", ["gguf"], {}, None, 460_000_000, "clip"),
            ["gguf total 460,000,000 is of architecture clip, the vision part"],
        ),
        (
            evidence_of("thing-8b", ["transformers", "electra"]),
            ["name says 8,000,000,000, but architecture electra has 14,000,000 to 335,000,000"],
        ),
        (
            evidence_of("qwen-image", ["diffusers"], BF16=7_115_136_400),
            ["family qwen-image says 20,400,000,000, but safetensors counts 7,115,136,400"],
        ),
        (
            evidence_of("flux.1-dev", ["diffusers"], F32=83_653_863),
            ["safetensors has 83,653,863 elements (the VAE of SD), but family flux-1 has 11,900,000,000"],
        ),
        (
            size_evidence("w4", ["compressed-tensors"], {}, 2_261_053_168, None),
            [
                (
                    "safetensors total 2,261,053,168 has no parts, and quantized weights are packed: "
                    "no other evidence is consistent with it"
                )
            ],
        ),
        (
            size_evidence("a-405b-gguf", ["gguf"], {}, -3, 12e9),
            [
                "safetensors total -3 cannot be a count",
                "gguf total 12,000,000,000 may be of one shard or of a part, but name has 405,000,000,000",
            ],
        ),
        (evidence_of("a-lora-7b", ["peft"]), ["name says 7,000,000,000, the size of the model that these weights belong to"]),
        (evidence_of("a-7b", BF16=7.1e9), []),
    ],
)
def test_ignored_evidence_is_explained(evidence: SizeEvidence, expected: list[str]) -> None:
    assert SizeEstimator().describe_conflicts(evidence) == expected


@given(st.sampled_from(ROWS), totals, totals, st.sampled_from([None, "clip", "llama"]))
def test_every_conflict_is_explained(row: dict[str, Any], total: float | None, gguf: float | None, kind: str | None) -> None:
    item = evidence(row)._replace(total=total, gguf=gguf, gguf_architecture=kind)
    conflicts = SizeEstimator().describe_conflicts(item)
    for source in SizeEstimator().estimate(item).size_against:
        assert any(conflict.startswith(source) for conflict in conflicts)
