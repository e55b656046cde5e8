"""The fixes that verify states: each contains a command, which makes the check pass again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from etl.cli.hints import complete_commands, find_commands
from etl.core.layout import PROJECT, DataDir
from tests.conftest import Workspace
from tests.support.builders import SMALL_FILTERS
from tests.support.goldens import both, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHECKS = 17


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """Return the environment for requests to two local servers."""
    with both() as (hub, civitai):
        yield environment(hub, civitai)


@pytest.fixture(scope="module")
def extracted(servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with filters and the published data of the small catalogue; for copying only."""
    folder = tmp_path_factory.mktemp("extracted")
    (folder / "filters.toml").write_text(SMALL_FILTERS)
    run("make extract publish", Workspace(DataDir(folder / "data"), folder / "filters.toml"), servers)
    return folder


@pytest.fixture
def workspace(extracted: Path, tmp_path: Path, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    shutil.copytree(extracted, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", servers["SOURCE_DATE_EPOCH"])
    monkeypatch.chdir(PROJECT)
    return Workspace(DataDir(tmp_path / "data"), tmp_path / "filters.toml")


def run(command: str, workspace: Workspace, servers: dict[str, str]) -> str:
    """Run a command of a message as it is printed for a workspace; return its output."""
    printed = complete_commands(command, workspace.data.root, workspace.filters)
    inherited = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "HF_TOKEN")}
    shell = ["bash", "-c", f"{printed} python={shlex.quote(sys.executable)}"]
    done = subprocess.run(shell, cwd=PROJECT, env=inherited | servers, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def verify(workspace: Workspace, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """Return the checks of verify as JSON."""
    capsys.readouterr()
    workspace.run("verify", "--json", *options)
    checks: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["checks"]
    return checks


def change(workspace: Workspace, file: str, edit: Callable[[Any], object]) -> None:
    """Edit the JSON of a manifest."""
    path, value = workspace.data.manifests / file, workspace.manifest(file)
    edit(value)
    path.write_text(json.dumps(value, indent=2) + "\n")


def break_manifests(workspace: Workspace) -> None:
    large, explicit = (workspace.manifest(file)["models"][-1] for file in ("hf-filter-large.json", "civitai-filter-xxx.json"))
    month = workspace.manifest("civitai-filter-month.json")["models"]
    change(workspace, "hf-filter-mit.json", lambda value: value.update(extra=1))
    change(workspace, "hf-filter-likes.json", lambda value: value["models"].reverse())
    change(workspace, "hf-filter-small.json", lambda value: value["models"].append(large))
    change(workspace, "civitai-filter-pg.json", lambda value: value["models"].append(explicit))
    change(workspace, "civitai-filter-week.json", lambda value: value.update(models=month))
    change(workspace, "all-models.json", lambda value: value["models"][0].update(slug=value["models"][1]["slug"].upper()))
    change(workspace, "all-models.json", lambda value: value.update(totalModels=1))


def break_raw(workspace: Workspace) -> None:
    shutil.rmtree(workspace.data.raw("huggingface", "likes"))
    assert workspace.run("manifests") == 1
    ledger = workspace.data.ledger("civitai", "default")
    value = json.loads(ledger.read_text())
    value["checked_at"] = "2999-01-01T00:00:00.000Z"
    page = ledger.parent / value["pages"][0]["file"]
    page.write_text("<html>")
    ledger.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("harm", "command", "names"),
    [
        (
            break_manifests,
            "make manifests",
            {
                "schemas", "levels and flags, read again", "order of the streams", "index against files",
                "all models against manifests", "slugs", "exclusive options", "equal lists", "rebuild from raw",
            },
        ),
        (
            break_raw,
            "make extract manifests",
            {"raw pages against ledgers", "filters without a stream", "age of the streams", "rebuild from raw"},
        ),
    ],
)  # fmt: skip
def test_the_command_fixes_what_a_check_found(
    workspace: Workspace, servers: dict[str, str], capsys: pytest.CaptureFixture[str],
    harm: Callable[[Workspace], None], command: str, names: set[str],
) -> None:  # fmt: skip
    harm(workspace)
    checks = [check for check in verify(workspace, capsys) if check["problems"]]
    assert {check["name"] for check in checks if find_commands(check["fix"])[0] == command} == names
    run(command, workspace, servers)
    assert [check["problems"] for check in verify(workspace, capsys)] == [[]] * CHECKS


def test_the_command_fixes_a_site(workspace: Workspace, servers: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    site = workspace.data.site
    for path in (site / "v1").glob("*/*.json"):
        path.write_text("{}")
    options = ("--site", str(site))
    failed = [check["fix"] for check in verify(workspace, capsys, *options) if check["problems"]]
    assert {tuple(find_commands(fix)) for fix in failed} == {("make publish",)}
    run("make publish", workspace, servers)
    assert not any(check["problems"] for check in verify(workspace, capsys, *options))


def test_each_check_states_commands_that_run(
    workspace: Workspace, servers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    checks, site = verify(workspace, capsys), verify(workspace, capsys, "--site", str(workspace.data.site))
    shutil.rmtree(workspace.data.manifests)
    without_manifests = verify(workspace, capsys, "--site", str(workspace.data.site))
    assert (len(checks), len(site), len(without_manifests)) == (CHECKS, 14, 13)
    commands = {command: check["name"] for check in checks + site + without_manifests for command in find_commands(check["fix"])}
    assert [check["name"] for check in checks + site + without_manifests if not find_commands(check["fix"])] == []
    assert sorted(commands) == [
        "make diff", "make extract manifests", "make manifests", "make publish", "make publish SIGN_KEY=FILE", "make values",
    ]  # fmt: skip
    assert "license" in run("make values", workspace, servers)
    assert "no base to compare with" in run("make diff", workspace, servers)


def test_a_fix_is_printed_once_unless_a_problem_names_its_command(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    change(workspace, "hf-filter-likes.json", lambda value: value["models"].reverse())
    assert workspace.run("verify") == 1
    parts = capsys.readouterr().out.split("FAIL ")
    printed = {part.partition(" (")[0]: part.partition("\nok ")[0].splitlines() for part in parts[1:]}
    fix = f"     fix: make manifests DATA={workspace.data.root} FILTERS={workspace.filters}"
    assert [line for line in printed["order of the streams"] if "fix: " in line] == [fix]
    assert printed["order of the streams"][-1] == fix
    assert "rebuild it: make manifests" in printed["rebuild from raw"][1]
    assert not any("fix: " in line for line in printed["rebuild from raw"])
