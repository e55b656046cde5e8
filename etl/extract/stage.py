"""The APIs to data/raw: all streams of all sources at once, each source within its rate."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, StorageError, describe_os_error
from etl.extract.http_client import CircuitOpenError, Client, Wait, session
from etl.extract.responses import PageResponse
from etl.extract.stream_reader import RESUME_WINDOW_S, ExtractOptions, StreamReader
from etl.sources.source import get_source
from etl.storage.ledger import age_s
from etl.storage.locks import acquire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from etl.config.model import SourceConfig
    from etl.core.layout import DataDir
    from etl.extract.credentials import Credentials

InFlight = dict[Future[PageResponse], tuple[StreamReader, ThreadPoolExecutor]]


def extract(  # noqa: PLR0913, PLR0917  what to read, how, and what is called
    data: DataDir, sources: Sequence[SourceConfig], access: Mapping[str, Credentials], terms: ExtractOptions,
    told: Callable[[StreamReader], None],
    on_wait: Callable[[str, Wait], None] = lambda *_: None,
) -> list[StreamReader]:  # fmt: skip
    """Read every stream of the sources into `data`; one that fails costs no other.

    Requests wait in threads, as many a source as its rate allows in flight; everything else happens in the caller's, in
    the order in which answers come. The streams of a source take turns, page by page, so that no long one is left for last.
    `told` is called after each answer, and of a stream that needs none; `on_wait`, with the name of the source, in the thread of
    a request before it waits.
    """
    readings = []
    with ExitStack() as stack:
        terms = replace(terms, since_ns=stack.enter_context(exclusive_lock(data.raw_root, terms.now(), terms.on_wait)))
        asking = stack.enter_context(session())
        flying: InFlight = {}
        for source in sources:
            waits = partial(on_wait, source.name)
            client = Client(asking, get_source(source.name), access[source.name], source.rate, source.max_response_bytes, waits)
            pool = ThreadPoolExecutor(source.rate.in_flight, source.name)
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            stack.callback(client.stop)
            for stream in source.streams:
                reading = StreamReader(data, source, stream, client, terms)
                readings.append(reading)
                _run_step(reading, reading.begin)
                _submit(reading, pool, flying)
                if reading.target is None:
                    told(reading)
        while flying:
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                reading, pool = flying.pop(future)
                reading.is_asked = not isinstance(future.exception(), CircuitOpenError)
                _run_step(reading, lambda: reading.take(future.result()))  # noqa: B023  called at once
                _submit(reading, pool, flying)
                told(reading)
    return readings


@contextmanager
def exclusive_lock(folder: Path, now: str, on_wait: Callable[[str], None]) -> Iterator[int | None]:
    """Keep other extractions off a folder; the system lets go of it when this process ends, however it ends.

    The file that is locked holds the time at which a run began until that run has ended. So a run finds there whether
    the last one was stopped, and goes on with it within RESUMED_WITHIN_S: yielded is when, by the clock of the disk, that
    one began, null where there is none to go on with.

    Raises:
        Unavailable: another one is at work, and was not done in time.
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


def _submit(reading: StreamReader, pool: ThreadPoolExecutor, flying: InFlight) -> None:
    if reading.target is not None:
        flying[pool.submit(reading.client.get, reading.target, reading.etag)] = (reading, pool)


def _run_step(reading: StreamReader, step: Callable[[], None]) -> None:
    try:
        step()
    except EtlError as error:
        reading.fail(error)
    except OSError as error:
        where = Path(error.filename or reading.stream.name)
        reading.fail(StorageError(f"{where}: the system refused: {describe_os_error(error, where)}"))
