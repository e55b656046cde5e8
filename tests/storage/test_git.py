"""Untrusted repositories: their configuration never runs, nothing is fetched, a damaged one is an error, not an empty base."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl.core.errors import UsageError
from etl.core.layout import PROJECT
from etl.storage.git import find_repository
from tests.conftest import OWN_FILTERS, Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *args: str) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(folder), *args], env={**env, **NAMES}, capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")


@pytest.fixture
def committed(workspace: Workspace) -> Workspace:
    """Return published manifests in their own repository, committed."""
    workspace.write_stream("huggingface", "default", [hf("o/a-1b")])
    workspace.write_stream("huggingface", "likes", [hf("o/a-1b")])
    assert workspace.run("manifests") == 0
    commit(workspace.data.root)
    return workspace


def remove_object(root: Path, name: str) -> None:
    object_id = git(root, "rev-parse", name)
    path = root / ".git" / "objects" / object_id[:2] / object_id[2:]
    path.chmod(0o644)
    path.unlink()


MARKER = "touch {marker}; false"
COMMANDS = [
    *(f"core.{key}" for key in ("alternateRefsCommand", "askPass", "editor", "fsmonitor", "gitProxy", "pager", "sshCommand")),
    "credential.helper", "diff.external", "diff.x.command", "diff.x.textconv", "filter.x.clean", "filter.x.process",
    "filter.x.smudge", "gpg.program", "gpg.ssh.program", "merge.x.driver", "pager.cat-file", "pager.ls-tree", "pager.rev-parse",
    "alias.cat-file", "alias.fetch", "alias.ls-tree", "alias.rev-parse", "remote.origin.receivepack",
    "remote.origin.uploadpack", "sequence.editor", "uploadpack.packObjectsHook",
]  # fmt: skip
URLS = [
    "{folder}",
    "file://{folder}",
    "ext::sh -c touch% {marker}",
    "ssh://nowhere/x",
    "git://127.0.0.1:9/x",
    "https://127.0.0.1:9/x",
]


def make_hostile(root: Path, marker: Path, url: str) -> None:
    """Configure hooks, filters and commands that all create `marker`, and a promisor remote for missing objects."""
    for key in COMMANDS:
        git(root, "config", key, MARKER.format(marker=marker))
    settings = {
        "core.hooksPath": str(root / "hooks"), "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin",
        "fetch.negotiationAlgorithm": "noop", "gc.auto": "1", "maintenance.auto": "true",
        "include.path": str(root / "more"), "remote.origin.promisor": "true", "remote.origin.partialCloneFilter": "blob:none",
        "remote.origin.fetch": "+refs/*:refs/remotes/origin/*",
        "remote.origin.url": url.format(folder=root.parent / "upstream", marker=marker),
        **{f"protocol.{name}allow": "always" for name in ("", "ext.", "file.", "ssh.", "git.", "https.")},
    }  # fmt: skip
    for key, value in settings.items():
        git(root, "config", key, value)
    (root / "more").write_text(f'[core]\n\tfsmonitor = "{MARKER.format(marker=marker)}"\n')
    (root / ".git" / "info" / "attributes").write_text("* filter=x diff=x merge=x\n")
    for folder in (root / "hooks", root / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in ("fsmonitor-watchman", "post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction"):
            (folder / hook).write_text(f"#!/bin/sh\n{MARKER.format(marker=marker)}\n")
            (folder / hook).chmod(0o755)


@pytest.mark.parametrize(
    ("missing", "url"),
    [
        *(("HEAD", url) for url in URLS),
        *((name, URLS[0]) for name in ("", "HEAD:manifests/index.json", "HEAD:manifests", "HEAD^{tree}")),
    ],
)
def test_repository_configuration_never_runs_and_nothing_is_fetched(
    committed: Workspace, tmp_path: Path, missing: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, marker = committed.data.root, tmp_path / "marker"
    shutil.copytree(root, tmp_path / "upstream")
    git(tmp_path / "upstream", "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path / "upstream", "config", "uploadpack.allowFilter", "true")
    if missing:
        remove_object(root, missing)
    make_hostile(root, marker, url)
    before = sorted((root / ".git").rglob("*"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for command in (["diff"], ["diff", "HEAD~0"], ["diff", ":manifests/index.json"], ["verify"]):
        expected = 2 if missing or ":" in command[-1] else 0
        assert committed.run(*command) == expected, command
    if missing:
        assert committed.run("refresh") == 2
    assert not marker.exists()
    assert sorted((root / ".git").rglob("*")) == before
    if missing == "HEAD" and url == URLS[0]:  # control: plain git runs the same configuration
        variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {"GIT_NO_LAZY_FETCH": "0"}
        subprocess.run(["git", "-C", root, "ls-tree", "HEAD"], env=variables, capture_output=True, check=False)
        assert marker.exists()


def truncate_pack(root: Path) -> None:
    git(root, "gc", "--quiet")
    (pack,) = (root / ".git" / "objects" / "pack").glob("*.pack")
    pack.chmod(0o644)
    os.truncate(pack, 100)


def clear_folders(*folders: str) -> Callable[[Path], object]:
    def clear(root: Path) -> None:
        for folder in folders:
            shutil.rmtree(root / ".git" / folder)
            (root / ".git" / folder).mkdir()

    return clear


def clear_ref_logs_and_objects(root: Path) -> None:
    clear_folders("logs", "objects")(root)
    (root / ".git/refs/heads/main").write_text("")


def corrupt_object(root: Path) -> None:
    blob = git(root, "rev-parse", "HEAD:manifests/index.json")
    path = root / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"corrupted")


def replace_git(content: str) -> Callable[[Path], object]:
    def replace(root: Path) -> None:
        shutil.rmtree(root / ".git")
        (root / ".git").write_text(content)

    return replace


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing blob": (lambda root: remove_object(root, "HEAD:manifests/index.json"), "is damaged: object "),
    "a missing tree": (lambda root: remove_object(root, "HEAD:manifests"), "is damaged: error: Could not read"),
    "a missing commit": (lambda root: remove_object(root, "HEAD"), "is damaged: "),
    "a corrupted blob": (corrupt_object, "is damaged: "),
    "a truncated pack": (truncate_pack, "is damaged: "),
    "no objects": (lambda root: shutil.rmtree(root / ".git/objects"), "git failed: fatal: not a git repository"),
    "an empty ref": (lambda root: (root / ".git/refs/heads/main").write_text(""), "HEAD is not a commit"),
    "a ref with garbage": (lambda root: (root / ".git/refs/heads/main").write_text("garbage\n"), "HEAD is not a commit"),
    "a missing ref": (lambda root: (root / ".git/refs/heads/main").unlink(), "HEAD is not a commit"),
    "a missing branch": (lambda root: git(root, "symbolic-ref", "HEAD", "refs/heads/gone"), "HEAD is not a commit"),
    "missing refs and objects": (clear_folders("refs/heads", "objects"), "HEAD is not a commit"),
    "missing refs and log": (clear_folders("refs/heads", "logs"), "HEAD is not a commit"),
    "an empty ref, no logs or objects": (clear_ref_logs_and_objects, "HEAD is not a commit"),
    "a HEAD with garbage": (lambda root: (root / ".git/HEAD").write_text("garbage\n"), "git failed: fatal: not a git repository"),
    "no HEAD": (lambda root: (root / ".git/HEAD").unlink(), "git failed: fatal: not a git repository"),
    "an invalid config": (lambda root: (root / ".git/config").write_text("[core\n"), "git failed: fatal: bad config line 1"),
    "a newer format": (
        lambda root: git(root, "config", "core.repositoryFormatVersion", "99"),
        "git failed: fatal: Expected git",
    ),
    "a gitfile to a missing folder": (replace_git("gitdir: /nowhere\n"), "git failed: fatal: not a git repository: /nowhere"),
    "an empty gitfile": (replace_git(""), "git failed: fatal: invalid gitfile format"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_repository_is_an_error(
    committed: Workspace, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    root = committed.data.root
    inflict, message = DAMAGES[damage]
    inflict(root)
    # A valid repository around it must not be used instead.
    git(root.parent, "init", "--quiet")
    git(root.parent, "commit", "--quiet", "--allow-empty", "--message", "around")
    for command in ("verify", "diff", "refresh"):
        capsys.readouterr()
        assert committed.run(command) == 2
        error = capsys.readouterr().err
        assert message in error
        assert f"{root}" in error
        assert error.rstrip().endswith("or name a folder as the base")


def test_a_repository_without_commits_has_no_base(committed: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    root = committed.data.root
    shutil.rmtree(root / ".git")
    for args in (["init", "--quiet"], ["add", "--all"]):
        git(root, *args)
        assert committed.run("diff") == 0
        assert capsys.readouterr().out.endswith("no base to compare with: commit data/manifests, or name one with BASE\n")
        assert committed.run("diff", "HEAD") == 2
        assert "HEAD: is neither a folder with manifests nor a revision" in capsys.readouterr().err
    git(root, "rm", "--quiet", "-r", "--cached", ".")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "no files of this project")
    assert committed.run("diff") == 0
    git(root, "switch", "--quiet", "--orphan", "new")
    assert find_repository(root)
    assert committed.run("plan") == 0
    with pytest.raises(UsageError, match="HEAD is not a commit, although there are or were some"):
        find_repository(root).files("HEAD", [Path("manifests")])  # type: ignore[union-attr]


@pytest.mark.parametrize("function", ["sha1", "sha256"])
@pytest.mark.parametrize("layout", ["root", "worktree", "subfolder"])
def test_valid_repositories_of_all_layouts_are_read(workspace: Workspace, tmp_path: Path, function: str, layout: str) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a-1b")])
    workspace.write_stream("huggingface", "likes", [hf("o/a-1b")])
    assert workspace.run("manifests") == 0
    root = workspace.data.root
    git(root.parent if layout == "subfolder" else root, "init", "--quiet", "--object-format", function)
    git(root, "add", "--all", ".")
    git(root, "commit", "--quiet", "--message", "base")
    git(root, "tag", "--annotate", "--message", "x", "named")
    if layout == "worktree":
        git(root, "worktree", "add", "--quiet", str(tmp_path / "tree"))
        root = tmp_path / "tree"
    repository = find_repository(root)
    assert repository
    folder = Path("data/manifests" if layout == "subfolder" else "manifests")
    names = {str(folder / path.name) for path in workspace.data.manifests.iterdir()}
    assert len(names) == 7
    for revision in ("HEAD", "named", git(root, "rev-parse", "HEAD")[:9]):
        assert set(repository.files(revision, [folder]) or {}) == names
    assert repository.files("nowhere", [folder]) is None


def test_variables_of_a_surrounding_git_call_are_ignored(
    committed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capsys.readouterr()
    assert committed.run("diff") == 0
    expected = capsys.readouterr().out
    assert expected.startswith("now against the last commit: 0 of ")
    (tmp_path / "other").mkdir()
    commit_other = ["commit", "--quiet", "--allow-empty", "--message", "other"]
    for args in (["init", "--quiet"], commit_other):
        git(tmp_path / "other", *args)
    other = tmp_path / "other" / ".git"
    hook = {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nowhere", "GIT_CEILING_DIRECTORIES": str(committed.data.root.parent),
        "GIT_COMMON_DIR": str(other), "GIT_DIR": str(other), "GIT_GRAFT_FILE": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index",
        "GIT_NAMESPACE": "x", "GIT_OBJECT_DIRECTORY": "/nowhere", "GIT_PREFIX": "x/", "GIT_REPLACE_REF_BASE": "refs/x/",
        "GIT_SHALLOW_FILE": "/nowhere", "GIT_WORK_TREE": str(tmp_path),
    }  # fmt: skip
    for name, value in hook.items():
        monkeypatch.setenv(name, value)
        assert committed.run("diff") == 0, name
        assert capsys.readouterr().out == expected
    assert committed.run("diff", ":manifests/index.json") == 2  # it is read from the index of the data's own repository
    assert "git repository is damaged: fatal: not a tree object" in capsys.readouterr().err


def test_replacement_objects_and_grafts_are_ignored(committed: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    root = committed.data.root
    git(root, "commit", "--quiet", "--allow-empty", "--message", "next")
    git(root, "rm", "--quiet", "-r", "--cached", ".")
    git(root, "commit", "--quiet", "--message", "without")
    git(root, "replace", "HEAD~1", "HEAD")
    git(root, "reset", "--quiet", "--soft", "HEAD~1")
    git(root, "replace", "--force", "--graft", "HEAD")  # a root commit, according to the graft
    capsys.readouterr()
    for args in ([], ["HEAD~1"]):
        assert committed.run("diff", *args) == 0
        assert ": 0 of 5 manifests differ" in capsys.readouterr().out


def test_without_git_only_a_folder_outside_a_repository_can_be_verified(
    committed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert committed.run("diff") == 2
    assert "git cannot be run: No such file or directory" in capsys.readouterr().err
    shutil.rmtree(committed.data.root / ".git")
    assert committed.run("diff", "HEAD") == 2
    assert "HEAD: is neither a folder with manifests nor a revision" in capsys.readouterr().err
    assert committed.run("verify") == 0
    assert "no base to compare with" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [("INT", 130, "interrupted; existing data"), ("KILL", 2, "git was killed by signal 9; run the same")],
)
def test_a_killed_git_is_an_error(
    committed: Workspace,
    tmp_path: Path,
    name: str,
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIG"
    (tmp_path / "git").write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{program}{name})'\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert committed.run("verify") == code
    assert message in capsys.readouterr().err


def test_ctrl_c_while_git_runs_ends_the_command(committed: Workspace, tmp_path: Path) -> None:
    (tmp_path / "git").write_text(
        f"#!/bin/sh\n: > '{tmp_path / 'runs'}'\nexec '{sys.executable}' -c 'import time; time.sleep(600)'\n"
    )
    (tmp_path / "git").chmod(0o755)
    command = [sys.executable, "-m", "etl", "verify", "--data", str(committed.data.root), "--filters", str(OWN_FILTERS)]
    listening = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); os.execv(sys.executable, sys.argv[1:])"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", listening, *command], cwd=PROJECT, env={**os.environ, "PATH": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "runs").exists():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert "interrupted; existing data is unchanged" in running.communicate()[1]
    assert running.returncode == 130
