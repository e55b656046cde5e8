"""What changed since the base, in lines that name models by their ids only: their names may be above pg13. No I/O."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from etl.diff.render import plain_sections
from etl.report.content import Changes, ChangeSection

if TYPE_CHECKING:
    from etl.diff.changes import Diff, ManifestChange


def describe_changes(diff: Diff) -> Changes:
    """Return a diff as the page shows it."""
    headline, notes, sections = plain_sections(_without_names(diff))
    return Changes(headline, notes, [ChangeSection(section.title, section.lines, section.is_safety) for section in sections])


def _without_names(diff: Diff) -> Diff:
    """Return a diff in which each model has its id for a name, which is then left out."""
    levels, commercial, sizes, licenses, gated = (
        [replace(change, name=change.id) for change in changes]
        for changes in (diff.levels, diff.commercial, diff.sizes, diff.licenses, diff.gated)
    )
    gone = [replace(model, name=model.id) for model in diff.gone]
    pages = [_manifest_without_names(change) for change in diff.pages]
    return replace(
        diff, levels=levels, commercial=commercial, sizes=sizes, licenses=licenses, gated=gated, gone=gone, pages=pages
    )  # fmt: skip


def _manifest_without_names(change: ManifestChange) -> ManifestChange:
    return replace(
        change,
        added={id_: id_ for id_ in change.added},
        removed={id_: id_ for id_ in change.removed},
        moved=[replace(move, name=move.id) for move in change.moved],
        renamed=dict.fromkeys(change.renamed, "another name"),
    )
