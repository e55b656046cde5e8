"""The pages of a source, in order: those that changed are transformed, then deferred models decided by the facts of all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, InvalidDataError
from etl.transform.facts import NeededFacts
from etl.transform.task import FACT_KEYS, FACTS, Resolution, read_facts, read_outcome, resolve_file, transform_file
from etl.transform.workers import start_workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.core.layout import DataDir
    from etl.sources.source import Rules
    from etl.storage.file_hashes import FileHashes
    from etl.transform.outcome import Outcome
    from etl.transform.task import Task
    from etl.transform.workers import WorkerOptions


def transform_pages(
    data: DataDir, tasks: Sequence[Task], hashes: FileHashes, options: WorkerOptions
) -> tuple[list[Outcome], dict[str, InvalidDataError]]:
    """Return the outcome of each page, and the errors of invalid pages, by stream; transform the pages that changed.

    Raises:
        StorageError: a file cannot be read or written.
    """
    outcomes = [_current_outcome(task, hashes) for task in tasks]
    pending = [index for index, outcome in enumerate(outcomes) if outcome is None]
    invalid: dict[str, InvalidDataError] = {}
    with start_workers(options, data, sum(tasks[index].entry.bytes for index in pending)) as workers:
        calls = workers.run(transform_file, (tasks[index] for index in pending))
        for index, (task, future) in zip(pending, calls, strict=True):
            try:
                outcomes[index] = _recorded(task, future.result(), hashes)
            except InvalidDataError as error:
                invalid.setdefault(task.stream, error)
    return [outcome for outcome in outcomes if outcome], invalid


def resolve_pages(  # noqa: PLR0913, PLR0917 -- the pages with what is known of them, and where to resolve them
    data: DataDir, tasks: Sequence[Task], outcomes: list[Outcome], rules: Rules, hashes: FileHashes, options: WorkerOptions
) -> NeededFacts:  # fmt: skip
    """Decide deferred models by the facts of all pages, and return these.

    Pages for which the facts are the same as the last time stay; the outcomes of all others are updated.

    Raises:
        InvalidDataError: a file is missing.
        StorageError: a file cannot be read or written.
    """

    def read(index: int, part: int) -> bytes:
        if not outcomes[index].facts:
            return b""
        facts, outcome = read_facts(tasks[index], part)
        if outcome:
            outcomes[index] = _recorded(tasks[index], outcome, hashes)
        return facts

    keys = (read(index, FACT_KEYS) for index, _ in enumerate(tasks))
    needed = NeededFacts(rules, (outcome.needs for outcome in outcomes), keys, lambda index: read(index, FACTS))
    changed = [
        index for index, outcome in enumerate(outcomes)
        if outcome.deferred and needed.of_page(index, outcome.needs).digest() != outcome.resolved
    ]  # fmt: skip
    with start_workers(options, data, sum(tasks[index].entry.bytes for index in changed)) as workers:
        resolutions = (Resolution(tasks[index], needed.of_page(index, outcomes[index].needs)) for index in changed)
        for index, (resolution, future) in zip(changed, workers.run(resolve_file, resolutions), strict=True):
            outcomes[index] = _recorded(resolution.task, future.result(), hashes)
    return needed


def _current_outcome(task: Task, hashes: FileHashes) -> Outcome | None:
    """Return the outcome of an earlier run if its page and models are those on disk; None if a file is missing or another."""
    with suppress(EtlError):
        outcome = read_outcome(task)
        if outcome and hashes.sha256_of(task.raw) == outcome.body:
            return outcome if outcome.is_pending or hashes.sha256_of(task.models) == outcome.row["sha256"] else None
    return None


def _recorded(task: Task, outcome: Outcome, hashes: FileHashes) -> Outcome:
    """Return the outcome of a page without the stamps, after recording these."""
    raw, models = outcome.stamps
    hashes.add(task.raw, raw, outcome.body)
    hashes.add(task.models, models, outcome.row["sha256"])
    return outcome._replace(stamps=(None, None))
