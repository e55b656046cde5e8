"""What the transform decides of a CivitAI record after jq: levels, images, address, displayed name, commercial use. No I/O."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from etl.core.display_name import clean_display_name
from etl.sources.civitai.address import model_url
from etl.sources.civitai.images import choose_images, forbidden_urls
from etl.sources.civitai.levels import Levels, content_levels, image_level, is_set
from etl.sources.civitai.terms import decide_use, describe_use, permissions
from etl.sources.source import DroppedField, Rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.sources.source import TransformOptions

_MAX_VERSIONS = 20  # described one by one


def _complete(entries: Sequence[dict[str, Any]], options: TransformOptions) -> list[list[DroppedField]]:
    return [_complete_model(entry, options) for entry in entries]


def _complete_model(entry: dict[str, Any], options: TransformOptions) -> list[DroppedField]:
    model, evidence = entry["model"], entry["evidence"]
    if isinstance(model["name"], str):
        model["name"] = clean_display_name(model["name"])
    flag, images = evidence["flag"], _images(evidence)
    levels = _levels(evidence, images)
    model |= {"level": levels.level, "level_most": levels.level_most, "level_from": levels.level_from, "flagged": is_set(flag)}
    model["url"] = model_url(model["id"], levels.level)
    model["images"] = choose_images(images, options.image_hosts, forbidden_urls(images, options.image_hosts))
    model["permissions"] = permissions(evidence["permissions"])
    verdict = decide_use(evidence["bases"], model["permissions"])
    model |= {"commercial": verdict.commercial, "commercial_from": verdict.link and verdict.link.id}
    wrong = levels.wrong if isinstance(flag, bool | None) else ("flagged", *levels.wrong)
    return [DroppedField(field, "wrong type") for field in wrong]


def _forbid_images(entry: dict[str, Any], options: TransformOptions) -> list[str]:
    return forbidden_urls(_images(entry["evidence"]), options.image_hosts)


def _describe(record: Mapping[str, Any], entry: dict[str, Any], _options: TransformOptions) -> list[str]:
    """Return the flag, the mask, the levels of the images of each version, how both ends and commercial use were decided."""
    lines = [f"nsfw: {json.dumps(record.get('nsfw'))}, nsfwLevel: {json.dumps(record.get('nsfwLevel'))}"]
    versions = _objects(record.get("modelVersions"))
    for number, version in enumerate(versions[:_MAX_VERSIONS], 1):
        levels = Counter(image_level(image.get("nsfwLevel")) for image in _objects(version.get("images")))
        counts = ", ".join(f"{count} {level}" for level, count in levels.items()) or "none"
        lines.append(f"version {number}, {version.get('baseModel') or 'of no base model'}: images: {counts}")
    if len(versions) > _MAX_VERSIONS:
        lines.append(f"and {len(versions) - _MAX_VERSIONS} more versions")
    if "evidence" in entry:
        decided = _levels(entry["evidence"], _images(entry["evidence"]))
        lines.append(f"level {decided.level} to {decided.level_most}: {decided.decided_by}")
        lines.append(describe_use(entry["evidence"]["bases"], permissions(entry["evidence"]["permissions"])))
    return lines


def _images(evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [image for images in evidence["images"] for image in _objects(images)]


def _levels(evidence: Mapping[str, Any], images: Sequence[Mapping[str, Any]]) -> Levels:
    levels = (image.get("nsfwLevel") for image in images)
    return content_levels(flagged=is_set(evidence["flag"]), mask=evidence["mask"], images=levels)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


RULES = Rules(complete=_complete, describe=_describe, forbid_images=_forbid_images)
