"""schemas/ as validators; every violation with its JSON path."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from etl.core.layout import ALL_MODELS, INDEX, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED = "../model.schema.json#/$defs/"
_LONGEST = 200  # characters of a message: it quotes what it refuses, and that may be megabytes


@dataclass(frozen=True)
class Violation:
    """One place where a value breaks its contract."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return f"${where}: {self.message}"


class Schema:
    """One schema, or that of one of its properties.

    jsonschema_rs decides (100 times faster); jsonschema, the validator of record, words what it refuses.
    """

    def __init__(self, name: str, field: str = "") -> None:
        """Read `schemas/<name>.schema.json`; with `field`, only the schema of that property.

        Definitions of schemas/model.schema.json that a source's schema refers to are copied into it.
        """
        import jsonschema_rs

        text = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
        self.schema: dict[str, Any] = json.loads(text.replace(f'"{_SHARED}', '"#/$defs/'))
        if _SHARED in text:
            self.schema["$defs"] = load_schema("model").schema["$defs"] | self.schema.get("$defs", {})
        if field:
            definitions = {key: self.schema[key] for key in ("$schema", "$defs") if key in self.schema}
            self.schema = {**definitions, **self.schema["properties"][field]}
        self._gate = jsonschema_rs.Draft202012Validator(self.schema)

    def is_valid(self, value: object) -> bool:
        """Return whether a value conforms to the schema; a number that the gate cannot hold, such as infinity, does not."""
        try:
            return self._gate.is_valid(value)
        except ValueError:
            return False

    def violations(self, value: object) -> list[Violation]:
        """Return every violation, items of a list in their order; none when the value keeps the contract."""
        return [] if self.is_valid(value) else list(self._worded(value))

    def _worded(self, value: object) -> Iterator[Violation]:
        import jsonschema

        for error in jsonschema.Draft202012Validator(self.schema).iter_errors(value):
            message = error.message
            if len(message) > _LONGEST:
                message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
            yield Violation(tuple(error.absolute_path), message)


@cache
def load_schema(name: str, field: str = "") -> Schema:
    """Return the schema of that name, such as `index` or `civitai/model`, or that of one of its properties; read once."""
    return Schema(name, field)


def published_schema(file: str) -> Schema:
    """Return the contract of a file of data/manifests."""
    return load_schema({INDEX: "index", ALL_MODELS: "all-models"}.get(file, "manifest"))
