"""A second reading of CivitAI's raw records for verify, from what the API documents; it shares no code with the rules."""

from __future__ import annotations

import json
import re
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.levels import LEVELS
from etl.sources.auditing import is_set, license_table, objects, strictest, time_seconds, whole_number
from etl.sources.source import Audit, RecordAudit, StatedUse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

R, XXX = LEVELS.index("r"), LEVELS.index("xxx")  # level n is bit 2**n of a mask
_LEVEL_BITS = 31
_IMAGE_BITS = (1, 2, 4, 8, 16)
# CivitAI leaves images with this bit out of its own masks; on a model it only says that the model was flagged once.
_OMITTED_IMAGE_BIT = 32
_NOT_ALLOWING = {"None", "Rent", "RentCivit"}  # of allowCommercialUse
_WORD = re.compile(r"\w+")
_CONSTANT_MASK = 60  # written on whatever is flagged, and kept by models whose flag was taken back
_MATURE = {"true", "1", "yes", "on", "y"}  # how a request includes mature models
# Sorts whose value is in the response, and where it is in `stats`. A search (query) orders by relevance.
_SORT_KEYS = {"Most Downloaded": "downloadCount", "Most Liked": "thumbsUpCount", "Most Discussed": "commentCount"}


class LevelRange(NamedTuple):
    """The mildest and the most explicit content of a record, as indices of LEVELS."""

    level: int
    level_most: int


def rejections(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of all reasons why a model must never be published."""
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
    stated = 0 if is_flagged or mask is None or mask == _CONSTANT_MASK else mask & _LEVEL_BITS
    low, high = stated or images, stated | images
    if not low:
        return LevelRange(XXX, XXX)
    mildest = R if is_flagged else 0
    return LevelRange(max((low & -low).bit_length() - 1, mildest), max(high.bit_length() - 1, mildest))


def _images(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for version in objects(record.get("modelVersions")):
        yield from objects(version.get("images"))


def _image_bits(image: Mapping[str, Any]) -> int:
    value = image.get("nsfwLevel")
    bits = 0 if value is None else whole_number(value)
    if bits is None:
        return 1 << XXX
    return 0 if bits & _OMITTED_IMAGE_BIT else bits & _LEVEL_BITS


def _image_levels(record: Mapping[str, Any]) -> dict[str, int | None]:
    levels: dict[str, int | None] = {}
    for image in _images(record):
        bits, url = whole_number(image.get("nsfwLevel")), image.get("url")
        if not isinstance(url, str):
            continue
        scaled = "/".join("width=450" if part == "original=true" else part for part in url.split("/"))
        worst = levels.get(scaled, 0)
        # An image has one bit. Blocked and unrated images are not shown, nor are people who are real or look like minors.
        if worst is None or bits not in _IMAGE_BITS or is_set(image.get("poi")) or is_set(image.get("minor")):
            levels[scaled] = None
        elif image.get("type") == "image":
            levels[scaled] = max(_IMAGE_BITS.index(bits), worst)
    return levels


def _read(record: Mapping[str, Any]) -> RecordAudit:
    return RecordAudit(rejections(record), is_set(record.get("nsfw")), *level_range(record))


def _sort_key(params: Mapping[str, Sequence[str]]) -> str:
    return "" if "query" in params else _SORT_KEYS.get(params.get("sort", [""])[0], "")


def _sort_value(record: Mapping[str, Any], key: str) -> object:
    stats = record.get("stats")
    return stats.get(key) if isinstance(stats, dict) else None


def _is_unrequested(record: Mapping[str, Any], params: Mapping[str, Sequence[str]]) -> bool:
    types, bases = params.get("types"), params.get("baseModels")
    own_bases = (version.get("baseModel") for version in objects(record.get("modelVersions")))
    return (types is not None and record.get("type") not in types) or (
        bases is not None and not any(base in bases for base in own_bases)
    )


def _leaks(audit: RecordAudit, params: Mapping[str, Sequence[str]]) -> Sequence[str]:
    is_mature = params.get("nsfw", [""])[0].lower() in _MATURE
    codes = [code for code in audit.rejections if code in (("poi", "minor") if is_mature else ("poi",))]
    return codes if is_mature or audit.level == 0 else [*codes, "above pg"]


def _has_partial_records(params: Mapping[str, Sequence[str]]) -> bool:
    return "baseModels" in params  # the API leaves out the versions of other base models


def _url(identity: str, fields: Mapping[str, Any]) -> str:
    is_mature = fields["flagged"] or LEVELS.index(fields["level"]) >= R
    return f"https://civitai.red/models/{identity}" if is_mature else f"https://civitai.com/models/{identity}"


def _updated(record: Mapping[str, Any]) -> float | None:
    times = (time_seconds(version.get("publishedAt")) for version in objects(record.get("modelVersions")))
    return max((time for time in times if time is not None), default=None)


def _use(record: Mapping[str, Any]) -> StatedUse:
    """Return what the base models of all versions say, listed or not, and the words of allowCommercialUse, however wrapped."""
    names = {str(version.get("baseModel")) for version in objects(record.get("modelVersions"))} or {"None"}
    stated = record.get("baseModels")
    names |= {*map(str, stated)} if isinstance(stated, list) else set()
    uses = {f"base model {name}": license_table("base").get(name.lower(), "unknown") for name in sorted(names)}
    permitted = record.get("allowCommercialUse")
    words = set(_WORD.findall(json.dumps(permitted))) if isinstance(permitted, str | list) else {"unknown"}
    uses["its author's permissions"] = "yes" if words & {"Image", "Sell"} else "no" if words <= _NOT_ALLOWING else "unknown"
    commercial = strictest(uses.values())
    return StatedUse(commercial, next(reason for reason, use in uses.items() if use == commercial))


AUDIT = Audit(
    read=_read, sort_key=_sort_key, sort_value=_sort_value, is_unrequested=_is_unrequested, leaks=_leaks,
    has_partial_records=_has_partial_records, image_levels=_image_levels, use=_use, url=_url,
    field_values={
        "downloads": lambda record: whole_number(_sort_value(record, "downloadCount")),
        "likes": lambda record: whole_number(_sort_value(record, "thumbsUpCount")),
        "updated": _updated,
    },
)  # fmt: skip
