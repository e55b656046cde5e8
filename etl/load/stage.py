"""data/models to data/manifests: every filter's page, all models, and the index."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from etl.contracts import published_contract
from etl.errors import DiskRefused, Missing
from etl.exchange import publish
from etl.files import ALL_MODELS, INDEX, dumps, write
from etl.funnel import Funnel, Verdict, funnel, short, verdict
from etl.ledger import streams
from etl.selection import Held, OnDisk, on_disk
from etl.unmatched import examine

if TYPE_CHECKING:
    from etl.files import Data
    from etl.filters import Filter, Filters, Source
    from etl.ledger import Ledger


@dataclass(frozen=True)
class Manifest:
    """A filter's page: the models it shows, of a stream whose ledger tells how far it was read."""

    filter: Filter
    stream: Ledger
    funnel: Funnel
    verdict: Verdict

    @property
    def models(self) -> list[Held]:
        return self.funnel.published


@dataclass(frozen=True)
class Published:
    """What a load did: the index as written, and why the set could not be exchanged in one step, if it could not.

    `warnings` are of values in filters.toml that no model on disk has.
    """

    index: dict[str, Any]
    one_by_one: str | None
    warnings: list[str]


def load(data: Data, filters: Filters) -> Published:
    """Publish the manifests of every filter whose stream is on disk, all at once.

    Raises:
        Missing: no stream at all is on disk, or the models were not made yet; nothing is published.
        BadAnswer: a ledger or a file of models does not keep its contract; nothing is published.
        DiskRefused: the set could not be written; the old one stays.
    """
    manifests, missing, warnings = [], [], []
    for source in filters.sources:
        made, lacking, unmatched = _of_source(data, source, filters)
        manifests += made
        missing += lacking
        warnings += unmatched
    if not manifests:
        raise Missing(f"{data.raws}: holds no stream that the filters draw on; nothing is published; ask with: make extract")
    files = {each.filter.file: _page(each) for each in manifests}
    everything = files[ALL_MODELS] = _all_models(manifests, filters)
    content = {name: dumps(page) for name, page in files.items()}
    files[INDEX] = _index(manifests, missing, filters, everything, content)
    content[INDEX] = dumps(files[INDEX])
    _keep_contracts(files)
    return Published(files[INDEX], _publish(data, content), warnings)


def _of_source(data: Data, source: Source, filters: Filters) -> tuple[list[Manifest], list[Filter], list[str]]:
    """Return a source's manifests, the filters whose stream is not on disk, and warnings, in the order of filters.toml."""

    @cache
    def drawn(stream: str) -> OnDisk | None:
        return on_disk(data, source, stream)

    made, missing = [], []
    for each in source.filters:
        if stream := drawn(each.stream):
            why = verdict(each, filters, drawn)
            made.append(Manifest(each, stream.ledger, funnel(stream, each, filters.limit), why))
        else:
            missing.append(each)
    return made, missing, examine(source, source.filters, streams(data, source.name), drawn).warnings


def _page(manifest: Manifest) -> dict[str, Any]:
    models = [{"id": model.id, "slug": model.slug, "name": model.name} for model in manifest.models]
    return {"filter": manifest.filter.title, "models": models, "timestamp": manifest.stream.timestamp}


def _all_models(manifests: list[Manifest], filters: Filters) -> dict[str, Any]:
    """Return every published model once, as the stream read last tells it."""
    newest: dict[tuple[str, str], Held] = {}
    for manifest in sorted(manifests, key=lambda each: each.stream.timestamp, reverse=True):
        for model in manifest.models:
            newest.setdefault((manifest.filter.source, model.id), model)
    names = sorted(source.name for source in filters.sources)
    return {
        "totalModels": len(newest),
        **{name: sum(source == name for source, _ in newest) for name in names},
        "models": [
            {"id": model.id, "slug": model.slug, "name": model.name, "source": source}
            for (source, _), model in sorted(newest.items())
        ],
        "timestamp": max(each.stream.timestamp for each in manifests),
    }


def _index(
    manifests: list[Manifest], missing: list[Filter], filters: Filters, everything: dict[str, Any], content: dict[str, bytes]
) -> dict[str, Any]:
    """Return the entry point; `content` holds the bytes of every other file."""
    return {
        "version": 1,
        "manifests": [_entry(each, filters, content[each.filter.file]) for each in manifests],
        "all_models": {
            "file": ALL_MODELS,
            "count": everything["totalModels"],
            "timestamp": everything["timestamp"],
            **_bytes(content[ALL_MODELS]),
        },
        "sources": {source.name: {"axes": _axes(source, manifests)} for source in filters.sources},
        "missing": [
            {
                "source": each.source,
                "filter": each.title,
                "file": each.file,
                "stream": each.stream,
                "command": f"make extract SOURCE={each.source}",
            }
            for each in missing
        ],
    }


def _entry(manifest: Manifest, filters: Filters, content: bytes) -> dict[str, Any]:
    return {
        "file": manifest.filter.file,
        "source": manifest.filter.source,
        "filter": manifest.filter.title,
        "label": manifest.filter.label,
        "options": {option.axis: option.name for option in manifest.filter.options},
        "count": len(manifest.models),
        "limit": filters.limit,
        "stream": manifest.filter.stream,
        "timestamp": manifest.stream.timestamp,
        **_bytes(content),
        "short": short(manifest.stream, len(manifest.models), filters),
        "stale": manifest.stream.failed_at,
        "funnel": manifest.funnel.numbers(),
        "verdict": manifest.verdict.words,
    }


def _bytes(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _axes(source: Source, manifests: list[Manifest]) -> list[dict[str, Any]]:
    """Return a source's axes with the options that a published manifest has, so that no page offers one without a file."""
    offered = {option for each in manifests if each.filter.source == source.name for option in each.filter.options}
    return [
        {
            "axis": axis.name,
            "options": [
                {"option": option.name, "label": option.label}
                for option in axis.options
                if option.is_default or option in offered
            ],
        }
        for axis in source.axes
    ]


def _keep_contracts(files: dict[str, dict[str, Any]]) -> None:
    """Refuse to publish what breaks its own schema, which only a fault of this program can cause."""
    for name, value in files.items():
        if violations := published_contract(name).violations(value):
            raise AssertionError(f"{name}: {violations[0]}")


def _publish(data: Data, content: dict[str, bytes]) -> str | None:
    try:
        if data.staged.exists():
            shutil.rmtree(data.staged)
    except OSError as error:
        raise DiskRefused(f"{data.staged}: cannot be removed: {error.strerror}; the published set is untouched") from error
    for name, each in content.items():
        write(data.staged / name, each)
    return publish(data.staged, data.manifests, INDEX)
