"""Pages against data/manifests: the same manifests, with the same models in the same order."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from etl.core.layout import INDEX
from etl.storage.snapshot import parse_valid, read_dir
from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from etl.verify.site.files import Site
    from etl.verify.site.pages import Page

_REBUILD = "rebuild it: make manifests"


class LocalManifests:
    """The manifests on disk.

    Attributes:
        entries: Their entries in index.json by source and path of the filter.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        content = read_dir(folder)
        self.values = parse_valid(content)
        self.invalid = sorted(content.keys() - self.values.keys())
        self.index: Mapping[str, Any] = self.values.get(INDEX, {"manifests": [], "sources": {}})
        self.entries: dict[tuple[str, str], Mapping[str, Any]] = {
            (entry["source"], entry["filter"].removeprefix("filter/")): entry for entry in self.index["manifests"]
        }

    @property
    def streams(self) -> dict[tuple[str, str], str]:
        """The stream of each manifest by source and path of the filter."""
        return {key: entry["stream"] for key, entry in self.entries.items()}


def check_manifests(site: Site, pages: Sequence[Page], manifests: LocalManifests) -> Check:
    """Every manifest has a page with its models in order, its label and its time; no page is without a manifest."""
    check = Check("pages against data/manifests", len(manifests.entries), fix=site.fix)
    check.problems += [f"{manifests.folder / name}: is not valid; {_REBUILD}" for name in manifests.invalid]
    index = site.value("index")
    if index is None or INDEX in manifests.invalid:
        return check
    file, listed = site.file("index"), {(entry["source"], entry["filter"]) for entry in index["manifests"]}
    for source, path in [key for key in manifests.entries if key not in listed]:
        site.problem(check, file, "$.manifests", f"{source}: {path} has a manifest but no page")
    for number, entry in enumerate(index["manifests"]):
        key, where = (entry["source"], entry["filter"]), f"$.manifests[{number}]"
        if key not in manifests.entries:
            site.problem(check, file, where, f"{key[0]}: {key[1]} has a page but no manifest")
            continue
        local = manifests.entries[key]
        for name, value in {"label": local["label"], "updated": local["timestamp"], "status": _status(local)}.items():
            if entry[name] != value:
                site.problem(check, file, f"{where}.{name}", f"is {entry[name]!r}, but data/manifests/{INDEX} has {value!r}")
    for page in pages:
        manifest = manifests.values.get(manifests.entries.get((page.entry["source"], page.entry["filter"]), {}).get("file", ""))
        if manifest is not None:
            _check_models(site, check, page, manifest)
    _check_options(site, check, index, manifests.index["sources"])
    return check


def _status(entry: Mapping[str, Any]) -> str:
    """Return the status of a manifest for visitors, by its entry in index.json."""
    if entry["stale"] is not None:
        return "stale"
    if entry["count"] == 0:
        return "empty"
    return "full" if entry["short"] is None else "short"


def _check_models(site: Site, check: Check, page: Page, manifest: Mapping[str, Any]) -> None:
    published, local = ([model["id"] for model in value["models"]] for value in (page.value, manifest))
    if published == local:
        return
    pairs = enumerate(zip(published, local, strict=False))
    number = next((number for number, (left, right) in pairs if left != right), min(len(published), len(local)))
    left, right = (ids[number] if number < len(ids) else "nothing" for ids in (published, local))
    site.problem(check, page.file, f"$.models[{number}].id", f"{left} is there, but its manifest has {right}")


def _check_options(site: Site, check: Check, index: Mapping[str, Any], sources: Mapping[str, Any]) -> None:
    """Check that the index has the axes, options and labels of index.json, in order."""
    expected = {
        name: [(axis["axis"], [(option["option"], option["label"]) for option in axis["options"]]) for axis in source["axes"]]
        for name, source in sources.items()
    }
    for number, source in enumerate(index["sources"]):
        axes = [(axis["axis"], [(option["option"], option["label"]) for option in axis["options"]]) for axis in source["axes"]]
        if axes != expected.pop(source["source"], None):
            path = f"$.sources[{number}].axes"
            site.problem(check, site.file("index"), path, f"has other axes, options or labels than data/manifests/{INDEX}")
    for name in expected:
        site.problem(check, site.file("index"), "$.sources", f"{shlex.quote(name)} of data/manifests/{INDEX} is missing")
