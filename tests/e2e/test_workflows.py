"""The files that GitHub and pre-commit read, and the weekly check of the live APIs, here against the local servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from etl.core.layout import PROJECT
from tests.conftest import OWN_FILTERS
from tests.support.fake_api.server import Fault
from tests.support.goldens import both

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fake_api.server import Server

CI = PROJECT / ".github" / "workflows" / "ci.yml"
ONE_PAGE = PROJECT / "examples" / "one-page.toml"
YAML_FILES = [
    *sorted((PROJECT / ".github").rglob("*.yml")),
    *sorted((PROJECT / "examples").glob("*.yml")),
    PROJECT / ".pre-commit-config.yaml",
]


def jobs() -> Any:
    return yaml.safe_load(CI.read_text())["jobs"]


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a YAML value, keys excluded."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


def refresh(folder: Path, hub: Server, civitai: Server) -> subprocess.CompletedProcess[str]:
    """Run the last step of the weekly job as it is written there, without a fixed clock."""
    step = jobs()["live"]["steps"][-1]
    variables = {**step["env"], "PROGRAM": sys.executable, "RUNNER_TEMP": str(folder), "HF_ENDPOINT": hub.url}
    environment = {key: value for key, value in os.environ.items() if key not in ("HF_TOKEN", "SOURCE_DATE_EPOCH")}
    command = ["bash", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, cwd=PROJECT, env={**environment, **variables, "CIVITAI_ENDPOINT": civitai.url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_yaml_files_parse() -> None:
    assert len(YAML_FILES) >= 7
    for path in YAML_FILES:
        assert isinstance(yaml.safe_load(path.read_text()), dict), path


def test_actions_are_pinned_by_commit() -> None:
    uses = [line for path in YAML_FILES for line in path.read_text().splitlines() if re.search(r"^\s*(- )?uses:", line)]
    assert len(uses) >= 8
    assert [line for line in uses if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_ci_runs_every_check_on_two_systems_and_four_versions() -> None:
    checks = jobs()["checks"]
    matrix = checks["strategy"]["matrix"]
    assert matrix == {"os": ["ubuntu-latest", "macos-latest"], "python": ["3.11", "3.12", "3.13", "3.14"]}
    assert checks["steps"][-1]["run"] == ".ci/run"


def test_local_hooks_run_programs_of_the_project() -> None:
    repositories = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].split()[0] for hook in hooks} <= {".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/lint-imports"}


def test_one_page_requests_what_every_stream_requests() -> None:
    shipped, one_page = (tomllib.loads(path.read_text()) for path in (OWN_FILTERS, ONE_PAGE))
    for source in ("huggingface", "civitai"):
        assert one_page[source]["asks"] == shipped[source]["asks"]
        assert one_page[source]["prefix"] == shipped[source]["prefix"]
        assert one_page[source]["page"] == one_page["depth"]


def test_weekly_check_fetches_one_page_of_each_api(tmp_path: Path) -> None:
    with both() as (hub, civitai):
        done = refresh(tmp_path, hub, civitai)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [len(server.calls) for server in (hub, civitai)] == [1, 1]
        assert hub.ignored | civitai.ignored == set()
    index = json.loads((tmp_path / "one-page" / "manifests" / "index.json").read_text())
    assert [entry["count"] > 0 for entry in index["manifests"]] == [True, True]


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (b'{"error": "moved"}', 65, "huggingface/likes"),  # another shape of the page
        (
            json.dumps([{"id": 5, "likes": 90 - rank} for rank in range(50)]).encode(),
            1,
            "huggingface/likes: 50 of 50",
        ),  # of records
    ],
)
def test_weekly_check_refuses_another_shape(tmp_path: Path, body: bytes, code: int, where: str) -> None:
    with both() as (hub, civitai):
        hub.fault = lambda _target, _before: Fault(body=body)
        done = refresh(tmp_path, hub, civitai)
    assert (done.returncode, where in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr


def test_weekly_check_tells_an_api_that_does_not_respond(tmp_path: Path) -> None:
    with both() as (hub, civitai):
        hub.fault = lambda _target, _before: Fault(status=403)
        done = refresh(tmp_path, hub, civitai)
    assert done.returncode == 75, done.stdout + done.stderr
