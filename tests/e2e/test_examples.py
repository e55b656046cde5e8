"""The nightly job in examples/, against the local servers, with a repository to push to and a fake gh."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from etl.core.layout import PROJECT, source_names
from etl.sources.source import get_source
from tests.conftest import OWN_FILTERS
from tests.support.fake_api.server import Fault
from tests.support.goldens import both

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_api.server import Server

GH = """#!/bin/sh
echo "${GH_TOKEN:-none} ${HF_TOKEN:-none} ${CIVITAI_API_KEY:-none}" > "$SEEN.tokens"
printf "%s\\n" "$@" > "$SEEN"
for last; do :; done
cat "$last" >> "$SEEN"
"""


class NightlyJob:
    """A catalogue's repository with its origin, and the arguments of gh."""

    def __init__(self, folder: Path) -> None:
        self.catalogue, self.origin, self.seen = folder / "catalogue", folder / "origin", folder / "seen"
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch", "main", self.origin], check=True)
        subprocess.run(["git", "clone", "--quiet", self.origin, self.catalogue], check=True, capture_output=True)
        (self.catalogue / ".gitignore").write_text("raw/\n.manifests/\n.locks/\n")
        first = ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "first"]
        for args in (
            ["switch", "--quiet", "--create", "main"],
            ["add", ".gitignore"],
            first,
            ["push", "--quiet", "origin", "main"],
        ):
            subprocess.run(["git", "-C", self.catalogue, *args], check=True, capture_output=True)
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    def run(self, hub: Server, civitai: Server, **env: str) -> subprocess.CompletedProcess[str]:
        self.seen.unlink(missing_ok=True)
        names = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        variables = {"CATALOGUE": str(self.catalogue), "PYTHON": sys.executable, "PATH": self.path, "SEEN": str(self.seen)}
        variables |= {"FILTERS": str(OWN_FILTERS), "HF_ENDPOINT": hub.url, "CIVITAI_ENDPOINT": civitai.url, **env}
        command = [str(PROJECT / "examples" / "nightly.sh")]
        inherited = {key: value for key, value in os.environ.items() if key != "HF_TOKEN"}
        return subprocess.run(
            command, cwd=PROJECT, env=inherited | names | variables, capture_output=True, text=True, check=False
        )

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", "-C", str(self.catalogue), *args], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def merge(self) -> None:
        """Merge and push the branch of the pull request."""
        (branch,) = re.findall(r"--head\n(.*)\n", self.seen.read_text())
        for args in (["merge", "--quiet", branch], ["push", "--quiet", "origin", "main"]):
            subprocess.run(["git", "-C", self.catalogue, *args], check=True)

    @property
    def branches(self) -> int:
        done = subprocess.run(["git", "-C", self.origin, "branch", "--list"], capture_output=True, text=True, check=True)
        return len(done.stdout.splitlines())


def test_a_nightly_job_opens_one_pull_request_or_stops_with_the_reason(tmp_path: Path) -> None:
    night = NightlyJob(tmp_path)
    with both() as (hub, civitai):
        done = night.run(hub, civitai)
        assert done.returncode == 0, done.stdout + done.stderr
        arguments = night.seen.read_text()
        assert re.match(r"pr\ncreate\n--base\nmain\n--head\nrefresh-.*\n--title\nRefresh of 20", arguments)
        assert "no base to compare with" in arguments
        assert night.branches == 2
        night.merge()
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists(), night.branches) == (0, False, 2)
        assert done.stdout.endswith("nothing changed\n")
        hub.fault = lambda _target, _before: Fault(403, b"{}")
        done = night.run(hub, civitai)
        assert (done.returncode, night.branches) == (75, 3)
        assert "0 of 25 manifests differ" in night.seen.read_text()  # except the index, which marks them stale
        hub.fault = lambda _target, _before: None
        # The API no longer has a base model, and returns an empty list.
        civitai.fault = lambda target, _before: Fault(200, b'{"items": [], "metadata": {}}') if "SD+1.5" in target else None
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists(), night.branches) == (1, False, 3)
        assert "civitai-filter-sd15.json: $.models: has 0 models, and had" in done.stdout
        assert done.stderr.endswith("stopped: refresh ended with 1; see above\n")
        names = re.findall(r"--allow-shrink (\S+)", done.stdout)
        done = night.run(hub, civitai, ALLOW_SHRINK=" ".join(names))
        assert (done.returncode, night.seen.exists(), night.branches) == (0, True, 4)
        assert re.search(r"`civitai-filter-sd15.json`: \d+ → 0: -", night.seen.read_text())


def test_a_nightly_job_stops_if_a_check_fails_while_a_source_is_unavailable(tmp_path: Path) -> None:
    night = NightlyJob(tmp_path)
    with both() as (hub, civitai):
        assert night.run(hub, civitai).returncode == 0
        night.merge()
        # 75 outranks the failed check of refresh; verify alone then reports that the data is too old.
        for ledger in (night.catalogue / "raw").glob("*/*/stream.json"):
            ledger.write_text(re.sub(r'"checked_at": "[0-9-]+T', '"checked_at": "2026-01-01T', ledger.read_text()))
        hub.fault = lambda _target, _before: Fault(403, b"{}")
        done = night.run(hub, civitai)
        assert (done.returncode, night.seen.exists()) == (1, False)
        assert done.stderr.endswith(f"stopped: verify failed for {night.catalogue}/manifests; see above\n")


def test_the_workflow_sets_only_variables_that_are_read() -> None:
    workflow = (PROJECT / "examples" / "nightly.yml").read_text()
    *_, script = re.findall(r"^ +- run: (.*)$", workflow, flags=re.MULTILINE)
    assert os.access(PROJECT / script, os.X_OK)
    variables = set(re.findall(r"^ {10}([A-Z_]+): ", workflow, flags=re.MULTILINE))
    read = {"CATALOGUE", "GH_TOKEN", *(name for source in source_names() for name in get_source(source).token_variables)}
    assert {"CATALOGUE", "HF_TOKEN", "CIVITAI_API_KEY"} <= variables
    assert {name for name in variables if not name.startswith("GIT_")} <= read


def test_the_workflow_pins_actions_and_limits_tokens_to_the_steps_that_need_them() -> None:
    workflow = (PROJECT / "examples" / "nightly.yml").read_text()
    actions = re.findall(r"uses: (.*)$", workflow, flags=re.MULTILINE)
    assert len(actions) == 5
    assert [action for action in actions if not re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []
    assert workflow.count("persist-credentials: false") == workflow.count("actions/checkout@") == 2
    steps = re.split(r"^ {6}- ", workflow, flags=re.MULTILINE)
    with_tokens = [step.splitlines()[0] for step in steps if re.search(r"secrets\.|github\.token", step)]
    assert with_tokens == ["run: gh auth setup-git", "run: examples/nightly.sh"]
    assert "\npermissions: {}\n" in workflow


def test_staged_and_untracked_files_are_neither_committed_nor_lost(tmp_path: Path) -> None:
    night = NightlyJob(tmp_path)
    (night.catalogue / "models").mkdir()
    theirs = {"notes.txt": "staged", "models/notes.md": "staged", ".gitignore": "raw/\n.manifests/\n.locks/\nmine\n"}
    for name, content in theirs.items():
        (night.catalogue / name).write_text(content)
    night.git("add", *theirs)
    for name in (".nojekyll", "theirs/t.json"):
        (night.catalogue / "models" / name).parent.mkdir(exist_ok=True)
        (night.catalogue / "models" / name).write_text("")
    (night.catalogue / "manifests").mkdir(exist_ok=True)
    (night.catalogue / "manifests" / "zz-filter-mine.json").write_text("{}")
    hooks = night.catalogue / ".git" / "hooks"
    for hook in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction", "pre-push"):
        (hooks / hook).write_text(f"#!/bin/sh\necho {hook} >> {tmp_path / 'hooks'}\n")
        (hooks / hook).chmod(0o755)
    index = (night.catalogue / ".git" / "index").read_bytes()
    tokens = {"GH_TOKEN": "for-gh", "CIVITAI_API_KEY": "for-civitai", "GIT_INDEX_FILE": "/nowhere/index", "GIT_DIR": "/nowhere"}
    with both() as (hub, civitai):
        done = night.run(hub, civitai, **tokens)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = (tmp_path / "hooks").read_text().split()
    assert (ran[0], set(ran[1:])) == ("pre-push", {"reference-transaction"})  # the hooks of the push
    assert (tmp_path / "seen.tokens").read_text() == "for-gh none none\n"
    assert (night.catalogue / ".git" / "index").read_bytes() == index
    assert night.git("symbolic-ref", "--short", "HEAD") == "main"
    assert night.git("status", "--porcelain") .splitlines() == [
        "M  .gitignore", "A  models/notes.md", "A  notes.txt", "?? manifests/", "?? models/.nojekyll", "?? models/theirs/",
    ]  # fmt: skip
    assert (night.catalogue / "manifests" / "zz-filter-mine.json").read_text() == "{}"
    assert {name: (night.catalogue / name).read_text() for name in theirs} == theirs
    (branch,) = re.findall(r"--head\n(.*)\n", night.seen.read_text())
    committed = night.git("diff", "--name-only", "main", branch).splitlines()
    assert len(committed) > 40
    assert [
        name for name in committed if not re.fullmatch(r"(manifests|models)/.*\.json", name) or "mine" in name or "theirs" in name
    ] == []
    assert night.git("rev-parse", f"{branch}~1") == night.git("rev-parse", "main")


def test_obstacles_are_reported_before_any_request(tmp_path: Path) -> None:
    night = NightlyJob(tmp_path)
    lock = night.catalogue / ".git" / "index.lock"
    head = night.catalogue / ".git" / "refs" / "heads" / "main"
    with both() as (hub, civitai):
        lock.touch()
        done = night.run(hub, civitai)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"stopped: another git command is running in {night.catalogue}, or was killed; if none is running: rm {lock}\n"
        )  # fmt: skip
        lock.unlink()
        done = night.run(hub, civitai, ALLOW_REJECTED="civitai/nothing hf/poi")
        assert done.returncode == 2
        assert "--allow-rejected civitai/nothing: not a reason or a field" in done.stderr
        commit = night.git("rev-parse", "HEAD")
        (night.catalogue / ".git" / "objects" / commit[:2] / commit[2:]).unlink()
        done = night.run(hub, civitai)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"has no commit on main yet, or is damaged: git -C {night.catalogue} fsck\n")
        head.write_text("")
        assert night.run(hub, civitai).returncode == 2
        assert hub.calls == civitai.calls == []


def test_after_a_failure_the_branch_is_unchanged_and_the_fix_is_named(tmp_path: Path) -> None:
    night = NightlyJob(tmp_path)
    with both() as (hub, civitai):
        nobody = dict.fromkeys((f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")), "")
        done = night.run(hub, civitai, **nobody)
        assert done.returncode == 2
        assert done.stderr.endswith(
            f"nothing was committed, and the new files are in {night.catalogue}; see the error of git above\n"
        )
        assert (night.git("symbolic-ref", "--short", "HEAD"), night.git("branch", "--list")) == ("main", "* main")
        night.origin.rename(tmp_path / "away")
        done = night.run(hub, civitai)
        assert done.returncode == 1
        (branch,) = re.findall(r"to push it: git -C \S+ push origin (refresh-.*)\n", done.stderr)
        assert night.git("symbolic-ref", "--short", "HEAD") == "main"
        assert night.git("status", "--porcelain") == ""
        assert "manifests/index.json" in night.git("ls-tree", "-r", "--name-only", branch)
        (tmp_path / "away").rename(night.origin)
        tree = night.git("rev-parse", "HEAD^{tree}")
        (night.catalogue / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
        done = night.run(hub, civitai)
        assert (done.returncode, "nothing changed" in done.stdout) == (2, False)
