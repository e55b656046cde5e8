"""The content levels of a CivitAI model, from its flag, its mask and its images. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etl.core.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALL = 31
_XXX = 16
_CONSTANT = 60  # the server writes this mask on flagged models and their versions, whatever they show
_BLOCKED = 32  # an image that is shown to nobody, and omitted from the masks


class Levels(NamedTuple):
    """The mildest and the most explicit content of a model.

    Attributes:
        level_from: Which evidence decided `level`: `mask`, `images`, `flag`, `none` or `invalid`.
        decided_by: The deciding evidence in words.
        wrong: The fields whose evidence has a value of the wrong type.
    """

    level: str
    level_most: str
    level_from: str
    decided_by: str
    wrong: tuple[str, ...]


def content_levels(*, flagged: bool, mask: object, images: Iterable[object]) -> Levels:
    """Return the levels of a model.

    `mask` is its `nsfwLevel`, `images` those of the images of all its versions, both as the API gave them: null carries no
    information, and a value that is not a whole number counts as xxx.
    """
    shown, stated = 0, _bits(mask)
    wrong: tuple[str, ...] = ("level",) if stated is None else ()
    for image in images:
        bits = image if type(image) is int and 0 <= image <= _ALL else _bits(image)
        if bits is None:
            shown |= _XXX
            wrong = (*wrong[: stated is None], "level_most")
        elif not bits & _BLOCKED:
            shown |= bits & _ALL
    if flagged or stated == _CONSTANT:
        why = "it is flagged nsfw, so that" if flagged else "the flag was taken back, and"
        lowest = highest = shown
        level_from, decided_by = "images", f"{why} the mask tells nothing; from the images"
    elif stated is None:
        lowest = highest = _XXX
        level_from, decided_by = "invalid", "the mask is not a whole number"
    elif stated & _ALL:
        lowest, highest = stated & _ALL, (stated & _ALL) | shown
        level_from, decided_by = "mask", "the mildest level of the mask, the most explicit of mask and images"
    else:
        lowest = highest = shown
        level_from, decided_by = "images", "the mask names no level; from the images"
    if not lowest:
        return Levels(LEVELS[-1], LEVELS[-1], "none", f"{decided_by}, of which there are none", wrong)
    mildest = (lowest & -lowest).bit_length() - 1
    most = highest.bit_length() - 1
    least = LEVELS.index("r") if flagged else 0
    if flagged and mildest < least:
        level_from, decided_by = "flag", f"{decided_by}; flagged is never milder than r"
    return Levels(LEVELS[max(mildest, least)], LEVELS[max(most, least)], level_from, decided_by, wrong)


def is_set(flag: object) -> bool:
    """Return whether a flag is set: any value except false and null, so a wrong type errs on the safe side."""
    return flag is not None and flag is not False


def image_level(value: object) -> str:
    """Return the level of an image by its `nsfwLevel`: the level of its highest bit, `blocked`, `unknown` or `none`."""
    bits = _bits(value)
    if bits is None:
        return "unknown"
    if bits & _BLOCKED:
        return "blocked"
    return LEVELS[(bits & _ALL).bit_length() - 1] if bits & _ALL else "none"


def _bits(value: object) -> int | None:
    """Return a mask as a number, 0 if absent; None where it is not a whole number that every JSON reader holds."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53 or value != int(value):
        return None
    return int(value)
