"""The size class of a Hugging Face model, from what the list API says of it. Pure."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from etl.sources.huggingface.conflicts import describe_conflicts
from etl.sources.huggingface.corroboration import Corroboration, Corroborator, agrees, bases
from etl.sources.huggingface.counts import (
    AGREE,
    DRAFT,
    declared_count,
    element_count,
    gguf_part,
    has_quantized,
    is_quantized,
    is_unpacked,
    unpacked_candidates,
    valid_count,
)
from etl.sources.huggingface.families import component_name, is_component
from etl.sources.huggingface.names import ParameterRange, is_auxiliary, parse_size
from etl.sources.source import DEFAULT_SIZE_CLASSES, SizeClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SizeEstimate", "SizeEstimator", "SizeEvidence", "bases", "nominal"]

_UNPACKED = "safetensors corrected for packing"
_NOMINAL = 0.2  # of the named size, within which a measured count bears it out: Llama-2-7b has 6.74B
_CORRUPT = 1e-3  # of the named size, below which a count is of no weights at all
_HELPER = 0.1  # of the denoiser, below which what is counted of a folder of diffusers is a VAE or an encoder
_SHARD = 4  # a whole GGUF file below this part of its family's size is one of several shards
_MIXTURE = re.compile(r"\n(?:moe|mixtral|mixture-of-experts|[a-z0-9_]+_moe)(?=\n)")


class SizeEstimate(NamedTuple):
    """`parameters` of a model (null where no count is known), its class, the evidence that decided, and what disagreed."""

    parameters: int | None
    size: str
    size_from: str
    size_against: list[str]


class SizeEvidence(NamedTuple):
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


class SizeEstimator:
    """Decides sizes: of a model's counts, where a witness bears them out or none contradicts, else of the witness.

    `classes` go from the smallest to the largest. `known` gives the parameters of models in the catalogue, by id, as far as
    they were counted and nothing disagrees.
    """

    def __init__(
        self, classes: Sequence[SizeClass] = DEFAULT_SIZE_CLASSES, known: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        self._classes = classes
        self._witnesses = Corroborator(known)

    def verdict(self, evidence: SizeEvidence) -> SizeEstimate:
        """Return the size of a model."""
        name, tags, elements, total, told, kind = evidence
        named = parse_size(name)
        count = element_count(elements, total)
        part = gguf_part(kind) if kind else None
        gguf = valid_count(told) if told else None
        whole = count if count and is_unpacked(elements) and (elements or not is_quantized(name, tags)) else None
        if is_auxiliary(name) or _is_adapter(tags):  # whatever its name and its base say, they are not of these weights
            own = (whole, "safetensors") if whole else (gguf if part in {None, DRAFT} else None, "gguf")
            return self._measured(own[0], None, own[1], ()) if own[0] else _NONE
        gguf = None if part else gguf
        counted = whole or (gguf if count is None else None)
        if named and counted and agrees(counted, named):
            return self._measured(counted, named, "safetensors" if whole else "gguf", ())
        heard = self._witnesses.hear(name, tags, named)
        if whole:
            return self._whole(evidence, whole, heard)
        if count:
            return self._packed(evidence, count, heard)
        if gguf and (decided := self._of_gguf(evidence, gguf, heard)):
            return decided
        # A smaller count is of one shard, or of a part that goes with the model; a count that cannot be is of nothing.
        against = [source for source, each in (("safetensors", total), ("gguf", told)) if each is not None]
        return self._told(heard.or_architecture(tags), against)

    def doubts(self, evidence: SizeEvidence) -> list[str]:
        """Return a sentence for each count and each witness that was not believed, with the figures; none where all agree."""
        witnesses = self._witnesses.by_origin(evidence.name, evidence.tags)
        return describe_conflicts(evidence, self.verdict(evidence), witnesses)

    def _whole(self, evidence: SizeEvidence, count: float, heard: Corroboration) -> SizeEstimate:
        """Return the size of a model of which each stored element is a parameter: the count, unless it is of other weights."""
        name, tags, elements = evidence[:3]
        witness = heard.witness
        if witness and agrees(count, witness):
            return self._measured(count, heard.named, "safetensors", heard.doubted)
        if (
            "\ndiffusers\n" in tags
            and not is_component(name)
            and (component_name(count) or (witness and count < _HELPER * witness.low))
        ):
            return self._told(heard.or_architecture(tags), ["safetensors"])
        if witness:
            # Quantised weights of a type that is not counted are missing.
            is_short = is_quantized(name, tags) and not has_quantized(elements)
            if count < witness.low * (0.5 if is_short else _CORRUPT):
                return self._told(heard, ["safetensors"])
        return self._measured(count, heard.named, "safetensors", (heard.origin, *heard.doubted) if witness else ())

    def _packed(self, evidence: SizeEvidence, count: float, heard: Corroboration) -> SizeEstimate:
        """Return the size of a model whose elements hold several parameters each, or may: a second witness must bear it out."""
        name, tags, elements, total = evidence[:4]
        witness = heard.witness if heard.witness and heard.witness.high < float("inf") else None  # bears out any packed count
        if witness and agrees(count, witness):
            return self._measured(count, heard.named, "safetensors", heard.doubted)
        said = declared_count(elements, total, name, tags)
        held = unpacked_candidates(elements, name, tags)
        if witness and (fitting := [each for each in held if agrees(each, witness)]):
            best = said if said and agrees(said, witness) else min(fitting, key=lambda each: abs(each - witness.low))
            return self._measured(best, heard.named, _UNPACKED, heard.doubted)
        if said:
            return self._measured(said, heard.named, _UNPACKED, (heard.origin,) if witness else ())
        if witness:  # Packing counts too little, so that of packed weights that fit no witness the count tells nothing.
            return self._told(heard, ["safetensors"])
        # Without a witness, the class must be the same either way; of a bare total, nothing is known.
        classes = {self._class(nominal(each, None)) for each in (count, *held)}
        if len(classes) > 1 or not elements:
            return _NONE._replace(size_against=["safetensors"])
        return SizeEstimate(None, classes.pop(), "safetensors", [])

    def _of_gguf(self, evidence: SizeEvidence, count: float, heard: Corroboration) -> SizeEstimate | None:
        """Return the size of a model by its GGUF file; None where that is of one shard, so that the witness tells."""
        named, witness, origin, doubted = heard
        if witness is None:
            return self._measured(count, named, "gguf", ())
        is_whole = origin == "family" and evidence.gguf_architecture
        if count > witness.low / (_SHARD if is_whole else AGREE):
            return self._measured(count, named, "gguf", doubted if agrees(count, witness) else (origin,))
        if witness.expert and agrees(count, ParameterRange(witness.expert, witness.expert)):  # the name counts what was merged
            return self._measured(count, None, "gguf", (origin,))
        if witness.expert and not _MIXTURE.search(evidence.tags):
            return _NONE._replace(size_against=[origin, "gguf"])
        return None

    def _measured(self, count: float, named: ParameterRange | None, origin: str, against: Sequence[str]) -> SizeEstimate:
        """Return the size of a count; `named` is what the model's own name states."""
        said = named.low if named and named.is_total else None
        return SizeEstimate(round(count), self._class(nominal(count, said)), origin, list(against))

    def _told(self, heard: Corroboration, against: Sequence[str]) -> SizeEstimate:
        """Return the size that a witness tells without a count."""
        _, witness, origin, doubted = heard
        if witness is None:
            return _NONE._replace(size_against=list(against))
        is_count = origin in {"family", "base model", "architecture"}
        low, high = (self._class(nominal(each, None) if is_count else each) for each in (witness.low, witness.high))
        if low != high:
            return _NONE._replace(size_against=[origin, *doubted, *against])
        return SizeEstimate(round(witness.low) if witness.is_total else None, low, origin, [*doubted, *against])

    def _class(self, parameters: float) -> str:
        for name, most, is_inclusive in self._classes:
            if parameters < most or (is_inclusive and parameters == most):
                return name
        return self._classes[-1].name  # of which the bound is infinite


_NONE = SizeEstimate(None, "unknown", "none", [])


def nominal(count: float, named: float | None) -> float:
    """Return the count as people say it: the named size if it fits, else rounded to whole billions from 1e9 up."""
    if named and abs(count - named) <= _NOMINAL * named:
        return named
    return round(count / 1e9) * 1e9 if count >= 1e9 else count


def _is_adapter(tags: str) -> bool:
    """Tell whether tags are those of an adapter; a GGUF file of one is a whole model, or has the word in its name."""
    is_for_another = "\npeft\n" in tags or "\nlora\n" in tags or "\nbase_model:adapter:" in tags
    return is_for_another and "\ngguf\n" not in tags
