"""Tests of the last line of a refresh."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from etl.cli.main import main
from etl.cli.refresh_summary import RefreshSummary
from etl.verify.published import Check
from tests.conftest import Workspace, hf
from tests.support.fake_api.server import Fault
from tests.support.goldens import both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_api.server import Server


@pytest.fixture
def servers(shipped: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workspace, Server, Server]]:
    """Return a workspace without raw files, and the fake servers."""
    (shipped.data.root / "raw").unlink()
    with both() as (hub, civitai):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("CIVITAI_ENDPOINT", civitai.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield shipped, hub, civitai


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_the_last_line_counts_current_stale_and_missing_manifests_with_reasons(
    servers: tuple[Workspace, Server, Server], capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, hub, civitai = servers
    hub.fault = lambda target, _: Fault(403, b"<html>\x1b[31mno") if "sort=likes" in target else None
    assert workspace.run("refresh") == 75
    line = last_line(capsys)
    assert line.startswith("refresh: 23 of 25 manifests current, 2 missing (huggingface/likes: http://127.0.0.1:")
    assert line.endswith("; verify: 17 checks, 1 failed (filters without a stream); exit code 75")
    assert "\x1b" not in line
    hub.fault = lambda _target, _before: None
    assert workspace.run("refresh") == 0
    assert last_line(capsys) == "refresh: 25 of 25 manifests current; verify: 17 checks, 0 failed; exit code 0"
    civitai.fault = lambda target, _: Fault(403, b"{}") if "period=Month&types=Checkpoint&types=LORA&limit" in target else None
    assert workspace.run("refresh") == 75
    line = last_line(capsys)
    assert line.startswith("refresh: 24 of 25 manifests current, 1 stale (civitai/month: http://127.0.0.1:")
    assert line.endswith("); verify: 17 checks, 0 failed; exit code 75")
    assert workspace.run("refresh", "--source", "huggingface") == 0  # the reason is read from the ledger
    assert "24 of 25 manifests current, 1 stale (civitai/month: http://127.0.0.1:" in (line := last_line(capsys))
    assert line.endswith("; exit code 0")


def test_the_last_line_is_printed_whatever_stops_a_refresh(
    servers: tuple[Workspace, Server, Server], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, hub, _ = servers
    nothing = "refresh: nothing published, existing manifests unchanged"
    for options in (["--source", "elsewhere"], ["--base", "nowhere"], ["--allow-shrink", "hf/nothing"]):
        assert workspace.run("refresh", *options) == 2
        line = last_line(capsys)
        assert line.startswith(f"{nothing}; {' '.join(options) if options[0] == '--source' else options[1]}: ")
        assert line.endswith("; verify: not finished; exit code 2")
    assert main(["refresh", "--data", str(workspace.data.root), "--filters", "/nowhere.toml"]) == 2
    assert last_line(capsys).startswith(f"{nothing}; /nowhere.toml: ")
    hub.fault = lambda _target, _before: Fault(403, b"{}")
    assert workspace.run("refresh", "--source", "huggingface") == 75
    assert last_line(capsys).startswith(f"{nothing} (huggingface/likes, huggingface/recent, huggingface/default: ")
    hub.fault = lambda _target, _before: None
    assert workspace.run("refresh") == 0
    page = workspace.data.raw("huggingface", "default") / "page-0001.json"
    page.write_text("<html>")
    capsys.readouterr()
    assert workspace.run("refresh", "--source", "civitai") == 65
    line = last_line(capsys)
    assert line.startswith(f"{nothing}; {page}"[:150])
    assert line.endswith("(raw pages against ledgers, levels and flags, read again, rebuild from raw); exit code 65")
    shutil.rmtree(workspace.data.raw_root)
    workspace.data.raw_root.write_text("not a folder")
    assert workspace.run("refresh") == 74
    assert last_line(capsys).endswith("; verify: not finished; exit code 74")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("etl.cli.building.extract", interrupt)
    assert workspace.run("refresh") == 130
    assert last_line(capsys) == f"{nothing}; interrupted; verify: not finished; exit code 130"


def test_a_failed_check_is_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    summary = RefreshSummary(
        checks=[Check("a", fix=""), Check("b", problems=["x"], fix="")], index={"manifests": [], "missing": []}
    )
    assert summary.line(1) == "refresh: 0 of 0 manifests current; verify: 2 checks, 1 failed (b); exit code 1"
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("manifests") == 1
    assert "refresh:" not in capsys.readouterr().out


def test_an_invalid_command_line_ends_with_the_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["etl", "refresh", "--max-age", "soon"])
    for arguments in (["refresh", "--nonsense"], None):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        line = "refresh: nothing published, existing manifests unchanged; invalid command line; verify: not finished; exit code 2"
        assert last_line(capsys) == line
    for arguments in (["refresh", "--help"], ["plan", "--nonsense"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "exit code" not in capsys.readouterr().out
