"""data/raw to data/models, one source at a time; pages whose content and program are unchanged are not transformed again."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING, Any

from etl.core.errors import InvalidDataError, StorageError, describe_os_error
from etl.core.layout import PROJECT
from etl.core.schemas import load_schema
from etl.sources.source import TransformOptions
from etl.storage.json_files import dump_json, read_bytes, read_json, sha256, write_atomic
from etl.storage.ledger import list_streams, parse_ledger
from etl.transform.cache import PageCache
from etl.transform.files import is_page, remove_pages, streams_before
from etl.transform.losses import Losses
from etl.transform.page import resolve_page
from etl.transform.task import Task, count_unknown_sizes, transform_file
from etl.transform.workers import WorkerOptions, start_workers

if TYPE_CHECKING:
    from etl.core.layout import DataDir
    from etl.sources.source import Source
    from etl.transform.task import Outcome

# Below etl/: all that shapes models, beside the package of the source.
PROGRAM = ("core/*.py", "config/*.py", "sources/*.py", "storage/json_files.py", "storage/ledger.py", "transform/*.py")
_DEFAULT = TransformOptions()
_SERIAL = WorkerOptions()

Key = tuple[str, str]  # stream and file of a page


def transform(
    data: DataDir, source: Source, options: TransformOptions = _DEFAULT, workers: WorkerOptions = _SERIAL
) -> dict[str, Any]:  # fmt: skip
    """Write the models of every stream of a source that is on disk, and return its summary.

    Where pages are transformed changes no byte. Models of pages that no ledger names are removed. The summary is written last,
    and only if every page was good. It names what it was made of; if that is still the same, nothing but the time of the summary
    changes.

    Raises:
        InvalidDataError: pages violate their schemas; all their streams are named.
        StorageError: a file cannot be read or written.
    """
    streams = list_streams(data, source.name)
    program = _program_fingerprint(source, options)
    made_of = _input_fingerprint(data, source, streams, program)
    if summary := _summary_of(data, source, made_of):
        data.summary(source.name).touch()
        return summary
    for stream in streams_before(data, source.name) - set(streams):
        remove_pages(data.models(source.name, stream), set())
    cache = PageCache(data.cache(f"{source.name}.pages"), program)
    outcomes = _transform_streams(data, source, options, streams, cache, workers)
    facts = _merge_all(source, [outcome["facts"] for outcome in outcomes.values()])
    _resolve(data, source, options, outcomes, facts)
    cache.write(outcomes)
    summary = {"source": source.name, "made_of": made_of, "streams": {stream: [] for stream in streams}}
    losses = Losses()
    for (stream, _), outcome in outcomes.items():
        summary["streams"][stream].append(outcome["row"])
        losses.add(stream, outcome["losses"])
    summary["families"] = source.load_rules().summarize(facts)
    summary["losses"] = losses.report()
    write_atomic(data.summary(source.name), dump_json(summary))
    return summary


def _transform_streams(  # noqa: PLR0913, PLR0917 -- what to transform, how, and with how many
    data: DataDir, source: Source, options: TransformOptions, streams: list[str], cache: PageCache, worker_options: WorkerOptions
) -> dict[Key, Outcome]:
    """Return the outcome of each page, in order of streams and pages."""
    outcomes: dict[Key, Outcome] = {}
    tasks: dict[Key, Task] = {}
    invalid: dict[str, InvalidDataError] = {}
    for stream in streams:
        try:
            entries = parse_ledger(data.ledger(source.name, stream)).pages
        except InvalidDataError as error:
            invalid[stream] = error
            continue
        remove_pages(data.models(source.name, stream), {entry.file for entry in entries})
        for entry in entries:
            task = tasks[stream, entry.file] = Task(data, source.name, stream, entry, options)
            if outcome := cache.get((stream, entry.file), entry, task.raw, task.models):
                outcomes[stream, entry.file] = outcome
    pending = {key: task for key, task in tasks.items() if key not in outcomes}
    with start_workers(worker_options, data, sum(task.entry.bytes for task in pending.values())) as workers:
        for task, future in workers.run(transform_file, pending.values()):
            try:
                outcomes[task.stream, task.entry.file] = future.result()
            except InvalidDataError as error:
                invalid.setdefault(task.stream, error)
    if invalid:
        raise _refuse(data, source, invalid)
    return {key: outcomes[key] for key in tasks}


def _merge_all(source: Source, facts: list[Any]) -> Any:
    """Return the facts of all pages; merged in pairs, so that each is copied as often as the number of pages has digits."""
    merge = source.load_rules().merge
    while len(facts) > 1:
        pairs = zip(facts[::2], facts[1::2], strict=False)
        facts = [merge(left, right) for left, right in pairs] + (facts[-1:] if len(facts) % 2 else [])
    return facts[0] if facts else None


def _resolve(data: DataDir, source: Source, options: TransformOptions, outcomes: dict[Key, Outcome], facts: Any) -> None:
    """Decide deferred models by the facts of all pages; write the pages that change."""
    narrow = source.load_rules().narrow
    for (stream, file), outcome in outcomes.items():
        deferred = {int(index): evidence for index, evidence in outcome["deferred"].items()}
        narrowed = narrow(facts, [*deferred.values()]) if deferred else None
        if (narrowed or None) == outcome["resolved"]:
            continue
        path = data.models(source.name, stream) / file
        models = resolve_page(source, read_json(path), deferred, narrowed, options)
        content = dump_json(models)
        write_atomic(path, content)
        outcome["row"] |= {"sha256": sha256(content), "unsized": count_unknown_sizes(models)}
        outcome["resolved"] = narrowed or None


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
    program = _program_fingerprint(source, options)
    return _summary_of(data, source, _input_fingerprint(data, source, list_streams(data, source.name), program))


def _summary_of(data: DataDir, source: Source, made_of: str | None) -> dict[str, Any] | None:
    """Return the summary on disk if it and its models were made of inputs with a fingerprint; else None."""
    try:
        summary: dict[str, Any] = read_json(data.summary(source.name))
        if not made_of or summary["made_of"] != made_of or not load_schema("summary").is_valid(summary):
            return None
        for stream, pages in summary["streams"].items():
            expected = {page["file"]: page["sha256"] for page in pages}
            on_disk = (path for path in data.models(source.name, stream).iterdir() if is_page(path))
            if expected != {path.name: sha256(path.read_bytes()) for path in on_disk}:
                return None
    except (InvalidDataError, LookupError, TypeError, AttributeError, OSError):  # absent, or an older one
        return None
    return summary


def _input_fingerprint(data: DataDir, source: Source, streams: list[str], program: str) -> str | None:
    """Return a hash of all that shapes the models of a source: program, options, pages; None if a page is missing."""
    made_of = hashlib.sha256(program.encode())
    try:
        for stream in streams:
            for entry in parse_ledger(data.ledger(source.name, stream)).pages:
                body = read_bytes(data.raw(source.name, stream) / entry.file)
                made_of.update(f"{stream}/{entry.file}/{len(body)}/".encode() + body)
    except InvalidDataError:
        return None
    return made_of.hexdigest()


def _program_fingerprint(source: Source, options: TransformOptions) -> str:
    """Return a hash of the program and the options that shape the models of a page."""
    paths = [path for pattern in (*PROGRAM, f"sources/{source.name}/*.*") for path in (PROJECT / "etl").glob(pattern)]
    paths += [PROJECT / "schemas" / f"{name}.schema.json" for name in ("ledger", "model")]
    paths += (PROJECT / "schemas" / source.name).glob("*.json")
    return sha256(b"".join(path.read_bytes() for path in sorted(paths)) + repr(options).encode())
