"""The size that the name of a repository states: numbers with a unit. No I/O."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

CACHED_NAMES = 1024  # of the last models: estimates and facts of a page read the same ones
_UNIT = {"b": 1e9, "m": 1e6, "t": 1e12}
# A number and its unit between separators: 7b, 0.6B, 1_6b (1.6), 7b1 (7.1), 8x7B, 7Bx2, 17B-16E, A3B (active), E4B
# (effective), 21BA3B (of which 3 are active). Not a size: what follows a version's point (v1.5b) or a word (so400m), what is
# counted (100B-tokens), the bits of groups (4b-128g), what is longer (4bit, 128k). It begins with the separator, which is
# quick to look for.
_SIZE = re.compile(
    r"""[^a-z0-9](?<![0-9]\.)
    (?: (?P<experts>[0-9]{1,3}) x )?
    (?P<mark>[ae]?)
    (?P<number>[0-9]{1,5}(?:[._][0-9]{1,3})?)
    (?P<unit>[bmt])
    (?: x (?P<times>[0-9]{1,2}) | (?P<tenth>[0-9]) | a[0-9]{1,3}(?:[._][0-9]{1,2})?[bm] )?
    (?![a-z0-9]|[-_. ]?(?:tok(?:en)?s?|steps|samples|pairs)\b|-[0-9]+g(?![a-z]))
    (?: -(?P<of>[0-9]{1,3})e(?![a-z0-9]) )?""",
    re.VERBOSE,
)
# A size that is written on to a word, where nothing else is a size: Mistral7B, but no Phi3B, which may be a version.
_ATTACHED = re.compile(r"([0-9](?<=[a-z]{4}.)[0-9]{0,2}(?:\.[0-9]{1,2})?)b(?:a[0-9]{1,3}(?:\.[0-9]{1,2})?b)?(?![a-z0-9])")
_UNITS = re.compile("[0-9][bmt]")  # part of each size, and quick to look for
_TEST_MODEL = re.compile(r"tiny-random|^tiny-.*for(?:causallm|conditionalgeneration|sequenceclassification)")
_MIN_TOKENS = 2.5e12  # the largest models have 1 to 2 T parameters; 3T and more are of their training
# Of image-text models that name their data set, and of word vectors that name their dimensions (840B.300d), the numbers tell
# what was read in training.
_DIMENSIONS = re.compile(r"(?<![a-z0-9])[0-9]{1,2}0d(?![a-z0-9])")
_PAIR = re.compile(r"(?<![a-z0-9])[0-9.]{1,9}b-[0-9.]{1,9}b(?![a-z0-9])")  # bounded, so that it is linear
_CONTEXTS = ("1", "2", "4", "10")  # M tokens
# Weights that serve another model, whose size their name repeats.
_AUXILIARY = re.compile(
    r"[^a-z](?:l(?:oras?|okr)|qloras?|reloras?|d(?:ora|raft(?:er)?|flash)|a(?:dapters?|ccelerator|ssistant(?=$|[-_](?:gguf|mlx|[0-9]+bit)))"
    r"|peft|controlnet|eagle[0-9]*|m(?:edusa|mproj)|s(?:peculators?|aes?)|tokenizer)(?![a-z])"
)  # grouped by first letters, which a search tries one after the other


class ParameterRange(NamedTuple):
    """Parameters that a name states: at least `low`, at most `high`; equal if it states a total.

    `expert` are the parameters of one expert if the name states these and the number of experts, else 0.
    """

    low: float
    high: float
    expert: float = 0.0

    @property
    def is_total(self) -> bool:
        return self.low == self.high


@lru_cache(maxsize=CACHED_NAMES)
def parse_size(name: str) -> ParameterRange | None:
    """Return the size that a name (in lower case, without its owner) states; None if it states none, or two."""
    if "tiny-" in name and _TEST_MODEL.search(name):  # a test model; what follows is the model that it imitates
        return ParameterRange(1, 1e9)
    if "laion" in name or ("0d" in name and _DIMENSIONS.search(name)) or not _UNITS.search(name):
        return None
    matches = _SIZE.findall(f"-{name}")
    if len(matches) == 1 and not (matches[0][0] or matches[0][1] or matches[0][4]):
        total = _number(matches[0])
        if experts := matches[0][6]:  # 17B-16E: the parameters that are active for each token
            return ParameterRange(total, total * int(experts))
        return ParameterRange(total, total) if 0 < total < _MIN_TOKENS else None
    if not matches:
        attached = {float(number) * 1e9 for number in _ATTACHED.findall(name)}
        total = attached.pop() if len(attached) == 1 else 0.0
        return ParameterRange(total, total) if total else None
    return _of_several(name, matches)


@lru_cache(maxsize=CACHED_NAMES)
def is_auxiliary(name: str) -> bool:
    """Return whether a name (in lower case) is that of an adapter, draft or tokenizer, which states the size of another model."""
    return _AUXILIARY.search(f"-{name}") is not None


def _of_several(name: str, matches: list[tuple[str, ...]]) -> ParameterRange | None:
    """Return the size of a name with several sizes, of experts, or of marked sizes."""
    for match in matches:
        if count := match[0] or match[4]:  # 8x7B: experts share their attention, so that they are less than their product
            expert, experts = _number(match), int(count)
            return ParameterRange(expert * (1 + 0.6 * (experts - 1)), expert * (1 + 0.85 * (experts - 1)), expert)
    totals = [match for match in matches if not match[1]]
    if not totals:  # of active or effective parameters alone, a model has more: those published, at least twice as many
        return ParameterRange(1.5 * max(map(_number, matches)), float("inf"))
    units = {match[3] for match in totals}
    if "b" in units:  # beside billions, 3T are tokens and 1M is a context; of 380M-15B the first is the size
        totals = [match for match in totals if match[3] == "b" or (match[3] == "m" and match[2] not in _CONTEXTS)]
        totals = [match for match in totals if match[3] == totals[0][3]]
    sizes = [_number(match) for match in totals]
    if len(set(sizes)) == 1:
        # 4b-4b are an encoder and a decoder
        total = sum(sizes) if len(sizes) == 2 and _PAIR.search(name) else sizes[0]
        return ParameterRange(total, total)
    if len(sizes) == 2 and _PAIR.search(name):  # 1B-7B: active, and all
        return ParameterRange(max(sizes), max(sizes))
    return None


def _number(match: tuple[str, ...]) -> float:
    _, _, number, unit, _, tenth, _ = match
    number = number.replace("_", ".")
    return float(number if "." in number or not tenth else f"{number}.{tenth}") * _UNIT[unit]
