"""What lies in a folder of manifests, read for the checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.core.errors import EXIT_CHECK_FAILED
from etl.storage.snapshot import parse_published, parse_valid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.config.model import Config, Filter
    from etl.selection.stored import StoredStream


@dataclass
class Check:
    """The outcome of one check: how many things it looked at, what is wrong, what to mind, and what it explains.

    `code` is the exit code of a failure.
    """

    name: str
    looked_at: int = 0
    code: int = EXIT_CHECK_FAILED
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Published:
    """A folder of manifests, its files as bytes, and the same set rebuilt from the raw files.

    `drawn` has the streams that filters draw on, by source and name; null where none is on disk.
    """

    folder: Path
    content: dict[str, bytes]
    rebuilt: dict[str, bytes]
    config: Config
    drawn: Mapping[tuple[str, str], StoredStream | None]

    @cached_property
    def values(self) -> dict[str, Any]:
        """The files that are JSON and keep their contracts; the others are left to the check of schemas."""
        return parse_valid(self.content)

    @cached_property
    def known(self) -> list[tuple[Filter, list[str]]]:
        """The filters of filters.toml that have a sound file, each with the ids it holds."""
        every = (each for source in self.config.sources for each in source.filters)
        return [(each, ids(self.values[each.file])) for each in every if each.file in self.values]

    def where(self, name: str, path: str = "$") -> str:
        return f"{self.folder / name}: {path}"


def ids(page: dict[str, Any]) -> list[str]:
    """Return the ids of a manifest in its order."""
    return [model["id"] for model in page["models"]]


def check_schemas(published: Published) -> Check:
    """Every file is JSON and keeps its contract."""
    check = Check("schemas", len(published.content))
    for name, content in published.content.items():
        check.problems += [published.where(name, problem) for problem in parse_published(name, content)[1]]
    return check
