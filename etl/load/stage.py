"""data/models to data/manifests: every filter's page, all models, and the index."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.core.errors import MissingInputError, StorageError, describe_os_error
from etl.core.layout import ALL_MODELS, INDEX, source_names
from etl.core.schemas import published_schema
from etl.selection.funnel import FillStatus, Funnel, fill_status, funnel, shortfall_reason
from etl.selection.stored import StoredStreams
from etl.selection.unmatched import find_unmatched
from etl.storage.json_files import dump_json, read_bytes, write_atomic
from etl.storage.owned import is_owned, listed_files
from etl.storage.swap import SwapResult, remove, swap_directories

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.model import Config, Filter, SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.selection import ModelRef
    from etl.storage.ledger import Ledger


@dataclass(frozen=True)
class Manifest:
    """A filter's page: the models it shows, of a stream whose ledger tells how far it was read."""

    filter: Filter
    stream: Ledger
    funnel: Funnel
    verdict: FillStatus

    @property
    def models(self) -> list[ModelRef]:
        return self.funnel.published


@dataclass(frozen=True)
class Withholding:
    """A stream that no filter reads, and so is never renewed, whose records withhold models from manifests."""

    source: str
    stream: str
    timestamp: str  # of its newest bytes
    models: int


@dataclass(frozen=True)
class LoadResult:
    """What a load did.

    Attributes:
        index: index.json as it was written.
        one_by_one: Why the set could not be exchanged in one step; None where it was.
        kept: What is not ours in the folders of manifests and of models, and stays, by the names below the data folder.
        withholding: Streams that withhold models and that extract does not renew.
        respelled: By source, the ids that records spell in several ways, as they are published.
        warnings: Values in filters.toml that no model on disk has, and what could not be removed.
    """

    index: dict[str, Any]
    non_atomic_reason: str | None
    kept: list[str]
    withholding: list[Withholding]
    respelled: dict[str, list[str]]
    warnings: list[str]


def load(data: DataDir, filters: Config) -> LoadResult:
    """Publish the manifests of every filter whose stream is on disk, all at once.

    Raises:
        Missing: no stream at all is on disk, or the models were not made yet; nothing is published.
        BadAnswer: a ledger or a file of models does not keep its contract; nothing is published.
        DiskRefused: the set could not be written; the old one stays.
    """
    streams = {source.name: StoredStreams(data, source) for source in filters.sources}
    manifests: list[Manifest] = []
    missing: list[tuple[Filter, str]] = []
    for source in filters.sources:
        made, lacking = _of_source(source, streams[source.name], filters)
        manifests += made
        missing += lacking
    if not manifests:
        told = f"{data.raw_root}: holds no stream that the filters draw on; nothing is published"
        others = dict.fromkeys(why for each, why in missing if each.stream in streams[each.source].ledgers)
        raise MissingInputError("\n".join([f"{told}; ask with: make extract", *others]))
    files = {each.filter.file: _page(each) for each in manifests}
    everything = files[ALL_MODELS] = _all_models(manifests, filters)
    content = {name: dump_json(page) for name, page in files.items()}
    files[INDEX] = _index(manifests, missing, filters, everything, content)
    content[INDEX] = dump_json(files[INDEX])
    _keep_contracts(files)
    withholding = [each for name in streams for each in _withholding(name, streams[name], manifests)]
    respelled = {name: sorted(model["id"] for model in told.respelled.values()) for name, told in streams.items()}
    warnings = [
        warning
        for source in filters.sources
        for warning in find_unmatched(source, source.filters, streams[source.name].selections()).warnings
    ]
    done, leftovers = _publish(data, filters, content)
    kept = [*(f"{data.manifests.name}/{name}" for name in done.kept), *_foreign_models(data, streams)]
    return LoadResult(files[INDEX], done.non_atomic_reason, kept, withholding, respelled, [*warnings, *leftovers])


def _of_source(source: SourceConfig, streams: StoredStreams, filters: Config) -> tuple[list[Manifest], list[tuple[Filter, str]]]:
    """Return a source's manifests, and the filters whose stream is missing with the reason, both in the order of filters.toml."""
    made, missing = [], []
    for each in source.filters:
        if stream := streams.get(each.stream):
            why = fill_status(each, filters, streams)
            made.append(Manifest(each, stream.ledger, funnel(stream, each, filters.limit), why))
        else:
            missing.append((each, streams.missing_reason(each.stream) or ""))
    return made, missing


def _foreign_models(data: DataDir, streams: Mapping[str, StoredStreams]) -> list[str]:
    """Return what is not ours in data/models, by the names below the data folder."""
    folder = data.models("")
    found = [path for path in folder.iterdir() if path.name not in source_names()] if folder.is_dir() else []
    for name, told in streams.items():
        of_source = data.models(name).iterdir() if data.models(name).is_dir() else ()
        found += [
            path for path in of_source if path.name not in ("summary.json", ".pages.json") and path.name not in told.ledgers
        ]
        ours = {stream: {page.file for page in ledger.pages} for stream, ledger in told.ledgers.items()}
        found += [path for stream in ours for path in data.models(name, stream).glob("*") if path.name not in ours[stream]]
    return sorted(path.relative_to(data.root).as_posix() for path in found)


def _withholding(source: str, streams: StoredStreams, manifests: list[Manifest]) -> list[Withholding]:
    """Return the streams that no filter reads and that withhold models of some manifest, with how many."""
    models: dict[str, set[str]] = {}
    for manifest in manifests:
        if manifest.filter.source != source or not manifest.funnel.withheld:
            continue
        selection = streams.every()[manifest.filter.stream].selection
        for place in selection.withheld(manifest.filter.matches):
            models.setdefault(selection.rulings[place].stream, set()).add(selection.models[place].id)
    return [
        Withholding(source, name, streams.ledgers[name].timestamp, len(ids))
        for name, ids in sorted(models.items())
        if not streams.is_read(name)
    ]


def _page(manifest: Manifest) -> dict[str, Any]:
    models = [{"id": model.id, "slug": model.slug, "name": model.name} for model in manifest.models]
    return {"filter": manifest.filter.title, "models": models, "timestamp": manifest.stream.timestamp}


def _all_models(manifests: list[Manifest], filters: Config) -> dict[str, Any]:
    """Return every published model once, as the stream read last tells it."""
    newest: dict[tuple[str, str], ModelRef] = {}
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
    manifests: list[Manifest],
    missing: list[tuple[Filter, str]],
    filters: Config,
    everything: dict[str, Any],
    content: dict[str, bytes],
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
                "reason": why,
            }
            for each, why in missing
        ],
    }


def _entry(manifest: Manifest, filters: Config, content: bytes) -> dict[str, Any]:
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
        "short": shortfall_reason(manifest.stream, len(manifest.models), filters),
        "stale": manifest.stream.failed_at,
        "funnel": manifest.funnel.numbers(),
        "verdict": manifest.verdict.words,
    }


def _bytes(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _axes(source: SourceConfig, manifests: list[Manifest]) -> list[dict[str, Any]]:
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
        if violations := published_schema(name).violations(value):
            raise AssertionError(f"{name}: {violations[0]}")


def _publish(data: DataDir, filters: Config, content: dict[str, bytes]) -> tuple[SwapResult, list[str]]:
    """Put a set in the place of the one before, which stays in `.manifests` until the next load; return warnings too.

    Other sets in `.manifests` are of loads before that one, or of some that were stopped.
    """
    listed = listed_files(read_bytes(data.manifests / INDEX)) if (data.manifests / INDEX).is_file() else set()
    prefixes = {source.prefix for source in filters.sources}
    try:
        staged = data.staging / f"set-{secrets.token_hex(8)}"
        staged.mkdir(parents=True)
    except OSError as error:
        told = f"{data.staging}: cannot be written: {describe_os_error(error, data.staging)}"
        raise StorageError(f"{told}; the published set is untouched") from error
    for name, each in content.items():
        if (data.manifests / name).is_dir():
            raise StorageError(f"{data.manifests / name}: is a folder, where a manifest belongs; rename it")
        write_atomic(staged / name, each)
    done = swap_directories(staged, data.manifests, INDEX, is_ours=lambda name: is_owned(name, listed, prefixes), keeps_old=True)
    others = [path for path in data.staging.glob("set-*") if path != staged]
    return done, [warning for warning in (done.warning, *map(remove, others)) if warning]
