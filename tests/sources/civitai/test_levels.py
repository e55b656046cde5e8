"""Content levels of CivitAI models, from flag, mask and images."""

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
        # Not flagged: from the lowest bit of the mask to the highest of mask and images.
        (PLAIN, 1, [], ("pg", "pg")), (PLAIN, 2, [], ("pg13", "pg13")), (PLAIN, 24, [], ("x", "xxx")),
        (PLAIN, 28, [4], ("r", "xxx")), (PLAIN, 31, [1, 16], ("pg", "xxx")), (PLAIN, 33, [], ("pg", "pg")),
        (PLAIN, 61, [], ("pg", "xxx")), (PLAIN, 4.0, [], ("r", "r")), (PLAIN, 1, [1, 8], ("pg", "x")),
        # 60 is a constant, left from a removed flag, and a mask may have no level: the images decide.
        (PLAIN, 60, [1, 2], ("pg", "pg13")), (PLAIN, 60.0, [2], ("pg13", "pg13")), (PLAIN, 60, [], ("xxx", "xxx")),
        (PLAIN, 0, [2], ("pg13", "pg13")), (PLAIN, 32, [4, 8], ("r", "x")), (PLAIN, 64, [], ("xxx", "xxx")),
        (PLAIN, None, [1], ("pg", "pg")), (PLAIN, None, [], ("xxx", "xxx")),
        # Flagged: only the images count, and the level is at least r.
        (FLAGGED, 60, [8, 4], ("r", "x")), (FLAGGED, 60, [1, 2], ("r", "r")), (FLAGGED, 60, [], ("xxx", "xxx")),
        (FLAGGED, 1, [], ("xxx", "xxx")), (FLAGGED, 1, [16], ("xxx", "xxx")), (FLAGGED, None, [1, 16], ("r", "xxx")),
        (FLAGGED, "text", [8], ("x", "x")),
        # An invalid mask counts as the most explicit.
        (PLAIN, -1, [1], ("xxx", "xxx")), (PLAIN, 1.5, [1], ("xxx", "xxx")), (PLAIN, "1", [1], ("xxx", "xxx")),
        (PLAIN, True, [1], ("xxx", "xxx")), (PLAIN, [1], [1], ("xxx", "xxx")), (PLAIN, float("inf"), [1], ("xxx", "xxx")),
        (PLAIN, 2**53, [1], ("xxx", "xxx")),
        # Images: blocked ones (bit 32) and unrated ones are ignored, an invalid level counts as xxx.
        (FLAGGED, 60, [32, 8], ("x", "x")), (FLAGGED, 60, [33, 8], ("x", "x")), (FLAGGED, 60, [0, 4], ("r", "r")),
        (FLAGGED, 60, ["R", 4], ("r", "xxx")), (PLAIN, 60, [True], ("xxx", "xxx")), (PLAIN, 1, [-1], ("pg", "xxx")),
    ],
)  # fmt: skip
def test_levels(flagged: bool, mask: Any, images: list[Any], expected: tuple[str, str]) -> None:  # noqa: FBT001  a column of the table
    assert content_levels(flagged=flagged, mask=mask, images=images)[:2] == expected


@pytest.mark.parametrize(
    ("flagged", "mask", "images", "level", "level_from"),
    [
        (PLAIN, 1, [], "pg", "mask"), (PLAIN, 33, [8], "pg", "mask"), (PLAIN, 28, [1], "r", "mask"),
        (PLAIN, 4.0, [], "r", "mask"),
        # The flag and the constant 60 say nothing of the level, and neither do masks without one.
        (FLAGGED, 1, [4], "r", "images"), (FLAGGED, 60, [16], "xxx", "images"), (PLAIN, 60, [1], "pg", "images"),
        (PLAIN, 32, [2], "pg13", "images"), (PLAIN, None, [8], "x", "images"), (PLAIN, 0, ["R"], "xxx", "images"),
        (FLAGGED, 60, [1], "r", "flag"), (FLAGGED, 4, [2, 16], "r", "flag"), (FLAGGED, None, [1], "r", "flag"),
        (FLAGGED, 60, [], "xxx", "none"), (PLAIN, 60, [], "xxx", "none"), (PLAIN, 64, [0, 32], "xxx", "none"),
        (FLAGGED, 1, [33], "xxx", "none"), (PLAIN, None, [], "xxx", "none"),
        (PLAIN, "1", [1], "xxx", "invalid"), (PLAIN, 1.5, [], "xxx", "invalid"), (PLAIN, True, [2], "xxx", "invalid"),
        # The mask of a flagged model decides nothing, valid or not.
        (FLAGGED, "text", [8], "x", "images"), (FLAGGED, -1, [1], "r", "flag"), (FLAGGED, [], [], "xxx", "none"),
    ],
)  # fmt: skip
def test_what_decided_the_level(flagged: bool, mask: Any, images: list[Any], level: str, level_from: str) -> None:  # noqa: FBT001  a column of the table
    levels = content_levels(flagged=flagged, mask=mask, images=images)
    assert (levels.level, levels.level_from) == (level, level_from)


@given(st.booleans(), IMAGES, st.sampled_from([0, 1, 2, 4, 8, 16]), st.data())
def test_a_more_explicit_record_is_never_milder(flagged: bool, images: list[int], unlisted: int, data: st.DataObject) -> None:  # noqa: FBT001  an argument from hypothesis
    """Setting the flag, raising an image's level or clearing the mask's lowest bit never makes a model milder.

    The mask has the levels of all images, as on the server, and perhaps of an unlisted image.
    """
    mask = unlisted
    for image in images:
        mask |= image
    before = LEVELS.index(content_levels(flagged=flagged, mask=mask, images=images).level)
    changed = [(True, mask, images)]
    if mask & (mask - 1):
        changed.append((flagged, mask & (mask - 1), [image for image in images if image != mask & -mask]))
    if images:
        index = data.draw(st.integers(0, len(images) - 1))
        raised = [*images[:index], min(16, images[index] * 2), *images[index + 1 :]]
        changed.append((flagged, mask, raised))
    for flag, bits, shown in changed:
        assert LEVELS.index(content_levels(flagged=flag, mask=bits, images=shown).level) >= before


@given(
    st.booleans(), st.one_of(st.none(), st.integers(), st.floats(), st.text()), st.lists(st.integers() | st.floats() | st.text())
)
def test_the_most_explicit_level_is_never_below_the_mildest(flagged: bool, mask: object, images: list[object]) -> None:  # noqa: FBT001  an argument from hypothesis
    levels = content_levels(flagged=flagged, mask=mask, images=images)
    assert LEVELS.index(levels.level) <= LEVELS.index(levels.level_most)
    assert not flagged or levels.level in LEVELS[2:]


def test_levels_of_images() -> None:
    assert [image_level(value) for value in (1, 16, 3, 32, 0, None, "R", True)] == [
        "pg", "xxx", "pg13", "blocked", "none", "none", "unknown", "unknown",
    ]  # fmt: skip
