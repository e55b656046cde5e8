"""Well-known models whose names state no size: the rows of families.toml, read once."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from etl.sources.huggingface.names import CACHED_NAMES, ParameterRange, is_auxiliary, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIBRARIES = {"transformers", "transformers.js", "sentence-transformers", "diffusers", "timm", "open_clip"}
TABLE = Path(__file__).with_name("families.toml")
# What is made for a model or is a component of it has a size of its own, as do distilled, pruned and test models.
_COMPONENTS = re.compile(
    r"[^a-z](?:vae|controlnet|ip-adapter|encoder(?:s|only)?|decoder|tokenizer|upscaler|foley|distill?(?:ed)?|prun(?:ed|ing)|reap[0-9]*"
    r"|tiny-random)(?![a-z])"
)
# What follows the words of a row, where they are those of another model: a version (qwen-image-2.1, kimi-k2_v3), also behind
# what such a model is made for (qwen-image-edit-2.1), a smaller or a larger one. Versions that have the same size are in the
# words. Not a version: a date (2507, 03-2025), bits and steps, what has a unit.
_SEP = "[-_. ]"
_NUMBER = rf"[0-9]{{1,2}}(?:{_SEP}[0-9]{{1,2}})*(?![0-9a-z]|[._][0-9]+[a-z]|{_SEP}(?:bit|step|(?:19|20)[0-9]{{2}}(?![0-9])))"
_KINDS = f"(?:{_SEP}(?:edit|layered|base|instruct|chat|it|thinking|turbo|video|image|i2v|t2v|preview|dev))*"
_VERSION = rf"{_KINDS}{_SEP}(?:v(?:er(?:sion)?)?{_SEP}?)?{_NUMBER}"
_SIZES = "tiny|mini|nano|micro|small|lite|light|flash|air|medium|large|xl|xxl|plus|pro|max|ultra|next|omni|ii|iii"
_NOT_FOLLOWED_BY = rf"(?![a-z0-9]|{_VERSION}|{_SEP}(?:{_SIZES})(?![a-z]))"
_SAME = 1e-3  # the relative difference within which a count is that of known weights


@cache
def family_table() -> dict[str, ParameterRange]:
    """Return the parameters of each family, by its pattern."""
    return _table("family", "words")


def architecture(tags: Sequence[str]) -> ParameterRange | None:
    """Return the parameters of the published models of the architecture, pipeline or library that tags name."""
    rows = _architectures()
    if _LIBRARIES.isdisjoint(tags) or rows.keys().isdisjoint(tags):
        return None
    sizes = [rows[tag] for tag in rows.keys() & tags]
    return ParameterRange(min(size.low for size in sizes), max(size.high for size in sizes))


def architectures_of(tags: Sequence[str]) -> list[str]:
    """Return the architectures that tags name. Only a library's tags count: an author may write others."""
    rows = _architectures()
    if rows.keys().isdisjoint(tags) or _LIBRARIES.isdisjoint(tags):  # as of most, which is quick to find
        return []
    return [tag for tag in tags if tag in rows]


@cache
def _architectures() -> dict[str, ParameterRange]:
    return _table("architecture", "tag")


def component_name(count: float) -> str | None:
    """Return which component of a diffusers folder, other than the denoiser, has a number of parameters; else None."""
    rows = _table("component", "of").items()
    return next((name for name, size in rows if abs(count - size.low) <= _SAME * size.low), None)


@cache
def _table(name: str, key: str) -> dict[str, ParameterRange]:
    rows = {}
    for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))[name]:
        millions = row["parameters"]
        low, high = millions if isinstance(millions, list) else (millions, millions)
        rows[row[key]] = ParameterRange(low * 1e6, high * 1e6)
    return rows


def is_component(name: str) -> bool:
    """Return whether a name (in lower case) is that of a component of a model, or of a distilled or pruned model."""
    return _COMPONENTS.search(f"-{name}") is not None


@cache
def _index_by_first_token() -> dict[str, tuple[str, ...]]:
    """Return the patterns of the rows, by their first token."""
    index: dict[str, tuple[str, ...]] = {}
    for pattern in family_table():
        first = re.split("[^a-z0-9]", pattern, maxsplit=1)[0]
        index[first] = (*index.get(first, ()), pattern)
    return index


@cache  # compiled when a name has its first token: most catalogues need few rows
def _regexes(first: str) -> dict[str, re.Pattern[str]]:
    """Return the regexes of the rows with a first token, by their patterns."""
    start = f"{first}(?<![a-z0-9]{first})"  # starts with letters, which is fast to search
    rests = {pattern: pattern.removeprefix(first).replace("-", _SEP) for pattern in _index_by_first_token()[first]}
    return {pattern: re.compile(start + rest + _NOT_FOLLOWED_BY) for pattern, rest in rests.items()}


@lru_cache(maxsize=CACHED_NAMES)
def match_family(name: str) -> str | None:
    """Return the pattern of the family of a name (in lower case, without its owner); None if absent, or several.

    Of matching rows the one counts whose match is not within that of another: roberta-base is not in xlm-roberta-base.
    """
    index = _index_by_first_token()
    spans = {}
    for token in index.keys() & name.replace("_", "-").replace(".", "-").split("-"):
        for pattern, regex in _regexes(token).items():
            if match := regex.search(name):
                spans[pattern] = match.span()
    if len(spans) < 2:
        return next(iter(spans), None)
    widest = [
        pattern
        for pattern, (start, end) in spans.items()
        if not any(left <= start and end <= right and end - start < right - left for left, right in spans.values())
    ]
    return widest[0] if len(widest) == 1 else None


def family(name: str) -> ParameterRange | None:
    """Return the parameters of the family of a name; None for a component of such a model."""
    return _size_of_family(name, match_family(name))


def _size_of_family(name: str, pattern: str | None) -> ParameterRange | None:
    if pattern is None or (is_component(name) and not is_component(pattern)):
        return None
    return family_table()[pattern]


def check_family(name: str, tags: Sequence[str], parameters: float) -> dict[str, bool]:
    """Return the rows that would decide a counted model's size if it had no count, and whether its count is within a fifth."""
    if is_auxiliary(name) or ((named := parse_size(name)) and named.is_total):
        return {}
    pattern = match_family(name)
    size = _size_of_family(name, pattern)
    rows = {pattern: size} if pattern and size else {tag: _architectures()[tag] for tag in architectures_of(tags)}
    return {row: size.low / 1.2 <= parameters <= size.high * 1.2 for row, size in rows.items()}
