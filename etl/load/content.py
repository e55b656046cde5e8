"""The published files as JSON values: a manifest, all-models.json and index.json. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.core.layout import ALL_MODELS
from etl.selection.funnel import shortfall_reason
from etl.storage.json_files import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.source_config import Config, SourceConfig
    from etl.selection.funnel import FillStatus, Funnel
    from etl.selection.stream_models import ModelRef
    from etl.storage.ledger import Ledger


@dataclass(frozen=True)
class Manifest:
    """A filter's manifest: its models, the ledger of the stream that they come from, and why it has as many as it has."""

    filter: Filter
    stream: Ledger
    funnel: Funnel
    status: FillStatus
    models: list[ModelRef]


@dataclass(frozen=True)
class MissingManifest:
    """A filter without a manifest, and why its stream counts as missing."""

    filter: Filter
    reason: str


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """Return the content of a manifest."""
    models = [{"id": model.id, "slug": model.slug, "name": model.name} for model in manifest.models]
    return {"filter": manifest.filter.manifest_filter, "models": models, "timestamp": manifest.stream.timestamp}


def all_models_json(manifests: Sequence[Manifest], config: Config) -> dict[str, Any]:
    """Return the content of all-models.json: every published model once, as its most recently fetched stream has it."""
    newest: dict[tuple[str, str], ModelRef] = {}
    for manifest in sorted(manifests, key=lambda manifest: manifest.stream.timestamp, reverse=True):
        for model in manifest.models:
            newest.setdefault((manifest.filter.source, model.id), model)
    names = sorted(source.name for source in config.sources)
    return {
        "totalModels": len(newest),
        **{name: sum(source == name for source, _ in newest) for name in names},
        "models": [
            {"id": model.id, "slug": model.slug, "name": model.name, "source": source}
            for (source, _), model in sorted(newest.items())
        ],
        "timestamp": max(manifest.stream.timestamp for manifest in manifests),
    }


def index_json(
    manifests: Sequence[Manifest],
    missing: Sequence[MissingManifest],
    config: Config,
    all_models: Mapping[str, Any],
    files: Mapping[str, bytes],
) -> dict[str, Any]:
    """Return the content of index.json, the entry point; `files` has the bytes of every other file by name."""
    return {
        "version": 1,
        "manifests": [_entry(manifest, config, files[manifest.filter.file]) for manifest in manifests],
        "all_models": {
            "file": ALL_MODELS,
            "count": all_models["totalModels"],
            "timestamp": all_models["timestamp"],
            **_size_and_hash(files[ALL_MODELS]),
        },
        "sources": {source.name: {"axes": _axes(source, manifests)} for source in config.sources},
        "missing": [_missing_entry(entry) for entry in missing],
    }


def _entry(manifest: Manifest, config: Config, content: bytes) -> dict[str, Any]:
    return {
        "file": manifest.filter.file,
        "source": manifest.filter.source,
        "filter": manifest.filter.manifest_filter,
        "label": manifest.filter.label,
        "options": {option.axis: option.name for option in manifest.filter.options},
        "count": len(manifest.models),
        "limit": manifest.filter.limit,
        "stream": manifest.filter.stream,
        "timestamp": manifest.stream.timestamp,
        **_size_and_hash(content),
        "short": shortfall_reason(manifest.filter, manifest.stream, len(manifest.models), config),
        "stale": manifest.stream.failed_at,
        "funnel": manifest.funnel.counts(),
        "verdict": manifest.status.words,
    }


def _missing_entry(missing: MissingManifest) -> dict[str, Any]:
    return {
        "source": missing.filter.source,
        "filter": missing.filter.manifest_filter,
        "file": missing.filter.file,
        "stream": missing.filter.stream,
        "command": f"make extract SOURCE={missing.filter.source}",
        "reason": missing.reason,
    }


def _size_and_hash(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": sha256(content)}


def _axes(source: SourceConfig, manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """Return a source's axes with the options of its published manifests, so that clients offer none without a file."""
    filters = [manifest.filter for manifest in manifests if manifest.filter.source == source.name]
    published = {option for filter_ in filters for option in filter_.options}
    return [
        {
            "axis": axis.name,
            "options": [
                {"option": option.name, "label": option.label}
                for option in axis.options
                if option.is_default or option in published
            ],
        }
        for axis in source.axes
    ]
