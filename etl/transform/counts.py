"""What the stored elements of a model say of its parameters. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXACT = 2**53  # from here on JSON readers disagree about integers, so it counts nothing
_WHOLE = {"BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2"}  # an element is a parameter
_WORDS = {"I32", "U32"}  # hold several parameters each when weights are packed
_BYTES = {"U8", "I8"}
_BITS = re.compile(r"(?<![a-z0-9])(?:(?:w|int|q|fp|mxfp|nvfp|nf|iq)([2-8])(?![0-9])|([2-8])-?bit)")
_WAYS = r"gptq|awq|quant|[0-9]-?bit|int[48]|[wa][0-9]+a[0-9]+|nvfp4|mxfp[48]|fp8|mlx|bnb|nf4|autoround|auto-round|bitnet"
_QUANTISED = re.compile(_WAYS)
_QUANTISED_TAGS = re.compile(rf"\n(?:{_WAYS})\n")
_DECLARED = re.compile(r"\n([2-8])-bit(?=\n)")


def checked(value: float | None) -> float | None:
    """Return a count, null where it cannot be one."""
    return value if value is not None and 1 <= value < _EXACT else None


def stored(elements: Mapping[str, float], total: float | None) -> float | None:
    """Return the number of stored elements: the total where it is the sum of its parts, else null."""
    total, parts = checked(total), sum(elements.values())
    return None if total is not None and parts and not 0.99 < parts / total < 1.01 else total


def is_plain(elements: Mapping[str, float]) -> bool:
    """Tell whether each element is a parameter, less those that are few: positions and the like are whole numbers."""
    if elements.keys() <= _WHOLE:
        return True
    whole = sum(count for dtype, count in elements.items() if dtype in _WHOLE)
    return whole > 0.99 * sum(elements.values())


def is_quantised(name: str, tags: str) -> bool:
    """Tell whether a name (in lower case) or tags (lines) say that weights are quantised."""
    return _QUANTISED.search(name) is not None or _QUANTISED_TAGS.search(tags) is not None


def unpacked(elements: Mapping[str, float], name: str, tags: str) -> list[float]:
    """Return the parameters that the elements may hold; none where none are packed."""
    words = octets = scales = rest = 0.0
    for dtype, count in elements.items():
        words += count * (dtype in _WORDS)
        octets += count * (dtype in _BYTES)
        scales += count * dtype.startswith("F8")
        rest += count * (dtype in _WHOLE)
    if words:
        declared = {int("".join(each)) for each in (*_BITS.findall(name), *_DECLARED.findall(tags))}
        return [rest + words * 32 / each for each in declared or (4, 8)]
    if octets:  # F8 beside bytes are the scales of their blocks
        return [rest - scales + octets * 2, rest - scales + octets * 4]
    return []
