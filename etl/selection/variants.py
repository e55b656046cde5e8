"""How many models of a source were made of each published one, and the most downloaded of them that are published."""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import digest, model_key
from etl.selection.roots import Kind, other_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from etl.selection.selection import Selection
    from etl.selection.stored import StoredStreams

    Model = Mapping[str, Any]

MAX_TOP = 3


class _Row(NamedTuple):
    """What is counted: a root by the hash of its id in any spelling, and how models were made of it."""

    root: int
    kind: Kind


def variants_of(streams: StoredStreams, published: Iterable[Model]) -> dict[str, list[dict[str, Any]]]:
    """Return the variants of published models by id: the models at the end of whose chain they are, by relation and format.

    Each model of the complete streams counts once: as it is published, else as the stream fetched last has it. Memory depends
    on how many models are published only. Models of sources without lineage are left out.
    """
    models = {digest(model_key(model["id"])): model for model in published if "root" in model}
    top: dict[_Row, list[Model]] = {}
    for model in models.values():
        for root in map(digest, other_roots(model)):
            if root in models:
                top.setdefault(_Row(root, Kind(model["relation"], model["format"])), []).append(model)
    counts = Counter({row: len(listed) for row, listed in top.items()})
    if models:
        counts.update(_unpublished(streams, models))
    variants: dict[str, list[dict[str, Any]]] = {model["id"]: [] for model in models.values()}
    for row, count in sorted(counts.items(), key=lambda item: (-item[1], item[0].kind.relation, item[0].kind.format or "")):
        ids = [model["id"] for model in nsmallest(MAX_TOP, top.get(row, ()), key=_popularity)]
        variants[models[row.root]["id"]].append({**row.kind._asdict(), "models": count, "top": ids})
    return variants


def _popularity(model: Model) -> tuple[int, str]:
    return 1 if model["downloads"] is None else -model["downloads"], model["id"]


def _unpublished(streams: StoredStreams, models: Mapping[int, Model]) -> Iterator[_Row]:
    """Yield the row of each root of each other model that may be published."""
    newer: list[Selection] = []
    by_name = streams.all_streams()
    for name in sorted(by_name, key=lambda name: by_name[name].ledger.timestamp, reverse=True):
        selection, start = by_name[name].selection, 0
        forbidden = (position for position, ruling in selection.rulings.items() if ruling.forbids)
        left_out = {*selection.duplicates, *selection.skipped, *forbidden}
        for count, page_roots in streams.page_roots(name):
            for index, root, kind in page_roots.rows():
                if root not in models or start + index in left_out:
                    continue
                key = selection.keys[start + index]
                if key not in models and not any(other.records_by_hash(key) for other in newer):
                    yield _Row(root, kind)
            start += count
        newer.append(selection)
