"""A Dask cluster whose machines share the data folder, as the executor of a run.

The scheduler and the workers load this program, so they are compared with it before the first call, and each worker again at
every call: one may join late. A call starts only while the marker of its run exists, a file in the shared folder. The marker of a
run that was killed is removed by the next transform of its source.
"""

from __future__ import annotations

import logging
import secrets
import shlex
import sys
import threading
import warnings
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from etl.core.errors import EtlError, SourceUnavailableError, StorageError, UsageError
from etl.core.layout import PROJECT
from etl.storage.json_files import ignore_in_git, write_atomic
from etl.transform.cluster_worker import Run, call, difference, environment, wait_until_idle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

    from etl.core.layout import DataDir

_CONNECT_S = 10
_CHECK_S = 5.0  # between two looks at whether there are workers
_CHECKS_WITHOUT_WORKERS = 12  # a minute, after which no worker is expected to come back


class _ClusterExecutor(Executor):
    """Runs calls on the cluster."""

    def __init__(self, executor: Executor, run: Run) -> None:
        self._executor, self._run = executor, run

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of a call; its function must be importable, its paths absolute."""
        return self._executor.submit(call, self._run, fn, *args, **kwargs)


@contextmanager
def start_cluster(address: str, data: DataDir, source_name: str) -> Iterator[tuple[Executor, int]]:
    """Yield an executor on the cluster of a scheduler, and how many calls it runs at once.

    At the end, whether good or bad, no call of the run is left running; at the start, none of a run whose marker was removed.

    Raises:
        UsageError: Dask or its TLS configuration is missing, or the cluster has another program or data folder.
        SourceUnavailableError: no cluster at the address, or it was lost.
        StorageError: a call killed its worker, again and again.
    """
    client = _connect(address)
    marker = data.cache(f"{source_name}.cluster-{secrets.token_hex(8)}")
    try:
        with _explained(client, address):
            ignore_in_git(data.cache(""))
            write_atomic(marker, b"")
            run = Run(environment(), marker.absolute())
            _compare(client, address, run)
            client.run(wait_until_idle, on_error="ignore")
            executor = client.get_executor(pure=False)  # pure calls with equal arguments would share a result, also between runs
            with _no_workers_cancel(client, executor):
                yield _ClusterExecutor(executor, run), sum(client.nthreads().values())
    finally:
        with suppress(OSError):
            marker.unlink(missing_ok=True)
        if client.status == "running":
            with suppress(Exception):  # without a connection there is nobody to wait for
                client.run(wait_until_idle, marker.absolute(), on_error="ignore")
        client.close()


def _connect(address: str) -> Client:
    try:
        import distributed
    except ImportError:
        install = [sys.executable, "-m", "pip", "install", "--require-hashes", "-r", str(PROJECT / "requirements-cluster.txt")]
        raise UsageError(f"cluster {address}: needs dask.distributed (not found); install it: {shlex.join(install)}") from None
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters becomes an error of ours
    _check_tls(address)

    class _Client(distributed.Client):  # type: ignore[misc]  # Dask has no types
        def __del__(self) -> None:
            """Do nothing: Dask closes a client here whose connection failed, which may time out."""

    connecting: Future[Client] = Future()

    def connect() -> None:
        try:
            connecting.set_result(_Client(address, timeout=_CONNECT_S, set_as_default=False))
        except Exception as error:  # noqa: BLE001 -- any server may be at that address
            connecting.set_exception(error)

    threading.Thread(target=connect, daemon=True).start()  # Dask waits for ever for a server that says nothing
    try:
        with warnings.catch_warnings(action="ignore", category=distributed.versions.VersionMismatchWarning):  # see _compare
            return connecting.result(2 * _CONNECT_S)
    except Exception as error:
        reason = str(error) or ("no scheduler replied" if connecting.done() else f"no reply in {2 * _CONNECT_S} s")
        start = shlex.join([sys.executable, "-m", "dask", "scheduler"])
        raise SourceUnavailableError(
            f"cluster {address}: not reachable ({reason}); start a scheduler in the project's folder: {start}"
        ) from error


def _check_tls(address: str) -> None:
    """Refuse a tls:// address without the certificates to connect with.

    Raises:
        UsageError: Dask's configuration has none, or they cannot be read.
    """
    import dask.config
    from distributed import Security

    if not address.startswith("tls://") or dask.config.get("distributed.client.security-loader", None):
        return
    try:
        if Security().get_connection_args("client")["ssl_context"]:
            return
        reason = "not found"
    except Exception as error:  # noqa: BLE001 -- the configuration may contain anything
        reason = str(error)
    keys = "distributed.comm.tls.ca-file, distributed.comm.tls.client.cert and distributed.comm.tls.client.key"
    raise UsageError(
        f"cluster {address}: needs certificates in Dask's configuration ({reason}); "
        f"set {keys}: https://distributed.dask.org/en/stable/tls.html"
    )


def _compare(client: Client, address: str, run: Run) -> None:
    """Compare the scheduler and all workers with this process.

    Raises:
        UsageError: some differ.
        SourceUnavailableError: there are no workers.
    """
    try:
        results = {"scheduler": client.run_on_scheduler(difference, run.environment)}
    except Exception as error:  # noqa: BLE001 -- what loading another program can raise
        results = {"scheduler": error}
    results |= client.run(difference, *run, on_error="return")
    if len(results) == 1:
        start = shlex.join([sys.executable, "-m", "dask", "worker", address, "--nworkers", "-1", "--nthreads", "1"])
        raise SourceUnavailableError(f"cluster {address}: has no workers; start some in the project's folder: {start}")
    lines = []
    for name, result in results.items():
        if isinstance(result, Exception):
            lines.append(f"cannot load this program ({result}); start it in the project's folder, with its .venv")
        elif result:
            lines.append(result)
        else:
            continue
        lines[-1] = f"cluster {address}: {name if name == 'scheduler' else f'worker {name}'} {lines[-1]}"
    if lines:
        raise UsageError("\n".join(lines))


@contextmanager
def _no_workers_cancel(client: Client, executor: Executor) -> Iterator[None]:
    """Cancel all calls if the cluster is without workers for a minute; Dask itself would wait for ever."""
    ended = threading.Event()

    def watch() -> None:
        checks = 0
        while checks < _CHECKS_WITHOUT_WORKERS:
            if ended.wait(_CHECK_S):
                return
            try:
                checks = 0 if client.nthreads() else checks + 1
            except Exception:  # noqa: BLE001 -- the connection is lost, and all calls are cancelled
                return
        executor.shutdown(wait=False)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _explained(client: Client, address: str) -> Iterator[None]:
    """Turn what Dask raises into errors for a user."""
    from distributed import KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise StorageError(
            f"cluster {address}: a call killed {error.allowed_failures + 1} workers, the last one {error.last_worker.address}; "
            "is there enough memory? Start workers with more (--memory-limit), or run it again without CLUSTER"
        ) from error
    except EtlError:
        raise
    except Exception as error:
        if client.status != "running":
            reason = "the connection to the scheduler was lost"
        elif isinstance(error, CancelledError):
            reason = "no worker is left, or its calls were cancelled"
        else:
            raise
        raise SourceUnavailableError(
            f"cluster {address}: {reason}; see what scheduler and workers printed, start them again, and run the same command"
        ) from error
