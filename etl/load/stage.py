"""data/models to data/manifests: the manifest of every filter, all models, and the index."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from etl.core.errors import MissingInputError, StorageError, describe_os_error
from etl.core.layout import ALL_MODELS, INDEX, source_names
from etl.core.schemas import published_schema
from etl.load.content import Manifest, MissingManifest, all_models_json, index_json, manifest_json
from etl.load.recorded import load_fingerprint, load_inputs, record_result, recorded_result
from etl.load.result import LoadResult, Withholding
from etl.selection.doubts import find_warnings
from etl.selection.funnel import fill_status, funnel
from etl.selection.stored import StoredStreams
from etl.storage.json_files import dump_json, read_bytes, write_atomic
from etl.storage.owned import is_owned, listed_files
from etl.storage.swap import SwapResult, remove, swap_directories

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.source_config import Config, SourceConfig
    from etl.core.layout import DataDir


def load(data: DataDir, config: Config) -> LoadResult:
    """Publish the manifests of every filter whose stream is on disk, all at once; if nothing changed, nothing is written.

    Raises:
        MissingInputError: no stream is on disk, or its models were not built yet; nothing is published.
        InvalidDataError: a ledger or a file of models violates its schema; nothing is published.
        StorageError: the set could not be written; the published one stays.
    """
    inputs = load_inputs(data, config)  # as they are before they are read: they may change meanwhile
    if result := recorded_result(data, load_fingerprint(data, inputs)):
        return result
    result, leftovers = _load(data, config)
    if not leftovers:  # else the next load tries to remove them
        record_result(data, load_fingerprint(data, inputs), replace(result, removed=[], non_atomic_reason=None))
    return replace(result, warnings=[*result.warnings, *leftovers])


def _load(data: DataDir, config: Config) -> tuple[LoadResult, list[str]]:
    """Select the models of all manifests, and publish them; return warnings about leftovers beside the result."""
    streams = {source.name: StoredStreams(data, source) for source in config.sources}
    manifests: list[Manifest] = []
    missing: list[MissingManifest] = []
    for source in config.sources:
        source_manifests, source_missing = _manifests(source, streams[source.name], config)
        manifests += source_manifests
        missing += source_missing
    if not manifests:
        raise MissingInputError(_nothing_to_publish(data, missing, streams))
    index, files = _files(manifests, missing, config)
    withholding = [row for name in streams for row in _withholding(name, streams[name], manifests)]
    respelled = {name: sorted(model["id"] for model in stored.respelled.values()) for name, stored in streams.items()}
    warnings = [
        warning
        for source in config.sources
        for warning in find_warnings(source, streams[source.name].stored_filters, streams[source.name])
    ]
    listed = listed_files(read_bytes(data.manifests / INDEX)) if (data.manifests / INDEX).is_file() else set()
    removed = sorted(listed - {filter_.file for source in config.sources for filter_ in source.filters})
    swapped, leftovers = _publish(data, config, files, listed)
    kept = [*(f"{data.manifests.name}/{name}" for name in swapped.kept), *_foreign_models(data, streams)]
    return LoadResult(index, swapped.non_atomic_reason, kept, withholding, respelled, removed, warnings), leftovers


def _manifests(source: SourceConfig, streams: StoredStreams, config: Config) -> tuple[list[Manifest], list[MissingManifest]]:
    """Return a source's manifests, and those whose stream is missing, both in the order of filters.toml."""
    manifests, missing = [], []
    _remember_published(source, streams)
    for filter_ in source.filters:
        if stream := streams.get(filter_):
            counted = funnel(stream, filter_)
            models = stream.selection.refs(counted.published)
            manifests.append(Manifest(filter_, stream.ledger, counted, fill_status(filter_, config, streams), models))
        else:
            missing.append(MissingManifest(filter_, streams.missing_reason(filter_) or ""))
    return manifests, missing


def _remember_published(source: SourceConfig, streams: StoredStreams) -> None:
    """Read the models of all manifests, each page once."""
    for stream_of_filters in source.streams:
        if stream := streams.get(stream_of_filters.filters[0]):
            selection = stream.selection
            selection.remember(position for filter_ in stream_of_filters.filters for position in selection.published(filter_))


def _nothing_to_publish(data: DataDir, missing: Sequence[MissingManifest], streams: Mapping[str, StoredStreams]) -> str:
    """Return the message of a load without manifests, with the reasons for streams that are on disk but count as missing."""
    filters = [(entry.filter, entry.reason) for entry in missing]
    reasons = dict.fromkeys(reason for filter_, reason in filters if filter_.stream in streams[filter_.source].ledgers)
    message = f"{data.raw_root}: no stream that filters.toml requests; nothing was published; fetch with: make extract"
    return "\n".join([message, *reasons])


def _files(
    manifests: Sequence[Manifest], missing: Sequence[MissingManifest], config: Config
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the content of index.json, and the bytes of every file of the set by name."""
    values = {manifest.filter.file: manifest_json(manifest) for manifest in manifests}
    values[ALL_MODELS] = all_models_json(manifests, config)
    files = {name: dump_json(value) for name, value in values.items()}
    index = values[INDEX] = index_json(manifests, missing, config, values[ALL_MODELS], files)
    files[INDEX] = dump_json(index)
    _validate(values)
    return index, files


def _validate(values: Mapping[str, dict[str, Any]]) -> None:
    """Refuse to publish a file that violates its schema, which only a bug can cause."""
    for name, value in values.items():
        if violations := published_schema(name).violations(value):
            raise AssertionError(f"{name}: {violations[0]}")


def _foreign_models(data: DataDir, streams: Mapping[str, StoredStreams]) -> list[str]:
    """Return what is in data/models and not ours, relative to the data folder."""
    root = data.models("")
    foreign = [path for path in root.iterdir() if path.name not in source_names()] if root.is_dir() else []
    for name, stored in streams.items():
        in_source = data.models(name).iterdir() if data.models(name).is_dir() else ()
        foreign += [path for path in in_source if path.name != "summary.json" and path.name not in stored.ledgers]
        pages = {stream: {page.file for page in ledger.pages} for stream, ledger in stored.ledgers.items()}
        foreign += [path for stream in pages for path in data.models(name, stream).glob("*") if path.name not in pages[stream]]
    return sorted(path.relative_to(data.root).as_posix() for path in foreign)


def _withholding(source: str, streams: StoredStreams, manifests: Sequence[Manifest]) -> list[Withholding]:
    """Return the streams that no filter reads and that withhold models of a manifest, with how many."""
    models: dict[str, set[str]] = {}
    for manifest in manifests:
        if manifest.filter.source != source or not manifest.funnel.withheld:
            continue
        selection = streams.all_streams()[manifest.filter.stream].selection
        for position, ruling in selection.decisive_rulings(manifest.filter).items():
            models.setdefault(ruling.stream, set()).add(selection.ref(position).id)
    return [
        Withholding(source, name, streams.ledgers[name].timestamp, len(ids))
        for name, ids in sorted(models.items())
        if not streams.is_read(name)
    ]


def _publish(data: DataDir, config: Config, files: Mapping[str, bytes], listed: set[str]) -> tuple[SwapResult, list[str]]:
    """Replace the published set; return how, and warnings about leftovers.

    The replaced set stays in `.manifests` until the next load. Other sets there are of earlier or interrupted loads.
    """
    prefixes = {source.prefix for source in config.sources}
    try:
        staged = data.staging / f"set-{secrets.token_hex(8)}"
        staged.mkdir(parents=True)
    except OSError as error:
        reason = describe_os_error(error, data.staging)
        raise StorageError(f"{data.staging}: cannot be written: {reason}; the published set is unchanged") from error
    for name, content in files.items():
        if (data.manifests / name).is_dir():
            raise StorageError(f"{data.manifests / name}: is a folder (expected a file); rename it")
        write_atomic(staged / name, content)
    swapped = swap_directories(
        staged, data.manifests, INDEX, is_ours=lambda name: is_owned(name, listed, prefixes), keeps_old=True
    )
    leftovers = [path for path in data.staging.glob("set-*") if path != staged]
    return swapped, [warning for warning in (swapped.warning, *map(remove, leftovers)) if warning]
