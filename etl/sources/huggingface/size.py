"""The size class of a Hugging Face model, from what the list API says of it. No I/O."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from etl.sources.huggingface.conflicts import describe_conflicts
from etl.sources.huggingface.corroboration import Corroboration, Corroborator, agrees, bases_matter
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
from etl.sources.huggingface.evidence import SizeEstimate
from etl.sources.huggingface.families import component_name, is_component
from etl.sources.huggingface.names import ParameterRange, is_auxiliary, parse_size
from etl.sources.source import DEFAULT_SIZE_CLASSES, SizeClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.sources.huggingface.evidence import SizeEvidence

_UNPACKED = "safetensors corrected for packing"
_NOMINAL = 0.2  # of the named size: a count within it is consistent with the name (Llama-2-7b has 6.74B)
_CORRUPT = 1e-3  # of the named size: a smaller count is not of the weights
_INCOMPLETE = 0.5  # of the named size: a smaller count may be without quantized weights
_AUXILIARY = 0.1  # of the denoiser: a smaller count of a diffusers folder is a VAE or an encoder
_SHARD = 4  # a GGUF file smaller than its family by this factor is one of several shards
_MIXTURE = re.compile(r"\n(?:moe|mixtral|mixture-of-experts|[a-z0-9_]+_moe)(?=\n)")


class SizeEstimator:
    """Estimates sizes: from a model's own counts if other evidence is consistent or absent, else from that evidence.

    `classes` go from the smallest to the largest. `base_counts` are the parameters of models in the catalogue by id, as far as
    they were counted and nothing conflicts.
    """

    def __init__(
        self, classes: Sequence[SizeClass] = DEFAULT_SIZE_CLASSES, base_counts: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        self._classes = classes
        self._corroborator = Corroborator(base_counts)

    def estimate(self, evidence: SizeEvidence) -> SizeEstimate:
        """Return the size of a model."""
        name, tags, elements, total, gguf_total, architecture = evidence
        named = parse_size(name)
        count = element_count(elements, total)
        part = gguf_part(architecture) if architecture else None
        gguf = valid_count(gguf_total) if gguf_total else None
        full = count if count and is_unpacked(elements) and (elements or not is_quantized(name, tags)) else None
        if is_auxiliary(name) or _is_adapter(tags):  # its name and its base state the size of other weights
            own = (full, "safetensors") if full else (gguf if part in {None, DRAFT} else None, "gguf")
            return self._from_count(own[0], None, own[1], ()) if own[0] else _unknown()
        gguf = None if part else gguf
        counted = full or (gguf if count is None else None)
        if named and counted and agrees(counted, named):
            return self._from_count(counted, named, "safetensors" if full else "gguf", ())
        corroboration = self._corroborator.corroborate(name, tags, named)
        if full:
            return self._check_full_count(evidence, full, corroboration)
        if count:
            return self._check_packed_count(evidence, count, corroboration)
        if gguf and (estimate := self._check_gguf_count(evidence, gguf, corroboration)):
            return estimate
        # A smaller count is of one shard, or of a part that belongs to the model; an impossible count is of nothing.
        conflicting = [source for source, value in (("safetensors", total), ("gguf", gguf_total)) if value is not None]
        return self._from_evidence(corroboration.or_architecture(tags), conflicting)

    def describe_conflicts(self, evidence: SizeEvidence) -> list[str]:
        """Return a sentence for each count and other evidence that was not used, with the figures; none if all agree."""
        stated = self._corroborator.by_origin(evidence.name, evidence.tags)
        return describe_conflicts(evidence, self.estimate(evidence), stated)

    def _check_full_count(self, evidence: SizeEvidence, count: float, corroboration: Corroboration) -> SizeEstimate:
        """Return the size of a model whose stored elements are its parameters: the count, unless it is of other weights."""
        name, tags, elements = evidence[:3]
        stated = corroboration.stated
        if stated and agrees(count, stated):
            return self._from_count(count, corroboration.named, "safetensors", corroboration.conflicting)
        is_denoiser = "\ndiffusers\n" in tags and not is_component(name)
        if is_denoiser and (component_name(count) or (stated and count < _AUXILIARY * stated.low)):
            return self._from_evidence(corroboration.or_architecture(tags), ["safetensors"])
        low = stated.low if stated else 0.0
        # Quantized weights of a type that is not counted are missing.
        if count < _CORRUPT * low or (count < _INCOMPLETE * low and not has_quantized(elements) and is_quantized(name, tags)):
            return self._from_evidence(corroboration, ["safetensors"])
        conflicting = (corroboration.origin, *corroboration.conflicting) if stated else ()
        return self._from_count(count, corroboration.named, "safetensors", conflicting)

    def _check_packed_count(self, evidence: SizeEvidence, count: float, corroboration: Corroboration) -> SizeEstimate:
        """Return the size of a model whose elements may hold several parameters each: other evidence must be consistent."""
        name, tags, elements, total = evidence[:4]
        # A range without an upper bound would be consistent with any packed count.
        stated = corroboration.stated if corroboration.stated and corroboration.stated.high < float("inf") else None
        if stated and agrees(count, stated):
            return self._from_count(count, corroboration.named, "safetensors", corroboration.conflicting)
        declared = declared_count(elements, total, name, tags)
        candidates = unpacked_candidates(elements, name, tags)
        if stated and (consistent := [candidate for candidate in candidates if agrees(candidate, stated)]):
            closest = min(consistent, key=lambda candidate: abs(candidate - stated.low))
            best = declared if declared and agrees(declared, stated) else closest
            return self._from_count(best, corroboration.named, _UNPACKED, corroboration.conflicting)
        if declared:
            return self._from_count(declared, corroboration.named, _UNPACKED, (corroboration.origin,) if stated else ())
        if stated:  # packing counts too few, so a packed count that is consistent with nothing says nothing
            return self._from_evidence(corroboration, ["safetensors"])
        # Without other evidence, the class must be the same for every candidate; a bare total says nothing.
        classes = {self._class(nominal(candidate, None)) for candidate in (count, *candidates)}
        if len(classes) > 1 or not elements:
            return _unknown("safetensors")
        return SizeEstimate(None, classes.pop(), "safetensors", [])

    def _check_gguf_count(self, evidence: SizeEvidence, count: float, corroboration: Corroboration) -> SizeEstimate | None:
        """Return the size of a model by its GGUF file; None if that is one shard, so that other evidence decides."""
        named, stated, origin, conflicting = corroboration
        if stated is None:
            return self._from_count(count, named, "gguf", ())
        is_of_family = origin == "family" and evidence.gguf_architecture
        if count > stated.low / (_SHARD if is_of_family else AGREE):
            return self._from_count(count, named, "gguf", conflicting if agrees(count, stated) else (origin,))
        if stated.expert and agrees(count, ParameterRange(stated.expert, stated.expert)):  # the name counts what was merged
            return self._from_count(count, None, "gguf", (origin,))
        if stated.expert and not _MIXTURE.search(evidence.tags):
            return _unknown(origin, "gguf")
        return None

    def _from_count(self, count: float, named: ParameterRange | None, origin: str, conflicting: Sequence[str]) -> SizeEstimate:
        """Return the size of a count; `named` is what the model's own name states."""
        named_size = named.low if named and named.is_total else None
        return SizeEstimate(round(count), self._class(nominal(count, named_size)), origin, list(conflicting))

    def _from_evidence(self, corroboration: Corroboration, conflicting: Sequence[str]) -> SizeEstimate:
        """Return the size that other evidence states, without a count."""
        _, stated, origin, also_conflicting = corroboration
        if stated is None:
            return _unknown(*conflicting)
        low, high, _ = stated
        if origin in {"family", "base model", "architecture"}:  # counts
            low, high = nominal(low, None), nominal(high, None)
        size = self._class(low)
        if size != self._class(high):
            return _unknown(origin, *also_conflicting, *conflicting)
        parameters = round(stated.low) if stated.is_total else None
        return SizeEstimate(parameters, size, origin, [*also_conflicting, *conflicting])

    def _class(self, parameters: float) -> str:
        for name, upper_bound, is_inclusive in self._classes:
            if parameters < upper_bound or (is_inclusive and parameters == upper_bound):
                return name
        return self._classes[-1].name  # its bound is infinite


def _unknown(*conflicting: str) -> SizeEstimate:
    return SizeEstimate(None, "unknown", "none", list(conflicting))


def depends_on_bases(evidence: SizeEvidence) -> bool:
    """Return whether the parameters of base models may change the estimate of a model, so that it is worth repeating."""
    name, tags = evidence[:2]
    return not (is_auxiliary(name) or _is_adapter(tags)) and bases_matter(name, tags, parse_size(name))


def nominal(count: float, named: float | None) -> float:
    """Return the nominal size of a count: the named size if they are consistent, else whole billions from 1e9 up."""
    if named and abs(count - named) <= _NOMINAL * named:
        return named
    return round(count / 1e9) * 1e9 if 1e9 <= count < float("inf") else count


def _is_adapter(tags: str) -> bool:
    """Return whether tags are those of an adapter; a GGUF file of one is a whole model, or has the word in its name."""
    is_for_another = "\npeft\n" in tags or "\nlora\n" in tags or "\nbase_model:adapter:" in tags
    return is_for_another and "\ngguf\n" not in tags
