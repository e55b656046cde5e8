"""A small published site, and ways to change its files so that hashes still fit, or do not."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from etl.core.layout import DataDir
from tests.conftest import FILTERS, Workspace, civitai
from tests.publish.site import fill, records
from tests.support.builders import version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Change = "Callable[[Any], Any]"
PARENTS = {"page": ("index", "manifests"), "shard": ("models", "shards"), "change_set": ("changes", "publications")}
IMAGE_URL = "https://image.example/x/width=450/1.jpeg"
CIVITAI = """
[civitai]
prefix = "civitai"
page = 3
rate = { requests = 1, seconds = 1, in_flight = 1 }
image_hosts = ["image.example"]
manifests = ["default", "pg", "r"]
[civitai.axes.level]
all = { label = "All levels" }
pg = { label = "PG", keeps = ["pg"] }
r = { label = "Up to R", keeps = ["pg", "pg13", "r"] }
"""


def build(workspace: Workspace) -> None:
    """Publish four models of the Hub, and three of CivitAI: of level pg, r and xxx."""
    fill(workspace, *records())
    text = FILTERS.replace("limit = 2", "limit = 3").replace("depth = 4", "depth = 40")
    text = text.replace('manifests = ["likes"', 'manifests = ["default", "likes"')
    workspace.filters.write_text(text + CIVITAI)
    masks = {1: 1, 2: 4, 3: 16}
    models = [
        civitai(
            number, nsfwLevel=mask, availability="Public", modelVersions=[version(number, "SD 1.5", mask, images=images(mask))]
        )
        for number, mask in masks.items()
    ]
    workspace.write_stream("civitai", "default", models)
    assert workspace.run("manifests") == workspace.run("publish") == 0


def images(mask: int) -> list[dict[str, Any]]:
    """Return an image of a level with an address, and one of level xxx that nobody may see."""
    url = "https://image.example/x/original=true/{}.jpeg"
    hidden = {"nsfwLevel": mask, "type": "image", "poi": True, "url": url.format("poi")}
    return [{"nsfwLevel": mask, "type": "image", "url": url.format(mask)}, hidden]


def dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class TamperedSite:
    """A copy of a workspace with its site, whose files can be changed."""

    def __init__(self, built: Workspace, root: Path) -> None:
        shutil.copytree(built.data.root, root / "data")
        self.workspace = Workspace(DataDir(root / "data"), built.filters)
        self.folder = self.workspace.data.site / "v1"

    def verify(self, *options: str) -> int:
        return self.workspace.run("verify", "--site", str(self.workspace.data.site), *options)

    def load(self, name: str) -> Any:
        return json.loads((self.folder / name).read_bytes())

    @property
    def entry(self) -> Any:
        return self.load("entry.json")

    def reference(self, kind: str, key: Any = 0) -> Any:
        """Return the reference to a file by its kind, and the filter or number of a page, the prefix of a shard."""
        if kind not in PARENTS:
            return self.entry[kind]
        parent, field = PARENTS[kind]
        return self._choose(self.load(self.entry[parent]["file"])[field], key)

    @staticmethod
    def _choose(references: Any, key: Any) -> Any:
        if isinstance(references, dict):
            return references[key or min(references)]
        if isinstance(key, int):
            return references[key]
        return next(reference for reference in references if reference["filter"] == key)

    def edit(self, kind: str, change: Callable[[Any], Any], key: Any = 0) -> str:
        """Change a file, and every hash above it; return its new name."""
        if kind == "entry":
            entry = self.entry
            change(entry)
            return self._write_entry(entry)
        name = self.reference(kind, key)["file"]
        value = self.load(name)
        change(value)
        return self.replace(kind, dump(value), key)

    def replace(self, kind: str, content: bytes, key: Any = 0) -> str:
        """Replace the content of a file, and every hash above it; return its new name."""
        old, digest = self.reference(kind, key)["file"], hashlib.sha256(content).hexdigest()
        stem, _, suffix = old.split(".")
        new: dict[str, Any] = {"file": f"{stem}.{digest[:16]}.{suffix}", "sha256": digest, "bytes": len(content)}
        (self.folder / new["file"]).write_bytes(content)
        if kind in PARENTS:
            parent, field = PARENTS[kind]
            self.edit(parent, lambda value: self._choose(value[field], key).update(new))
        else:
            self.edit("entry", lambda entry: entry[kind].update(new))
        return str(new["file"])

    def _write_entry(self, entry: Any) -> str:
        content = dump(entry)
        copy = f"entry.{hashlib.sha256(content).hexdigest()[:16]}.json"
        for name in ("entry.json", copy):
            (self.folder / name).write_bytes(content)
        return "entry.json"
