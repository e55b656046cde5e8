"""The nightly job of examples/, against the local servers, with a repository to push to and a stand-in for gh."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from etl.extract.stage import APIS
from etl.files import PROJECT
from tests.conftest import OWN_FILTERS
from tests.golden import both
from tests.server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server import Server

GH = """#!/bin/sh
printf "%s\\n" "$@" > "$SEEN"
for last; do :; done
cat "$last" >> "$SEEN"
"""


class Night:
    """A catalogue's repository with its origin, and what gh was told."""

    def __init__(self, folder: Path) -> None:
        self.catalogue, self.origin, self.seen = folder / "catalogue", folder / "origin", folder / "seen"
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch", "main", self.origin], check=True)
        subprocess.run(["git", "clone", "--quiet", self.origin, self.catalogue], check=True, capture_output=True)
        (self.catalogue / ".gitignore").write_text("raw/\n.manifests/\n")
        first = ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "first"]
        for words in (
            ["switch", "--quiet", "--create", "main"],
            ["add", ".gitignore"],
            first,
            ["push", "--quiet", "origin", "main"],
        ):
            subprocess.run(["git", "-C", self.catalogue, *words], check=True, capture_output=True)
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    def run(self, hub: Server, civitai: Server, **more: str) -> subprocess.CompletedProcess[str]:
        self.seen.unlink(missing_ok=True)
        names = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        variables = {"CATALOGUE": str(self.catalogue), "PYTHON": sys.executable, "PATH": self.path, "SEEN": str(self.seen)}
        variables |= {"FILTERS": str(OWN_FILTERS), "HF_ENDPOINT": hub.url, "CIVITAI_ENDPOINT": civitai.url, **more}
        command = [str(PROJECT / "examples" / "nightly.sh")]
        kept = {key: value for key, value in os.environ.items() if key != "HF_TOKEN"}
        return subprocess.run(command, cwd=PROJECT, env=kept | names | variables, capture_output=True, text=True, check=False)

    def merge(self) -> None:
        """Do what a person does who takes the pull request."""
        (branch,) = re.findall(r"--head\n(.*)\n", self.seen.read_text())
        for words in (["merge", "--quiet", branch], ["push", "--quiet", "origin", "main"]):
            subprocess.run(["git", "-C", self.catalogue, *words], check=True)

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
        assert re.match(r"pr\ncreate\n--base\nmain\n--head\nrefresh-.*\n--title\nRefresh of 20", asked)
        assert "no base to compare with" in asked
        assert night.branches == 2
        night.merge()
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists(), night.branches) == (0, False, 2)
        assert done.stdout.endswith("nothing changed\n")
        hub.fault = lambda _target, _before: Fault(403, b"{}")
        done = night.run(hub, civitai)
        assert (done.returncode, night.branches) == (75, 3)
        assert "0 of 25 manifests differ" in night.seen.read_text()  # but for the index, which calls them stale
        hub.fault = lambda _target, _before: None
        # The API no longer knows a base model, and answers that it has none.
        civitai.fault = lambda target, _before: Fault(200, b'{"items": [], "metadata": {}}') if "SD+1.5" in target else None
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists(), night.branches) == (1, False, 3)
        assert "civitai-filter-sd15.json: $.models: holds 0 models, and held" in done.stdout
        assert done.stderr.endswith("stopped: refresh ended with 1; see above\n")
        names = re.findall(r"--allow-shrink (\S+)", done.stdout)
        done = night.run(hub, civitai, ALLOW_SHRINK=" ".join(names))
        assert (done.returncode, night.seen.exists(), night.branches) == (0, True, 4)
        assert re.search(r"`civitai-filter-sd15.json`: \d+ → 0: -", night.seen.read_text())


def test_a_night_stops_where_a_source_is_away_and_a_check_fails(tmp_path: Path) -> None:
    night = Night(tmp_path)
    with both() as (hub, civitai):
        assert night.run(hub, civitai).returncode == 0
        night.merge()
        # 75 outranks the failed check of refresh: four days ago is too long, as verify alone then says.
        for ledger in (night.catalogue / "raw").glob("*/*/stream.json"):
            ledger.write_text(re.sub(r'"checked_at": "[0-9-]+T', '"checked_at": "2026-01-01T', ledger.read_text()))
        hub.fault = lambda _target, _before: Fault(403, b"{}")
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists()) == (1, False)
        assert done.stderr.endswith(f"stopped: verify refused what is in {night.catalogue}/manifests\n")


def test_the_workflow_runs_the_script_with_variables_that_are_read() -> None:
    workflow = (PROJECT / "examples" / "nightly.yml").read_text()
    (script,) = re.findall(r"^ +- run: (.*)$", workflow, flags=re.MULTILINE)
    assert os.access(PROJECT / script, os.X_OK)
    given = set(re.findall(r"^ {10}([A-Z_]+): ", workflow, flags=re.MULTILINE))
    read = {"CATALOGUE", "GH_TOKEN", *(name for api in APIS.values() for name in api.token_variables)}
    assert {"CATALOGUE", "HF_TOKEN", "CIVITAI_API_KEY"} <= given
    assert {name for name in given if not name.startswith("GIT_")} <= read
