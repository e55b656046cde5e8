"""A small catalogue for each API, with every kind of model that must not be published, and filters for it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import OWN_FILTERS, civitai, hf

NOW = datetime(2026, 2, 1, tzinfo=UTC)
HIDDEN = frozenset({156, 212, 155})  # models that match requests but are omitted from responses

# The tests' own filters with fewer and smaller pages.
SMALL_FILTERS = (
    OWN_FILTERS.read_text()
    .replace("limit = 100 ", "limit = 8 ")
    .replace("depth = 5000", "depth = 36")
    .replace("page = 500", "page = 6")
    .replace("page = 100", "page = 6")
)


def day(age: int) -> str:
    """Return noon of the day `age` days before NOW."""
    return (NOW - timedelta(days=age)).strftime("%Y-%m-%dT12:00:00.000Z")


def hub_catalogue() -> list[dict[str, Any]]:
    """Return models of all sizes and licences, two that are not public, and one that filters.toml excludes by id."""
    sizes = [1, 3, 7, 8, 13, 70]
    licenses = [["license:apache-2.0"], ["license:mit"], ["license:other"], []]
    records = [
        hf(
            f"org{number % 5}/model-{number}-{sizes[number % 6]}b",
            downloads=1000 - 7 * number, likes=number * 37 % 101, lastModified=day(number * 11 % 28),
            createdAt=day(300 + number), tags=licenses[number % 4], gated=number % 9 == 0,
            pipeline_tag="text-generation",
            safetensors={"parameters": {"BF16": sizes[number % 6] * 10**9}, "total": sizes[number % 6] * 10**9},
        )
        for number in range(60)
    ]  # fmt: skip
    records.append(hf("org0/private", private=True, downloads=10**6))
    records.append(hf("org0/disabled", disabled=True, downloads=10**6))
    records.append(hf("CohereLabs/c4ai-command-r-plus", downloads=10**6, likes=10**6))
    return records


def images(mask: int) -> list[dict[str, Any]]:
    """Return an image for each bit of a mask."""
    return [{"nsfwLevel": 1 << bit, "type": "image"} for bit in range(6) if mask >> bit & 1]


def image(level: int, number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an image as the API lists it, with its address; fields replace its own."""
    url = f"https://image.civitai.com/example/00000000-0000-4000-8000-{number:012}/original=true/{number}.jpeg"
    size = {"width": 832, "height": 1216, "hash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj"}
    return {"id": number, "url": url, "nsfwLevel": level, **size, "type": "image", "minor": False, "poi": False, **fields}


def with_addresses(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose images have addresses, each its own."""
    numbers = itertools.count(1000 * int(record["id"]))
    versions = [
        {**listed, "images": [image(entry["nsfwLevel"], next(numbers)) for entry in listed["images"]]}
        if "images" in listed
        else listed
        for listed in record["modelVersions"]
    ]
    return {**record, "modelVersions": versions}


def civitai_catalogue() -> list[dict[str, Any]]:
    """Return models of all levels, types, base models and ages, and those of `rare_models`; the server computes their masks."""
    levels = [1, 3, 2, 4, 8, 16, 28, 1]
    types = ["Checkpoint", "LORA", "LORA", "TextualInversion", "Checkpoint"]
    bases = ["SD 1.5", "SDXL 1.0", "Pony"]
    ages = [1, 5, 20, 200]
    records = []
    for number in range(160):
        level, downloads = levels[number % 8], number * 53 % 997
        older = downloads * (number % 4) // 4  # downloads of the second version
        versions = [
            version(2 * number, bases[number % 3], level, ages[number % 4], downloads - older),
            version(2 * number + 1, bases[number % 2], level, 400, older),
        ]
        stats = {"downloadCount": downloads, "thumbsUpCount": number}
        kind = types[number % 5]
        records.append(civitai(100 + number, type=kind, availability="Public", stats=stats, modelVersions=versions))
    return records + rare_models()


def version(number: int, base: str, mask: int | None, age: int = 1, downloads: int = 5, **fields: Any) -> dict[str, Any]:
    """Return a version with an image for each bit of a mask; for None, without the key `images`."""
    listed = {} if mask is None else {"images": images(mask)}
    metadata = {"id": number, "baseModel": base, "publishedAt": day(age), "stats": {"downloadCount": downloads}}
    return {**metadata, "files": [], **listed, **fields}


def rare_models() -> list[dict[str, Any]]:
    """Return a model for each reason for rejection, each misleading mask, and each rare type and availability."""
    top = {"downloadCount": 10**6, "thumbsUpCount": 1}

    def rare(number: int, *masks: int | None, **fields: Any) -> dict[str, Any]:
        fields = {"type": ("Checkpoint", "LORA")[number % 2], "stats": {"downloadCount": 990 - 13 * number}, **fields}
        versions = [version(1000 + 10 * number + index, "SD 1.5", mask) for index, mask in enumerate(masks or (1,))]
        return civitai(number, **{"modelVersions": versions, **fields})

    bases = [version(1100, "SD 1.5", 1), version(1101, "SDXL 1.0", 8)]
    stale = [version(1040, "SD 1.5", 3, nsfwLevel=60)]
    return [
        rare(1, poi=True, stats=top),
        rare(2, minor=True, stats=top),
        rare(3, 0, mode="TakenDown", stats=top),
        rare(4, nsfwLevel=60, modelVersions=stale),  # its flag was removed
        rare(5, 4, 8, nsfw=True, name="\u202eflagged\x00"),
        rare(6, stats={"downloadCount": None, "thumbsUpCount": None}),
        rare(7, 3, nsfw=True),
        rare(8, None, nsfw=True),
        rare(9, 1 | 16),
        rare(10, modelVersions=bases),  # another level for each base model
        rare(11, availability="EarlyAccess"),
        rare(12, availability="Unsearchable"),
        rare(13, availability="Private"),
        rare(14, type="LoCon"),
        rare(15, type="DoRA"),
        rare(16, 1 | 32),  # a blocked image, excluded from the mask
    ]
