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
from etl.transform.page import evidence_of
from etl.transform.size import Evidence, Sizer, Verdict, nominal
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
    assert Sizer().verdict(evidence_of("a-7b", [], {"BF16": 7e9}, 14e9, None))[2:] == ("name", ["safetensors"])


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
        ("qwen3-30b-a3b", 30, 30), ("olmoe-1b-7b-0924", 7, 7), ("t5gemma-2-4b-4b", 8, 8),
        ("gemma-4-e4b-it", 6, math.inf), ("hunyuan-a13b", 19.5, math.inf),
        ("opt-350m", 0.35, 0.35), ("llama-2-7b-32k", 7, 7), ("megabeam-7b-1m", 7, 7), ("tinyllama-1.1b-step-480k-3t", 1.1, 1.1),
        ("rwkv7-380m-15b-slimpajama", 0.38, 0.38), ("codellama34b", 34, 34),
        ("a-27b-gptq-4b-128g", 27, 27), ("mixtral_7bx2_moe", 11.2, 12.95), ("llama-4-17b-16e", 17, 272),
        ("qwen3-tiny-random", 1e-9, 1),
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
        "clip-vit-bigg-14-laion2b-39b-b160k", "phi3b", "a-0b", "a-3b-9b-7b", "l6-h384", "x7b", "8-bit", "a-4t", "glove.840b.300d",
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
        told = told._replace(name=f"{told.name}-{round(nominal(count, None) / 1e6)}m")
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
    assert all(map(is_servant, ("granite-8b-accelerator", "llama-7b-tokenizer", "wan2.1-14b-controlnet", "llama-3-8b-sae")))
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
    assert family("clip-vit-b-32-xlm-roberta-base") is None
    counted = [
        each
        for row in ROWS
        if row["parameters"]
        for each in bears_out(row["id"].rpartition("/")[2].lower(), row["tags"], row["parameters"]).items()
    ]
    assert len(counted) > 300
    assert sorted(row for row, fits in counted if not fits) == ["gpt2", "xlm-roberta"]  # tiny-gpt2, and a part of jina-clip-v2


@pytest.mark.parametrize(
    "name",
    [
        "flux.1-dev-controlnet", "phi-4.5", "kimi-k2-mini", "hunyuanvideo-foley", "deepseek-r1-distill",
        "deepseek-v3-tiny-random", "glm-4.5-air-reap50", "ltx-2.3", "t5gemma-b-b-ul2", "blooming", "starcoder2",
    ],
)  # fmt: skip
def test_another_version_or_a_part_is_of_no_family(name: str) -> None:
    assert family(name) is None


# Models that are not in tests/sizes.ndjson, as their cards and papers count them.
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
        deepseek-ai/deepseek-vl2-tiny openai-community/gpt2-xl
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
        tencent/Hunyuan-MT-7B
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
        baidu/ERNIE-4.5-21B-A3B-Thinking
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
def test_well_known_models(size: str) -> None:
    told = {each: Sizer().verdict(seen(each.rpartition("/")[2])).size for each in WELL_KNOWN[size].split()}
    assert told == dict.fromkeys(told, size)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["transformers", "bert"], ("small", "architecture")),
        (["diffusers", "diffusers:FluxPipeline"], ("medium", "architecture")),
        (["bert"], ("unknown", "none")),  # of an author, perhaps
        (["transformers", "llama"], ("unknown", "none")),
        (["transformers", "bert", "base_model:adapter:a/b"], ("unknown", "none")),
    ],
)
def test_an_architecture_of_one_size_is_evidence(tags: list[str], expected: tuple[str, str]) -> None:
    assert Sizer().verdict(seen("thing", tags))[1:3] == expected


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        # A name that serves another, or is a part of it, has not the size of its base.
        (seen("flux.1-dev-controlnet-union", ["base_model:finetune:black-forest-labs/FLUX.1-dev"]), "unknown"),
        (seen("tiny-random-thing", ["base_model:finetune:a/b-70B"]), "small"),
        # A folder of many models has no size.
        (seen("thing_comfy", ["diffusion-single-file", "base_model:finetune:a/b-1.3B"]), "unknown"),
        # Two readings remain.
        (seen("deepseek-r1-medical", ["base_model:finetune:a/Llama-8B"]), "unknown"),
        # Active parameters bear out any packed count; one expert is not all.
        (seen("a-A13B-GPTQ-Int4", I32=9e9, BF16=2e9), "unknown"),
        (seen("a-7b-moe", ["mixtral"]), "unknown"),
        (seen("a-14b-moe", ["mixtral"]), "large"),
        # Positions are no weights, packed or not; the declared bits are those with a unit.
        (seen("thing", F32=110e6, I64=512), "small"),
        (seen("llama-3-8b-gptq-int4", I32=0.9e9, F16=1e9), "medium"),
        # What was counted of a folder of diffusers is a part of it.
        (seen("flux.1-dev", ["diffusers"], F32=84e6), "medium"),
    ],
)
def test_what_is_not_of_these_weights(evidence: Evidence, expected: str) -> None:
    assert Sizer().verdict(evidence).size == expected
