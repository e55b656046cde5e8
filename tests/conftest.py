"""Temporary data folders, with streams as extraction writes them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from etl.cli.main import main
from etl.config.load import load_config
from etl.config.manifests import all_filters
from etl.core.errors import UsageError
from etl.core.layout import PROJECT, DataDir
from etl.sources.source import get_source

if TYPE_CHECKING:
    from collections.abc import Mapping

# A machine under load is slow, which is not a failure.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
os.environ["NO_PROXY"] = "127.0.0.1"  # requests to the local servers bypass any proxy
TIME = "2026-01-01T00:00:00.000Z"
# A copy of the shipped filters.toml: users may edit the shipped one without a test failing.
OWN_FILTERS = PROJECT / "tests" / "filters.toml"


@dataclass(frozen=True)
class Workspace:
    """A data folder and the filters used with it."""

    data: DataDir
    filters: Path

    def write_stream(
        self, source: str, stream: str, *pages: list[Any],
        asks: Mapping[str, Any] | None = None, fetched_at: str = TIME, **ledger: Any,
    ) -> None:  # fmt: skip
        """Write a stream of pages with these records, each fetched at `fetched_at`; keywords replace keys of the ledger.

        The request has the parameters of the stream's filters or, with `asks`, the source's common ones and `asks`.
        """
        folder = self.data.raw(source, stream)
        folder.mkdir(parents=True, exist_ok=True)
        value = {"pages": [], "checked_at": TIME, "complete": True, "exhausted": True, **ledger}
        params = self.request_params(source, stream, asks)
        cursors = [{}, *({"cursor": f"after-{number}"} for number, _ in enumerate(pages, 1))]
        urls: list[str | None] = [get_source(source).first_request({**params, **cursor}) for cursor in cursors]
        if value["exhausted"]:
            urls[-1] = None
        for number, records in enumerate(pages, 1):
            file = f"page-{number:04}.json"
            metadata = {"nextCursor": cursors[number]["cursor"]} if urls[number] else {}
            body = json.dumps(records if source == "huggingface" else {"items": records, "metadata": metadata}).encode()
            (folder / file).write_bytes(body)
            sha256 = hashlib.sha256(body).hexdigest()
            page = {"url": urls[number - 1], "file": file, "sha256": sha256, "bytes": len(body), "etag": None}
            value["pages"].append(page | {"fetched_at": fetched_at, "records": len(records), "next": urls[number]})
        self.data.ledger(source, stream).write_text(json.dumps(value))

    def request_params(self, source: str, stream: str, asks: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Return the request parameters of a stream: those of its filters, or the source's common ones and `asks`.

        If the filters are invalid or lack the source, only `asks`.
        """
        try:
            config = next(config for config in load_config(self.filters).sources if config.name == source)
        except (UsageError, StopIteration):
            return asks or {}
        filters = [filter_ for filter_ in all_filters(config) if filter_.stream == stream] if asks is None else []
        return config.request_params(filters[0]) if filters else {**config.params, **(asks or {}), "limit": config.page_size}

    def run(self, command: str, *options: str) -> int:
        """Run a command with this workspace's data and filters; return its exit code."""
        return main([command, "--data", str(self.data.root), "--filters", str(self.filters), *options])

    def forget_load(self) -> None:
        """Make the next load select and write all manifests, even if nothing changed."""
        self.data.cache("loaded").unlink(missing_ok=True)

    def manifest(self, file: str) -> Any:
        return json.loads((self.data.manifests / file).read_text())

    def ids(self, file: str) -> list[str]:
        return [model["id"] for model in self.manifest(file)["models"]]

    def entry(self, file: str) -> Any:
        return next(entry for entry in self.manifest("index.json")["manifests"] if entry["file"] == file)


def hf(name: str, **fields: Any) -> dict[str, Any]:
    """Return a Hub record in the shape of the list API."""
    record = {"id": name, "author": name.split("/", maxsplit=1)[0], "downloads": 5, "likes": 1, "private": False}
    return record | {"lastModified": "2026-01-01T00:00:00.000Z", "tags": [], **fields}


def civitai(number: int | str, **fields: Any) -> dict[str, Any]:
    """Return a CivitAI record in the shape of the list API."""
    record: dict[str, Any] = {
        "id": number,
        "name": f"model {number}",
        "type": "Checkpoint",
        "nsfw": False,
        "nsfwLevel": 1,
        "tags": [],
    }
    versions = [{"id": 1, "baseModel": "SD 1.5", "publishedAt": "2026-01-01T00:00:00.000Z", "files": []}]
    return record | {"stats": {"downloadCount": 5, "thumbsUpCount": 1}, "modelVersions": versions, **fields}


FILTERS = """
limit = 2
depth = 4
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
skip = ["o/skipped"]
manifests = ["likes", "small", "large", "apache", "other"]
[huggingface.axes.sort]
downloads = { label = "Downloads", asks = { sort = "downloads" } }
likes = { label = "Likes", asks = { sort = "likes" } }
[huggingface.axes.size]
all = { label = "All" }
small = { label = "Small", keeps = ["small"] }
large = { label = "Large", keeps = ["large"] }
[huggingface.axes.license]
all = { label = "All" }
apache = { label = "Apache", keeps = ["apache-2.0"] }
other = { label = "Other", drops = ["apache-2.0"] }
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace with an empty data folder and filters for the Hub: a server-side axis and two client-side ones."""
    (tmp_path / "filters.toml").write_text(FILTERS)
    return Workspace(DataDir(tmp_path / "data"), tmp_path / "filters.toml")


def snapshot(root: Path) -> Workspace:
    """Return a workspace at `root` with symbolic links to the snapshot's raw files, and the tests' own filters."""
    root.mkdir()
    (root / "raw").symlink_to(PROJECT / "data" / "raw")
    return Workspace(DataDir(root), OWN_FILTERS)


@pytest.fixture
def shipped(tmp_path: Path) -> Workspace:
    """Return a workspace of the snapshot: links to its raw files, and the tests' own filters."""
    return snapshot(tmp_path / "data")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of manifests built from the snapshot with the tests' own filters; read-only."""
    workspace = snapshot(tmp_path_factory.mktemp("built") / "data")
    assert workspace.run("manifests") == 0
    return workspace.data.manifests
