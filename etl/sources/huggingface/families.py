"""Well-known models whose names carry no size: the rows of families.toml, read once."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from etl.sources.huggingface.names import ParameterRange, is_auxiliary, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIBRARIES = {"transformers", "transformers.js", "sentence-transformers", "diffusers", "timm", "open_clip"}
TABLE = Path(__file__).with_name("families.toml")
# What is made for a model or is a part of it has a size of its own; distilled and pruned models, and those of tests, have
# another.
_PARTS = re.compile(
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
    """Return the parameters of each family, by its words."""
    return _table("family", "words")


def architecture(tags: Sequence[str]) -> ParameterRange | None:
    """Return the parameters of the published models of the architecture, pipeline or library that tags name."""
    found = [_architectures()[tag] for tag in architectures_of(tags)]
    return ParameterRange(min(each.low for each in found), max(each.high for each in found)) if found else None


def architectures_of(tags: Sequence[str]) -> list[str]:
    """Return those of the rows that tags name: a library writes them beside its own, of which an author's are not known."""
    known = _architectures()
    return [] if _LIBRARIES.isdisjoint(tags) else [tag for tag in tags if tag in known]


@cache
def _architectures() -> dict[str, ParameterRange]:
    return _table("architecture", "tag")


def component_name(count: float) -> str | None:
    """Return which part of a folder of diffusers, beside the denoiser, has a number of parameters; else null."""
    return next((what for what, one in _table("component", "of").items() if abs(count - one.low) <= _SAME * one.low), None)


@cache
def _table(name: str, key: str) -> dict[str, ParameterRange]:
    made = {}
    for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))[name]:
        told = row["parameters"]
        low, high = told if isinstance(told, list) else (told, told)
        made[row[key]] = ParameterRange(low * 1e6, high * 1e6)
    return made


def is_component(name: str) -> bool:
    """Tell whether a name (in lower case) is that of a part of a model, or of what was distilled or pruned from one."""
    return _PARTS.search(f"-{name}") is not None


@cache
def _index_by_first_token() -> dict[str, tuple[str, ...]]:
    """Return the words of the rows, by the first of them."""
    made: dict[str, tuple[str, ...]] = {}
    for words in family_table():
        first = _first(words)
        made[first] = (*made.get(first, ()), words)
    return made


def _first(words: str) -> str:
    return re.split("[^a-z0-9]", words, maxsplit=1)[0]


@cache  # when a name begins like it: most rows are not looked for in most catalogues
def _pattern(words: str) -> re.Pattern[str]:
    first = _first(words)
    rest = words.removeprefix(first).replace("-", "[-_. ]")
    return re.compile(rf"{first}(?<![a-z0-9]{first}){rest}{_NOT_FOLLOWED_BY}")  # begins with letters, which is quick to look for


def match_family(name: str) -> str | None:
    """Return the words of the family that a name (in lower case, without its owner) is of; None of none, or of several.

    Of rows that fit, one counts whose words are not within those of another: roberta-base is not in xlm-roberta-base.
    """
    known = _index_by_first_token()
    begun = name.replace("_", "-").replace(".", "-").split("-")
    if known.keys().isdisjoint(begun):
        return None
    fitting = {}
    for first in dict.fromkeys(begun):
        for words in known.get(first, ()):
            if match := _pattern(words).search(name):
                fitting[words] = match.span()
    if len(fitting) < 2:
        return next(iter(fitting), None)
    widest = [
        words
        for words, (start, end) in fitting.items()
        if not any(left <= start and end <= right and end - start < right - left for left, right in fitting.values())
    ]
    return widest[0] if len(widest) == 1 else None


def family(name: str) -> ParameterRange | None:
    """Return the parameters of the family that a name is of, where it does not name a part of such a model."""
    words = match_family(name)
    if words is None or (is_component(name) and not is_component(words)):
        return None
    return family_table()[words]


def check_family(name: str, tags: Sequence[str], parameters: float) -> dict[str, bool]:
    """Return the rows that would be asked of a counted model if it were not, and whether its count is theirs, by a fifth."""
    if is_auxiliary(name) or ((named := parse_size(name)) and named.is_total):
        return {}
    words = match_family(name)
    known = family(name)
    told = {words: known} if words and known else {tag: _architectures()[tag] for tag in architectures_of(tags)}
    return {row: one.low / 1.2 <= parameters <= one.high * 1.2 for row, one in told.items()}
