"""What a diff reports. Field names are keys of `diff --json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldChange:
    """A field that changed, of a model in both snapshots.

    Attributes:
        evidence: What decided the size, before and after; None for other fields.
        pages: The manifests that contain the model, or contained it.
    """

    source: str
    id: str
    name: str
    before: Any
    after: Any
    evidence: tuple[str, str] | None
    pages: list[str]


@dataclass(frozen=True)
class RemovedModel:
    """A published model that no stream has any more; `why` gives the rejection reason if there is one."""

    source: str
    id: str
    name: str
    why: str
    pages: list[str]


@dataclass(frozen=True)
class RankChange:
    """A model's ranks, from 1, among the models in both lists."""

    id: str
    name: str
    before: int
    after: int


@dataclass(frozen=True)
class ManifestChange:
    """A manifest whose list changed; a count is None if the manifest is missing or invalid in that snapshot."""

    file: str
    before: int | None
    after: int | None
    added: dict[str, str]  # names by id
    removed: dict[str, str]
    moved: list[RankChange]
    is_reordered: bool
    renamed: dict[str, str]  # new names by id


@dataclass(frozen=True)
class Diff:
    """All changes between two snapshots, the most important first.

    Attributes:
        untold: What could not be compared, and why.
        levels: Content levels that changed, lowered ones first: they admit a model to safer manifests.
        commercial: Verdicts on commercial use that changed, stricter ones first; not of models that had none before.
        gone: Published models that no stream has any more.
        gated: Models that have become gated.
        unknown: How many published models are of unknown size, before and after; None if models were not compared.
        added: Models that are in a manifest and were in none, ids by source.
        removed: Models that were in a manifest and are in none, ids by source.
        pages: The manifests that changed.
        unchanged: How many manifests did not change.
    """

    base: str
    new: str
    untold: list[str]
    levels: list[FieldChange]
    commercial: list[FieldChange]
    gone: list[RemovedModel]
    sizes: list[FieldChange]
    licenses: list[FieldChange]
    gated: list[FieldChange]
    unknown: tuple[int, int] | None
    added: dict[str, list[str]]
    removed: dict[str, list[str]]
    pages: list[ManifestChange]
    unchanged: int
