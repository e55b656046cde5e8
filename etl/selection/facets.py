"""The facets of a page of models: in columns, what decides which manifests have them. No I/O."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.ids import hash_text, model_key
from etl.selection.conditions import ExpressionResult
from etl.selection.ordering import order_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.selection.conditions import Conditions

_COLUMNS = ("Q", "Q", "I")  # keys, spellings, group_of
_LENGTHS = (8, 8, 4)


@dataclass(frozen=True)
class PageFacets:
    """The models of a page in page order; each column has one item for each model.

    Attributes:
        keys: Hashes of the ids in any spelling.
        spellings: Hashes of the ids as they are spelled.
        group_of: The group of each, by its index in `group_keys`.
        order: By field, the value that orders each.
        group_keys: Hashes of what is the same for all models of a group, see `Conditions.key_of`.
        groups: JSON: the values of the first model of each group.
        has_levels: Whether the models have levels, which other records may raise.
    """

    keys: array[int]
    spellings: array[int]
    group_of: array[int]
    order: Mapping[str, array[float]]
    group_keys: Sequence[int]
    groups: bytes
    has_levels: bool

    def group_values(self) -> list[dict[str, Any]]:
        """Return the values of the first model of each group."""
        rows: list[dict[str, Any]] = orjson.loads(self.groups)
        return [{key: _result(value) if isinstance(value, dict) else value for key, value in row.items()} for row in rows]

    def to_bytes(self) -> bytes:
        """Return the facets as a file has them: a line of JSON, the groups as another, and the columns, little-endian."""
        header = {
            "models": len(self.keys), "fields": [*self.order], "group_keys": self.group_keys,
            "has_levels": self.has_levels, "groups": len(self.groups),
        }  # fmt: skip
        columns: list[array[Any]] = [self.keys, self.spellings, self.group_of, *self.order.values()]
        return b"".join([orjson.dumps(header), b"\n", self.groups, *map(_little_endian, columns)])

    @classmethod
    def from_bytes(cls, content: bytes) -> PageFacets:
        """Return the facets that `to_bytes` gave.

        Raises:
            ValueError, LookupError: they are others.
        """
        line, _, rest = content.partition(b"\n")
        header = orjson.loads(line)
        count, fields, offset = header["models"], header["fields"], header["groups"]
        columns = []
        for code, length in zip((*_COLUMNS, *("d" for _ in fields)), (*_LENGTHS, *(8 for _ in fields)), strict=True):
            column: array[Any] = array(code)
            column.frombytes(rest[offset : offset + length * count])
            offset += length * count
            columns.append(_swapped(column))
        if offset != len(rest):
            raise ValueError("expected columns of another length")
        keys, spellings, group_of, *order = columns
        return cls(
            keys, spellings, group_of, dict(zip(fields, order, strict=True)), header["group_keys"], rest[: header["groups"]],
            header["has_levels"],
        )  # fmt: skip


def facets_of(models: Sequence[Mapping[str, Any]], conditions: Conditions, now: str) -> PageFacets:
    """Return the facets of the models of a page; expressions measure ages against `now`.

    Raises:
        TypeError, KeyError, AttributeError: the models are not output of the transform.
        ExpressionError: an expression exceeds a limit or crashes jq.
    """
    ids, slugs, names = ([model[field] for model in models] for field in ("id", "slug", "name"))
    if not {str}.issuperset(map(type, [*ids, *slugs, *names])):
        raise TypeError("the id, slug and name of a model must be text")
    results = conditions.results_of(models, now)
    keys = conditions.keys_of(models, results)
    first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
    groups: dict[tuple[Any, ...], int] = {}
    group_of = array("I", [groups.setdefault(key, len(groups)) for key in keys])
    rows = [conditions.values(models[index], results[index]) for index in map(first.__getitem__, groups)]
    return PageFacets(
        array("Q", map(digest, map(model_key, ids))),
        array("Q", map(digest, ids)),
        group_of,
        {field: order_column([model[field] for model in models]) for field in conditions.spec.order_fields},
        [*map(group_key, groups)],
        orjson.dumps([{key: _json(value) for key, value in row.items()} for row in rows]),
        any("level" in model for model in models),
    )


def digest(text: str) -> int:
    """Return the hash of a text as a number."""
    return int.from_bytes(hash_text(text))


@lru_cache(maxsize=10_000)  # the groups of most pages are those of other pages
def group_key(key: tuple[Any, ...]) -> int:
    """Return a hash of the key of a group."""
    return digest(repr(key))


def _json(value: Any) -> Any:
    return value._asdict() if isinstance(value, ExpressionResult) else value


def _result(value: Mapping[str, Any]) -> ExpressionResult:
    return ExpressionResult(value["is_match"], value["is_error"], value["unexpected"], tuple(value["nulls"]))


def _little_endian(column: array[Any]) -> bytes:
    return _swapped(column[:]).tobytes()


def _swapped(column: array[Any]) -> array[Any]:
    """Return a column, of which the bytes are swapped in place where this machine is big-endian."""
    if sys.byteorder == "big":
        column.byteswap()
    return column
