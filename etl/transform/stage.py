"""data/raw to data/models, one source at a time; pages whose content and program are unchanged are not transformed again."""

from __future__ import annotations

import shlex
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import InvalidDataError, StorageError, describe_os_error
from etl.core.hash_arrays import count_distinct
from etl.core.layout import PROJECT
from etl.core.schemas import load_schema
from etl.sources.source import TransformOptions
from etl.storage.file_hashes import FileHashes
from etl.storage.json_files import dump_json, ignore_in_git, read_json, sha256, write_atomic
from etl.storage.ledger import list_streams, parse_ledger
from etl.transform.files import is_page, remove_gone, remove_pages
from etl.transform.losses import Losses
from etl.transform.pages import resolve_pages, transform_pages
from etl.transform.task import Task
from etl.transform.workers import WorkerOptions, share_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from etl.core.layout import DataDir
    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody
    from etl.transform.outcome import Outcome
    from etl.transform.page import Model

    Finish = Callable[[str, str, str], Callable[[Sequence[Model]], None]]
    Observe = Callable[[str, str], Callable[[JsonBody], None] | None]

_STORAGE = tuple(f"storage/{module}.py" for module in ("checked_parts", "file_hashes", "json_files", "ledger"))
# Below etl/: all that shapes models, beside the package of the source.
PROGRAM = ("core/*.py", "config/*.py", "sources/*.py", "sources/*.toml", *_STORAGE, "transform/*.py")
_DEFAULT = TransformOptions()
_SERIAL = WorkerOptions()


class RebuildOptions(NamedTuple):
    """How to transform pages again in a folder of its own, to compare what comes of them.

    Attributes:
        observe: Gives what is called with a raw page (stream, file) before it is transformed, in any process.
        fields: The fields of models that will be read: no others are written; None: all.
        guesses: A data folder in which the pages may have been transformed. The facts that decided their models there are tried
            before those of all pages are known; if these turn out to be others, the models are decided again.
    """

    observe: Observe
    fields: frozenset[str] | None
    guesses: DataDir

    def apply(self, task: Task) -> Task:
        """Return how to transform a page."""
        return task._replace(observe=self.observe(task.stream, task.entry.file), fields=self.fields, guesses=self.guesses)


def transform(  # noqa: PLR0913, PLR0917 -- what to transform, how, and what is called
    data: DataDir, source: Source, options: TransformOptions = _DEFAULT, workers: WorkerOptions = _SERIAL,
    finish: Finish | None = None, rebuild: RebuildOptions | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the models of every stream of a source that is on disk, and return its summary.

    For each page that changes, `finish` (stream, file, time of the stream) gives what is called once with its final models while
    they are in memory, in any process.

    Where pages are transformed changes no byte. Models of pages that no ledger names are removed. The summary is written last,
    and only if every page was good. It names what it was made of; if that is still the same, nothing but the time of the summary
    changes.

    Of each record this process keeps some hashes; the rest is in the file of the page's outcome.

    Raises:
        InvalidDataError: pages violate their schemas; all their streams are named.
        StorageError: a file cannot be read or written.
    """
    streams = list_streams(data, source.name)
    remove_gone(data, source.name, streams)  # also what an interrupted run left that the summary does not list
    program = _program_fingerprint(source, options)
    hashes = _file_hashes(data, source)
    if summary := _current_summary(data, source, streams, program, hashes):
        data.summary(source.name).touch()
        hashes.write()
        return summary
    ignore_in_git(data.cache(""))
    tasks, invalid_ledgers = _tasks(data, source, options, streams, program, finish)
    if rebuild:
        tasks = [rebuild.apply(task) for task in tasks]
    rules = source.load_rules()
    with share_workers(workers, data, source.name) as start_workers:
        outcomes, invalid_pages = transform_pages(tasks, hashes, start_workers)
        if invalid := invalid_pages | invalid_ledgers:
            raise _refuse(data, source, invalid)
        facts = resolve_pages(tasks, outcomes, rules, hashes, start_workers)
    hashes.write()
    pages = [*zip(tasks, outcomes, strict=True)]
    made_of = _fingerprint(program, ((task.stream, task.entry.file, outcome.body) for task, outcome in pages))
    summary = {"source": source.name, "made_of": made_of, "streams": {stream: [] for stream in streams}}
    losses = Losses()
    for task, outcome in pages:
        summary["streams"][task.stream].append(outcome.row)
        losses.add(task.stream, outcome.losses)
    summary["families"] = rules.summarize(facts.kinds())
    summary["lineage"] = _count_lineage(outcomes)
    summary["losses"] = losses.report()
    write_atomic(data.summary(source.name), dump_json(summary))
    return summary


def _count_lineage(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many distinct ids have each word, in any page."""
    hashes: dict[str, array[int]] = {}
    for outcome in outcomes:
        for word, ids in outcome.counted.items():
            hashes.setdefault(word, array("Q")).frombytes(ids)
    return {word: count_distinct([ids]) for word, ids in sorted(hashes.items())}


def _tasks(  # noqa: PLR0913, PLR0917 -- what a task has
    data: DataDir, source: Source, options: TransformOptions, streams: list[str], program: str, finish: Finish | None
) -> tuple[list[Task], dict[str, InvalidDataError]]:  # fmt: skip
    """Return the pages of all streams, in order, and the errors of invalid ledgers, by stream; remove what other pages left."""
    tasks: list[Task] = []
    invalid: dict[str, InvalidDataError] = {}
    for stream in streams:
        try:
            ledger = parse_ledger(data.ledger(source.name, stream))
        except InvalidDataError as error:
            invalid[stream] = error
            continue
        for folder in (data.models(source.name, stream), data.outcomes(source.name, stream)):
            remove_pages(folder, {entry.file for entry in ledger.pages})
        now = ledger.timestamp
        for entry in ledger.pages:
            on_models = finish and finish(stream, entry.file, now)
            tasks.append(Task(data, source.name, stream, entry, options, program, on_models))
    return tasks, invalid


def _refuse(data: DataDir, source: Source, invalid: dict[str, InvalidDataError]) -> InvalidDataError:
    """Remove the models of invalid streams, and the summary; return an error that names them all."""
    lines = []
    for stream, error in sorted(invalid.items()):
        remove = shlex.join(["rm", "-r", str(data.raw(source.name, stream))])
        lines.append(f"{error}; fetch it again: make extract SOURCE={source.name}; a stream that no filter reads: {remove}")
        remove_pages(data.models(source.name, stream), set())
    path = data.summary(source.name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: cannot be removed: {describe_os_error(error, path)}") from error
    return InvalidDataError("\n".join(lines))


def current_summary(data: DataDir, source: Source, options: TransformOptions = _DEFAULT) -> dict[str, Any] | None:
    """Return the summary on disk if it and its models were made of the pages on disk; else None."""
    streams, program = list_streams(data, source.name), _program_fingerprint(source, options)
    return _current_summary(data, source, streams, program, _file_hashes(data, source))


def _current_summary(
    data: DataDir, source: Source, streams: list[str], program: str, hashes: FileHashes
) -> dict[str, Any] | None:  # fmt: skip
    """Return the summary on disk if it and its models were made of the streams on disk by the program; else None."""
    try:
        summary: dict[str, Any] = read_json(data.summary(source.name))
        if not load_schema("summary").is_valid(summary) or summary["made_of"] != _fingerprint(
            program, _hashes_on_disk(data, source, streams, hashes)
        ):
            return None
        for stream, pages in summary["streams"].items():
            expected = {page["file"]: page["sha256"] for page in pages}
            on_disk = (path for path in data.models(source.name, stream).iterdir() if is_page(path))
            if expected != {path.name: hashes.sha256_of(path) for path in on_disk}:
                return None
    except (InvalidDataError, LookupError, TypeError, AttributeError, OSError):  # absent, or an older one
        return None
    return summary


def _hashes_on_disk(data: DataDir, source: Source, streams: list[str], hashes: FileHashes) -> Iterator[tuple[str, str, str]]:
    """Yield stream, file and hash of each raw page."""
    for stream in streams:
        folder = data.raw(source.name, stream)
        for entry in parse_ledger(data.ledger(source.name, stream)).pages:
            yield stream, entry.file, hashes.sha256_of(folder / entry.file)


def _fingerprint(program: str, pages: Iterable[tuple[str, str, str]]) -> str:
    """Return a hash of all that shapes the models of a source: program and options, and stream, file and hash of each page."""
    return sha256("\n".join([program, *map("/".join, pages)]).encode())


def _file_hashes(data: DataDir, source: Source) -> FileHashes:
    return FileHashes(data.root, data.cache(f"{source.name}.files"))


def _program_fingerprint(source: Source, options: TransformOptions) -> str:
    """Return a hash of the program and the options that shape the models of a page."""
    paths = [path for pattern in (*PROGRAM, f"sources/{source.name}/*.*") for path in (PROJECT / "etl").glob(pattern)]
    paths += [PROJECT / "schemas" / f"{name}.schema.json" for name in ("ledger", "model")]
    paths += (PROJECT / "schemas" / source.name).glob("*.json")
    return sha256(b"".join(path.read_bytes() for path in sorted(paths)) + repr(options).encode())
