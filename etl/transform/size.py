"""The size class of a Hugging Face model, from what the list API says of it. Pure."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from etl.filters import SIZES, SizeClass
from etl.transform.families import family
from etl.transform.names import Reading, is_servant, reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXACT = 2**53  # from here on JSON readers disagree about integers, so it counts nothing
_NOMINAL = 0.2  # of the named size, within which a measured count bears it out: Llama-2-7b has 6.74B
_AGREE = 1.3  # the largest ratio of two counts of the same weights: block scales and untied heads count too
_CORRUPT = 1e-3  # of the named size, below which a count is of no weights at all
_WHOLE = {"BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2"}  # an element is a parameter
_WORDS = {"I32", "U32", "I64"}  # hold several parameters each when weights are packed
_BYTES = {"U8", "I8"}
_BITS = re.compile(r"(?<![a-z0-9])(?:w|int|q|fp|mxfp|nvfp|nf|iq)?([1-8])(?:bits?|a16|a8|a4|-bit)?(?![a-z0-9])")
_WAYS = r"gptq|awq|quant|[0-9]-?bit|int[48]|[wa][0-9]+a[0-9]+|nvfp4|mxfp[48]|fp8|mlx|bnb|nf4|autoround|auto-round|bitnet"
_QUANTISED = re.compile(_WAYS)
_QUANTISED_TAGS = re.compile(rf"\n(?:{_WAYS})\n")
_NAME_OF_BASE = "base model's name"
_BASES = re.compile(r"\nbase_model:(?:quantized|finetune|merge):([^\n]+)")
_DECLARED = re.compile(r"\n([2-8])-bit(?=\n)")


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
        name, tags, elements, _, _ = evidence
        named = reading(name)
        total = _sum(evidence)
        gguf = _count(evidence.gguf)
        is_plain = elements.keys() <= _WHOLE
        if is_servant(name) or _is_adapter(tags):  # whatever its name and its base say, they are not of these weights
            if total is not None and is_plain:
                return self._measured(total, None, "safetensors", ())
            return _NONE if gguf is None else self._measured(gguf, None, "gguf", ())
        if total and is_plain and named and _agree(total, named):
            return self._measured(total, named, "safetensors", ())
        witness, origin = self._witness(name, tags, named)
        if total is not None:
            return self._counted(evidence, total, named, witness, origin)
        if gguf is not None and (witness is None or gguf > witness.low / _AGREE):
            agrees = witness is None or gguf <= witness.high * _AGREE
            return self._measured(gguf, named, "gguf", () if agrees else (origin,))
        # A smaller count is of one shard, or of a part that goes with the model.
        return self._told(witness, origin, () if gguf is None else ("gguf",)) if witness else _NONE

    def _witness(self, name: str, tags: str, named: Reading | None) -> tuple[Reading | None, str]:
        """Return what else than counts tells the size, and what it is: the name, its family, or the base model."""
        if named and named.is_total:
            return named, "name"
        for told in (_of_name(name, named), self._base(tags)):
            if told and told[0] is not named and (named is None or named.low <= told[0].high * _AGREE):
                return told
        return named, "name"

    def _base(self, tags: str) -> tuple[Reading, str] | None:
        """Return the size of the models that a model was made of, and what tells it, where they are of one size."""
        found = set()
        for base in bases(tags):
            name = base.rpartition("/")[2].lower()
            if count := self._known.get(base):
                found.add((Reading(count, count), "base model"))
            elif is_servant(name) or "\ncomfyui\n" in tags:  # which marks a folder of many
                return None
            elif told := _of_name(name, reading(name)):
                found.add((told[0], _NAME_OF_BASE if told[1] == "name" else told[1]))
            else:
                return None
        return found.pop() if len({reading for reading, _ in found}) == 1 else None

    def _counted(self, evidence: Evidence, total: float, named: Reading | None, witness: Reading | None, origin: str) -> Verdict:
        """Return the size of a model whose stored elements were counted."""
        is_plain = evidence.elements.keys() <= _WHOLE
        if witness is None:
            # Packed weights are corrected with a second witness only; without, the class must be the same either way.
            classes = {self._class(nominal(each, None)) for each in (total, *_unpacked(evidence))}
            if len(classes) == 1:
                return Verdict(round(total) if is_plain else None, classes.pop(), "safetensors", [])
            return _NONE._replace(size_against=["safetensors"])
        if _agree(total, witness):
            return self._measured(total, named, "safetensors", ())
        fitting = [each for each in _unpacked(evidence) if _agree(each, witness)]
        if fitting:
            return self._measured(fitting[0], named, "safetensors corrected for packing", ())
        # Packing counts too little, so that of packed weights that fit no witness the count tells nothing.
        if not is_plain or total < witness.low * (0.5 if _is_quantised(evidence) else _CORRUPT):
            return self._told(witness, origin, ("safetensors",))
        return self._measured(total, named, "safetensors", (origin,))

    def _measured(self, count: float, named: Reading | None, origin: str, against: Sequence[str]) -> Verdict:
        """Return the size of a count; `named` is what the model's own name states."""
        said = named.low if named and named.is_total else None
        return Verdict(round(count), self._class(nominal(count, said)), origin, list(against))

    def _told(self, witness: Reading, origin: str, against: Sequence[str]) -> Verdict:
        """Return the size that a witness tells without a count."""
        is_count = origin in ("family", "base model")
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


def _of_name(name: str, named: Reading | None) -> tuple[Reading, str] | None:
    """Return what a name tells, and whether that is a number in it or its family."""
    if (named is None or not named.is_total) and (known := family(name)):
        return known, "family"
    return (named, "name") if named else None


def _sum(evidence: Evidence) -> float | None:
    """Return the number of stored elements: the total where it is the sum of its parts, else null."""
    total, parts = _count(evidence.total), sum(evidence.elements.values())
    if total is not None and parts and not 0.99 < parts / total < 1.01:
        return None
    return total


def _count(value: float | None) -> float | None:
    return value if value is not None and 1 <= value < _EXACT else None


def _is_adapter(tags: str) -> bool:
    """Tell whether tags are those of an adapter; a GGUF file of one is a whole model, or has the word in its name."""
    if "\ngguf\n" in tags:
        return False
    return "\npeft\n" in tags or "\nlora\n" in tags or "\nbase_model:adapter:" in tags


def _agree(count: float, witness: Reading) -> bool:
    return witness.low <= count * _AGREE and count <= witness.high * _AGREE


def _is_quantised(evidence: Evidence) -> bool:
    return _QUANTISED.search(evidence.name) is not None or _QUANTISED_TAGS.search(evidence.tags) is not None


def _unpacked(evidence: Evidence) -> list[float]:
    """Return the parameters that the elements may hold, the likeliest first; none where none are packed."""
    words = octets = scales = rest = 0.0
    for dtype, count in evidence.elements.items():
        words += count * (dtype in _WORDS)
        octets += count * (dtype in _BYTES)
        scales += count * dtype.startswith("F8")
        rest += count * (dtype in _WHOLE)
    if words:
        declared = {int(each) for each in (*_BITS.findall(evidence.name), *_DECLARED.findall(evidence.tags))}
        return [rest + words * 32 / each for each in sorted(declared - {1} or {4, 8})]
    if octets:  # F8 beside bytes are the scales of their blocks
        return [rest - scales + octets * 2, rest - scales + octets * 4]
    return []
