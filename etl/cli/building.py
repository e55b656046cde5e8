"""The commands that build: each runs stages of the pipeline, prints the result, and returns an exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output, results
from etl.cli.checking import verify_manifests, verify_options
from etl.cli.environment import clock, credentials
from etl.cli.run import report_error
from etl.core.errors import EXIT_CHECK_FAILED, EtlError, highest_priority
from etl.sources.source import get_source
from etl.transform.workers import WorkerOptions, available_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.cli.run import Run
    from etl.config.source_config import SourceConfig


def extract(run: Run) -> int:
    """Fetch the streams of the selected sources; return the exit code of what failed, else 0."""
    from etl.cli.progress import ExtractProgress, show_log

    access = {source.name: credentials(get_source(source.name)) for source in run.selected}
    now = clock()
    if run.args.verbose:
        show_log("etl.extract")
    with ExtractProgress(run.selected, run.config.depth) as progress:
        result = pipeline.extract_sources(
            run.data, run.config, run.selected, access, run.locks, now, run.args.max_age,
            progress.update, progress.show_wait, output.print_error,
        )  # fmt: skip
    progress.summarize(result)
    failed = [reader for reader in result.readers if reader.failed]
    run.summary.failed |= {f"{reader.source.name}/{reader.stream.name}": str(reader.failed) for reader in failed}
    return highest_priority([reader.failed.code for reader in failed if reader.failed])


def transform(run: Run) -> int:
    """Build the models of the selected sources; return the exit code of what failed, else 0."""
    return highest_priority([_transform_source(run, source) for source in run.selected])


def _transform_source(run: Run, source: SourceConfig) -> int:
    try:
        with output.progress_note(f"transform: {run.data.raw(source.name)}"):
            summary = pipeline.transform_source(run.data, source, _workers(run))
        results.print_transform(run.data, source.name, summary)
    except EtlError as error:
        return report_error(error, run.summary)
    return 0


def _workers(run: Run) -> WorkerOptions:
    return WorkerOptions(run.args.jobs or available_cores(), run.args.cluster)


def load(run: Run) -> int:
    """Build and publish the manifests; return 1 if a stream is missing, else 0."""
    with output.progress_note(f"load: {run.data.manifests}"):
        result = pipeline.load_manifests(run.data, run.config)
    run.summary.publish(run.data, result.index)
    results.print_load(run.data, result, clock()())
    return EXIT_CHECK_FAILED if result.index["missing"] else 0


def manifests(run: Run) -> int:
    """Build the models of the selected sources and the manifests; return the exit code of what failed, else 0."""
    return _manifests(run, run.selected)


def _manifests(run: Run, sources: Sequence[SourceConfig]) -> int:
    return highest_priority([_transform_source(run, source) for source in sources]) or load(run)


def refresh(run: Run) -> int:
    """Extract, build and verify, each also where the one before failed; return the exit code of what failed, else 0."""
    options = verify_options(run)
    codes = [extract(run)]
    sources = run.config.sources
    steps: list[Callable[[], int]] = [
        lambda: _manifests(run, sources),
        lambda: verify_manifests(run, replace(options, now=clock()())),
    ]
    folders = pipeline.folders("manifests", run.data, run.config, sources)
    with run.locks.hold(reads=folders.reads, writes=folders.writes):  # so that verify checks what this run built
        for step in steps:
            try:
                codes.append(step())
            except EtlError as error:
                codes.append(report_error(error, run.summary))
    return highest_priority(codes)
