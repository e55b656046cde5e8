"""What the list API says of a model's size and tags, and what is decided from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_ID = 500  # characters, as in schemas/huggingface/model.schema.json; no longer text is an id, or is kept in a cache


class SizeEstimate(NamedTuple):
    """The size of a model.

    Attributes:
        parameters: None if no count is known.
        size: Its size class, or `unknown`.
        size_from: The evidence that decided.
        size_against: The conflicting evidence.
    """

    parameters: int | None
    size: str
    size_from: str
    size_against: list[str]


class SizeEvidence(NamedTuple):
    """What the list API says of a model.

    Attributes:
        name: Without the owner, the first `MAX_ID` characters of it, in lower case.
        tags: One per line, each between two line feeds.
        elements: The stored elements by dtype.
        total: Their number as the API states it, which need not be their sum.
        gguf: The parameters of a GGUF file.
        gguf_architecture: What that file says it is.
    """

    name: str
    tags: str
    elements: Mapping[str, float]
    total: float | None
    gguf: float | None
    gguf_architecture: str | None = None


def tag_lines(tags: Sequence[Any]) -> str:
    """Return the tags that are texts, one per line, each between two line feeds; line feeds in a tag become spaces."""
    try:
        lines = "\n".join(tags)
    except TypeError:
        return tag_lines([tag for tag in tags if isinstance(tag, str)])
    if lines.count("\n") >= len(tags):
        lines = "\n".join(tag.replace("\n", " ") for tag in tags)
    return f"\n{lines}\n"
