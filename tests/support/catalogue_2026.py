"""Records as the two APIs list them in 2026: current tasks, formats, licences and base models, and missing values."""

from __future__ import annotations

from itertools import product
from typing import Any

from tests.conftest import civitai, hf
from tests.support.builders import day, version

TASKS = (
    "text-generation", "image-text-to-text", "any-to-any", "text-to-image", "image-to-image", "text-to-video", "image-to-video",
    "text-to-speech", "automatic-speech-recognition", "sentence-similarity", "feature-extraction", "text-ranking",
)  # fmt: skip
AUTHORS = ("Qwen", "mistralai", "google", "meta-llama", "deepseek-ai", "openai", "unsloth")
LICENSES = ("apache-2.0", "mit", "cc-by-nc-4.0", "cc-by-4.0", "llama3.1", "gemma", "openrail++", "agpl-3.0", "other", None)
FORMATS = (["gguf", "base_model:quantized:Qwen/Qwen3-8B"], ["mlx", "safetensors"], ["onnx"], ["base_model:adapter:Qwen/Qwen3-8B"])
BILLIONS = (0.6, 1.7, 4, 8, 14, 27, 32, 70, 235)
BASES = (
    "Pony", "Illustrious", "NoobAI", "SD 1.5", "Flux.1 S", "Flux.1 D", "Flux.1 Krea", "Flux.1 Kontext", "Flux.2 D",
    "Flux.2 Klein 9B", "Flux.2 Klein 9B-base", "Flux.2 Klein 4B", "Flux.2 Klein 4B-base", "ZImageTurbo", "ZImageBase",
    "Wan Video 2.2 TI2V-5B", "Wan Video 2.2 I2V-A14B", "Wan Video 2.2 T2V-A14B", "SD 3.5", "SD 3.5 Large",
    "SD 3.5 Large Turbo", "SD 3.5 Medium", "SDXL 1.0", "SDXL 1.0 LCM", "SDXL Lightning", "SDXL Hyper", "SDXL Turbo",
    "SDXL Distilled",
)  # fmt: skip
TYPES = ("Checkpoint", "LORA", "LoCon", "DoRA", "TextualInversion", "Controlnet", "Upscaler")
PERMITTED: tuple[Any, ...] = (
    ["Image", "Sell"],
    "{Image,RentCivit}",
    [],
    None,
    "None",
    ["Rent"],
)  # allowCommercialUse in its three shapes
MASKS = (1, 2, 3, 7, 15, 16)  # PG alone, PG-13, both, up to R, up to X, XXX


def hub_records() -> list[dict[str, Any]]:
    """Return models of every task and format, those that must not be published, and one of which little is stated."""
    rows = enumerate(product((*TASKS, *["text-generation"] * 15), FORMATS, range(9)))
    records = [_hub_record(number, task, tags) for number, (task, tags, _) in rows]
    shown_to_adults = hf("adult/top", downloads=10**9, likes=10**9, tags=["not-for-all-audiences", "gguf"], createdAt=day(0))
    bare = {"id": "fresh/bare", "private": False, "tags": ["region:us"], "createdAt": day(0), "trendingScore": 10**6}
    # The most downloaded, updated last: a copy, which `originals` leaves out.
    copy = _hub_record(0, "text-generation", ["base_model:finetune:Qwen/Qwen3-8B"])
    copy |= {"id": "unsloth/Qwen3-8B", "downloads": 10**9, "trendingScore": 10**6, "lastModified": day(0)}
    return [*records, shown_to_adults, bare, copy, hf("adult/private", private=True, downloads=10**9)]


def _hub_record(number: int, task: str, tags: list[str]) -> dict[str, Any]:
    author, billions, license_ = AUTHORS[number % 7], BILLIONS[number % 9], LICENSES[number % 10]
    parameters = round(billions * 1e9)
    chat = ["conversational"] if task in ("text-generation", "image-text-to-text", "any-to-any") else []
    return hf(
        f"{author}/{task}-{number}-{billions}B", pipeline_tag=task,
        tags=[*tags, *chat, *([f"license:{license_}"] if license_ else []), "region:us"],
        downloads=number * 7919 % 100_003, likes=number * 104_729 % 5003, trendingScore=number * 31 % 101,
        createdAt=day(number * 13 % 700), lastModified=day(number * 11 % 90), gated=("manual" if number % 8 == 0 else False),
        **({"gguf": {"total": parameters, "architecture": "qwen3"}} if "gguf" in tags
           else {"safetensors": {"parameters": {"BF16": parameters}, "total": parameters}}),
    )  # fmt: skip


def civitai_records() -> list[dict[str, Any]]:
    """Return models of every base model, type and level; of others the downloads, the file or the time are missing."""
    rows = enumerate(product(BASES, TYPES, MASKS * 2))
    records = [_civitai_record(1000 + number, base, type_, mask) for number, (base, type_, mask) in rows]
    top = {"downloadCount": 10**9, "thumbsUpCount": 10**9}
    early = _civitai_record(1, "Illustrious", "LORA", 1) | {"availability": "EarlyAccess", "stats": top}
    # Its first version is PG, and so is the base model that a request for Illustrious shows; another version is not.
    two_faced = _civitai_record(2, "Illustrious", "LORA", 1) | {"stats": top}
    two_faced["modelVersions"].append(version(21, "Pony", 16))
    flagged = _civitai_record(3, "Illustrious", "LORA", 1) | {"nsfw": True, "stats": top}
    hidden = _civitai_record(4, "Pony", "Checkpoint", 1) | {"stats": {"downloadCount": None, "thumbsUpCount": None}}
    undated = civitai(5, availability="Public", modelVersions=[{"id": 5, "baseModel": "Pony"}])
    return [*records, early, two_faced, flagged, hidden, undated]


def _civitai_record(number: int, base: str, type_: str, mask: int) -> dict[str, Any]:
    file = {"type": "Model", "primary": True, "sizeKB": (200_000.5, 4e6, 7e6, 2.4e7)[number % 4]}
    versions = [version(10 * number, base, mask, age=(2, 20, 200, 700)[number * 3 % 4], files=[file])]
    stats = {"downloadCount": number * 7919 % 100_003, "thumbsUpCount": number * 104_729 % 5003}
    permitted = PERMITTED[number * 5 % 6]
    fields = {"stats": stats, "modelVersions": versions, "allowCommercialUse": permitted}
    return civitai(number, type=type_, availability="Public", **fields)
