"""The pages of a source, in order: those that changed are transformed, then deferred models decided by the facts of all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, InvalidDataError
from etl.transform.facts import NeededFacts
from etl.transform.task import FACT_KEYS, FACTS, Resolution, read_facts, read_outcome, resolve_file, transform_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.sources.source import Rules
    from etl.storage.file_hashes import FileHashes
    from etl.transform.outcome import Outcome
    from etl.transform.task import Task
    from etl.transform.workers import Workers


def transform_pages(
    tasks: Sequence[Task], hashes: FileHashes, start_workers: Callable[[int], Workers]
) -> tuple[list[Outcome], dict[str, InvalidDataError]]:
    """Return the outcome of each page, and the errors of invalid pages, by stream; transform the pages that changed.

    Raises:
        StorageError: a file cannot be read or written.
    """
    outcomes = [_current_outcome(task, hashes) for task in tasks]
    pending = [index for index, outcome in enumerate(outcomes) if outcome is None]
    invalid: dict[str, InvalidDataError] = {}
    workers = start_workers(sum(tasks[index].entry.bytes for index in pending))
    calls = workers.run(transform_file, (tasks[index] for index in pending), len(pending))
    for index, (task, future) in zip(pending, calls, strict=True):
        try:
            outcomes[index] = _recorded(task, future.result(), hashes)
        except InvalidDataError as error:
            invalid.setdefault(task.stream, error)
    return [outcome for outcome in outcomes if outcome], invalid


def resolve_pages(
    tasks: Sequence[Task], outcomes: list[Outcome], rules: Rules, hashes: FileHashes, start_workers: Callable[[int], Workers]
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
    hashes_of = ((outcome.needs, outcome.follows) for outcome in outcomes)
    needed = NeededFacts(rules, hashes_of, keys, lambda index: read(index, FACTS))
    changed = [
        index for index, outcome in enumerate(outcomes)
        if outcome.is_pending or (outcome.deferred and needed.of_page(index, outcome.needs).digest() != outcome.resolved)
    ]  # fmt: skip
    workers = start_workers(sum(tasks[index].entry.bytes for index in changed))
    resolutions = (Resolution(tasks[index], needed.of_page(index, outcomes[index].needs)) for index in changed)
    for index, (resolution, future) in zip(changed, workers.run(resolve_file, resolutions, len(changed)), strict=True):
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
    if raw:
        hashes.add(task.raw, raw, outcome.body)
    if models:
        hashes.add(task.models, models, outcome.row["sha256"])
    return outcome._replace(stamps=(None, None))
