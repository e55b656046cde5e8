"""Well-known models whose names carry no size: the rows of families.toml, read once."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from etl.transform.names import Reading, is_servant, reading

TABLE = Path(__file__).with_name("families.toml")
# What is made for a model or is a part of it has a size of its own; distilled and pruned models have another.
_PARTS = re.compile(r"(?<![a-z])(?:vae|controlnet|ip-adapter|encoder|decoder|tokenizer|upscaler|distill?|reap[0-9]*)(?![a-z])")


@cache
def rows() -> dict[str, Reading]:
    """Return the parameters of each family, by its words."""
    made = {}
    for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["family"]:
        told = row["parameters"]
        low, high = told if isinstance(told, list) else (told, told)
        made[row["words"]] = Reading(low * 1e6, high * 1e6)
    return made


@cache
def _patterns() -> dict[str, tuple[tuple[str, re.Pattern[str]], ...]]:
    """Return the rows that begin with a word, by that word, each with its pattern."""
    made: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {}
    for words in rows():
        pattern = re.compile(rf"(?<![a-z0-9]){words.replace('-', '[-_. ]')}(?![a-z0-9])")
        first = words.partition("-")[0]
        made[first] = (*made.get(first, ()), (words, pattern))
    return made


def which(name: str) -> str | None:
    """Return the words of the family that a name (in lower case, without its owner) is of; None of none, or of several.

    Of rows that fit, one counts whose words are not within those of another: roberta-base is not in xlm-roberta-base.
    """
    begun = _patterns().keys() & name.replace("_", "-").replace(".", "-").split("-")
    if not begun:
        return None
    fitting = [(*match.span(), words) for first in begun for words, each in _patterns()[first] if (match := each.search(name))]
    widest = [
        words
        for start, end, words in fitting
        if not any(left <= start and end <= right and end - start < right - left for left, right, _ in fitting)
    ]
    return widest[0] if len(widest) == 1 else None


def family(name: str) -> Reading | None:
    """Return the parameters of the family that a name is of, where it does not name a part of such a model."""
    words = which(name)
    if words is None or (_PARTS.search(name) and not _PARTS.search(words)):
        return None
    return rows()[words]


def bears_out(name: str, parameters: float) -> tuple[str, bool] | None:
    """Return the family that a counted model is of by its name, and whether its count is what the row says, by a fifth."""
    words = which(name)
    told = family(name)
    if words is None or told is None or is_servant(name) or ((named := reading(name)) and named.is_total):
        return None  # the row would not be asked
    low, high = told
    return words, low / 1.2 <= parameters <= high * 1.2
