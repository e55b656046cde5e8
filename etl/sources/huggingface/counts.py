"""The parameters of a model, from its stored elements. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXACT = 2**53  # JSON readers disagree about integers from here up, so it is not a count
_FULL_WIDTH = {"BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2"}  # an element is a parameter
_PACKED_32BIT = {"I32", "U32"}  # hold several parameters each when weights are packed
_PACKED_8BIT = {"U8", "I8"}
AGREE = 1.3  # the largest ratio of two counts of the same weights: block scales and untied heads count too
_WIDTHS = (2, 3, 4, 5, 6, 8)  # bits of a packed weight
_BITS = re.compile(r"(?<![a-z0-9])(?:(?:w|int|q|fp|mxfp|nvfp|nf|iq)([2-8])(?![0-9])|([2-8])-?bit)")
_QUANTIZATION = (
    r"awq|[0-9]-?bit|u?int[2-8]|w[0-9]+a[0-9]+|(?:nv|mx)?fp[468]|nf4|mlx|bnb|bitsandbytes|auto-?round|bitnet"
    r"|compressed-tensors|exl[23]|aqlm|hqq|vptq|quip(?:-?sharp)?|spqr|higgs|eetq|quanto|torchao|modelopt|quark|fbgemm_fp8"
)
_QUANTIZED = re.compile(
    rf"gptq|awq|[0-9]-?bit|[0-9]bpw|quant(?!um|it)|(?<![a-z0-9])(?:{_QUANTIZATION}|w[2-8]|i?q[2-8](?:_[0-9k])?(?:_[a-z]+)?)(?![a-z0-9])"
)
_QUANTIZED_TAGS = re.compile(
    rf"\n(?:{_QUANTIZATION}|gptq(?:model)?|quant[a-z]*|llm-?compressor|neural-compressor|optimum-quanto|quantized-[a-z]+)(?=\n)"
    r"|\nbase_model:quantized:",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"\n([2-8])-bit(?=\n)")
# Of a GGUF file, what is not the model itself: the part of vision or of hearing (llama.cpp names them all clip), a draft, an
# adapter, a direction to steer by, the statistics of a quantization, an encoder of text or of images.
_GGUF_PARTS = re.compile(
    r"(?P<projector>clip|.*(?:mmproj|projector|vision|siglip|vit(?![a-z])).*)"
    r"|(?P<draft>eagle[0-9]*|dflash|medusa|.*[-_](?:assistant|draft|mtp))"
    r"|(?P<helper>adapter|lora|control-?vector|imatrix|(?:.*[-_])?vae|t5-?encoder|text[-_]?encoder)",
    re.DOTALL,  # or it is not linear where there are line feeds
)
DRAFT = "a draft of the model"
_PART = {"projector": "the vision part", "draft": DRAFT, "helper": "a part that goes with the model"}


def valid_count(value: float | None) -> float | None:
    """Return a count; None if the value cannot be one."""
    return value if value is not None and 1 <= value < _EXACT else None


def element_count(elements: Mapping[str, float], total: float | None) -> float | None:
    """Return the number of stored elements: the sum of the parts, or the total if there are no parts.

    A total that is not the sum of its parts, as an author's index may declare it, is ignored.
    """
    count = sum(elements.values()) if elements else total
    return count if count is not None and 1 <= count < _EXACT else None


def is_unpacked(elements: Mapping[str, float]) -> bool:
    """Return whether each element is a parameter, except a few: positions and the like are whole numbers."""
    if elements.keys() <= _FULL_WIDTH:
        return True
    whole = sum(count for dtype, count in elements.items() if dtype in _FULL_WIDTH)
    return whole > 0.99 * sum(elements.values())


def is_quantized(name: str, tags: str) -> bool:
    """Return whether a name (in lower case) or tags (lines) state that the weights are quantized."""
    return _QUANTIZED.search(name) is not None or _QUANTIZED_TAGS.search(tags) is not None


def has_quantized(elements: Mapping[str, float]) -> bool:
    """Return whether at least half of the elements are of a quantized type, so that no packed weights are missing."""
    few = sum(count for dtype, count in elements.items() if dtype.startswith("F8"))
    return few >= 0.5 * sum(elements.values())


def gguf_part(architecture: str | None) -> str | None:
    """Return what a GGUF file is by its architecture, if it is not the model itself; else None."""
    match = _GGUF_PARTS.fullmatch(architecture.lower()) if architecture else None
    return _PART[match.lastgroup or ""] if match else None


def unpacked_candidates(elements: Mapping[str, float], name: str, tags: str) -> list[float]:
    """Return the numbers of parameters that packed elements may hold; none if none are packed."""
    return _unpacked(elements, _declared(name, tags) or {4, 8})


def declared_count(elements: Mapping[str, float], total: float | None, name: str, tags: str) -> float | None:
    """Return the total of packed elements if it is what they hold at a plausible width, not their sum; else None."""
    total, packed = valid_count(total), sum(elements.values())
    if total is None or not packed or 0.99 < packed / total < 1.01:
        return None
    candidates = _unpacked(elements, _declared(name, tags) or set(_WIDTHS))
    return total if any(total <= count * AGREE and count <= total * AGREE for count in candidates) else None


def _declared(name: str, tags: str) -> set[int]:
    """Return the widths in bits that a name and tags declare."""
    return {int("".join(match)) for match in (*_BITS.findall(name), *_DECLARED.findall(tags))}


def _unpacked(elements: Mapping[str, float], widths: set[int]) -> list[float]:
    packed_32bit = packed_8bit = scales = full_width = 0.0
    for dtype, count in elements.items():
        packed_32bit += count * (dtype in _PACKED_32BIT)
        packed_8bit += count * (dtype in _PACKED_8BIT)
        scales += count * dtype.startswith("F8")
        full_width += count * (dtype in _FULL_WIDTH)
    if packed_32bit:
        return [full_width + packed_32bit * 32 / width for width in sorted(widths)]
    if packed_8bit:  # F8 beside bytes are the scales of their blocks
        return [full_width - scales + packed_8bit * 2, full_width - scales + packed_8bit * 4]
    return []
