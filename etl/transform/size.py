"""The size class of a Hugging Face model, from what the list API says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A number and a unit that stand alone between separators: 7b, 0.6B, 350m.
_TOKEN = re.compile(r"(?<![^-_. ])([0-9]+(?:\.[0-9]+)?)([bm])(?![^-_. ])", re.IGNORECASE)
_UNIT = {"b": 1e9, "m": 1e6}
_EXACT = 2**53  # from here on JSON readers disagree about integers, so it counts nothing
_TOLERANCE = 0.2  # of the nominal size, within which a measured count bears it out: Llama-2-7b has 6.74B


@dataclass(frozen=True)
class Verdict:
    """`parameters` of a model, its class, and the evidence that decided."""

    parameters: int | None
    size: str
    size_from: str


def from_evidence(name: str, safetensors_total: float | None, gguf_total: float | None) -> Verdict:
    """Return the size of a repository: of its counts if it has any, else of its name."""
    named = named_parameters(name)
    for count, origin in ((safetensors_total, "safetensors"), (gguf_total, "gguf"), (named, "name")):
        if count is not None and 1 <= count < _EXACT:
            return Verdict(round(count), size_class(nominal(count, named)), origin)
    return Verdict(None, "unknown", "none")


def named_parameters(name: str) -> float | None:
    """Return the size that a repository's name (without its owner) states; None without one, or with two."""
    found = {float(number) * _UNIT[unit.lower()] for number, unit in _TOKEN.findall(name)}
    return found.pop() if len(found) == 1 else None


def nominal(count: float, named: float | None) -> float:
    """Return the count as people say it: the named size if it fits, else rounded to whole billions from 1e9 up."""
    if named and abs(count - named) <= _TOLERANCE * named:
        return named
    return round(count / 1e9) * 1e9 if count >= 1e9 else count


def size_class(parameters: float) -> str:
    """Return small below 7 billion parameters, medium through 13, large above."""
    if parameters < 7e9:
        return "small"
    return "medium" if parameters <= 13e9 else "large"
