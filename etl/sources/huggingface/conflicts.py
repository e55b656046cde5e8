"""Sentences for the counts and the other evidence of a size that were not used. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sources.huggingface import counts
from etl.sources.huggingface.families import component_name
from etl.sources.huggingface.names import is_auxiliary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.sources.huggingface.evidence import SizeEstimate, SizeEvidence
    from etl.sources.huggingface.names import ParameterRange


def describe_conflicts(
    evidence: SizeEvidence, estimate: SizeEstimate, stated: Mapping[str, tuple[str, ParameterRange | None]]
) -> list[str]:
    """Return a sentence for each count, then for each other evidence, that was not used, with the figures.

    `stated` has the description and the size of each evidence, by its name in `size_from`.
    """
    deciding = _deciding(estimate, stated)
    return [
        *_of_safetensors(evidence, estimate, deciding),
        *_of_gguf(evidence, estimate, deciding),
        *_of_other_evidence(evidence, estimate, stated, deciding),
    ]


def _deciding(estimate: SizeEstimate, stated: Mapping[str, tuple[str, ParameterRange | None]]) -> str:
    """Return the evidence that decided, as the end of a sentence."""
    if estimate.size_from in stated:
        label, size = stated[estimate.size_from]
        return f"{label} has {_figures(size)}" if size else label
    if estimate.parameters is not None:
        return f"{estimate.size_from} counts {estimate.parameters:,}"
    return "no other evidence is consistent with it"


def _of_safetensors(evidence: SizeEvidence, estimate: SizeEstimate, deciding: str) -> Iterator[str]:
    parts, total = sum(evidence.elements.values()), evidence.total
    is_conflicting = "safetensors" in estimate.size_against
    if total is not None and parts and not 0.99 * parts < total < 1.01 * parts:
        if counts.declared_count(evidence.elements, total, evidence.name, evidence.tags) is None:
            yield f"safetensors total {total:,.0f} is not the sum of its parts {parts:,.0f}; the parts count"
    elif total is not None and not parts and counts.valid_count(total) is None:
        yield f"safetensors total {total:,.0f} cannot be a count"
    elif is_conflicting and not parts and total is not None:
        yield f"safetensors total {total:,.0f} has no parts, and quantized weights are packed: {deciding}"
    if is_conflicting and parts:
        part = component_name(parts) if counts.is_unpacked(evidence.elements) else None
        kind = f" ({part})" if part else "" if counts.is_unpacked(evidence.elements) else ", some of them packed"
        yield f"safetensors has {parts:,.0f} elements{kind}, but {deciding}"


def _of_gguf(evidence: SizeEvidence, estimate: SizeEstimate, deciding: str) -> Iterator[str]:
    total = evidence.gguf
    if total is None:
        return
    if part := counts.gguf_part(evidence.gguf_architecture):
        yield f"gguf total {total:,.0f} is of architecture {evidence.gguf_architecture}, {part}"
    elif counts.valid_count(total) is None:
        yield f"gguf total {total:,.0f} cannot be a count"
    elif "gguf" in estimate.size_against or (estimate.size_from != "gguf" and not _is_near(total, estimate.parameters)):
        yield f"gguf total {total:,.0f} may be of one shard or of a part, but {deciding}"


def _of_other_evidence(
    evidence: SizeEvidence, estimate: SizeEstimate, stated: Mapping[str, tuple[str, ParameterRange | None]], deciding: str
) -> Iterator[str]:
    for origin, (label, size) in stated.items():
        if size is None or origin == estimate.size_from:
            continue
        if origin == "name" and is_auxiliary(evidence.name):
            yield f"name says {_figures(size)}, the size of the model that these weights belong to"
        elif origin in estimate.size_against:
            yield f"{label} says {_figures(size)}, but {deciding}"


def _is_near(count: float, parameters: int | None) -> bool:
    return parameters is None or (count <= parameters * counts.AGREE and parameters <= count * counts.AGREE)


def _figures(size: ParameterRange) -> str:
    if size.is_total:
        return f"{size.low:,.0f}"
    return f"at least {size.low:,.0f}" if size.high == float("inf") else f"{size.low:,.0f} to {size.high:,.0f}"
