"""The sample pages have the shape of the APIs' responses and, together, every field of these."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub.hf_api import ModelInfo

from etl.core.layout import PROJECT
from etl.core.schemas import load_schema
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.masks import MAX_IMAGES, as_listed

if TYPE_CHECKING:
    from collections.abc import Iterator

HUB: list[Any] = json.loads((PROJECT / "tests" / "sources" / "huggingface" / "sample.json").read_text(encoding="utf-8"))
CIVITAI: dict[str, Any] = json.loads((PROJECT / "tests" / "sources" / "civitai" / "sample.json").read_text(encoding="utf-8"))
MODELS: list[Any] = CIVITAI["items"]
VERSIONS = [version for model in MODELS for version in model["modelVersions"]]
FILES = [file for version in VERSIONS for file in version["files"]]
IMAGES = [image for version in VERSIONS for image in version["images"]]

# Fields of the Hub: the default ones, those of full, cardData and config, and those that expand accepts.
HUB_FIELDS = set(
    "_id id modelId likes private downloads tags pipeline_tag library_name createdAt trendingScore lastModified"
    " author sha gated disabled siblings cardData config"
    " baseModels downloadsAllTime evalResults inference inferenceProviderMapping mask_token model-index safetensors spaces"
    " transformersInfo widgetData gguf resourceGroup xetEnabled".split()
)
# Fields of CivitAI, by kind of object.
CIVITAI_FIELDS = {
    "model": (
        "id name description allowNoCredit allowCommercialUse allowDerivatives allowDifferentLicense type minor sfwOnly poi nsfw"
        " nsfwLevel availability mode userId baseModels cosmetic supportsGeneration stats creator tags modelVersions"
    ),
    "stats of a model": "downloadCount thumbsUpCount thumbsDownCount commentCount tippedAmountCount",
    "creator": "username image",
    "version": (
        "id index name baseModel baseModelType publishedAt availability nsfwLevel flags description trainedWords vaeId"
        " supportsGeneration earlyAccessDeadline paidAccess stats files images downloadUrl"
    ),
    "stats of a version": "downloadCount thumbsUpCount thumbsDownCount",
    "file": (
        "id sizeKB name overrideName type pickleScanResult pickleScanMessage virusScanResult virusScanMessage scannedAt metadata"
        " hashes downloadUrl primary"
    ),
    "metadata of a file": "format size fp quantType isRequired",
    "hashes of a file": "AutoV1 AutoV2 AutoV3 SHA256 CRC32 BLAKE3",
    "image": "id url nsfwLevel width height hash type minor poi hasMeta hasPositivePrompt onSite remixOfId",
    "metadata of a page": "nextCursor nextPage",
}
OBJECTS: dict[str, list[Any]] = {
    "model": MODELS,
    "stats of a model": [model["stats"] for model in MODELS],
    "creator": [model["creator"] for model in MODELS if "creator" in model],
    "version": VERSIONS,
    "stats of a version": [version["stats"] for version in VERSIONS],
    "file": FILES,
    "metadata of a file": [file["metadata"] for file in FILES],
    "hashes of a file": [file["hashes"] for file in FILES],
    "image": IMAGES,
    "metadata of a page": [CIVITAI["metadata"]],
}


@pytest.mark.parametrize(("source", "page"), [("huggingface", HUB), ("civitai", CIVITAI)])
def test_a_sample_conforms_to_the_schema_of_raw_pages(source: str, page: Any) -> None:
    assert list(load_schema(f"{source}/raw").violations(page)) == []
    assert len({record["id"] for record in (page if isinstance(page, list) else page["items"])}) > 5


def test_the_samples_of_the_hub_have_every_field_and_no_other() -> None:
    assert {field for record in HUB for field in record} == HUB_FIELDS
    assert set(Hub.EXPAND) < HUB_FIELDS


@pytest.mark.parametrize("kind", CIVITAI_FIELDS)
def test_the_samples_of_civitai_have_every_field_and_no_other(kind: str) -> None:
    assert {field for object_ in OBJECTS[kind] for field in object_} == set(CIVITAI_FIELDS[kind].split())


def values(field: str, objects: list[Any]) -> Iterator[Any]:
    return (object_[field] for object_ in objects if field in object_)


def test_the_samples_of_the_hub_have_every_variant_of_a_field() -> None:
    assert set(values("gated", HUB)) == {False, "auto", "manual"}
    safetensors = list(values("safetensors", HUB))
    assert {field for counts in safetensors for field in counts} == {"parameters", "total", "sharded"}
    assert {sum(counts["parameters"].values()) == counts["total"] for counts in safetensors} == {True, False}
    assert {field for gguf in values("gguf", HUB) for field in gguf} >= {
        "total", "architecture", "context_length", "chat_template", "totalFileSize", "quantize_imatrix_file", "bos_token",
    }  # fmt: skip
    cards = list(values("cardData", HUB))
    for field in ("license", "language", "datasets", "base_model"):
        assert {type(value) for value in values(field, cards)} == {str, list}, field
    tags = {tag for tags_of_record in values("tags", HUB) for tag in tags_of_record}
    relations = {tag.split(":")[1] for tag in tags if tag.count(":") == 2}
    assert relations == {"finetune", "adapter", "quantized", "merge"}
    assert sum(set(record) == {"_id", "id", "tags"} for record in HUB) == 1


def test_huggingface_hub_parses_the_samples_of_the_hub() -> None:
    parse: Any = ModelInfo
    models = [parse(**deepcopy(record)) for record in HUB]  # it modifies its arguments
    assert [model.id for model in models] == [record["id"] for record in HUB]
    assert [model.inference_provider_mapping for model in models if model.inference_provider_mapping] != []
    assert [model.eval_results[0].value for model in models if model.eval_results] == [6.1]


def test_the_samples_of_civitai_have_every_variant_of_a_field() -> None:
    uses = list(values("allowCommercialUse", MODELS))
    assert "{Image,RentCivit}" in uses
    assert "Sell" in uses
    assert [] in uses
    assert ["{Image,RentCivit}"] in uses
    assert ["Image", "RentCivit", "Rent", "Sell"] in uses
    assert sum("creator" not in model for model in MODELS) == 1
    assert sum(model["stats"]["downloadCount"] is None for model in MODELS) == 1
    assert set(values("mode", MODELS)) == {"Archived", "TakenDown"}
    assert set(values("availability", MODELS)) == {"Public", "EarlyAccess", "Unsearchable", "Private"}
    assert {"Checkpoint", "LORA", "LoCon", "DoRA"} <= set(values("type", MODELS)) <= Civitai.TYPES
    assert {"Model", "Pruned Model", "Diffusion Model", "UNet"} < set(values("type", FILES))
    assert {file["type"] for file in FILES if file.get("primary")} >= {"Model", "Diffusion Model"}
    assert {file["pickleScanResult"] for file in FILES} | {file["virusScanResult"] for file in FILES} == {
        "Pending", "Success", "Danger", "Error",
    }  # fmt: skip
    assert set(values("type", IMAGES)) == {"image", "video", "audio"}
    assert set(values("nsfwLevel", IMAGES)) == {1, 2, 4, 8, 16, 32}


@pytest.mark.parametrize("model", MODELS, ids=[model["name"] for model in MODELS])
def test_the_masks_of_a_sample_are_those_that_the_api_computes(model: Any) -> None:
    assert as_listed(model) == model
    assert all(len(version["images"]) <= MAX_IMAGES for version in model["modelVersions"])
    assert model["baseModels"] == sorted({version["baseModel"] for version in model["modelVersions"]})
    if model.get("mode") == "Archived":
        assert [(version["files"], "downloadUrl" in version) for version in model["modelVersions"]] == [([], False)]
    if model.get("mode") == "TakenDown":
        assert [version["images"] for version in model["modelVersions"]] == [[]]
