"""A small catalogue for each API, with one of everything that must not be published, and the filters to ask it with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from etl.files import PROJECT
from tests.conftest import civitai, hf

NOW = datetime(2026, 2, 1, tzinfo=UTC)
HIDDEN = frozenset({156, 212, 155})  # models that the query finds and the answer leaves out

# The shipped filters, over few and short pages.
SMALL_FILTERS = (
    (PROJECT / "filters.toml")
    .read_text()
    .replace("limit = 100 ", "limit = 8 ")
    .replace("depth = 5000", "depth = 36")
    .replace("page = 500", "page = 6")
    .replace("page = 100", "page = 6")
)


def day(before: int) -> str:
    return (NOW - timedelta(days=before)).strftime("%Y-%m-%dT12:00:00.000Z")


def hub_catalogue() -> list[dict[str, Any]]:
    """Return models of all sizes and licences, two that are not for the public, and one that is skipped."""
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


def civitai_catalogue() -> list[dict[str, Any]]:
    """Return models of all levels, types, bases and ages, and one of each that must not be published."""
    levels = [1, 3, 2, 4, 8, 16, 28, 1]
    types = ["Checkpoint", "LORA", "LORA", "TextualInversion", "Checkpoint"]
    bases = ["SD 1.5", "SDXL 1.0", "Pony"]
    ages = [1, 5, 20, 200]
    records = []
    for number in range(160):
        versions = [
            {"id": 2 * number, "baseModel": bases[number % 3], "publishedAt": day(ages[number % 4]), "files": []},
            {"id": 2 * number + 1, "baseModel": bases[number % 2], "publishedAt": day(400), "files": []},
        ]
        stats = {"downloadCount": number * 53 % 997, "thumbsUpCount": number}
        record = civitai(100 + number, type=types[number % 5], nsfwLevel=levels[number % 8], stats=stats, modelVersions=versions)
        records.append(record)
    top = {"downloadCount": 10**6, "thumbsUpCount": 1}
    records.append(civitai(1, poi=True, stats=top))
    records.append(civitai(2, minor=True, stats=top))
    records.append(civitai(3, mode="TakenDown", stats=top))
    records.append(civitai(4, nsfwLevel=33, stats=top))
    records.append(civitai(5, nsfw=True, stats=top, name="\u202eflagged\x00"))
    records.append(civitai(6, nsfwLevel=1, stats={"downloadCount": None, "thumbsUpCount": None}))
    return records
