"""The facets of a page of models: what decides which manifests have them, in columns and groups. No I/O."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.columns import pack_column, unpack_column
from etl.core.ids import digest, hash_texts, model_key
from etl.selection.conditions import ExpressionResult
from etl.selection.ordering import order_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.selection.conditions import Conditions


@dataclass(frozen=True)
class Columns:
    """What no test of filters.toml changes: of each model of a page, in page order.

    Attributes:
        keys: Hashes of the ids in any spelling.
        spellings: Hashes of the ids as they are spelled.
        order: By field, the values that order models.
        has_levels: Whether the models have levels, which other records may raise.
    """

    keys: array[int]
    spellings: array[int]
    order: Mapping[str, array[float]]
    has_levels: bool

    def to_bytes(self) -> bytes:
        """Return the columns as a file has them: a line of JSON, and little-endian numbers of 8 bytes."""
        header = {"models": len(self.keys), "fields": [*self.order], "has_levels": self.has_levels}
        columns: list[array[Any]] = [self.keys, self.spellings, *self.order.values()]
        return b"".join([orjson.dumps(header), b"\n", *map(pack_column, columns)])

    @classmethod
    def from_bytes(cls, content: bytes) -> Columns:
        """Return the columns that `to_bytes` gave.

        Raises:
            ValueError, LookupError: they are others.
        """
        line, _, rest = content.partition(b"\n")
        header = orjson.loads(line)
        codes, length = ("Q", "Q", *("d" for _ in header["fields"])), 8 * header["models"]
        if len(rest) != length * len(codes):
            raise ValueError("expected columns of another length")
        parts = (rest[index * length : (index + 1) * length] for index in range(len(codes)))
        keys, spellings, *order = map(unpack_column, codes, parts)
        return cls(keys, spellings, dict(zip(header["fields"], order, strict=True)), header["has_levels"])


@dataclass(frozen=True)
class PageFacets:
    """The models of a page.

    Attributes:
        columns: What is of each model.
        group_of: The group of each, by its index in `group_keys`.
        group_keys: Hashes of what is the same for all models of a group, see `Conditions.key_of`.
        groups: JSON: the values of each group; of a field only those that options name. Empty if only their keys were read.
    """

    columns: Columns
    group_of: array[int]
    group_keys: array[int]
    groups: bytes = b""

    def group_values(self) -> list[dict[str, Any]]:
        """Return the values of each group."""
        rows: list[dict[str, Any]] = orjson.loads(self.groups)
        return [{key: _result(value) if isinstance(value, dict) else value for key, value in row.items()} for row in rows]

    def to_parts(self) -> tuple[bytes, bytes, bytes]:
        """Return the facets as a file has them: the columns, little-endian numbers of 4 and of 8 bytes, and the groups."""
        return self.columns.to_bytes(), pack_column(self.group_of) + pack_column(self.group_keys), self.groups

    @classmethod
    def from_parts(cls, columns: bytes, numbers: bytes, groups: bytes = b"") -> PageFacets:
        """Return the facets that `to_parts` gave.

        Raises:
            ValueError, LookupError: they are others.
        """
        unpacked = Columns.from_bytes(columns)
        end = 4 * len(unpacked.keys)
        return cls(unpacked, unpack_column("I", numbers[:end]), unpack_column("Q", numbers[end:]), groups)


def columns_of(models: Sequence[Mapping[str, Any]], order_fields: Sequence[str]) -> Columns:
    """Return the columns of the models of a page.

    Raises:
        TypeError, KeyError, AttributeError: the models are not output of the transform.
    """
    ids, slugs, names = ([model[field] for model in models] for field in ("id", "slug", "name"))
    if not {str}.issuperset(map(type, chain(ids, slugs, names))):
        raise TypeError("the id, slug and name of a model must be text")
    order = {field: order_column([model[field] for model in models]) for field in order_fields}
    return Columns(hash_texts(map(model_key, ids)), hash_texts(ids), order, any("level" in model for model in models))


def facets_of(models: Sequence[Mapping[str, Any]], columns: Columns, conditions: Conditions, now: str) -> PageFacets:
    """Return the facets of the models of a page; expressions measure ages against `now`.

    Raises:
        TypeError, KeyError, AttributeError: the models are not output of the transform.
        ExpressionError: an expression exceeds a limit or crashes jq.
    """
    results = conditions.results_of(models, now)
    keys = conditions.keys_of(models, results)
    groups: dict[tuple[Any, ...], int] = {}
    group_of = array("I", [groups.setdefault(key, len(groups)) for key in keys])
    names = conditions.key_names(models)
    values = b"[%b]" % b",".join([_values(names, key) for key in groups])
    return PageFacets(columns, group_of, array("Q", map(group_key, groups)), values)


@lru_cache(maxsize=10_000)  # the groups of most pages are those of other pages
def group_key(key: tuple[Any, ...]) -> int:
    """Return a hash of the key of a group."""
    return digest(repr(key))


@lru_cache(maxsize=10_000)
def _values(names: tuple[str, ...], key: tuple[Any, ...]) -> bytes:
    """Return as JSON what a key says, by what each of its parts is of."""
    parts = (part._asdict() if isinstance(part, ExpressionResult) else part for part in key)
    return orjson.dumps(dict(zip(names, parts, strict=True)))


def _result(value: Mapping[str, Any]) -> ExpressionResult:
    return ExpressionResult(value["is_match"], value["is_error"], value["unexpected"], tuple(value["nulls"]))
