"""The format of the weights of a Hub model, where it is another than that in which models are usually published. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

# Files that models often have beside their weights.
_OTHER_FILES = ("gguf", "ggml", "onnx", "openvino", "coreml", "tflite")
# Of several, the first counts.
_FORMATS = (
    *_OTHER_FILES, "mlx", "exl3", "exl2", "awq", "gptq", "auto-round", "aqlm", "eetq", "hqq", "vptq", "spqr", "quip", "quanto",
    "smoothquant", "torchao", "bitsandbytes", "compressed-tensors", "nvfp4", "mxfp4", "mxfp6", "mxfp8", "fp4", "fp6", "fp8",
)  # fmt: skip
_ALIASES = {"autoround": "auto-round", "bnb": "bitsandbytes", "nf4": "bitsandbytes"}
_RANKS = {word: _FORMATS.index(_ALIASES.get(word, word)) for word in (*_FORMATS, *_ALIASES)}
_RANKS |= {word.upper(): rank for word, rank in _RANKS.items()}  # the spellings of tags
_WORDS = frozenset(_RANKS)
_WORD = re.compile(r"[a-z0-9]+")


def find_format(name: str, tags: Collection[object], relation: str) -> str | None:
    """Return the format by the name in lower case, else by tags; only of quantized models, and where a tag names one."""
    try:
        tagged = _WORDS.intersection(tags)
    except TypeError:  # a tag is a list or an object
        tagged = _WORDS.intersection(tag for tag in tags if isinstance(tag, str))
    if not tagged and relation != "quantized":
        return None
    words = _WORDS.intersection(_WORD.findall(name)) or tagged
    if words is tagged and relation != "quantized" and ("safetensors" in tags or "pytorch" in tags):
        words = frozenset(word for word in tagged if word.lower() not in _OTHER_FILES)
    return _FORMATS[min(map(_RANKS.__getitem__, words))] if words else None
