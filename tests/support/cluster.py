"""A Dask cluster on this machine, with the commands of the README, and calls that its workers run.

Its processes end with the process that started it: they are children of `python -m tests.support.cluster`, which waits for the
end of its standard input in a session of its own, so that it outlives a group of processes that is killed.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from etl.core.layout import PROJECT
from etl.transform.task import Task, transform_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.transform.outcome import Outcome

LOOK_S = 0.05


@contextmanager
def cluster(folder: Path, *worker_options: str) -> Iterator[str]:
    """Yield the address of a scheduler with workers, each of one thread; files are in `folder`."""
    command = [sys.executable, "-m", "tests.support.cluster", str(folder), *worker_options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DASK_")}
    environment |= {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
        ) as process,
    ):
        try:
            yield _address(folder, process)
        finally:
            process.communicate()


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        with suppress(OSError, ValueError, LookupError):  # the file is absent, or a part of it
            return str(json.loads((folder / "scheduler.json").read_bytes())["address"])
        time.sleep(LOOK_S)
    raise RuntimeError((folder / "log").read_text())


def main() -> None:
    """Run a scheduler and workers until the standard input ends or one of them does."""
    folder = Path(sys.argv[1])
    file = f"--scheduler-file={folder / 'scheduler.json'}"
    dask = [sys.executable, "-m", "dask"]
    commands = [
        [*dask, "scheduler", "--host=127.0.0.1", "--port=0", "--no-dashboard", file],
        [
            *dask,
            "worker",
            file,
            "--host=127.0.0.1",
            "--nthreads=1",
            "--no-dashboard",
            f"--local-directory={folder}",
            *sys.argv[2:],
        ],
    ]
    processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) for command in commands]
    try:
        (folder / "scheduler.pid").write_text(str(processes[0].pid))
        while not select.select([sys.stdin], [], [], LOOK_S)[0] and processes[0].poll() is None:
            pass
    finally:
        for process in processes:  # with the workers that it started
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def kill_worker(_task: Task) -> Outcome:
    """Kill the process that runs this."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def kill_worker_once(task: Task) -> Outcome:
    """Transform a page; the first time that it is a second page, kill the process instead."""
    with suppress(FileExistsError):
        if task.entry.file == "page-0002.json":
            (task.data.root / "killed").touch(exist_ok=False)
            kill_worker(task)
    return transform_file(task)


def write_slowly(path: Path) -> None:
    """Write `started` to a file and, a moment later, `ended`."""
    path.write_text("started")
    time.sleep(0.5)
    path.write_text("ended")


if __name__ == "__main__":
    main()
