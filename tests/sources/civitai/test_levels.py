"""Levels of CivitAI, from what api.md B2 says of flag, mask and images."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.levels import LEVELS
from etl.sources.civitai.levels import content_levels, image_level

PLAIN, FLAGGED = False, True
IMAGES = st.lists(st.sampled_from([1, 2, 4, 8, 16]), max_size=6)


@pytest.mark.parametrize(
    ("flagged", "mask", "images", "expected"),
    [
        # The mask of a model that is not flagged: its lowest bit, and the highest of mask and images.
        (PLAIN, 1, [], ("pg", "pg")), (PLAIN, 2, [], ("pg13", "pg13")), (PLAIN, 24, [], ("x", "xxx")),
        (PLAIN, 28, [4], ("r", "xxx")), (PLAIN, 31, [1, 16], ("pg", "xxx")), (PLAIN, 33, [], ("pg", "pg")),
        (PLAIN, 61, [], ("pg", "xxx")), (PLAIN, 4.0, [], ("r", "r")), (PLAIN, 1, [1, 8], ("pg", "x")),
        # 60 is a constant, stale where the flag was taken back; a mask may name no level.
        (PLAIN, 60, [1, 2], ("pg", "pg13")), (PLAIN, 60.0, [2], ("pg13", "pg13")), (PLAIN, 60, [], ("xxx", "xxx")),
        (PLAIN, 0, [2], ("pg13", "pg13")), (PLAIN, 32, [4, 8], ("r", "x")), (PLAIN, 64, [], ("xxx", "xxx")),
        (PLAIN, None, [1], ("pg", "pg")), (PLAIN, None, [], ("xxx", "xxx")),
        # Of a flagged model the images alone tell, and it is never milder than r.
        (FLAGGED, 60, [8, 4], ("r", "x")), (FLAGGED, 60, [1, 2], ("r", "r")), (FLAGGED, 60, [], ("xxx", "xxx")),
        (FLAGGED, 1, [], ("xxx", "xxx")), (FLAGGED, 1, [16], ("xxx", "xxx")), (FLAGGED, None, [1, 16], ("r", "xxx")),
        (FLAGGED, "text", [8], ("x", "x")),
        # What is not a mask counts as the most explicit.
        (PLAIN, -1, [1], ("xxx", "xxx")), (PLAIN, 1.5, [1], ("xxx", "xxx")), (PLAIN, "1", [1], ("xxx", "xxx")),
        (PLAIN, True, [1], ("xxx", "xxx")), (PLAIN, [1], [1], ("xxx", "xxx")), (PLAIN, float("inf"), [1], ("xxx", "xxx")),
        (PLAIN, 2**53, [1], ("xxx", "xxx")),
        # Images: blocked ones (bit 32) are left out, unrated ones say nothing, what is not a level counts as xxx.
        (FLAGGED, 60, [32, 8], ("x", "x")), (FLAGGED, 60, [33, 8], ("x", "x")), (FLAGGED, 60, [0, 4], ("r", "r")),
        (FLAGGED, 60, ["R", 4], ("r", "xxx")), (PLAIN, 60, [True], ("xxx", "xxx")), (PLAIN, 1, [-1], ("pg", "xxx")),
    ],
)  # fmt: skip
def test_levels(flagged: bool, mask: Any, images: list[Any], expected: tuple[str, str]) -> None:  # noqa: FBT001  a column of the table
    assert content_levels(flagged=flagged, mask=mask, images=images)[:2] == expected


@given(st.booleans(), IMAGES, st.sampled_from([0, 1, 2, 4, 8, 16]), st.data())
def test_no_worse_record_is_milder(flagged: bool, images: list[int], more: int, data: st.DataObject) -> None:  # noqa: FBT001  drawn
    """Setting the flag, raising an image or dropping the mask's lowest bit never makes a model milder.

    Masks are as the server writes them: of all that the images show, and perhaps of what is not listed.
    """
    mask = more
    for image in images:
        mask |= image
    before = LEVELS.index(content_levels(flagged=flagged, mask=mask, images=images).level)
    worse = [(True, mask, images)]
    if mask & (mask - 1):
        worse.append((flagged, mask & (mask - 1), [image for image in images if image != mask & -mask]))
    if images:
        place = data.draw(st.integers(0, len(images) - 1))
        raised = [*images[:place], min(16, images[place] * 2), *images[place + 1 :]]
        worse.append((flagged, mask, raised))
    for flag, bits, shown in worse:
        assert LEVELS.index(content_levels(flagged=flag, mask=bits, images=shown).level) >= before


@given(
    st.booleans(), st.one_of(st.none(), st.integers(), st.floats(), st.text()), st.lists(st.integers() | st.floats() | st.text())
)
def test_the_most_explicit_is_never_below_the_mildest(flagged: bool, mask: object, images: list[object]) -> None:  # noqa: FBT001  drawn
    found = content_levels(flagged=flagged, mask=mask, images=images)
    assert LEVELS.index(found.level) <= LEVELS.index(found.level_most)
    assert not flagged or found.level in LEVELS[2:]


def test_images_in_words() -> None:
    assert [image_level(value) for value in (1, 16, 3, 32, 0, None, "R", True)] == [
        "pg", "xxx", "pg13", "blocked", "none", "none", "unknown", "unknown",
    ]  # fmt: skip
