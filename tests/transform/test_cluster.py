"""The transform on a Dask cluster: a scheduler and two workers, processes of this machine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import dask.config
import distributed
import pytest

from etl.core.errors import SourceUnavailableError, UsageError
from etl.core.layout import PROJECT, DataDir
from etl.storage.json_files import write_atomic
from etl.transform import cluster, cluster_worker, pages
from etl.transform.workers import WorkerOptions, start_workers
from tests.conftest import Workspace, hf
from tests.support.cluster import LOOK_S, kill_worker, kill_worker_once, write_slowly
from tests.support.cluster import cluster as start_test_cluster
from tests.transform.test_workers import content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[distributed.Client]:
    """Return a client of a cluster of two workers; one that is killed is started again."""
    with (
        start_test_cluster(tmp_path_factory.mktemp("cluster"), "--nworkers=2") as address,
        distributed.Client(address, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def address(client: distributed.Client) -> str:
    """Return the address of the cluster, which has all its workers."""
    client.wait_for_workers(2)
    return str(client.scheduler.address)


@pytest.fixture
def page(workspace: Workspace) -> Workspace:
    """Return a workspace with a stream of one page."""
    workspace.write_stream("huggingface", "default", [hf("o/a-7b")])
    return workspace


def transform(workspace: Workspace, address: str, *options: str) -> int:
    return workspace.run("transform", "--cluster", address, *options)


def rebuilt_serially(workspace: Workspace, *options: str) -> dict[str, bytes]:
    """Return the models that this process makes, by path, and remove them."""
    assert workspace.run("transform", "--jobs", "1", *options) == 0
    models = workspace.data.models("")
    expected = content(models)
    assert len(expected) > 6
    shutil.rmtree(models)
    return expected


def test_a_cluster_writes_the_same_bytes_as_one_process(
    shipped: Workspace, address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = rebuilt_serially(shipped)
    printed = capfd.readouterr()
    monkeypatch.chdir(shipped.data.root.parent)  # not the working directory of the workers
    relative = Workspace(DataDir(shipped.data.root.relative_to(shipped.data.root.parent)), shipped.filters)
    assert transform(relative, address) == 0
    assert content(shipped.data.models("")) == expected
    assert capfd.readouterr() == printed
    assert sorted(path.name for path in shipped.data.cache("").iterdir()) == [
        ".gitignore",
        "civitai.files",
        "facets",
        "huggingface.files",
        "pages",
    ]


def test_nothing_to_transform_needs_no_cluster(page: Workspace) -> None:
    assert page.run("transform") == 0
    page.data.summary("huggingface").unlink()
    assert transform(page, "tcp://127.0.0.1:1") == 0


def test_a_killed_worker_costs_its_pages_only(shipped: Workspace, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = rebuilt_serially(shipped, "--source=huggingface")
    monkeypatch.setattr(pages, "transform_file", kill_worker_once)
    assert transform(shipped, address, "--source=huggingface") == 0
    assert (shipped.data.root / "killed").exists()
    assert content(shipped.data.models("")) == expected


def test_a_page_that_kills_every_worker_exits_with_74(
    page: Workspace, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "transform_file", kill_worker)
    assert transform(page, address) == 74
    assert re.fullmatch(
        rf"cluster {address}: a call killed 2 workers, the last one tcp://127\.0\.0\.1:\d+; is there enough memory\? "
        r"Start workers with more \(--memory-limit\), or run it again without CLUSTER\n",
        capsys.readouterr().err,
    )
    assert not page.data.summary("huggingface").exists()


def test_an_invalid_page_is_reported_from_a_worker(page: Workspace, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = page.data.raw("huggingface", "default") / "page-0001.json"
    path.write_text("{}")
    assert transform(page, address) == 65
    assert str(path) in capsys.readouterr().err


def test_no_call_of_an_interrupted_run_goes_on(page: Workspace, client: distributed.Client, address: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"call-{number}" for number in range(4)]

    def interrupted() -> Iterator[Path]:
        yield from paths[:3]
        while not paths[0].exists():
            time.sleep(LOOK_S)
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        start_workers(WorkerOptions(cluster=address), page.data.absolute(), "huggingface", 1) as workers,
    ):
        list(workers.run(write_slowly, interrupted()))
    written = {path.name: path.read_text() for path in paths if path.exists()}
    assert written["call-0"] == "ended"
    assert set(written.values()) == {"ended"}
    client.run(os.getpid)
    assert {path.name for path in paths if path.exists()} == set(written)


def test_the_next_run_removes_the_marker_of_a_killed_run_whose_late_calls_then_do_not_start(page: Workspace) -> None:
    markers = [page.data.cache(f"{source}.cluster-0") for source in ("civitai", "huggingface")]
    for marker in markers:
        write_atomic(marker, b"")
    run = cluster_worker.Run(cluster_worker.environment(), markers[1])
    cluster_worker.call(run, (page.data.root / "first").touch)
    assert page.run("transform", "--source=huggingface") == 0
    assert [*page.data.cache("").glob("*.cluster-*")] == markers[:1]  # a run on the other source may be alive
    with pytest.raises(UsageError):
        cluster_worker.call(run, (page.data.root / "second").touch)
    assert not (page.data.root / "second").exists()


def test_a_run_starts_when_the_calls_of_a_killed_run_have_ended(
    page: Workspace, client: distributed.Client, address: str, tmp_path: Path
) -> None:
    marker, path = tmp_path / "marker", tmp_path / "call"
    marker.touch()
    run = cluster_worker.Run(cluster_worker.environment(), marker)
    call = client.submit(cluster_worker.call, run, write_slowly, path, pure=False)
    while not path.exists():
        time.sleep(LOOK_S)
    marker.unlink()
    with start_workers(WorkerOptions(cluster=address), page.data.absolute(), "huggingface", 1):
        assert path.read_text() == "ended"
    call.result()


def test_a_call_that_arrives_after_the_end_of_its_run_does_not_start(tmp_path: Path) -> None:
    run = cluster_worker.Run(cluster_worker.environment(), tmp_path / "marker")
    run.marker.touch()
    cluster_worker.call(run, (tmp_path / "first").touch)
    run.marker.unlink()
    with pytest.raises(UsageError):
        cluster_worker.call(run, (tmp_path / "second").touch)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("program", "has another version of this program, or had loaded it before it changed; update it, and start it again"),
        ("Python", r"has Python 3\.\d+ \(expected other\); install requirements-cluster.txt in its .venv, and start it again"),
        ("jq", r"has jq [\d.]+ \(expected other\); install requirements-cluster.txt in its .venv, and start it again"),
    ],
)
def test_a_cluster_with_another_program_is_refused(
    page: Workspace, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    expected = tuple((key, "other" if key == name else value) for key, value in cluster_worker.environment())
    monkeypatch.setattr(cluster, "environment", lambda: expected)
    assert transform(page, address) == 2
    scheduler, *workers = capsys.readouterr().err.splitlines()
    assert re.fullmatch(f"cluster {address}: scheduler {reason}", scheduler)
    assert len(workers) == 2
    for line in workers:
        assert re.fullmatch(f"cluster {address}: worker tcp://127.0.0.1:[0-9]+ {reason}", line)
    assert not page.data.models("huggingface", "default").exists()
    monkeypatch.setattr(cluster, "_compare", lambda *_: None)  # as for a worker that joins after it
    assert transform(page, address) == 2
    assert re.fullmatch(f"worker on .* {reason}\n", capsys.readouterr().err)


def test_a_worker_without_the_program_is_refused(
    page: Workspace, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "only_here.py").write_text("def difference(*_):\n    return None\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cluster, "difference", __import__("only_here").difference)
    assert transform(page, address) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert "cannot load this program (" in line
        assert "No module named 'only_here'" in line
        assert line.endswith("); start it in the project's folder, with its .venv")


def test_a_worker_that_does_not_see_the_data_folder_is_refused(
    page: Workspace, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "write_atomic", lambda *_: None)
    assert transform(page, address) == 2
    reason = f"does not see {page.data.cache('').absolute()}; all machines must share the data folder, at the same path"
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert re.fullmatch(rf"cluster {address}: worker tcp://127.0.0.1:\d+ {re.escape(reason)}", line)


def test_no_cluster_at_the_address_exits_with_75(
    page: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.2)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        assert transform(page, address) == 75
        assert f"cluster {address}: not reachable (Timed out" in capsys.readouterr().err
        closed.listen()  # a server that says nothing
        assert transform(page, address) == 75
    error = capsys.readouterr().err
    assert error.startswith(f"cluster {address}: not reachable (no reply in 0.4 s); ")
    assert error.endswith(
        f"start a scheduler in the project's folder: {shlex.join([sys.executable, '-m', 'dask', 'scheduler'])}\n"
    )


def test_another_server_at_the_address_causes_one_message(page: Workspace) -> None:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_address[1]}"
        options = ["--data", str(page.data.root), "--filters", str(page.filters), "--cluster", address]
        command = [sys.executable, "-m", "etl", "transform", *options]
        result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        server.shutdown()
    assert result.returncode == 75
    assert result.stderr.startswith(f"cluster {address}: not reachable (no scheduler replied); ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("ca_file", "reason"), [(None, "not found"), ("/nothing", "[Errno 2] No such file or directory")])
def test_a_tls_address_without_certificates_is_refused(
    page: Workspace, capsys: pytest.CaptureFixture[str], ca_file: str | None, reason: str
) -> None:
    address, tls = "tls://127.0.0.1:1", "distributed.comm.tls"
    with dask.config.set({f"{tls}.ca-file": ca_file, f"{tls}.client.cert": ca_file}):
        assert transform(page, address) == 2
    assert capsys.readouterr().err == (
        f"cluster {address}: needs certificates in Dask's configuration ({reason}); set {tls}.ca-file, {tls}.client.cert and "
        f"{tls}.client.key: https://distributed.dask.org/en/stable/tls.html\n"
    )


def test_a_cluster_that_is_lost_exits_with_75(
    page: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cluster, "_CHECK_S", 0.05)
    monkeypatch.setattr(cluster, "_CHECKS_WITHOUT_WORKERS", 3)
    with start_test_cluster(tmp_path, "--no-nanny") as address:
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(1)
        with monkeypatch.context() as patch:
            patch.setattr(pages, "transform_file", kill_worker)
            assert transform(page, address) == 75
        advice = "see what scheduler and workers printed, start them again, and run the same command\n"
        reason = "no worker is left, or its calls were cancelled"
        assert capsys.readouterr().err == f"cluster {address}: {reason}; {advice}"
        assert transform(page, address) == 75
        start = shlex.join([sys.executable, "-m", "dask", "worker", address, "--nworkers", "-1", "--nthreads", "1"])
        assert capsys.readouterr().err == f"cluster {address}: has no workers; start some in the project's folder: {start}\n"
        monkeypatch.setattr(cluster, "_compare", lambda *_: None)
        monkeypatch.setattr(cluster, "_CHECK_S", 3600)
        with (
            pytest.raises(SourceUnavailableError, match="the connection to the scheduler was lost; "),
            start_workers(WorkerOptions(cluster=address), page.data.absolute(), "huggingface", 1) as workers,
        ):
            kill_scheduler_and_wait(tmp_path, workers.executor.submit(os.getpid))


def kill_scheduler_and_wait(folder: Path, call: Future[int]) -> None:
    os.kill(int((folder / "scheduler.pid").read_text()), signal.SIGKILL)
    call.result()


def test_without_dask_the_message_says_how_to_install_it(
    page: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert transform(page, "tcp://127.0.0.1:1") == 2
    message, _, command = capsys.readouterr().err.partition("; install it: ")
    assert message == "cluster tcp://127.0.0.1:1: needs dask.distributed (not found)"
    install = [sys.executable, "-m", "pip", "install", "--require-hashes", "-r", str(PROJECT / "requirements-cluster.txt")]
    assert shlex.split(command) == install


@pytest.mark.parametrize("address", ["10.0.0.1:8786", "http://a:1", "tcp://a", "tcp://a:b", "tcp://a:1/x", "tcp://[a:1", ""])
def test_an_address_that_is_not_one_is_refused(page: Workspace, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        transform(page, address)
    assert f"{address}: not a valid address of a scheduler (expected such as tcp://10.0.0.1:8786)" in capsys.readouterr().err


def test_processes_and_a_cluster_exclude_each_other(page: Workspace) -> None:
    with pytest.raises(SystemExit, match="2"):
        transform(page, "tcp://[::1]:8786", "--jobs", "2")


def test_dask_is_pinned_to_one_version() -> None:
    pins = [
        line
        for name in ("requirements-cluster.txt", "requirements-dev.txt")
        for line in (PROJECT / name).read_text().splitlines()
        if line.startswith(("dask==", "distributed=="))
    ]
    assert len(pins) == 4
    assert len(set(pins)) == 2
