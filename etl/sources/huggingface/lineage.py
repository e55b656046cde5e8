"""What the tags of a Hub model say of its base models, and how it was made of them. No I/O."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from etl.sources.huggingface.evidence import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sources.huggingface.evidence import SizeEvidence

_TAG = "\nbase_model:"
_DATASET = "\ndataset:"
_RELATIONS = ("quantized", "adapter", "merge", "finetune")  # of several tags, the first of these decides
_RANKS = {relation: rank for rank, relation in enumerate(_RELATIONS)}
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)?")
_MAX_CACHED_CHARS = 1000  # of the tags of a model, so that the cache stays small
_NO_MODELS = ("datasets/", "spaces/")  # what paths of the Hub start with that are not of models
_FORMAT = (
    r"g(?:guf|gml|ptq)|mlx|awq|auto-?round|aqlm|exl[23]|eetq|hqq|vptq|spqr|smoothquant|torchao|bnb|bitsandbytes|compressed-tensors"
    r"|q(?:uip(?:-?sharp)?|uanto|uant(?:s|ized|ization)?|[2-8](?:f16|f32)?(?:_[0-9k])?(?:_[a-z]{1,2})?)|nf4|(?:nv|mx)?fp[468]"
    r"|i(?:nt[2-8]|q[2-8](?:_[0-9k])?(?:_[a-z]{1,2})?)|uint[2-8]|w[2-8](?:a[0-9]{1,2}|g[0-9]{2,3})?"
    r"|[2-8]-?bits?|[0-9](?:\.[0-9]{1,3})?[-_]?bpw"
)  # grouped by first letters, which a search tries one after the other
_FORMAT_IN_NAME = re.compile(rf"[^a-z0-9](?:{_FORMAT})(?![a-z0-9])")
_FORMAT_IN_TAGS = re.compile(rf"\n(?:{_FORMAT}|modelopt|llm-?compressor|quantized-[a-z]+)(?=\n)", re.IGNORECASE)
_ADAPTER_IN_NAME = re.compile(r"[^a-z](?:(?:q|re)?loras?|lokr|dora|adapters?|peft)(?![a-z])")
_CONVERTED = re.compile(r"\n(?:onnx|openvino|coreml|tflite)(?=\n)")  # formats that say nothing of the width of the weights
_FULL_WIDTH = frozenset(("BF16", "F16", "F32", "F64"))

SELF, NOT_A_MODEL, COPY = "self-reference", "not a model", "copy"


class Bases(NamedTuple):
    """What the tags of a model say of its bases.

    Attributes:
        ids: As the tags spell them; distinct regardless of case, without the model itself and what cannot be a model.
        relation: That of the tags of these; None if they name none.
        problems: SELF if the model names itself, NOT_A_MODEL if it names a data set, an address or the like.
        is_unclear: Whether they name what may be a model but not clearly: by an address, by a path, or by the id of a data set
            of the model, which may be that of a model, too.
    """

    ids: tuple[str, ...]
    relation: str | None
    problems: tuple[str, ...]
    is_unclear: bool


_NO_BASES = Bases((), None, (), is_unclear=False)


def read_bases(identity: str, tags: str) -> Bases:
    """Return what the tags (lines) of a model say of its bases."""
    if _TAG not in tags:
        return _NO_BASES
    texts = tuple(_values(tags, _TAG))
    datasets = tuple(_values(tags, _DATASET)) if _DATASET in tags else ()
    own = identity.casefold()
    read = _read if len(tags) <= _MAX_CACHED_CHARS else _read.__wrapped__
    keys, bases = read(texts, datasets)
    return read(texts, datasets, own).bases if own in keys else bases


def _values(tags: str, start: str) -> list[str]:
    """Return what follows the start of each tag that has it."""
    return [text.partition("\n")[0] for text in tags.split(start)[1:]]


class _Named(NamedTuple):
    """What tags name, regardless of case, and what they say of bases."""

    keys: frozenset[str]
    bases: Bases


@lru_cache(maxsize=4096)  # many models have few bases
def _read(texts: Sequence[str], datasets: Sequence[str], own: str | None = None) -> _Named:
    """Return what tags without their start say, by the data sets that the model names, and its own id regardless of case."""
    rank = len(_RELATIONS)
    not_models = {dataset.casefold() for dataset in datasets}
    seen: dict[str, str | None] = {}  # what the tags name, and what is wrong with it
    ids: dict[str, str] = {}
    is_unclear = False
    named = [*map(_parse, texts)]
    for base, key, base_rank, is_id in named:
        if base not in seen:
            seen[base] = problem = SELF if key == own else None if is_id and key not in not_models else NOT_A_MODEL
            if problem is None:
                ids.setdefault(key, base)
            if problem == NOT_A_MODEL and key:
                is_unclear = is_unclear or not key.startswith(_NO_MODELS)
        if base_rank < rank and seen[base] is None:
            rank = base_rank
    relation = _RELATIONS[rank] if rank < len(_RELATIONS) else None
    problems = tuple(filter(None, dict.fromkeys(seen.values())))
    return _Named(frozenset(base.key for base in named), Bases(tuple(ids.values()), relation, problems, is_unclear))


class _NamedBase(NamedTuple):
    """What a tag names as a base, also regardless of case, the index of its relation, and whether it may be the id of a model."""

    base: str
    key: str
    rank: int
    is_id: bool


def _parse(text: str) -> _NamedBase:
    word, colon, base = text.partition(":")
    rank = _RANKS.get(word) if colon else None
    base = text if rank is None else base
    return _NamedBase(base, base.casefold(), len(_RELATIONS) if rank is None else rank, is_id(base))


def is_id(value: object) -> TypeGuard[str]:
    """Return whether a value may be the id of a model."""
    if not isinstance(value, str) or len(value) > MAX_ID:
        return False
    return ".." not in value and "--" not in value and _ID.fullmatch(value) is not None


def relate(bases: Bases, evidence: SizeEvidence) -> tuple[str, str]:
    """Return the relation of a model to its bases, and what decided it; `original` is only decided by other models."""
    if bases.relation == "quantized":
        return _check_quantized(evidence)
    if bases.relation:
        return bases.relation, "tag"
    name = f"-{evidence.name}"
    if "\npeft\n" in evidence.tags:
        return "adapter", "library"
    if _FORMAT_IN_NAME.search(name):
        return "quantized", "name"
    if ("ora" in name or "adapter" in name or "lokr" in name or "peft" in name) and _ADAPTER_IN_NAME.search(name):
        return "adapter", "name"
    return "unknown", "none"


def _check_quantized(evidence: SizeEvidence) -> tuple[str, str]:
    """Return the relation of a model whose tag says quantized: the Hub says so also of what has a file for ONNX or OpenVINO."""
    name, tags, elements, _, gguf, _ = evidence
    if gguf is not None or _FORMAT_IN_NAME.search(f"-{name}") or _FORMAT_IN_TAGS.search(tags):
        return "quantized", "tag"
    if not elements:
        return ("finetune", "format") if _CONVERTED.search(tags) else ("quantized", "tag")
    full = sum(count for dtype, count in elements.items() if dtype in _FULL_WIDTH)
    return ("finetune", "weights") if full > 0.99 * sum(elements.values()) else ("quantized", "tag")  # the rest are positions


def is_copy(identity: str, bases: Sequence[str], relation: str) -> bool:
    """Return whether a model is another owner's model under the same name; `bases` are without the model itself."""
    if len(bases) != 1 or relation in {"quantized", "adapter"}:
        return False
    return identity.casefold().rpartition("/")[2] == bases[0].casefold().rpartition("/")[2]
