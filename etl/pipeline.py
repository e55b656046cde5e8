"""The stages composed: what each command does with a data folder. Prints nothing and reads no environment.

Stages are imported where they run, so that a command loads only the libraries it uses.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from etl.core.errors import MissingInputError
from etl.sources.source import get_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from etl.config.filters import Stream
    from etl.config.source_config import Config, SourceConfig
    from etl.core.layout import DataDir
    from etl.extract.credentials import Credentials
    from etl.extract.http_client import Wait
    from etl.extract.plan import StreamPlan
    from etl.extract.stream_reader import StreamReader
    from etl.load.result import LoadResult
    from etl.publish.stage import PublishOptions, PublishResult
    from etl.selection.stored import StoredStreams
    from etl.selection.sufficiency import Progress, SufficiencyCheck
    from etl.selection.tally import Tally
    from etl.storage.json_files import JsonBody
    from etl.storage.locks import Locks
    from etl.storage.snapshot import Snapshot
    from etl.transform.stage import RebuildOptions
    from etl.transform.workers import WorkerOptions, Workers
    from etl.verify.stage import Observe, Rebuild


@dataclass(frozen=True)
class Folders:
    """The folders that a command reads and writes for as long as it runs. Extract writes for the instant of each swap only."""

    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()


def folders(command: str, data: DataDir, config: Config, selected: Sequence[SourceConfig]) -> Folders:
    """Return the folders that a command needs; `selected` are the sources whose models it makes."""
    raw = [data.raw(source.name) for source in config.sources]
    models = [data.models(source.name) for source in config.sources]
    rebuilt = [data.models(source.name) for source in selected]
    by_command = {
        "transform": Folders(raw, rebuilt),
        "load": Folders([*raw, *models], [data.manifests]),
        "manifests": Folders([*raw, *models], [*rebuilt, data.manifests]),
        "explain": Folders([*raw, *models]),
        "values": Folders([*raw, *models]),
        "diff": Folders([*models, data.manifests]),
        "verify": Folders([*raw, *models, data.manifests]),
        "publish": Folders([*raw, *models, data.manifests]),
        "report": Folders([*raw, *models, data.manifests]),
    }
    return by_command.get(command, Folders())


def plan_extract(
    data: DataDir, config: Config, selected: Sequence[SourceConfig], now: Callable[[], str], max_age_s: float | None
) -> list[StreamPlan]:  # fmt: skip
    """Return what extract will request, stream by stream."""
    from etl.extract.options import ExtractOptions
    from etl.extract.plan import plan
    from etl.selection.sufficiency import Progress

    def assess(_source: SourceConfig, _stream: Stream) -> Callable[[JsonBody, str], Progress]:
        return lambda _body, _time: Progress(is_sufficient=True)

    return plan(data, config, selected, ExtractOptions(assess, config.depth, now, max_age_s))


def sufficiency_check(data: DataDir, source: SourceConfig, locks: Locks) -> SufficiencyCheck:
    """Return what assesses the streams of a source while they are read."""
    from etl.selection.sufficiency import SufficiencyCheck
    from etl.transform.page import transform_page
    from etl.transform.stage import current_summary

    def has_current_models() -> bool:
        return current_summary(data, get_source(source.name), source.transform_options) is not None

    transform = partial(transform_page, get_source(source.name), options=source.transform_options)
    return SufficiencyCheck(data, source, locks, transform, has_current_models)


@dataclass(frozen=True)
class ExtractResult:
    """What extract did: each stream, and the counts of models of those that it transformed, by source and stream."""

    readers: list[StreamReader]
    tallies: Mapping[str, Mapping[str, Tally]]


def extract_sources(  # noqa: PLR0913, PLR0917 -- what to read, how, and what is called
    data: DataDir, config: Config, selected: Sequence[SourceConfig], credentials: Mapping[str, Credentials], locks: Locks,
    now: Callable[[], str], max_age_s: float | None, on_progress: Callable[[StreamReader], None],
    on_wait: Callable[[str, Wait], None], on_lock_wait: Callable[[str], None],
) -> ExtractResult:  # fmt: skip
    """Read the streams of the selected sources into data/raw; see `etl.extract.stage.extract` for the callbacks."""
    from etl.extract.options import ExtractOptions
    from etl.extract.stage import extract

    with ExitStack() as stack:
        checks = {source.name: stack.enter_context(sufficiency_check(data, source, locks)) for source in selected}
        options = ExtractOptions(
            lambda source, stream: checks[source.name].assess(stream), config.depth, now, max_age_s,
            swap_lock=lambda source: locks.hold(writes=[data.raw(source)]), on_wait=on_lock_wait,
        )  # fmt: skip
        readers = extract(data, selected, credentials, options, on_progress, on_wait)
        for check in checks.values():
            check.withhold()
    return ExtractResult(readers, {name: check.tallies for name, check in checks.items()})


def transform_source(
    data: DataDir, source: SourceConfig, workers: WorkerOptions | None = None, rebuild: RebuildOptions | None = None
) -> dict[str, Any]:  # fmt: skip
    """Make the models of a source and their facets, by default in as many processes as there are cores.

    Return the summary of the transform.
    """
    from etl.selection.conditions import FacetSpec
    from etl.selection.facet_files import FacetTask, keep_facets
    from etl.transform.stage import transform
    from etl.transform.workers import WorkerOptions, available_cores

    workers = workers or WorkerOptions(available_cores())
    shared = data.absolute() if workers.cluster else data  # other machines have another working directory
    spec = FacetSpec.by(source)

    def finish(stream: str, file: str, now: str) -> Callable[[Sequence[Mapping[str, Any]]], None]:
        return partial(keep_facets, FacetTask(shared, source.name, stream, file, spec, now))

    summary = transform(shared, get_source(source.name), source.transform_options, workers, finish, rebuild)
    _update_facets(shared, source, summary, workers)
    return summary


def _update_facets(data: DataDir, source: SourceConfig, summary: Mapping[str, Any], options: WorkerOptions) -> None:
    """Make the facets that the transform did not make: of all pages if filters.toml tests something else now."""
    from etl.selection.facet_files import end_evaluation, facet_tasks, is_current, make_facets_file
    from etl.transform.workers import start_workers

    tasks = [task for task in facet_tasks(data, source, summary) if not is_current(task)]
    try:
        with start_workers(options, data, source.name, sum(task.models.stat().st_size for task in tasks)) as workers:
            for _, future in workers.run(make_facets_file, tasks, len(tasks)):
                future.result()
    finally:
        end_evaluation()


def load_manifests(data: DataDir, config: Config) -> LoadResult:
    """Publish the manifests of the models on disk."""
    from etl.load.stage import load

    return load(data, config)


def publish_options(site: Path, filters: Path, keep_s: float, sign_key: Path | None) -> PublishOptions:
    """Return how to publish to a folder.

    Raises:
        UsageError: the file `sign_key` has no private key.
    """
    from etl.publish.stage import PublishOptions

    if sign_key is None:
        return PublishOptions(site, filters, keep_s=keep_s)
    from etl.publish.signature import read_signing_key

    return PublishOptions(site, filters, keep_s=keep_s, signing_key=read_signing_key(sign_key))


def publish(data: DataDir, config: Config, options: PublishOptions) -> PublishResult:
    """Write the files that clients download, from current models and manifests.

    Raises:
        MissingInputError: the models are not those of the raw files.
    """
    from etl.publish.stage import publish
    from etl.transform.stage import current_summary

    for source in config.sources:
        if current_summary(data, get_source(source.name), source.transform_options) is None:
            raise MissingInputError(f"{data.models(source.name)}: not made of the files in data/raw; rebuild: make manifests")
    return publish(data, config, options)


def forget_publication(data: DataDir) -> None:
    """Make the next publish compare all files with the site, even if nothing changed since the last one."""
    with suppress(OSError):
        data.cache("published").unlink()


def rebuilder(built: DataDir, config: Config) -> Rebuild:
    """Return a function that makes the models and manifests of another data folder, and returns its streams, for verify.

    Nothing that it makes depends on the models in `built`: see `RebuildOptions`.
    """
    from etl.load.stage import load
    from etl.selection.conditions import FacetSpec
    from etl.selection.stored import StoredStreams
    from etl.transform.stage import RebuildOptions

    def rebuild(data: DataDir, observe: Observe) -> Mapping[str, StoredStreams]:
        for source in config.sources:
            options = RebuildOptions(partial(observe, source.name), FacetSpec.by(source).fields, built)
            transform_source(data, source, rebuild=options)
        streams = {source.name: StoredStreams(data, source) for source in config.sources}
        load(data, config, streams)
        return streams

    return rebuild


def start_readers(size_bytes: int) -> AbstractContextManager[Workers]:
    """Return what starts the processes that read so many bytes of raw pages, for verify."""
    from etl.transform.workers import available_cores, start_processes

    return start_processes(available_cores(), size_bytes)


def summarize_changes(data: DataDir, baseline: Snapshot) -> str:
    """Return in a line what changed in data/manifests since a baseline."""
    from etl.diff.compare import compare
    from etl.diff.render import headline
    from etl.storage.snapshot import Snapshot, read_dir

    return headline(compare(baseline, Snapshot("now", read_dir(data.manifests), {})))
