"""Where pages are transformed: in this process, in several, or on a cluster."""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from etl.core.errors import EtlError, StorageError
from etl.storage.json_files import use_own_partial_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from etl.core.layout import DataDir

Item = TypeVar("Item")
Result = TypeVar("Result")

_BYTES_PER_WORKER = 4_000_000  # of raw pages, below which starting another process takes longer than it saves
_MAX_ITEMS = 8  # in a call, each of which costs this process half a millisecond
_MIN_CALLS = 100  # for each worker before calls have several items: at the end, the others wait for the last call
START_METHOD = "forkserver"  # safe beside threads; the server imports the transform once


class WorkerOptions(NamedTuple):
    """What may run calls: at most `jobs` processes of this machine or, if there is one, the cluster of a scheduler's address."""

    jobs: int = 1
    cluster: str | None = None


class SerialExecutor(Executor):
    """Runs each call at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- raised where the result is read
            future.set_exception(error)
        return future


class Workers(NamedTuple):
    """What runs calls: an executor, and how many of them it runs at once."""

    executor: Executor
    concurrency: int

    def run(
        self, fn: Callable[[Item], Result], items: Iterable[Item], count: int = 0
    ) -> Iterator[tuple[Item, Future[Result]]]:  # fmt: skip
        """Yield each item with its future, which has ended, in order; at most two calls for each worker are ahead.

        A call has several items if `count` says that there are many.
        """
        size = min(max(count // (_MIN_CALLS * self.concurrency), 1), _MAX_ITEMS)
        ahead: deque[tuple[list[Item], Future[list[Result | EtlError]]]] = deque()
        rest = iter(items)
        while batch := [*islice(rest, size)]:
            ahead.append((batch, self.executor.submit(_call_each, fn, batch)))
            if len(ahead) >= 2 * self.concurrency:
                yield from _first(ahead)
        while ahead:
            yield from _first(ahead)


def _call_each(fn: Callable[[Item], Result], items: Sequence[Item]) -> list[Result | EtlError]:
    """Return of each item the result, or the error."""
    results: list[Result | EtlError] = []
    for item in items:
        try:
            results.append(fn(item))
        except EtlError as error:
            results.append(error)
    return results


def _first(ahead: deque[tuple[list[Item], Future[list[Result | EtlError]]]]) -> Iterator[tuple[Item, Future[Result]]]:
    """Wait for a call, and yield its items with their futures."""
    items, call = ahead.popleft()
    error = call.exception()
    for item, result in zip(items, [error] * len(items) if error else call.result(), strict=True):
        future: Future[Result] = Future()
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
        yield item, future


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def start_workers(options: WorkerOptions, data: DataDir, source_name: str, size_bytes: int) -> Iterator[Workers]:
    """Yield what runs calls for so many bytes of raw pages of a source in a data folder, whose paths are absolute for a cluster.

    A cluster is used for any page, else see `start_processes`.

    Raises:
        EtlError: a worker was killed; or see `etl.transform.cluster.start_cluster`.
    """
    if options.cluster and size_bytes:
        from etl.transform.cluster import start_cluster

        with start_cluster(options.cluster, data, source_name) as (executor, concurrency):
            yield Workers(executor, concurrency)
        return
    with start_processes(options.jobs, size_bytes) as workers:
        yield workers


@contextmanager
def share_workers(options: WorkerOptions, data: DataDir, source_name: str) -> Iterator[Callable[[int], Workers]]:
    """Yield `start_workers` for a number of bytes; it returns the processes that it started before, unless more pay off.

    A cluster is connected to anew: it may have been lost in between.
    """
    with ExitStack() as stack:
        started: list[Workers] = []

        def start(size_bytes: int) -> Workers:
            if options.cluster or not started or started[-1].concurrency < _count_processes(options.jobs, size_bytes):
                stack.close()
                started.append(stack.enter_context(start_workers(options, data, source_name, size_bytes)))
            return started[-1]

        yield start


def _count_processes(jobs: int, size_bytes: int) -> int:
    """Return how many processes pay off for so many bytes of pages."""
    return max(1, min(jobs, size_bytes // _BYTES_PER_WORKER))


@contextmanager
def start_processes(jobs: int, size_bytes: int) -> Iterator[Workers]:
    """Yield what runs calls for so many bytes of pages on this machine: several processes only if starting them pays off.

    Raises:
        StorageError: a process was killed.
    """
    processes = _count_processes(jobs, size_bytes)
    if processes == 1:
        yield Workers(SerialExecutor(), 1)
        return
    with _start_processes(processes) as executor:
        yield Workers(executor, processes)


@contextmanager
def _start_processes(count: int) -> Iterator[Executor]:
    """Yield an executor of so many processes, none of which is left at the end.

    Raises:
        StorageError: one was killed.
    """
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    context = multiprocessing.get_context(START_METHOD)
    context.set_forkserver_preload(["etl.transform.stage"])
    executor = ProcessPoolExecutor(count, context, initializer=_prepare_process)
    try:
        yield executor
        executor.shutdown()
    except BaseException as error:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():  # none may write after this process has released its locks
            process.terminate()
            process.join()
        if isinstance(error, BrokenProcessPool):
            raise StorageError("a worker process was killed; is there enough memory? Run it again with JOBS=1") from error
        raise


def _prepare_process() -> None:
    use_own_partial_names()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    gc.freeze()  # pages are trees of new objects, of which the default thresholds examine each several times: 9 % of the time
    gc.set_threshold(50_000)
