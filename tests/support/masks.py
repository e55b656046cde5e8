"""The masks of content levels that CivitAI writes on models and versions, and which versions and images it shows."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Record = dict[str, Any]

PG = 1
BLOCKED = 32  # an image with this bit is left out of every mask
FLAGGED = 60  # written on a flagged model and on each of its versions, whatever they show
MOST_IMAGES = 20  # of a version


def stamped(record: Record, bases: Sequence[str] = (), *, is_mature: bool = True) -> Record:
    """Return a record as it is listed: the versions of the asked base models (all without any), images and masks.

    An unflagged version's mask is the OR of its first images' bits, its model's the OR of the masks of the versions shown. A
    model without any image keeps the masks it has. So does an unflagged model or version that has FLAGGED: its flag was taken
    back; but where base models are asked, the model's mask is that of its versions.
    """
    is_flagged, has_images = bool(record.get("nsfw")), any(each.get("images") for each in record["modelVersions"])
    versions = [each for each in record["modelVersions"] if not bases or each.get("baseModel") in bases]
    if is_flagged:
        versions = [{**each, "nsfwLevel": FLAGGED} for each in versions]
    elif has_images:
        versions = [{**each, "nsfwLevel": _of_version(each)} for each in versions]
    shown = [_with_images(each, is_mature=is_mature) for each in versions]
    if is_flagged:
        return {**record, "nsfwLevel": FLAGGED, "modelVersions": shown}
    if not has_images or (record.get("nsfwLevel") == FLAGGED and not bases):
        return {**record, "modelVersions": shown}
    return {**record, "nsfwLevel": _union(each["nsfwLevel"] for each in versions), "modelVersions": shown}


def _of_version(version: Record) -> int:
    if version.get("nsfwLevel") == FLAGGED:
        return FLAGGED
    levels = (image["nsfwLevel"] for image in version.get("images", ())[:MOST_IMAGES])
    return _union(level for level in levels if not level & BLOCKED)


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def _with_images(version: Record, *, is_mature: bool) -> Record:
    if "images" not in version:
        return version
    images = [image for image in version["images"] if is_mature or image["nsfwLevel"] & PG]
    return {**version, "images": images[:MOST_IMAGES]}
