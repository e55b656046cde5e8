"""The nightly job of examples/, against the local servers, with a repository to push to and a stand-in for gh."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from etl.extract.stage import APIS
from etl.files import PROJECT
from tests.golden import both
from tests.server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server import Server

GH = '#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"; cat "$8" >> "$SEEN"\n'


class Night:
    """A catalogue's repository with its origin, and what gh was told."""

    def __init__(self, folder: Path) -> None:
        self.catalogue, self.origin, self.seen = folder / "catalogue", folder / "origin", folder / "seen"
        subprocess.run(["git", "init", "--quiet", "--bare", self.origin], check=True)
        subprocess.run(["git", "clone", "--quiet", self.origin, self.catalogue], check=True, capture_output=True)
        (self.catalogue / ".gitignore").write_text("raw/\n.manifests/\n")
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    def run(self, hub: Server, civitai: Server) -> subprocess.CompletedProcess[str]:
        self.seen.unlink(missing_ok=True)
        names = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        variables = {"CATALOGUE": str(self.catalogue), "PYTHON": sys.executable, "PATH": self.path, "SEEN": str(self.seen)}
        variables |= {"HF_ENDPOINT": hub.url, "CIVITAI_ENDPOINT": civitai.url}
        command = [str(PROJECT / "examples" / "nightly.sh")]
        kept = {key: value for key, value in os.environ.items() if key != "HF_TOKEN"}
        return subprocess.run(command, cwd=PROJECT, env=kept | names | variables, capture_output=True, text=True, check=False)

    @property
    def branches(self) -> int:
        done = subprocess.run(["git", "-C", self.origin, "branch", "--list"], capture_output=True, text=True, check=True)
        return len(done.stdout.splitlines())


def test_a_night_opens_a_pull_request_once_and_stops_with_the_reason(tmp_path: Path) -> None:
    night = Night(tmp_path)
    with both() as (hub, civitai):
        done = night.run(hub, civitai)
        assert done.returncode == 0, done.stdout + done.stderr
        asked = night.seen.read_text()
        assert asked.startswith("pr\ncreate\n--head\nrefresh-")
        assert asked.endswith("no base to compare with\n")
        assert night.branches == 1
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists(), night.branches) == (0, False, 1)
        assert done.stdout.endswith("nothing changed\n")
        hub.fault = lambda _target, _before: Fault(403, b"{}")
        done = night.run(hub, civitai)
        assert (done.returncode, night.branches) == (75, 2)
        assert "0 of 25 manifests differ" in night.seen.read_text()  # but for the index, which calls them stale
        hub.fault = lambda _target, _before: None
        # The API no longer knows a base model, and answers that it has none.
        civitai.fault = lambda target, _before: Fault(200, b'{"items": [], "metadata": {}}') if "SD+1.5" in target else None
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists(), night.branches) == (1, False, 2)
        assert "civitai-filter-sd15.json: $.models: holds 0 models, and held" in done.stdout
        assert done.stderr.endswith("stopped: refresh ended with 1; see above\n")


def test_the_workflow_runs_the_script_with_variables_that_are_read() -> None:
    workflow = (PROJECT / "examples" / "nightly.yml").read_text()
    (script,) = re.findall(r"^ +- run: (.*)$", workflow, flags=re.MULTILINE)
    assert os.access(PROJECT / script, os.X_OK)
    given = set(re.findall(r"^ {10}([A-Z_]+): ", workflow, flags=re.MULTILINE))
    read = {"CATALOGUE", "GH_TOKEN", *(name for api in APIS.values() for name in api.token_variables)}
    assert {"CATALOGUE", "HF_TOKEN", "CIVITAI_API_KEY"} <= given
    assert {name for name in given if not name.startswith("GIT_")} <= read
