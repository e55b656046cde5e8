"""Sentences for the counts and the witnesses of a size that were not believed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sources.huggingface import counts
from etl.sources.huggingface.families import component_name
from etl.sources.huggingface.names import is_auxiliary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.sources.huggingface.names import ParameterRange
    from etl.sources.huggingface.size import SizeEstimate, SizeEvidence


def describe_conflicts(
    evidence: SizeEvidence, verdict: SizeEstimate, witnesses: Mapping[str, tuple[str, ParameterRange | None]]
) -> list[str]:
    """Return a sentence for each count, then for each witness, that was not believed, with the figures.

    `witnesses` holds, by its name in `size_from`, how each is called and what it states.
    """
    won = _winner(verdict, witnesses)
    return [
        *_of_safetensors(evidence, verdict, won),
        *_of_gguf(evidence, verdict, won),
        *_of_witnesses(evidence, verdict, witnesses, won),
    ]


def _winner(verdict: SizeEstimate, witnesses: Mapping[str, tuple[str, ParameterRange | None]]) -> str:
    """Return what was believed, as the end of a sentence."""
    if verdict.size_from in witnesses:
        called, said = witnesses[verdict.size_from]
        return f"{called} has {_figures(said)}" if said else called
    if verdict.parameters is not None:
        return f"{verdict.size_from} counts {verdict.parameters:,}"
    return "nothing bears it out"


def _of_safetensors(evidence: SizeEvidence, verdict: SizeEstimate, won: str) -> Iterator[str]:
    parts, total = sum(evidence.elements.values()), evidence.total
    is_told = "safetensors" in verdict.size_against
    if total is not None and parts and not 0.99 * parts < total < 1.01 * parts:
        if counts.declared_count(evidence.elements, total, evidence.name, evidence.tags) is None:
            yield f"safetensors total {total:,.0f} is not the sum of its parts {parts:,.0f}; the parts count"
    elif total is not None and not parts and counts.valid_count(total) is None:
        yield f"safetensors total {total:,.0f} cannot be a count"
    elif is_told and not parts and total is not None:
        yield f"safetensors total {total:,.0f} has no parts, and quantised weights are packed: {won}"
    if is_told and parts:
        part = component_name(parts) if counts.is_unpacked(evidence.elements) else None
        kind = f" ({part})" if part else "" if counts.is_unpacked(evidence.elements) else ", some of them packed"
        yield f"safetensors holds {parts:,.0f} elements{kind}, but {won}"


def _of_gguf(evidence: SizeEvidence, verdict: SizeEstimate, won: str) -> Iterator[str]:
    total = evidence.gguf
    if total is None:
        return
    if part := counts.gguf_part(evidence.gguf_architecture):
        yield f"gguf total {total:,.0f} is of architecture {evidence.gguf_architecture}, {part}"
    elif counts.valid_count(total) is None:
        yield f"gguf total {total:,.0f} cannot be a count"
    elif "gguf" in verdict.size_against or (verdict.size_from != "gguf" and not _is_near(total, verdict.parameters)):
        yield f"gguf total {total:,.0f} may be of one shard or of a part, but {won}"


def _of_witnesses(
    evidence: SizeEvidence, verdict: SizeEstimate, witnesses: Mapping[str, tuple[str, ParameterRange | None]], won: str
) -> Iterator[str]:
    for origin, (called, said) in witnesses.items():
        if said is None or origin == verdict.size_from:
            continue
        if origin == "name" and is_auxiliary(evidence.name):
            yield f"name says {_figures(said)}, which is the model that these weights serve"
        elif origin in verdict.size_against:
            yield f"{called} says {_figures(said)}, but {won}"


def _is_near(count: float, parameters: int | None) -> bool:
    return parameters is None or (count <= parameters * counts.AGREE and parameters <= count * counts.AGREE)


def _figures(said: ParameterRange) -> str:
    if said.is_total:
        return f"{said.low:,.0f}"
    return f"at least {said.low:,.0f}" if said.high == float("inf") else f"{said.low:,.0f} to {said.high:,.0f}"
