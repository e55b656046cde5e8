"""A small published catalogue, and what its files contain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conftest import FILTERS, Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIME = "2026-01-01T00:00:00.000Z"
SMALL = {"safetensors": {"parameters": {"BF16": 600_000_000}, "total": 600_000_000}}


def fill(workspace: Workspace, *records: dict[str, Any], **ledger: Any) -> None:
    """Write the two streams of the Hub with these records, and build models and manifests."""
    workspace.filters.write_text(FILTERS.replace("limit = 2", "limit = 3").replace("depth = 4", "depth = 40"))
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, list(records), **ledger)
    assert workspace.run("manifests") == 0


def records() -> list[dict[str, Any]]:
    """Return four records: small and Apache, small, of unknown size, and Apache."""
    apache = ["license:apache-2.0"]
    return [hf("o/a", tags=apache, **SMALL), hf("o/b", **SMALL), hf("o/c"), hf("o/d", tags=[*apache, "x"], downloads=7)]


class Site:
    """The published files of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder: Path = workspace.data.site / "v1"

    @property
    def entry(self) -> Any:
        return json.loads((self.folder / "entry.json").read_bytes())

    def load(self, reference: Mapping[str, Any]) -> Any:
        """Return the value of a file that another one refers to."""
        return json.loads((self.folder / reference["file"]).read_bytes())

    @property
    def index(self) -> Any:
        return self.load(self.entry["index"])

    def page(self, filter_: str) -> Any:
        return self.load(next(manifest for manifest in self.index["manifests"] if manifest["filter"] == filter_))

    @property
    def models(self) -> dict[str, Any]:
        """The published models by id."""
        shards = self.load(self.entry["models"])["shards"].values()
        return {model["id"]: model for shard in shards for model in self.load(shard)["models"]}

    @property
    def changes(self) -> Any:
        """The set of changes of the last publication."""
        return self.load(self.load(self.entry["changes"])["publications"][0])

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Return the content and time of every file."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
