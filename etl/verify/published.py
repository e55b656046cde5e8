"""The files of a folder of manifests, read for the checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.core.errors import EXIT_CHECK_FAILED
from etl.storage.snapshot import parse_published, parse_valid
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config.filters import Filter
    from etl.config.source_config import Config

REBUILD = "make manifests"
FETCH_AGAIN = "make extract manifests"


@dataclass
class Check:
    """The result of one check: how many items it checked, problems, warnings and explanations.

    Attributes:
        code: The exit code of a failure.
        fix: A sentence with the `make` command that fixes most failures of this check, not completed for the run.
    """

    name: str
    looked_at: int = 0
    code: int = EXIT_CHECK_FAILED
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fix: str = field(kw_only=True)


@dataclass(frozen=True)
class Published:
    """A folder of manifests, and its files as bytes."""

    folder: Path
    content: dict[str, bytes]
    config: Config

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of the files that conform to their schemas; the others are left to the check of schemas."""
        return parse_valid(self.content)

    @cached_property
    def ids_by_filter(self) -> list[tuple[Filter, list[str]]]:
        """The filters of filters.toml that have a valid file, each with the ids in it."""
        filters = (filter_ for source in self.config.sources for filter_ in source.filters)
        return [(filter_, ids(self.values[filter_.file])) for filter_ in filters if filter_.file in self.values]

    @cached_property
    def listed(self) -> dict[str, set[str]]:
        """The keys of the models in these files, by source."""
        listed: dict[str, set[str]] = {source.name: set() for source in self.config.sources}
        for filter_, ids_ in self.ids_by_filter:
            listed[filter_.source].update(map(model_key, ids_))
        return listed

    @cached_property
    def ordered_streams(self) -> set[tuple[str, str]]:
        """The streams, by source and name, that manifests with an order of their own read."""
        return {(filter_.source, filter_.stream) for filter_, _ in self.ids_by_filter if filter_.order_field}

    def where(self, name: str, path: str = "$") -> str:
        """Return the start of a message: a file and a JSON path in it."""
        return f"{self.folder / name}: {path}"


def ids(manifest: dict[str, Any]) -> list[str]:
    """Return the ids of a manifest, in order."""
    return [model["id"] for model in manifest["models"]]


def check_schemas(published: Published) -> Check:
    """Every file is JSON and conforms to its schema."""
    check = Check("schemas", len(published.content), fix=REBUILD)
    for name, content in published.content.items():
        check.problems += [published.where(name, problem) for problem in parse_published(name, content)[1]]
    return check
