"""The size class of a Hugging Face model, from what the list API says of it. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from etl.filters import SIZES, SizeClass
from etl.transform import counts
from etl.transform.counts import AGREE, checked
from etl.transform.doubts import sentences
from etl.transform.families import architecture, architectures_of, component, family, is_part, which
from etl.transform.names import Reading, is_servant, reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOMINAL = 0.2  # of the named size, within which a measured count bears it out: Llama-2-7b has 6.74B
_CORRUPT = 1e-3  # of the named size, below which a count is of no weights at all
_HELPER = 0.1  # of the denoiser, below which what is counted of a folder of diffusers is a VAE or an encoder
_SHARD = 4  # a whole GGUF file below this part of its family's size is one of several shards
_FAR = 10  # times the largest of an architecture or a family: a number in the name above that counts something else
_LEAST_DOUBTED = 1e9  # parameters that a name states, from where such a number may count something else
_UNPACKED = "safetensors corrected for packing"
_NAME_OF_BASE = "base model's name"
_BASES = re.compile(r"\nbase_model:(?:quantized|finetune|merge):([^\n]+)")
# Names and tags of models that generate text: they may name the encoder that they contain, smaller than they are.
_GENERATIVE = re.compile(
    r"text-generation|conversational|-text-to-text|any-to-any|visual-question|llama|llava|qwen|vicuna|mi[sx]tral|gemma|falcon"
    r"|intern|deepseek|pythia|smol|olmo|granite|nemotron|blip|(?<![a-z])(?:phi|opt|mpt|glm|yi|vlm?|llm|moe|gpt)(?![a-z])"
)
_MIXTURE = re.compile(r"\n(?:moe|mixtral|mixture-of-experts|[a-z0-9_]+_moe)(?=\n)")


class Verdict(NamedTuple):
    """`parameters` of a model (null where no count is known), its class, the evidence that decided, and what disagreed."""

    parameters: int | None
    size: str
    size_from: str
    size_against: list[str]


class Evidence(NamedTuple):
    """What the list API says of a model.

    `name` is in lower case and without the owner; `tags` are lines, each between two line feeds; `elements` are those
    stored, by dtype, `total` their number as it is told, which need not be their sum; `gguf` the parameters of a GGUF file,
    and `gguf_architecture` what that file says it is.
    """

    name: str
    tags: str
    elements: Mapping[str, float]
    total: float | None
    gguf: float | None
    gguf_architecture: str | None = None


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
        name, tags, elements, total, told, kind = evidence
        named = reading(name)
        count = counts.stored(elements, total)
        part = counts.gguf_part(kind) if kind else None
        gguf = checked(told)
        whole = count if count and counts.is_plain(elements) and (elements or not counts.is_quantised(name, tags)) else None
        if is_servant(name) or _is_adapter(tags):  # whatever its name and its base say, they are not of these weights
            own = (whole, "safetensors") if whole else (gguf if part in {None, counts.DRAFT} else None, "gguf")
            return self._measured(own[0], None, own[1], ()) if own[0] else _NONE
        gguf = None if part else gguf
        if named:
            if whole and _agree(whole, named):
                return self._measured(whole, named, "safetensors", ())
            if count is None and gguf and named.is_total and _agree(gguf, named):
                return self._measured(gguf, named, "gguf", ())
        heard = self._heard(name, tags, named)
        if whole:
            return self._whole(evidence, whole, heard)
        if count:
            return self._packed(evidence, count, heard)
        if gguf and (decided := self._of_gguf(evidence, gguf, heard)):
            return decided
        # A smaller count is of one shard, or of a part that goes with the model; a count that cannot be is of nothing.
        against = [source for source, each in (("safetensors", total), ("gguf", told)) if each is not None]
        return self._told(heard.or_architecture(tags), against)

    def doubts(self, evidence: Evidence) -> list[str]:
        """Return a sentence for each count and each witness that was not believed, with the figures; none where all agree."""
        name, tags = evidence.name, evidence.tags
        base = self._base(name, tags)
        witnesses = {
            "name": ("name", reading(name)),
            "family": (f"family {which(name)}", family(name)),
            "architecture": ("architecture " + ", ".join(architectures_of(tags.split("\n"))), architecture(tags.split("\n"))),
            **({base[1]: (f"{base[1]} {bases(tags)[0]}", base[0])} if base else {}),
        }
        return sentences(evidence, self.verdict(evidence), witnesses)

    def _heard(self, name: str, tags: str, named: Reading | None) -> _Heard:
        """Return what else than counts tells the size, and what it is: the name, its family, or the base model."""
        if named and named.is_total:
            if named.low >= _LEAST_DOUBTED and "-generation" not in tags and (found := self._contradiction(name, tags, named)):
                return _Heard(named, *found, ("name",))
            # of one expert, perhaps, where their number is not said
            return _Heard(named, Reading(named.low, float("inf")) if "\nmixtral\n" in tags else named, "name")
        known = family(name)
        base = self._base(name, tags) if "\nbase_model:" in tags else None
        if base and (named is None or _overlap(named, base[0])):
            if known is None:
                return _Heard(named, *base)
            if not _overlap(known, base[0]):  # two readings: what lies between them
                return _Heard(named, Reading(min(known.low, base[0].low), max(known.high, base[0].high)), "family")
        if known and (named is None or _overlap(named, known)):
            return _Heard(named, known, "family")
        return _Heard(named, named, "name")

    def _contradiction(self, name: str, tags: str, named: Reading) -> tuple[Reading, str] | None:
        """Return what says by far less than a number in a name, so that this counts something else: questions, or tokens."""
        if _GENERATIVE.search(name) or _GENERATIVE.search(tags):
            return None
        told = ((architecture(tags.split("\n")), "architecture"), (family(name), "family"), self._base(name, tags) or (None, ""))
        return next(((one, origin) for one, origin in told if one and _FAR * one.high < named.low), None)

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

    def _whole(self, evidence: Evidence, count: float, heard: _Heard) -> Verdict:
        """Return the size of a model of which each stored element is a parameter: the count, unless it is of other weights."""
        name, tags, elements = evidence[:3]
        witness = heard.witness
        if witness and _agree(count, witness):
            return self._measured(count, heard.named, "safetensors", heard.doubted)
        if "\ndiffusers\n" in tags and not is_part(name) and (component(count) or (witness and count < _HELPER * witness.low)):
            return self._told(heard.or_architecture(tags), ["safetensors"])
        if witness:
            # Quantised weights of a type that is not counted are missing.
            is_short = counts.is_quantised(name, tags) and not counts.holds_quantised(elements)
            if count < witness.low * (0.5 if is_short else _CORRUPT):
                return self._told(heard, ["safetensors"])
        return self._measured(count, heard.named, "safetensors", (heard.origin,) if witness else ())

    def _packed(self, evidence: Evidence, count: float, heard: _Heard) -> Verdict:
        """Return the size of a model whose elements hold several parameters each, or may: a second witness must bear it out."""
        name, tags, elements, total = evidence[:4]
        witness = heard.witness if heard.witness and heard.witness.high < float("inf") else None  # bears out any packed count
        if witness and _agree(count, witness):
            return self._measured(count, heard.named, "safetensors", heard.doubted)
        said = counts.declared(elements, total, name, tags)
        held = counts.unpacked(elements, name, tags)
        if witness and (fitting := [each for each in held if _agree(each, witness)]):
            best = said if said and _agree(said, witness) else min(fitting, key=lambda each: abs(each - witness.low))
            return self._measured(best, heard.named, _UNPACKED, heard.doubted)
        if said:
            return self._measured(said, heard.named, _UNPACKED, (heard.origin,) if witness else ())
        if witness:  # Packing counts too little, so that of packed weights that fit no witness the count tells nothing.
            return self._told(heard, ["safetensors"])
        # Without a witness, the class must be the same either way; of a bare total, nothing is known.
        classes = {self._class(nominal(each, None)) for each in (count, *held)}
        if len(classes) > 1 or not elements:
            return _NONE._replace(size_against=["safetensors"])
        return Verdict(None, classes.pop(), "safetensors", [])

    def _of_gguf(self, evidence: Evidence, count: float, heard: _Heard) -> Verdict | None:
        """Return the size of a model by its GGUF file; None where that is of one shard, so that the witness tells."""
        named, witness, origin, doubted = heard
        if witness is None:
            return self._measured(count, named, "gguf", ())
        is_whole = origin == "family" and evidence.gguf_architecture
        if count > witness.low / (_SHARD if is_whole else AGREE):
            return self._measured(count, named, "gguf", doubted if _agree(count, witness) else (origin,))
        if witness.expert and _agree(count, Reading(witness.expert, witness.expert)):  # the name counts what was merged
            return self._measured(count, None, "gguf", (origin,))
        if witness.expert and not _MIXTURE.search(evidence.tags):
            return _NONE._replace(size_against=[origin, "gguf"])
        return None

    def _measured(self, count: float, named: Reading | None, origin: str, against: Sequence[str]) -> Verdict:
        """Return the size of a count; `named` is what the model's own name states."""
        said = named.low if named and named.is_total else None
        return Verdict(round(count), self._class(nominal(count, said)), origin, list(against))

    def _told(self, heard: _Heard, against: Sequence[str]) -> Verdict:
        """Return the size that a witness tells without a count."""
        _, witness, origin, doubted = heard
        if witness is None:
            return _NONE._replace(size_against=list(against))
        is_count = origin in {"family", "base model", "architecture"}
        low, high = (self._class(nominal(each, None) if is_count else each) for each in (witness.low, witness.high))
        if low != high:
            return _NONE._replace(size_against=[origin, *doubted, *against])
        return Verdict(round(witness.low) if witness.is_total else None, low, origin, [*doubted, *against])

    def _class(self, parameters: float) -> str:
        for name, most, is_through in self._classes:
            if parameters < most or (is_through and parameters == most):
                return name
        return self._classes[-1].name  # of which the bound is infinite


class _Heard(NamedTuple):
    """What a model's name states, the witness of its size beside the counts, what that is, and what it contradicts."""

    named: Reading | None
    witness: Reading | None
    origin: str
    doubted: tuple[str, ...] = ()

    def or_architecture(self, tags: str) -> _Heard:
        """Return the same, or what the architecture tells where nothing else does."""
        known = None if self.witness else architecture(tags.split("\n"))
        return _Heard(self.named, known, "architecture") if known else self


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
    return one.low <= other.high * AGREE and other.low <= one.high * AGREE


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
    return witness.low <= count * AGREE and count <= witness.high * AGREE
