"""The files of a publication: JSON, minified and sorted, each named by the hash of its content. No I/O."""

from __future__ import annotations

from typing import Any

import orjson

from etl.core.schemas import load_schema
from etl.storage.json_files import sha256

FileReference = dict[str, Any]  # file, sha256, bytes
HASH_DIGITS = 16  # of the SHA-256 in a file's name


def dump_minified(value: object) -> bytes:
    """Return minified JSON with sorted keys: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def hashed_name(stem: str, content: bytes, suffix: str) -> str:
    """Return the name of a file: its stem, the start of its hash, and its suffix such as `json`."""
    return f"{stem}.{sha256(content)[:HASH_DIGITS]}.{suffix}"


def validate(value: object, kind: str) -> None:
    """Refuse a value that violates its schema, which only a bug can cause."""
    if violations := load_schema("site", kind).violations(value):
        raise AssertionError(f"{kind}: {violations[0]}")


class Files:
    """The files of a publication by name, relative to the folder of the version."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def add_json(self, stem: str, value: object, kind: str) -> FileReference:
        """Add a JSON file of a kind that schemas/site.schema.json has; return the reference to it."""
        validate(value, kind)
        return self.add(stem, dump_minified(value), "json")

    def add(self, stem: str, content: bytes, suffix: str) -> FileReference:
        """Add a file; return the reference to it."""
        name = hashed_name(stem, content, suffix)
        self.content[name] = content
        return {"file": name, "sha256": sha256(content), "bytes": len(content)}
