"""Two manifests with the same list, and whether that can be explained."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from etl.selection.equality import explain_equality
from etl.verify.published import REBUILD, Check, Published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.filters import Filter
    from etl.selection.stored import StoredStream


def check_equal_lists(published: Published, streams: Mapping[tuple[str, str], StoredStream | None]) -> Check:
    """No two manifests of a source have the same list without an explanation; `streams` are those of the models, if on disk."""
    check = Check("equal lists", fix=REBUILD)
    by_list: dict[tuple[str, ...], list[Filter]] = {}
    for filter_, ids in published.ids_by_filter:
        check.looked_at += 1
        by_list.setdefault((filter_.source, *ids), []).append(filter_)
    for (_, *ids), filters in by_list.items():
        for left, right in itertools.combinations(filters, 2):
            reason = explain_equality((left, right), [streams[filter_.source, filter_.stream] for filter_ in (left, right)])
            if reason is None:
                where = published.where(right.file, "$.models")
                check.problems.append(f"{where}: the same list as {left.file}, {len(ids)} models, and nothing explains it")
            elif left is filters[0]:
                check.notes.append(f"{right.file} = {left.file} ({len(ids)} models): {reason}")
    return check
