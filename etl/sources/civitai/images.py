"""The images that cards of a CivitAI model may show, one for each content level. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from etl.core.levels import LEVELS
from etl.sources.civitai.levels import is_set

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_LEVELS = {1 << index: level for index, level in enumerate(LEVELS)}  # by the only bit of `nsfwLevel`
_MAX_URL_CHARS = 2000
_MAX_INTEGER = 2**53 - 1
# A host without user or port, and a path of characters that mean nothing in HTML or CSS; no query, no fragment.
_URL = re.compile(r"https://([a-z0-9.-]+)/[A-Za-z0-9._~%!$&*+,;=:@/-]*")
_ORIGINAL = "/original=true/"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_BASE83 = frozenset(_ALPHABET)
_MAX_COMPONENTS = 9  # of a blurhash, in each direction


def choose_images(
    images: Iterable[Mapping[str, Any]], hosts: Container[str], forbidden: Container[str] = ()
) -> list[dict[str, Any]]:
    """Return the first image of each level that a card may show, mildest first.

    A card shows no video, no image that is `forbidden` by its scaled URL, and none whose URL is not valid or not on one of the
    hosts. `images` are those of the API in the order of the site.
    """
    by_level: dict[int, dict[str, Any]] = {}
    for image in images:
        level: Any = image.get("nsfwLevel")
        if _is_forbidden(image) or level in by_level or image.get("type") != "image":
            continue
        if (url := _scaled_url(image.get("url"), hosts)) and url not in forbidden:
            by_level[level] = {
                "url": url,
                "width": _length(image.get("width")),
                "height": _length(image.get("height")),
                "level": _LEVELS[level],
                "blurhash": _blurhash(image.get("hash")),
            }
            if len(by_level) == len(_LEVELS):
                break
    return [by_level[level] for level in sorted(by_level)]


def forbidden_urls(images: Iterable[Mapping[str, Any]], hosts: Container[str]) -> list[str]:
    """Return the scaled URLs, sorted, of images that no card may show, of those on one of the hosts.

    They are flagged `poi` or `minor`, or are of several levels or of an invalid one, such as a blocked image.
    """
    return sorted({url for image in images if _is_forbidden(image) and (url := _scaled_url(image.get("url"), hosts))})


def _is_forbidden(image: Mapping[str, Any]) -> bool:
    level = image.get("nsfwLevel")
    return type(level) not in (int, float) or level not in _LEVELS or is_set(image.get("poi")) or is_set(image.get("minor"))


def _scaled_url(url: object, hosts: Container[str]) -> str | None:
    """Return the URL of an image 450 pixels wide; None if its URL is not valid, or not on one of the hosts."""
    if not isinstance(url, str) or len(url) > _MAX_URL_CHARS:
        return None
    match = _URL.fullmatch(url)
    return url.replace(_ORIGINAL, "/width=450/", 1) if match and match[1] in hosts else None


def _length(value: object) -> int | None:
    """Return a number of pixels; None if it is not a positive integer that every JSON reader holds."""
    return value if type(value) is int and 0 < value <= _MAX_INTEGER else None


def _blurhash(value: object) -> str | None:
    """Return a blurhash; None if its length or a character is wrong.

    The first character states the components across and down, and each component but the first has two characters:
    https://github.com/woltapp/blurhash/blob/master/Algorithm.md
    """
    if not isinstance(value, str) or not value or not _BASE83.issuperset(value):
        return None
    rows, columns = divmod(_ALPHABET.index(value[0]), _MAX_COMPONENTS)
    return value if rows < _MAX_COMPONENTS and len(value) == 4 + 2 * (rows + 1) * (columns + 1) else None
