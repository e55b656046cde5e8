"""What states the size of a Hugging Face model beside its counts: its name, its family, and its base models. No I/O."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from etl.sources.huggingface.counts import AGREE
from etl.sources.huggingface.evidence import MAX_ID
from etl.sources.huggingface.families import architecture, architectures_of, family, is_component, match_family
from etl.sources.huggingface.names import ParameterRange, is_auxiliary, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTRADICTION_FACTOR = 10  # a number that exceeds the size of the family or architecture so often counts something else
_MIN_DOUBTED = 1e9  # parameters: a number in the name from here up may count something else
_VERSION = re.compile(r"[-_. ]v(?:er(?:sion)?)?[-_. ]?[0-9]+(?:[._][0-9]+)*(?![a-z0-9])")
_NAME_OF_BASE = "base model's name"
_BASES = re.compile(rf"\nbase_model:(?:quantized|finetune|merge):([^\n]{{1,{MAX_ID}}})(?=\n)")
# Names and tags of models that generate text; they may name an encoder that they contain, which is smaller.
_GENERATIVE = re.compile(
    r"text-generation|conversational|-text-to-text|any-to-any|visual-question|llama|llava|qwen|vicuna|mi[sx]tral|gemma|falcon"
    r"|intern|deepseek|pythia|smol|olmo|granite|nemotron|blip|(?<![a-z])(?:phi|opt|mpt|glm|yi|vlm?|llm|moe|gpt)(?![a-z])"
)


class Corroboration(NamedTuple):
    """What other evidence than counts states.

    Attributes:
        named: What the model's own name states.
        stated: What the strongest evidence states; None if absent.
        origin: What that evidence is, as in `size_from`.
        conflicting: Weaker evidence that conflicts with it.
    """

    named: ParameterRange | None
    stated: ParameterRange | None
    origin: str
    conflicting: tuple[str, ...] = ()

    def or_architecture(self, tags: str) -> Corroboration:
        """Return the same, or what the architecture states if nothing else does."""
        stated = None if self.stated else architecture(tags.split("\n"))
        return Corroboration(self.named, stated, "architecture") if stated else self


_NOTHING = Corroboration(None, None, "name")


class Corroborator:
    """Finds what states the size of a model beside its counts; `base_counts` are the parameters of counted models, by id."""

    def __init__(self, base_counts: Mapping[str, float]) -> None:
        self._base_counts = base_counts

    def corroborate(self, name: str, tags: str, named: ParameterRange | None) -> Corroboration:
        """Return the strongest evidence beside the counts: the name, its family, or the base model."""
        if named and named.is_total:
            if named.low >= _MIN_DOUBTED and (contradiction := self._contradiction(name, tags, named)):
                return Corroboration(named, *contradiction, ("name",))
            # The size of one expert, perhaps, if their number is not stated.
            return Corroboration(named, ParameterRange(named.low, float("inf")) if "\nmixtral\n" in tags else named, "name")
        family_size = family(name)
        base = self._base(name, tags) if "\nbase_model:" in tags else None
        if base and (named is None or overlap(named, base[0])):
            if family_size is None:
                return Corroboration(named, *base)
            if not overlap(family_size, base[0]):  # both, and what is between them
                low, high = min(family_size.low, base[0].low), max(family_size.high, base[0].high)
                return Corroboration(named, ParameterRange(low, high), "family")
        if family_size and (named is None or overlap(named, family_size)):
            return Corroboration(named, family_size, "family")
        return Corroboration(named, named, "name") if named else _NOTHING

    def by_origin(self, name: str, tags: str) -> dict[str, tuple[str, ParameterRange | None]]:
        """Return the description of each evidence and what it states, by its name in `size_from`."""
        lines = tags.split("\n")
        pattern, family_size = _any_version(name)
        label = (pattern or "").partition("(")[0].rstrip("-")
        base = self._base(name, tags)
        return {
            "name": ("name", parse_size(name)),
            "family": (f"family {label}", family_size),
            "architecture": (f"architecture {', '.join(architectures_of(lines))}", architecture(lines)),
            **({base[1]: (f"{base[1]} {bases(tags)[0]}", base[0])} if base else {}),
        }

    def _contradiction(self, name: str, tags: str, named: ParameterRange) -> tuple[ParameterRange, str] | None:
        """Return the evidence that states far less than a number in the name, which then counts questions, or tokens, say.

        A generative model may contain an encoder that its name and tags name; but a model that is itself of a generative family
        has the size of that family.
        """
        pattern, family_size = _any_version(name)
        if pattern and family_size and _CONTRADICTION_FACTOR * family_size.high < named.low:
            is_family_generative = _GENERATIVE.search(pattern) is not None
            rest = name.replace(pattern, "") if is_family_generative else name
            if not _GENERATIVE.search(rest) and (is_family_generative or not _is_generative(tags)):
                return family_size, "family"
        if _is_exempt(name, tags):
            return None
        candidates = ((architecture(tags.split("\n")), "architecture"), self._base(name, tags) or (None, ""))
        for size, origin in candidates:
            if size and _CONTRADICTION_FACTOR * size.high < named.low:
                return None if _GENERATIVE.search(tags) else (size, origin)
        return None

    def _base(self, name: str, tags: str) -> tuple[ParameterRange, str] | None:
        """Return the size of the base models and the evidence for it, if all have the same."""
        first, is_of_components = None, True
        for base in bases(tags):
            size, is_base_component = _of_base(base)
            if count := self._base_counts.get(base):
                size = ParameterRange(count, count), "base model"
            if size is None or (first and size[0] != first[0]):
                return None
            first = first or size
            is_of_components = is_of_components and is_base_component
        if first is None or _is_folder(tags) or (is_component(name) and not is_of_components):
            return None
        return first


def _any_version(name: str) -> tuple[str | None, ParameterRange | None]:
    """Return the pattern of the family of a name, with or without its version, and the size of that family."""
    pattern = match_family(name)
    if pattern is None and "v" in name:
        name = _VERSION.sub("", name)
        pattern = match_family(name)
    return pattern, family(name) if pattern else None


def bases_matter(name: str, tags: str, named: ParameterRange | None) -> bool:
    """Return whether what states the size beside the counts may depend on the parameters of base models."""
    if not bases(tags) or _is_folder(tags):
        return False
    if named and named.is_total:  # which a base could only contradict
        return named.low >= _MIN_DOUBTED and not _is_exempt(name, tags)
    return True


def _is_exempt(name: str, tags: str) -> bool:
    """Return whether a number in a name cannot be contradicted by the architecture or a base, as that of a generative model."""
    return "-generation" in tags or _GENERATIVE.search(name) is not None


def _is_generative(tags: str) -> bool:
    return "-generation" in tags or _GENERATIVE.search(tags) is not None


def bases(tags: str) -> list[str]:
    """Return the ids of the base models in tags, except those that the model is an adapter for."""
    return _BASES.findall(tags) if "\nbase_model:" in tags else []


def agrees(count: float, stated: ParameterRange) -> bool:
    """Return whether a count is what is stated, as closely as two counts of the same weights agree."""
    return stated.low <= count * AGREE and count <= stated.high * AGREE


def overlap(left: ParameterRange, right: ParameterRange) -> bool:
    """Return whether one count may be what both state."""
    return left.low <= right.high * AGREE and right.low <= left.high * AGREE


def _of_name(name: str, named: ParameterRange | None) -> tuple[ParameterRange, str] | None:
    """Return the size that a name states, and whether that is a number in it or its family."""
    if (named is None or not named.is_total) and (family_size := family(name)):
        return family_size, "family"
    return (named, "name") if named else None


@lru_cache(maxsize=4096)  # many models have few bases
def _of_base(base: str) -> tuple[tuple[ParameterRange, str] | None, bool]:
    """Return the size that the name of a base model states, the evidence for it, and whether the name is that of a component."""
    name = base.rpartition("/")[2].lower()
    size = None if is_auxiliary(name) else _of_name(name, parse_size(name))
    return (size[0], _NAME_OF_BASE) if size and size[1] == "name" else size, is_component(name)


def _is_folder(tags: str) -> bool:
    """Return whether tags are those of a folder with files of several models."""
    return "\ncomfyui\n" in tags or "\ndiffusion-single-file\n" in tags
