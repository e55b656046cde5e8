"""What a raw record shows and why it may not be published: read from what the APIs document, without the transform's rules."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEVELS = ("pg", "pg13", "r", "x", "xxx")  # level n is bit 2**n of a mask
R, XXX = LEVELS.index("r"), LEVELS.index("xxx")
_LEVEL_BITS = 31
# CivitAI leaves images with this bit out of its own masks; on a model it only says that the model was flagged once.
_OMITTED_IMAGE_BIT = 32
_CONSTANT_MASK = 60  # written on whatever is flagged, and kept by models whose flag was taken back
_MAX_SAFE_INTEGER = 2**53 - 1  # JSON readers disagree about greater ones


class LevelRange(NamedTuple):
    """The mildest and the most explicit content of a record, as indices of LEVELS."""

    level: int
    level_most: int


def is_set(value: object) -> bool:
    """Return whether a safety flag is set: anything but false and null is, so that a wrong type errs on the safe side."""
    return value is not None and value is not False


def whole_number(value: object) -> int | None:
    """Return a JSON number as an int; None unless it is whole and from 0 to 2**53 - 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SAFE_INTEGER:
        return None
    return int(value) if value == int(value) else None


def hub_rejections(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of all reasons why a repository of the Hub must never be published."""
    return tuple(flag for flag in ("private", "disabled") if is_set(record.get(flag)))


def civitai_rejections(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of all reasons why a model of CivitAI must never be published."""
    codes = [flag for flag in ("poi", "minor") if is_set(record.get(flag))]
    mode, availability = record.get("mode"), record.get("availability")
    if not isinstance(mode, str | None) or (mode or "").lower() == "takendown":
        codes.append("takendown")
    if not isinstance(availability, str | None) or (availability or "").lower() in ("private", "unsearchable"):
        codes.append("notpublic")
    return tuple(codes)


def level_range(record: Mapping[str, Any]) -> LevelRange:
    """Return the levels of a CivitAI record; both are xxx where nothing tells, and at least r where it is flagged.

    The images decide where the record is flagged or its mask is 60, a constant that tells nothing, and where the mask has no
    level. Otherwise the mask decides, and images can only raise the upper end.
    """
    is_flagged = is_set(record.get("nsfw"))
    mask = 0 if record.get("nsfwLevel") is None else whole_number(record["nsfwLevel"])
    if mask is None and not is_flagged:
        return LevelRange(XXX, XXX)
    images = reduce(or_, map(_image_bits, _images(record)), 0)
    known = 0 if is_flagged or mask is None or mask == _CONSTANT_MASK else mask & _LEVEL_BITS
    low, high = known or images, known | images
    if not low:
        return LevelRange(XXX, XXX)
    mildest = R if is_flagged else 0
    return LevelRange(max((low & -low).bit_length() - 1, mildest), max(high.bit_length() - 1, mildest))


def objects(value: object) -> list[dict[str, Any]]:
    """Return the JSON objects of a list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _images(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for version in objects(record.get("modelVersions")):
        yield from objects(version.get("images"))


def _image_bits(image: Mapping[str, Any]) -> int:
    value = image.get("nsfwLevel")
    bits = 0 if value is None else whole_number(value)
    if bits is None:
        return 1 << XXX
    return 0 if bits & _OMITTED_IMAGE_BIT else bits & _LEVEL_BITS
