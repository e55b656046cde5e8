"""What the audit of CivitAI reads from raw records, including odd values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.levels import LEVELS
from etl.sources.auditing import is_set, whole_number
from etl.sources.civitai.audit import AUDIT, LevelRange, level_range, rejections
from tests.conftest import civitai

HUGE = int("9" * 310)
BITS = [1, 2, 4, 8, 16]
INVALID_MASKS: list[Any] = ["1", "", True, False, [], {}, [1], -1, 1.5, float("inf"), HUGE, 2**53, 1e300]
SET_FLAGS: list[Any] = [True, 0, 1, 1.5, "", "false", [], {}]
INVALID_IMAGE_LEVELS: list[Any] = ["X", "", True, [], {}, -1, 1.5, float("inf"), HUGE, 2**53 + 32]
UNRATED: list[Any] = [0, None, 32, 33, 64]
WITHOUT_IMAGES: list[Any] = [
    None, {}, "x", 5, [None, 5, "x", []], [{}], [{"images": None}], [{"images": {"nsfwLevel": 16}}], [{"images": "x"}],
    [{"images": [None, 16, "x", [], {}]}],
]  # fmt: skip
NOT_TEXT: list[Any] = [True, False, 0, 1, [], ["TakenDown"], ["Public"], {}]


def shown(*images: Any, **fields: Any) -> dict[str, Any]:
    """Return a record with one version for each image level, and the given fields."""
    return {"modelVersions": [{"images": [{"nsfwLevel": value}]} for value in images], **fields}


def level_names(record: dict[str, Any]) -> tuple[str, str]:
    return LEVELS[level_range(record).level], LEVELS[level_range(record).level_most]


@pytest.mark.parametrize(
    ("record", "level", "level_most"),
    [
        # The mask is a constant where a model is, or was, flagged.
        (shown(8, 4, nsfw=True, nsfwLevel=60), "r", "x"),
        (shown(1, 2, nsfw=True, nsfwLevel=60), "r", "r"),
        (shown(1, 2, nsfw=False, nsfwLevel=60), "pg", "pg13"),
        (shown(1, 2, nsfwLevel=60.0), "pg", "pg13"),
        (shown(nsfw=True, nsfwLevel=60), "xxx", "xxx"),
        (shown(nsfw=False, nsfwLevel=60), "xxx", "xxx"),
        (shown(16, nsfw=True, nsfwLevel=1), "xxx", "xxx"),
        (shown(1, nsfw=True, nsfwLevel=16), "r", "r"),
        (shown(nsfw=True, nsfwLevel=1), "xxx", "xxx"),
        (shown(2, 8, nsfw=True), "r", "x"),
        # Otherwise the mask is the union of the versions' levels, and images may be more explicit.
        (shown(1, 2, 4, 8, 16, nsfw=False, nsfwLevel=31), "pg", "xxx"),
        (shown(nsfwLevel=31), "pg", "xxx"),
        (shown(nsfwLevel=12), "r", "x"),
        (shown(nsfwLevel=4.0), "r", "r"),
        (shown(nsfwLevel=33), "pg", "pg"),
        (shown(nsfwLevel=61), "pg", "xxx"),
        (shown(16, nsfwLevel=3), "pg", "xxx"),
        (shown(1, nsfwLevel=8), "x", "x"),
        (shown(nsfwLevel=2**53 - 1), "pg", "xxx"),
        # A mask without a level: the images decide.
        (shown(2, 4, nsfwLevel=0), "pg13", "r"),
        (shown(2, 4, nsfwLevel=32), "pg13", "r"),
        (shown(2, 4, nsfwLevel=64), "pg13", "r"),
        (shown(2, 4, nsfwLevel=None), "pg13", "r"),
        (shown(2, 4), "pg13", "r"),
        (shown(2, 4, nsfwLevel=-0.0), "pg13", "r"),
        (shown(), "xxx", "xxx"),
        (shown(nsfwLevel=0), "xxx", "xxx"),
        # An invalid mask counts as the most explicit.
        *((shown(1, nsfwLevel=mask), "xxx", "xxx") for mask in INVALID_MASKS),
        *((shown(1, nsfw=True, nsfwLevel=mask), "r", "r") for mask in INVALID_MASKS),
        # A flag is set by any value except false and null.
        *((shown(1, nsfw=flag, nsfwLevel=1), "r", "r") for flag in SET_FLAGS),
        *((shown(1, nsfw=flag, nsfwLevel=1), "pg", "pg") for flag in (False, None)),
        # Images: those with bit 32 are excluded, those without a level are unrated, an invalid level counts as the most explicit.
        (shown(33, 48, 2), "pg13", "pg13"),
        (shown(0, None, 64, 2), "pg13", "pg13"),
        (shown(4.0, 2), "pg13", "r"),
        (shown(6), "pg13", "r"),
        *((shown(image, 1), "pg", "xxx") for image in INVALID_IMAGE_LEVELS),
        *((shown(image, nsfwLevel=2), "pg13", "xxx") for image in INVALID_IMAGE_LEVELS),
        *((shown(image), "xxx", "xxx") for image in [*INVALID_IMAGE_LEVELS, *UNRATED]),
        *((shown(image, 2), "pg13", "pg13") for image in UNRATED),
        # Versions and images of a wrong type are ignored.
        *(({"nsfwLevel": 2, "modelVersions": versions}, "pg13", "pg13") for versions in WITHOUT_IMAGES),
        *(({"modelVersions": versions}, "xxx", "xxx") for versions in WITHOUT_IMAGES),
    ],
)  # fmt: skip
def test_levels_of_a_record(record: dict[str, Any], level: str, level_most: str) -> None:
    assert level_names(record) == (level, level_most)


@pytest.mark.parametrize(
    ("record", "codes"),
    [
        ({}, ()),
        ({"nsfwLevel": 32}, ()),
        ({"poi": False, "minor": None, "mode": None, "availability": None}, ()),
        *(({flag: value}, (flag,)) for flag in ("poi", "minor") for value in SET_FLAGS),
        ({"poi": True, "minor": True}, ("poi", "minor")),
        ({"mode": "TakenDown"}, ("takendown",)),
        ({"mode": "Archived"}, ()),
        *(({"mode": value}, ("takendown",)) for value in NOT_TEXT),
        *(({"availability": value}, ()) for value in ("Public", "EarlyAccess")),
        *(({"availability": value}, ("notpublic",)) for value in ["Private", "Unsearchable", *NOT_TEXT]),
    ],
)  # fmt: skip
def test_rejection_reasons(record: dict[str, Any], codes: tuple[str, ...]) -> None:
    assert rejections(record) == codes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3) | st.sampled_from(BITS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["images", "nsfwLevel"]), inner, max_size=2),
    max_leaves=10,
)
FIELDS = ("nsfw", "nsfwLevel", "poi", "minor", "mode", "availability", "modelVersions")


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_record_has_valid_levels_and_reasons(record: dict[str, Any]) -> None:
    levels = level_range(record)
    assert 0 <= levels.level <= levels.level_most < len(LEVELS)
    assert not is_set(record.get("nsfw")) or levels.level >= LEVELS.index("r")
    assert set(rejections(record)) <= {"poi", "minor", "takendown", "notpublic"}


def is_not_milder(left: LevelRange, right: LevelRange) -> bool:
    return left.level >= right.level and left.level_most >= right.level_most


images = st.lists(st.sampled_from(BITS), min_size=1, max_size=5)
masks = st.integers(0, 63)


@given(images, masks, st.booleans(), st.data())
def test_a_more_explicit_image_never_makes_a_model_milder(levels: list[int], mask: int, nsfw: bool, data: st.DataObject) -> None:  # noqa: FBT001  an argument from hypothesis
    index = data.draw(st.integers(0, len(levels) - 1))
    raised: list[Any] = [*levels]
    raised[index] = data.draw(st.sampled_from([*(bit for bit in BITS if bit >= levels[index]), "X"]))
    fields = {"nsfw": nsfw, "nsfwLevel": mask}
    assert is_not_milder(level_range(shown(*raised, **fields)), level_range(shown(*levels, **fields)))


@given(images, st.data())
def test_a_flag_never_makes_a_model_milder(levels: list[int], data: st.DataObject) -> None:
    mask = sum(set(levels))  # the union of the image levels, as on the server; a flag replaces it
    flagged = level_range(shown(*levels, nsfw=True, nsfwLevel=data.draw(st.sampled_from([mask, 60]))))
    assert is_not_milder(flagged, level_range(shown(*levels, nsfw=False, nsfwLevel=mask)))
    assert flagged.level >= LEVELS.index("r")


@given(masks.filter(lambda mask: mask not in (0, 60)), st.data())
def test_dropping_the_lowest_bit_of_a_mask_never_makes_a_model_milder(mask: int, data: st.DataObject) -> None:
    levels = data.draw(st.lists(st.sampled_from([bit for bit in BITS if bit & mask] or [32]), max_size=4))
    before = level_range(shown(*levels, nsfwLevel=mask))
    after = level_range(shown(*levels, nsfwLevel=mask & (mask - 1)))
    assert after.level >= before.level
    assert mask & (mask - 1) == 60 or after.level_most >= before.level_most  # 60 is a constant: only the images count


@pytest.mark.parametrize(
    ("text", "number"),
    [("4", 4), ("4.0", 4), ("0", 0), ("9007199254740991", 2**53 - 1), ("4e0", 4)]
    + [(text, None) for text in ("true", "null", '"4"', "-1", "4.5", "1e400", "-1e400", "9" * 310, "9007199254740992")],
)
def test_whole_numbers_are_parsed(text: str, number: int | None) -> None:
    assert whole_number(json.loads(text)) == number


def test_levels_of_a_plain_record() -> None:
    assert level_names(civitai(1)) == ("pg", "pg")


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"sort": ["Most Downloaded"]}, "downloadCount"),
        ({"sort": ["Most Downloaded"], "query": ["cat"]}, ""),
        ({"sort": ["Most Collected"]}, ""),
        ({}, ""),
    ],
)
def test_sort_key(params: dict[str, list[str]], key: str) -> None:
    assert AUDIT.sort_key(params) == key
