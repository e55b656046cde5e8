"""The models of a source whose ids its records spell in several ways, in one stream or in several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.core.hash_arrays import partition
from etl.core.ids import model_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.selection.selection import Selection
    from etl.storage.ledger import Ledger


def find_respelled(streams: Mapping[str, tuple[Ledger, Selection]]) -> dict[str, Mapping[str, Any]]:
    """Return the models whose ids are spelled in several ways, by key, as the record fetched last has them."""
    newest: dict[str, tuple[tuple[str, str, int], Mapping[str, Any]]] = {}
    spellings: dict[str, set[str]] = {}
    several = _several_spellings([selection for _, selection in streams.values()])
    for name, (ledger, selection) in streams.items() if several else ():
        fetched_at = {page.file: page.fetched_at for page in ledger.pages}
        for position in sorted({*selection.find(several)}.difference(selection.skipped)):
            model = selection.model(position)
            key, order = model_key(model["id"]), (fetched_at[selection.file_of(position)[0]], name, position)
            spellings.setdefault(key, set()).add(model["id"])
            newest[key] = max(newest.get(key, (order, model)), (order, model), key=lambda item: item[0])
    return {key: newest[key][1] for key in spellings if len(spellings[key]) > 1}


def _several_spellings(selections: Sequence[Selection]) -> set[int]:
    """Return the hashes of the models, in any spelling, of which records have several hashes of spellings."""
    if len(selections) == 1 and not selections[0].duplicates:
        return set()
    several: set[int] = set()
    all_keys = [selection.keys for selection in selections]
    parts = zip(partition(all_keys), partition([selection.spellings for selection in selections], by=all_keys), strict=True)
    for keys, spellings in parts:  # part by part, so that few are in a dict at once
        first: dict[int, int] = {}
        several.update(key for key, spelling in zip(keys, spellings, strict=True) if first.setdefault(key, spelling) != spelling)
    return several
