"""What tells the size of a Hugging Face model beside its counts: its name, its family, and what it was made of. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from etl.sources.huggingface.counts import AGREE
from etl.sources.huggingface.families import architecture, architectures_of, family, is_component, match_family
from etl.sources.huggingface.names import ParameterRange, is_auxiliary, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTRADICTION_FACTOR = (
    10  # times the largest of an architecture or a family: a number in the name above that counts something else
)
_LEAST_DOUBTED = 1e9  # parameters that a name states, from where such a number may count something else
_VERSION = re.compile(r"[-_. ]v(?:er(?:sion)?)?[-_. ]?[0-9]+(?:[._][0-9]+)*(?![a-z0-9])")
_NAME_OF_BASE = "base model's name"
_BASES = re.compile(r"\nbase_model:(?:quantized|finetune|merge):([^\n]+)")
# Names and tags of models that generate text: they may name the encoder that they contain, smaller than they are.
_GENERATIVE = re.compile(
    r"text-generation|conversational|-text-to-text|any-to-any|visual-question|llama|llava|qwen|vicuna|mi[sx]tral|gemma|falcon"
    r"|intern|deepseek|pythia|smol|olmo|granite|nemotron|blip|(?<![a-z])(?:phi|opt|mpt|glm|yi|vlm?|llm|moe|gpt)(?![a-z])"
)


class Corroboration(NamedTuple):
    """What a model's name states, the witness of its size beside the counts, what that is, and what it contradicts."""

    named: ParameterRange | None
    witness: ParameterRange | None
    origin: str
    doubted: tuple[str, ...] = ()

    def or_architecture(self, tags: str) -> Corroboration:
        """Return the same, or what the architecture tells where nothing else does."""
        known = None if self.witness else architecture(tags.split("\n"))
        return Corroboration(self.named, known, "architecture") if known else self


class Corroborator:
    """Hears what tells the size of a model beside its counts. `known` gives the parameters of counted models, by id."""

    def __init__(self, known: Mapping[str, float]) -> None:
        self._known = known

    def hear(self, name: str, tags: str, named: ParameterRange | None) -> Corroboration:
        """Return what else than counts tells the size, and what it is: the name, its family, or the base model."""
        if named and named.is_total:
            if named.low >= _LEAST_DOUBTED and (found := self._contradiction(name, tags, named)):
                return Corroboration(named, *found, ("name",))
            # of one expert, perhaps, where their number is not said
            return Corroboration(named, ParameterRange(named.low, float("inf")) if "\nmixtral\n" in tags else named, "name")
        known = family(name)
        base = self._base(name, tags) if "\nbase_model:" in tags else None
        if base and (named is None or overlap(named, base[0])):
            if known is None:
                return Corroboration(named, *base)
            if not overlap(known, base[0]):  # two readings: what lies between them
                return Corroboration(named, ParameterRange(min(known.low, base[0].low), max(known.high, base[0].high)), "family")
        if known and (named is None or overlap(named, known)):
            return Corroboration(named, known, "family")
        return Corroboration(named, named, "name")

    def by_origin(self, name: str, tags: str) -> dict[str, tuple[str, ParameterRange | None]]:
        """Return how each witness is called and what it states, by its name in `size_from`."""
        lines = tags.split("\n")
        words, known = _any_version(name)
        words = (words or "").partition("(")[0].rstrip("-")
        base = self._base(name, tags)
        return {
            "name": ("name", parse_size(name)),
            "family": (f"family {words}", known),
            "architecture": (f"architecture {', '.join(architectures_of(lines))}", architecture(lines)),
            **({base[1]: (f"{base[1]} {bases(tags)[0]}", base[0])} if base else {}),
        }

    def _contradiction(self, name: str, tags: str, named: ParameterRange) -> tuple[ParameterRange, str] | None:
        """Return what says by far less than a number in a name, so that this counts something else: questions, or tokens.

        A generative model may contain an encoder that its name and tags name; but one that is itself of a generative family
        is of that size.
        """
        words, known = _any_version(name)
        is_family_generative = words is not None and _GENERATIVE.search(words) is not None
        rest = name.replace(words, "") if words and is_family_generative else name
        is_comparable = not _GENERATIVE.search(rest) and (is_family_generative or not _is_generative(tags))
        if known and is_comparable and _CONTRADICTION_FACTOR * known.high < named.low:
            return known, "family"
        if _GENERATIVE.search(name) or _is_generative(tags):
            return None
        told = ((architecture(tags.split("\n")), "architecture"), self._base(name, tags) or (None, ""))
        return next(((one, origin) for one, origin in told if one and _CONTRADICTION_FACTOR * one.high < named.low), None)

    def _base(self, of: str, tags: str) -> tuple[ParameterRange, str] | None:
        """Return the size of the models that one was made of, and what tells it, where they are of one size."""
        found = []
        for base in bases(tags):
            told, is_part_too = _of_base(base)
            if count := self._known.get(base):
                told = ParameterRange(count, count), "base model"
            if told is None or _is_folder(tags) or (is_component(of) and not is_part_too):
                return None
            found.append(told)
        return found[0] if len({told for told, _ in found}) == 1 else None


def _any_version(name: str) -> tuple[str | None, ParameterRange | None]:
    """Return the words of the family that a name is of, whatever the version, and what it states."""
    for each in (name, _VERSION.sub("", name)):
        if words := match_family(each):
            return words, family(each)
    return None, None


def _is_generative(tags: str) -> bool:
    return "-generation" in tags or _GENERATIVE.search(tags) is not None


def bases(tags: str) -> list[str]:
    """Return the ids of the models that a model was made of, by its tags; not those that it is an adapter for."""
    return _BASES.findall(tags) if "\nbase_model:" in tags else []


def agrees(count: float, witness: ParameterRange) -> bool:
    """Return whether a count is what a witness states, as closely as two counts of the same weights agree."""
    return witness.low <= count * AGREE and count <= witness.high * AGREE


def overlap(one: ParameterRange, other: ParameterRange) -> bool:
    """Return whether one count may be what both readings state."""
    return one.low <= other.high * AGREE and other.low <= one.high * AGREE


def _of_name(name: str, named: ParameterRange | None) -> tuple[ParameterRange, str] | None:
    """Return what a name tells, and whether that is a number in it or its family."""
    if (named is None or not named.is_total) and (known := family(name)):
        return known, "family"
    return (named, "name") if named else None


@lru_cache(maxsize=4096)  # many are made of few
def _of_base(base: str) -> tuple[tuple[ParameterRange, str] | None, bool]:
    """Return what the name in an id tells of the models made of it, with what tells it, and whether it is that of a part."""
    name = base.rpartition("/")[2].lower()
    told = None if is_auxiliary(name) else _of_name(name, parse_size(name))
    return (told[0], _NAME_OF_BASE) if told and told[1] == "name" else told, is_component(name)


def _is_folder(tags: str) -> bool:
    """Tell whether tags are those of a folder, of files of several models."""
    return "\ncomfyui\n" in tags or "\ndiffusion-single-file\n" in tags
