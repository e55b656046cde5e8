"""What the records of one model say that decides its level or its size, in words: for whoever asks why."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import jq

from etl.core.ids import model_key
from etl.sources.civitai.levels import content_levels, image_level, is_set
from etl.sources.huggingface.size import SizeEstimator
from etl.sources.source import DEFAULT_SIZE_CLASSES
from etl.storage.json_files import parse_json_body
from etl.transform.page import evidence_of, project, transform_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sources.source import SizeClass

_MOST_VERSIONS = 20
_DECIDED = ("level", "level_most", "flagged", "size")  # fields that no record has itself
_WRONG = "what it is decided from has a value of the wrong type"


def describe(source: str, body: bytes, where: object, key: str, sizes: Sequence[SizeClass] = DEFAULT_SIZE_CLASSES) -> list[str]:
    """Return a line for each thing that decides, of each record of a page whose id has the key `etl.safety.key_of` gives.

    Raises:
        BadAnswer: the page is not what the source answers; `where` is only named in the message.
    """
    text, value = parse_json_body(body, where)
    records = value if isinstance(value, list) else value["items"]
    cut = "[.[$place]]" if isinstance(value, list) else "{items: [.items[$place]]}"
    lines = []
    for place, record in enumerate(records):
        if isinstance(record, dict) and model_key(record.get("id")) == key:
            alone = jq.compile(cut, args={"place": place}).input_text(text).text()
            entry = project(source, alone, where)[0]
            if source == "civitai":
                lines += _levels(record, entry)
            elif "evidence" in entry:
                evidence = evidence_of(entry["model"]["name"], entry["model"]["tags"], **entry["evidence"])
                lines += SizeEstimator(sizes).doubts(evidence)
            page = transform_page(source, alone.encode(), where, sizes)
            for lost in page.dropped:
                why = _WRONG if lost.field in _DECIDED else f"{lost.reason}, so that it was dropped"
                lines.append(f"{lost.field}: {why}")
            lines += [f"rejected: {each.reason}" + (f", {each.detail}" if each.detail else "") for each in page.set_aside]
    return lines


def _levels(record: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    """Return the flag, the mask, the levels of the images of each version, and how both ends were decided."""
    lines = [f"nsfw: {json.dumps(record.get('nsfw'))}, nsfwLevel: {json.dumps(record.get('nsfwLevel'))}"]
    versions = record.get("modelVersions")
    versions = [version for version in versions if isinstance(version, dict)] if isinstance(versions, list) else []
    for number, version in enumerate(versions[:_MOST_VERSIONS], 1):
        images = version.get("images")
        shown = [image for image in images if isinstance(image, dict)] if isinstance(images, list) else []
        levels = Counter(image_level(image.get("nsfwLevel")) for image in shown)
        told = ", ".join(f"{count} {level}" for level, count in levels.items()) or "none"
        lines.append(f"version {number}, {version.get('baseModel') or 'of no base model'}: images: {told}")
    if len(versions) > _MOST_VERSIONS:
        lines.append(f"and {len(versions) - _MOST_VERSIONS} more versions")
    if "evidence" in entry:
        evidence = entry["evidence"]
        found = content_levels(flagged=is_set(evidence["flag"]), mask=evidence["mask"], images=evidence["images"])
        lines.append(f"level {found.level} to {found.level_most}: {found.decided_by}")
    return lines
