"""The `nsfwLevel` masks that CivitAI computes for models and versions, and which versions and images it lists."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Record = dict[str, Any]

PG = 1
BLOCKED = 32  # images with this bit are excluded from masks
FLAGGED = 60  # the mask of a flagged model and of its versions, whatever their images are
MAX_IMAGES = 20  # of a version


def as_listed(record: Record, bases: Sequence[str] = (), *, is_mature: bool = True) -> Record:
    """Return a record as the API lists it: with the masks, and with the versions of the requested base models (default: all).

    The mask of an unflagged version is the OR of its first images' levels, that of a model the OR of its listed versions' masks.
    A model without images keeps its masks. So does an unflagged model or version whose mask is FLAGGED, left from a removed
    flag; but if base models are requested, the model's mask is computed from its versions.
    """
    is_flagged, has_images = bool(record.get("nsfw")), any(version.get("images") for version in record["modelVersions"])
    versions = [version for version in record["modelVersions"] if not bases or version.get("baseModel") in bases]
    if is_flagged:
        versions = [{**version, "nsfwLevel": FLAGGED} for version in versions]
    elif has_images:
        versions = [{**version, "nsfwLevel": _version_mask(version)} for version in versions]
    listed = [_with_listed_images(version, is_mature=is_mature) for version in versions]
    if is_flagged:
        return {**record, "nsfwLevel": FLAGGED, "modelVersions": listed}
    if not has_images or (record.get("nsfwLevel") == FLAGGED and not bases):
        return {**record, "modelVersions": listed}
    return {**record, "nsfwLevel": _union(version["nsfwLevel"] for version in versions), "modelVersions": listed}


def _version_mask(version: Record) -> int:
    if version.get("nsfwLevel") == FLAGGED:
        return FLAGGED
    levels = (image["nsfwLevel"] for image in version.get("images", ())[:MAX_IMAGES])
    return _union(level for level in levels if not level & BLOCKED)


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def _with_listed_images(version: Record, *, is_mature: bool) -> Record:
    if "images" not in version:
        return version
    images = [image for image in version["images"] if is_mature or image["nsfwLevel"] & PG]
    return {**version, "images": images[:MAX_IMAGES]}
