"""The size class of a Hugging Face model, from what the list API says of it. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from etl.filters import SIZES, SizeClass
from etl.transform.counts import checked, is_plain, is_quantised, stored, unpacked
from etl.transform.families import architecture, family, is_part
from etl.transform.names import Reading, is_servant, reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOMINAL = 0.2  # of the named size, within which a measured count bears it out: Llama-2-7b has 6.74B
_AGREE = 1.3  # the largest ratio of two counts of the same weights: block scales and untied heads count too
_CORRUPT = 1e-3  # of the named size, below which a count is of no weights at all
_NAME_OF_BASE = "base model's name"
_BASES = re.compile(r"\nbase_model:(?:quantized|finetune|merge):([^\n]+)")


class Verdict(NamedTuple):
    """`parameters` of a model (null where no count is known), its class, the evidence that decided, and what disagreed."""

    parameters: int | None
    size: str
    size_from: str
    size_against: list[str]


class Evidence(NamedTuple):
    """What the list API says of a model.

    `name` is in lower case and without the owner; `tags` are lines, each between two line feeds; `elements` are those
    stored, by dtype, `total` their sum as it is told, `gguf` the parameters of a GGUF file.
    """

    name: str
    tags: str
    elements: Mapping[str, float]
    total: float | None
    gguf: float | None


class Sizer:
    """Decides sizes: of a model's counts, where a witness bears them out or none contradicts, else of the witness.

    `classes` go from the smallest to the largest. `known` gives the parameters of models in the catalogue, by id, as far as
    they were counted and nothing disagrees.
    """

    def __init__(self, classes: Sequence[SizeClass] = SIZES, known: Mapping[str, float] = MappingProxyType({})) -> None:
        self._classes = classes
        self._known = known

    def verdict(self, evidence: Evidence) -> Verdict:
        """Return the size of a model."""
        name, tags, elements, told, gguf = evidence
        named = reading(name)
        total = stored(elements, told)
        gguf = checked(gguf)
        whole = total if is_plain(elements) else None
        if is_servant(name) or _is_adapter(tags):  # whatever its name and its base say, they are not of these weights
            own = (whole, "safetensors") if whole else (gguf, "gguf")
            return self._measured(own[0], None, own[1], ()) if own[0] else _NONE
        if whole and named and _agree(whole, named):
            return self._measured(whole, named, "safetensors", ())
        witness, origin = self._witness(name, tags, named)
        if total is not None:
            return self._counted(evidence, total, named, witness, origin)
        if gguf is not None and (witness is None or gguf > witness.low / _AGREE):
            agrees = witness is None or gguf <= witness.high * _AGREE
            return self._measured(gguf, named, "gguf", () if agrees else (origin,))
        if witness is None and (known := architecture(tags.split("\n"))):
            witness, origin = known, "architecture"
        # A smaller count is of one shard, or of a part that goes with the model; a total that is no sum is of nothing.
        against = [kind for kind, count in (("safetensors", told), ("gguf", gguf)) if count is not None]
        return self._told(witness, origin, against) if witness else _NONE._replace(size_against=against)

    def _witness(self, name: str, tags: str, named: Reading | None) -> tuple[Reading | None, str]:
        """Return what else than counts tells the size, and what it is: the name, its family, or the base model."""
        if named and named.is_total:  # of one expert, perhaps, where their number is not said
            return Reading(named.low, float("inf")) if "\nmixtral\n" in tags else named, "name"
        known = family(name)
        base = self._base(name, tags) if "\nbase_model:" in tags else None
        if base and (named is None or _overlap(named, base[0])):
            if known is None:
                return base
            if not _overlap(known, base[0]):  # two readings: what lies between them
                return Reading(min(known.low, base[0].low), max(known.high, base[0].high)), "family"
        if known and (named is None or _overlap(named, known)):
            return known, "family"
        return named, "name"

    def _base(self, of: str, tags: str) -> tuple[Reading, str] | None:
        """Return the size of the models that one was made of, and what tells it, where they are of one size."""
        found = []
        for base in bases(tags):
            told, is_part_too = _of_base(base)
            if count := self._known.get(base):
                told = Reading(count, count), "base model"
            if told is None or _is_folder(tags) or (is_part(of) and not is_part_too):
                return None
            found.append(told)
        return found[0] if len({told for told, _ in found}) == 1 else None

    def _counted(self, evidence: Evidence, total: float, named: Reading | None, witness: Reading | None, origin: str) -> Verdict:
        """Return the size of a model whose stored elements were counted."""
        name, tags, elements, _, _ = evidence
        is_whole = is_plain(elements)
        if not is_whole and witness and witness.high == float("inf"):  # bears out any packed count
            witness = None
        if witness is None and not is_whole:
            # Packed weights are corrected with a second witness only; without, the class must be the same either way.
            classes = {self._class(nominal(each, None)) for each in (total, *unpacked(elements, name, tags))}
            one = len(classes) == 1
            return Verdict(None, classes.pop(), "safetensors", []) if one else _NONE._replace(size_against=["safetensors"])
        if witness is None or _agree(total, witness):
            return self._measured(total, named, "safetensors", ())
        fitting = [each for each in unpacked(elements, name, tags) if _agree(each, witness)]
        if fitting:
            count = min(fitting, key=lambda each: abs(each - witness.low))
            return self._measured(count, named, "safetensors corrected for packing", ())
        # Packing counts too little, so that of packed weights that fit no witness the count tells nothing. What is counted of
        # a folder of diffusers may be another part than the denoiser, or more.
        least = witness.low * (0.5 if is_quantised(name, tags) else _CORRUPT)
        if not is_whole or total < least or "\ndiffusers\n" in tags:
            return self._told(witness, origin, ("safetensors",))
        return self._measured(total, named, "safetensors", (origin,))

    def _measured(self, count: float, named: Reading | None, origin: str, against: Sequence[str]) -> Verdict:
        """Return the size of a count; `named` is what the model's own name states."""
        said = named.low if named and named.is_total else None
        return Verdict(round(count), self._class(nominal(count, said)), origin, list(against))

    def _told(self, witness: Reading, origin: str, against: Sequence[str]) -> Verdict:
        """Return the size that a witness tells without a count."""
        is_count = origin in ("family", "base model", "architecture")
        low, high = (self._class(nominal(each, None) if is_count else each) for each in witness)
        if low != high:
            return _NONE._replace(size_against=[origin, *against])
        return Verdict(round(witness.low) if witness.is_total else None, low, origin, list(against))

    def _class(self, parameters: float) -> str:
        for name, most, is_through in self._classes:
            if parameters < most or (is_through and parameters == most):
                return name
        return self._classes[-1].name  # of which the bound is infinite


_NONE = Verdict(None, "unknown", "none", [])


def nominal(count: float, named: float | None) -> float:
    """Return the count as people say it: the named size if it fits, else rounded to whole billions from 1e9 up."""
    if named and abs(count - named) <= _NOMINAL * named:
        return named
    return round(count / 1e9) * 1e9 if count >= 1e9 else count


def bases(tags: str) -> list[str]:
    """Return the ids of the models that a model was made of, by its tags; not those that it is an adapter for."""
    return _BASES.findall(tags) if "\nbase_model:" in tags else []


def _overlap(one: Reading, other: Reading) -> bool:
    return one.low <= other.high * _AGREE and other.low <= one.high * _AGREE


def _of_name(name: str, named: Reading | None) -> tuple[Reading, str] | None:
    """Return what a name tells, and whether that is a number in it or its family."""
    if (named is None or not named.is_total) and (known := family(name)):
        return known, "family"
    return (named, "name") if named else None


@lru_cache(maxsize=4096)  # many are made of few
def _of_base(base: str) -> tuple[tuple[Reading, str] | None, bool]:
    """Return what the name in an id tells of the models made of it, with what tells it, and whether it is that of a part."""
    name = base.rpartition("/")[2].lower()
    told = None if is_servant(name) else _of_name(name, reading(name))
    return (told[0], _NAME_OF_BASE) if told and told[1] == "name" else told, is_part(name)


def _is_folder(tags: str) -> bool:
    """Tell whether tags are those of a folder, of files of several models."""
    return "\ncomfyui\n" in tags or "\ndiffusion-single-file\n" in tags


def _is_adapter(tags: str) -> bool:
    """Tell whether tags are those of an adapter; a GGUF file of one is a whole model, or has the word in its name."""
    is_for_another = "\npeft\n" in tags or "\nlora\n" in tags or "\nbase_model:adapter:" in tags
    return is_for_another and "\ngguf\n" not in tags


def _agree(count: float, witness: Reading) -> bool:
    return witness.low <= count * _AGREE and count <= witness.high * _AGREE
