"""Two manifests that hold the same list, and whether that can be explained."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from etl.selection.equality import explain_equality
from etl.verify.published import Check, Published

if TYPE_CHECKING:
    from etl.config.model import Filter


def check_equal_lists(published: Published) -> Check:
    """No two manifests of a source hold the same list without an explanation."""
    check = Check("equal lists")
    same: dict[tuple[str, ...], list[Filter]] = {}
    for each, held in published.known:
        check.looked_at += 1
        same.setdefault((each.source, *held), []).append(each)
    for (_, *held), twins in same.items():
        for one, other in itertools.combinations(twins, 2):
            streams = [published.drawn[each.source, each.stream] for each in (one, other)]
            reason = explain_equality((one, other), streams, published.config.limit)
            if reason is None:
                where = published.where(other.file, "$.models")
                check.problems.append(f"{where}: is the list of {one.file}, {len(held)} models, and nothing explains it")
            elif one is twins[0]:
                check.notes.append(f"{other.file} = {one.file} ({len(held)} models): {reason}")
    return check
