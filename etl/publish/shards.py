"""The published models: shards by id, and the rows to search them by. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.publish.cards import card
from etl.publish.files import dump_minified
from etl.storage.json_files import sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.publish.catalogue import Catalogue
    from etl.publish.files import FileReference, Files

MAX_SHARD_BYTES = 64 * 1024
_MAX_PREFIX = 8  # hex digits


def add_models(files: Files, catalogue: Catalogue) -> FileReference:
    """Add the shards and the file that maps prefixes of the SHA-256 of ids to them; return the reference to that file."""
    variants = catalogue.variants
    models = [
        {**card(model, variants=variants.get(key)), "manifests": catalogue.positions[key]}
        for key, model in catalogue.models.items()
    ]
    length, shards = _split(models)
    references = {
        prefix: files.add_json(f"models/{prefix or 'all'}", {"models": shards[prefix]}, "shard") for prefix in sorted(shards)
    }
    return files.add_json("models", {"prefix_length": length, "count": len(models), "shards": references}, "models")


def _split(models: Sequence[dict[str, Any]]) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Return the shortest prefix length with which every shard is small enough, and the shards by prefix.

    A model that no shard of that size can have does not count: it would give each model a shard of its own.
    """
    keyed = [(sha256(model["id"].encode()), model, len(dump_minified(model)) + 1) for model in models]
    for length in range(_MAX_PREFIX + 1):
        sizes: dict[str, int] = {}
        for digest, _, size in keyed:
            total = sizes.get(digest[:length], len('{"models":[]}')) + size
            sizes[digest[:length]] = total if size <= MAX_SHARD_BYTES else total - size
        if max(sizes.values(), default=0) <= MAX_SHARD_BYTES:
            break
    shards: dict[str, list[dict[str, Any]]] = {}
    for digest, model, _ in keyed:
        shards.setdefault(digest[:length], []).append(model)
    return length, shards


def add_search(files: Files, catalogue: Catalogue) -> FileReference:
    """Add the rows by which clients search models; return the reference."""
    fields = ("source", "id", "name", "author", "tags")
    cards = (card(model) for model in catalogue.models.values())
    return files.add_json("search", {"rows": [{field: row[field] for field in fields} for row in cards]}, "search")
