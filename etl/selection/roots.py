"""The models of a page that were made of others: a row for each and each end of its chain. No I/O."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.columns import pack_column, unpack_column
from etl.core.ids import hash_texts, model_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


ROOT_FIELDS = ("root", "roots", "relation", "format")  # that are read of models, beside their ids


class Kind(NamedTuple):
    """How models were made of others."""

    relation: str
    format: str | None


@dataclass(frozen=True)
class PageRoots:
    """The models of a page that were made of others, in page order; 16 bytes for each and each end of its chain.

    Attributes:
        indexes: The indexes of the models in the page.
        roots: Hashes of the ends of their chains, in any spelling.
        kind_of: How each was made, by its index in `kinds`.
    """

    indexes: array[int]
    roots: array[int]
    kind_of: array[int]
    kinds: Sequence[Kind]

    def rows(self) -> Iterator[tuple[int, int, Kind]]:
        """Yield the index of a model, the hash of a root, and how it was made."""
        kinds = map(self.kinds.__getitem__, self.kind_of)
        return zip(self.indexes, self.roots, kinds, strict=True)

    def to_bytes(self) -> bytes:
        """Return the rows as a file has them: a line of JSON, and numbers of 8 and 4 bytes."""
        return b"".join(
            [orjson.dumps([*map(list, self.kinds)]), b"\n", *map(pack_column, (self.roots, self.indexes, self.kind_of))]
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> PageRoots:
        """Return the rows that `to_bytes` gave."""
        line, _, rest = content.partition(b"\n")
        rows = len(rest) // 16
        roots, indexes, kind_of = rest[: 8 * rows], rest[8 * rows : 12 * rows], rest[12 * rows :]
        kinds = [Kind(*pair) for pair in orjson.loads(line)]
        return cls(unpack_column("I", indexes), unpack_column("Q", roots), unpack_column("I", kind_of), kinds)


def roots_of(models: Sequence[Mapping[str, Any]]) -> PageRoots:
    """Return the models of a page that were made of others; none of a source without lineage.

    Raises:
        TypeError, KeyError: the models are not output of the transform.
    """
    kinds: dict[tuple[str, str | None], int] = {}
    rows = [
        (index, root, kinds.setdefault((model["relation"], model["format"]), len(kinds)))
        for index, model in enumerate(models)
        if "root" in model and model["root"] != model["id"]  # else it is its own root, as of most
        for root in other_roots(model)
    ]
    indexes, roots, kind_of = zip(*rows, strict=True) if rows else ((), (), ())
    return PageRoots(array("I", indexes), hash_texts(roots), array("I", kind_of), [Kind(*pair) for pair in kinds])


def other_roots(model: Mapping[str, Any]) -> list[str]:
    """Return the keys of the ends of the chain of a model, except itself."""
    root, own = model.get("root"), model_key(model["id"])
    if root is None:
        return [key for key in dict.fromkeys(map(model_key, model.get("roots") or ())) if key != own]
    return [] if (key := model_key(root)) == own else [key]
