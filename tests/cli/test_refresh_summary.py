"""The last line of a refresh: what is good, what is stale and why, whatever happened."""

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
    """Return a folder of its own with copied streams, and the servers that are asked."""
    (shipped.data.root / "raw").unlink()
    with both() as (hub, civitai):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("CIVITAI_ENDPOINT", civitai.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield shipped, hub, civitai


def last(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_the_last_line_tells_what_is_good_and_what_is_stale_and_why(
    servers: tuple[Workspace, Server, Server], capsys: pytest.CaptureFixture[str]
) -> None:
    house, hub, civitai = servers
    hub.fault = lambda target, _: Fault(403, b"<html>\x1b[31mno") if "sort=likes" in target else None
    assert house.run("refresh") == 75
    line = last(capsys)
    assert line.startswith("refresh: 23 of 25 manifests current, 2 missing (huggingface/likes: http://127.0.0.1:")
    assert line.endswith("; verify: 16 checks, 1 failed (filters without a stream); exit code 75")
    assert "\x1b" not in line
    hub.fault = lambda _target, _before: None
    assert house.run("refresh") == 0
    assert last(capsys) == "refresh: 25 of 25 manifests current; verify: 16 checks, 0 failed; exit code 0"
    civitai.fault = lambda target, _: Fault(403, b"{}") if "period=Month&types=Checkpoint&types=LORA&limit" in target else None
    assert house.run("refresh") == 75
    line = last(capsys)
    assert line.startswith("refresh: 24 of 25 manifests current, 1 stale (civitai/month: http://127.0.0.1:")
    assert line.endswith("); verify: 16 checks, 0 failed; exit code 75")
    assert house.run("refresh", "--source", "huggingface") == 0  # the reason is in the ledger
    assert "24 of 25 manifests current, 1 stale (civitai/month: http://127.0.0.1:" in (line := last(capsys))
    assert line.endswith("; exit code 0")


def test_the_last_line_comes_whatever_stops_a_refresh(
    servers: tuple[Workspace, Server, Server], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, hub, _ = servers
    nothing = "refresh: nothing published, what was there stays"
    for more in (["--source", "elsewhere"], ["--base", "nowhere"], ["--allow-shrink", "hf/nothing"]):
        assert house.run("refresh", *more) == 2
        line = last(capsys)
        assert line.startswith(f"{nothing}; {' '.join(more) if more[0] == '--source' else more[1]}: ")
        assert line.endswith("; verify: not finished; exit code 2")
    assert main(["refresh", "--data", str(house.data.root), "--filters", "/nowhere.toml"]) == 2
    assert last(capsys).startswith(f"{nothing}; /nowhere.toml: ")
    hub.fault = lambda _target, _before: Fault(403, b"{}")
    assert house.run("refresh", "--source", "huggingface") == 75
    assert last(capsys).startswith(f"{nothing} (huggingface/likes, huggingface/recent, huggingface/default: ")
    hub.fault = lambda _target, _before: None
    assert house.run("refresh") == 0
    page = house.data.raw("huggingface", "default") / "page-0001.json"
    page.write_text("<html>")
    capsys.readouterr()
    assert house.run("refresh", "--source", "civitai") == 65
    line = last(capsys)
    assert line.startswith(f"{nothing}; {page}"[:150])
    assert line.endswith("(raw pages against ledgers, levels and flags, read again, rebuild from raw); exit code 65")
    shutil.rmtree(house.data.raw_root)
    house.data.raw_root.write_text("no folder")
    assert house.run("refresh") == 74
    assert last(capsys).endswith("; verify: not finished; exit code 74")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("etl.cli.commands._extract", stop)
    assert house.run("refresh") == 130
    assert last(capsys) == f"{nothing}; interrupted; verify: not finished; exit code 130"


def test_a_failed_check_is_named(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = RefreshSummary(checks=[Check("a"), Check("b", problems=["x"])], index={"manifests": [], "missing": []})
    assert outcome.line(1) == "refresh: 0 of 0 manifests current; verify: 2 checks, 1 failed (b); exit code 1"
    house.put("huggingface", "default", [hf("o/a")])
    assert house.run("manifests") == 1
    assert "refresh:" not in capsys.readouterr().out


def test_a_command_line_that_is_not_valid_ends_with_the_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["etl", "refresh", "--max-age", "soon"])
    for arguments in (["refresh", "--nonsense"], None):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        line = "refresh: nothing published, what was there stays; invalid command line; verify: not finished; exit code 2"
        assert last(capsys) == line
    for words in (["refresh", "--help"], ["plan", "--nonsense"]):
        with pytest.raises(SystemExit):
            main(words)
        assert "exit code" not in capsys.readouterr().out
