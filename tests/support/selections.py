"""Selections of models that are on no disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.expressions.evaluator import Evaluator
from etl.selection.conditions import Conditions, FacetSpec
from etl.selection.facets import PageFacets, facets_of
from etl.selection.selection import Selection
from tests.conftest import TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config.source_config import SourceConfig


def selection_of(source: SourceConfig, pages: Sequence[list[dict[str, Any]]], evaluator: Evaluator | None = None) -> Selection:
    """Return the selection of the stream `default` with these pages, whose files are their numbers from 0."""
    conditions = Conditions(FacetSpec.by(source), evaluator or Evaluator(()))
    selection = Selection(conditions, lambda file: pages[int(file)], "default", source.skip)
    for number, page in enumerate(pages):
        values = [*conditions.values_of(page, TIME)]
        assert conditions.keys_of(page, conditions.results_of(page, TIME)) == [*map(conditions.key_of, values)]
        facets = PageFacets.from_bytes(facets_of(page, conditions, TIME).to_bytes())
        selection.add_page(str(number), facets, TIME)
    return selection
