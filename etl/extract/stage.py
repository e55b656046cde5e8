"""The APIs to data/raw: all streams of all sources at once, each source within its rate limit."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from etl.core.errors import EtlError, ExpressionError, StorageError, describe_os_error
from etl.extract.circuit_breaker import CircuitOpenError
from etl.extract.http_client import Client, Wait, session
from etl.extract.responses import PageResponse
from etl.extract.stream_reader import RESUME_WINDOW_S, StreamReader
from etl.sources.source import get_source
from etl.storage.ledger import age_s
from etl.storage.locks import acquire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.extract.credentials import Credentials
    from etl.extract.options import ExtractOptions


class _Task(NamedTuple):
    """A stream, and what fetches its pages."""

    reader: StreamReader
    client: Client
    pool: ThreadPoolExecutor


InFlight = dict[Future[PageResponse], _Task]


def extract(  # noqa: PLR0913, PLR0917 -- what to read, how, and the callbacks
    data: DataDir, sources: Sequence[SourceConfig], credentials: Mapping[str, Credentials], options: ExtractOptions,
    on_progress: Callable[[StreamReader], None],
    on_wait: Callable[[str, Wait], None] = lambda *_: None,
) -> list[StreamReader]:  # fmt: skip
    """Return the readers of the sources' streams, read into `data`; a stream that fails does not affect the others.

    Requests run in threads, per source as many as its rate allows in flight; everything else runs in the caller's thread, in
    the order of the responses. The streams of a source take turns, page by page, so that no long one is left for last.
    `on_progress` is called after each response, before each page of an interrupted run is read again, and for a stream that needs
    no request; `on_wait`, with the name of the source, in the thread of a request before it waits.

    Raises:
        ExpressionError: an expression of filters.toml exceeds a limit or crashes jq; no stream on disk has changed.
    """
    readers = []
    with ExitStack() as stack:
        interrupted_ns = stack.enter_context(exclusive_lock(data.raw_root, options.now(), options.on_wait))
        options = replace(options, resumed_since_ns=interrupted_ns)
        http = stack.enter_context(session())
        in_flight: InFlight = {}
        for source in sources:
            client = Client(
                http, get_source(source.name), credentials[source.name], source.rate, source.max_response_bytes,
                partial(on_wait, source.name),
            )  # fmt: skip
            pool = ThreadPoolExecutor(source.rate.in_flight, source.name)
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            stack.callback(client.stop)
            for stream in source.streams:
                reader = StreamReader(data, source, stream, client.pagination, options)
                readers.append(reader)
                _run_step(reader, partial(reader.open, partial(on_progress, reader)))
                _submit(_Task(reader, client, pool), in_flight)
                if reader.next_request is None:
                    on_progress(reader)
        while in_flight:
            done, _ = wait(in_flight, return_when=FIRST_COMPLETED)
            for future in done:
                task = in_flight.pop(future)
                _accept(task.reader, future)
                _submit(task, in_flight)
                on_progress(task.reader)
    return readers


@contextmanager
def exclusive_lock(folder: Path, now: str, on_wait: Callable[[str], None]) -> Iterator[int | None]:
    """Exclude other extractions from a folder; the system releases the lock when this process ends, however it ends.

    The locked file contains the time at which a run began until that run ends, so a later run can tell that one was
    interrupted, and resumes it within RESUME_WINDOW_S. Yields when the interrupted run began, by the clock of the disk; None
    if no run can be resumed.

    Raises:
        SourceUnavailableError: another extraction held the lock for too long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", errors="replace") as file:
        acquire(file, f"extracting into {folder}", on_wait, holder="another extraction")
        file.seek(0)
        began = file.read()
        if age_s(began, now) < RESUME_WINDOW_S:
            yield os.fstat(file.fileno()).st_mtime_ns
        else:
            file.truncate(0)
            file.write(now)
            file.flush()
            yield None
        file.truncate(0)


def _submit(task: _Task, in_flight: InFlight) -> None:
    if task.reader.next_request is not None:
        in_flight[task.pool.submit(task.client.fetch, task.reader.next_request, task.reader.etag)] = task


def _accept(reader: StreamReader, future: Future[PageResponse]) -> None:
    reader.was_requested = not isinstance(future.exception(), CircuitOpenError)
    _run_step(reader, lambda: reader.accept(future.result()))


def _run_step(reader: StreamReader, step: Callable[[], None]) -> None:
    try:
        step()
    except ExpressionError:  # not a failure of the stream: it ends the run, and the stream is resumed by the next
        raise
    except EtlError as error:
        reader.fail(error)
    except OSError as error:
        path = Path(error.filename or reader.stream.name)
        reader.fail(StorageError(f"{path}: I/O error: {describe_os_error(error, path)}"))
