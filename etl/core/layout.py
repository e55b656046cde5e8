"""Paths of the project and of the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SCHEMAS = PROJECT / "schemas"
SOURCES = PROJECT / "etl" / "sources"
TYPES = PROJECT / "examples" / "client" / "src" / "catalogue.d.ts"  # generated from schemas/site.schema.json
INDEX = "index.json"
ALL_MODELS = "all-models.json"


def source_names() -> list[str]:
    """Return the names of the sources that have a jq program, sorted."""
    return sorted(path.parent.name for path in SOURCES.glob("*/transform.jq"))


@dataclass(frozen=True)
class DataDir:
    """The paths below a data folder."""

    root: Path
    raw_override: Path | None = None  # the folder of raw files, unless it is `root`/raw

    def absolute(self) -> DataDir:
        """Return the same folder by absolute paths."""
        return DataDir(self.root.absolute(), self.raw_override and self.raw_override.absolute())

    @property
    def raw_root(self) -> Path:
        return self.raw_override or self.root / "raw"

    def raw(self, source: str, *below: str) -> Path:
        """Return the folder of a source's raw streams, or below it that of a stream, or a file of one."""
        return self.raw_root.joinpath(source, *below)

    def ledger(self, source: str, stream: str) -> Path:
        return self.raw(source, stream, "stream.json")

    def models(self, source: str, *below: str) -> Path:
        """Return the folder of a source's transformed streams, or below it that of a stream, or a file of one."""
        return self.root.joinpath("models", source, *below)

    def summary(self, source: str) -> Path:
        return self.models(source) / "summary.json"

    def cache(self, file: str) -> Path:
        """Return a file in which a command remembers what it need not do again: SOURCE.files, verified (JSON), published, loaded.

        A SOURCE.cluster-HASH exists while a run has calls on a cluster, and after a run that was killed until the next one.
        """
        return self.root / ".cache" / file

    def outcomes(self, source: str, *below: str) -> Path:
        """Return the folder of what became of the pages of a source's streams, or below it that of a stream, or a file of one."""
        return self.root.joinpath(".cache", "pages", source, *below)

    def facets(self, source: str, *below: str) -> Path:
        """Return the folder of the facets of a source's pages, or below it that of a stream, or a file of one."""
        return self.root.joinpath(".cache", "facets", source, *below)

    @property
    def site(self) -> Path:
        """The folder that clients download from, unless another one is named."""
        return self.root / "site"

    @property
    def report(self) -> Path:
        """The page about what is in the folder."""
        return self.root / "report" / "index.html"

    @property
    def manifests(self) -> Path:
        return self.root / "manifests"

    @property
    def working_folders(self) -> list[Path]:
        """The folders that the pipeline rewrites, in which no site can be."""
        return [self.raw_root, self.root / "models", self.manifests, self.staging, self.root / ".cache", self.root / ".locks"]

    @property
    def staging(self) -> Path:
        """The folder of the manifests being written, which are then swapped with `manifests`, and of the previous ones."""
        return self.root / ".manifests"
