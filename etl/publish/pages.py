"""The page of each manifest, and the index of all. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.publish.cards import card
from etl.publish.catalogue import ModelKey
from etl.publish.images import page_level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.options import Axis, Option
    from etl.config.source_config import SourceConfig
    from etl.publish.catalogue import Catalogue, Manifest
    from etl.publish.files import FileReference, Files


def add_pages(files: Files, catalogue: Catalogue) -> FileReference:
    """Add the page of each manifest and the index; return the reference to the index."""
    published = {(manifest.filter.source, manifest.filter.path) for manifest in catalogue.manifests}
    sources = {source.name: source for source in catalogue.sources}
    summaries = []
    for manifest in catalogue.manifests:
        page = _page(manifest, sources[manifest.filter.source], catalogue, published)
        reference = files.add_json(
            f"pages/{manifest.filter.file.removesuffix('.json').replace('-filter-', '-', 1)}", page, "page"
        )
        summaries.append({**_summary(manifest), **reference})
    index = {"sources": [_source(source, catalogue) for source in catalogue.sources], "manifests": summaries}
    return files.add_json("index", index, "index")


def _page(
    manifest: Manifest, source: SourceConfig, catalogue: Catalogue, published: set[tuple[str, str]]
) -> dict[str, Any]:  # fmt: skip
    filter_, level = manifest.filter, page_level(manifest.filter)
    keys = [ModelKey(source.name, model["id"]) for model in manifest.models]
    return {
        "source": filter_.source,
        "filter": filter_.path,
        "label": filter_.label,
        "updated": manifest.entry["timestamp"],
        "models": [card(model, level, catalogue.variants.get(key)) for key, model in zip(keys, manifest.models, strict=True)],
        "links": {axis.name: _links(manifest, source, axis, published) for axis in source.axes},
    }


def _links(manifest: Manifest, source: SourceConfig, axis: Axis, published: set[tuple[str, str]]) -> dict[str, str | None]:
    """Return for each option of an axis the filter that has it in place of the manifest's; None if that is not published."""
    links = {}
    for option in axis.options:
        replaced = tuple(option if other.axis == axis.name else other for other in manifest.filter.options)
        path = source.filter(replaced).path
        links[option.name] = path if (source.name, path) in published else None
    return links


def _summary(manifest: Manifest) -> dict[str, Any]:
    status, text = page_status(manifest.entry)
    return {
        "source": manifest.filter.source,
        "filter": manifest.filter.path,
        "label": manifest.filter.label,
        "count": len(manifest.models),
        "updated": manifest.entry["timestamp"],
        "status": status,
        "status_text": text,
    }


def page_status(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return the status of a manifest, and a sentence for visitors."""
    count, is_all = entry["count"], entry["short"] == "exhausted"
    models = "1 model" if count == 1 else f"{count} models"
    if entry["short"] is None:
        status, text = "full", f"The first {models}."
    elif count:
        status, text = "short", f"{models}, which is all there are." if is_all else f"{models} so far."
    else:
        status, text = "empty", "No model matches." if is_all else "No model that matches was found so far."
    if entry["stale"]:
        return "stale", f"{text} The source could not be read lately; this is as of {entry['timestamp'][:10]}."
    return status, text


def _source(source: SourceConfig, catalogue: Catalogue) -> dict[str, Any]:
    """Return the axes of a source, with the options that a manifest has and how many models these manifests have."""
    manifests = [manifest for manifest in catalogue.manifests if manifest.filter.source == source.name]
    return {"source": source.name, "axes": [{"axis": axis.name, "options": _options(axis, manifests)} for axis in source.axes]}


def _options(axis: Axis, manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    models: dict[Option, set[ModelKey]] = {}
    for manifest in manifests:
        ids = {ModelKey(manifest.filter.source, model["id"]) for model in manifest.models}
        for option in manifest.filter.options:
            models.setdefault(option, set()).update(ids)
    return [
        {"option": option.name, "label": option.label, "models": len(models.get(option, ()))}
        for option in axis.options
        if option.is_default or option in models
    ]
