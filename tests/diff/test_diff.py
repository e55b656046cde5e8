"""Tests of diff: golden files, equal snapshots, folders and revisions."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.errors import InvalidDataError
from etl.diff.compare import compare
from etl.diff.render import markdown, text
from etl.storage import locks
from etl.storage.json_files import dump_json
from etl.storage.locks import Locks
from tests.conftest import Workspace, hf
from tests.diff.example import GOLDEN_JSON, GOLDEN_MARKDOWN, civitai_model, example, hub_model, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from etl.storage.snapshot import Snapshot


def test_a_change_of_each_kind_is_reported_as_in_the_golden_files() -> None:
    diff = compare(*example())
    assert markdown(diff) == GOLDEN_MARKDOWN.read_text()
    assert dump_json(asdict(diff)) == GOLDEN_JSON.read_bytes()
    lines = [part.plain for part in text(diff)]
    titles = [line.partition(" (")[0] for line in lines[1:] if not line.startswith(" ")]
    assert titles == ["Content level", "Commercial use", "Gone", "Size class", "Licence", "Newly gated", "Manifests"]
    assert all(char.isprintable() for line in lines for char in line)


def test_a_diff_is_reported_in_both_directions() -> None:
    base, new = example()
    reverse = compare(new, base)
    assert [(change.id, change.before, change.after) for change in reverse.levels] == [
        ("1", "r", "pg"), ("3", "pg13", "r"), ("2", "pg", "xxx"),
    ]  # fmt: skip
    assert [model.id for model in reverse.gone] == ["o/new"]
    assert reverse.gated == []  # o/closed is open again


def shuffled(original: Snapshot, seed: int) -> Snapshot:
    """Return the same snapshot with files, keys of objects, and models of pages in another order."""
    rng = random.Random(seed)  # noqa: S311  a shuffle

    def shuffle(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffle(item) for key, item in rng.sample([*value.items()], len(value))}
        return [shuffle(item) for item in value] if isinstance(value, list) else value

    def files(content: dict[str, bytes]) -> dict[str, bytes]:
        return {name: dump_json(shuffle(json.loads(body))) for name, body in rng.sample([*content.items()], len(content))}

    models = {
        path: dump_json(rng.sample(value, len(value)) if isinstance(value := json.loads(content), list) else value)
        for path, content in original.models.items()
    }
    return replace(original, manifests=files(dict(original.manifests)), models=files(models))


@given(st.integers(0, 10**6))
def test_shuffled_snapshots_do_not_differ(seed: int) -> None:
    for original in example():
        diff = compare(original, shuffled(original, seed))
        assert (diff.pages, diff.added, diff.removed, diff.untold) == ([], {}, {}, [])
        assert (diff.levels, diff.gone, diff.sizes, diff.licenses, diff.gated) == ([], [], [], [], [])
        assert len(text(diff)) == 1


def test_new_models_at_the_top_move_no_other() -> None:
    before = [hub_model(f"o/{n}") for n in range(40)]
    added = [hub_model(f"o/new{n}") for n in range(20)]
    (change,) = compare(snapshot("a", {"hf-filter-x.json": before}), snapshot("b", {"hf-filter-x.json": [*added, *before]})).pages
    assert (change.before, change.after, len(change.added), change.moved, change.is_reordered) == (40, 60, 20, [], False)
    (change,) = compare(snapshot("a", {"hf-filter-x.json": before}), snapshot("b", {"hf-filter-x.json": before[::-1]})).pages
    assert len(change.moved) == 30  # those in the middle moved by 10 or less
    (change,) = compare(snapshot("a", {"hf-filter-x.json": before[:2]}), snapshot("b", {"hf-filter-x.json": before[1::-1]})).pages
    assert (change.moved, change.is_reordered) == ([], True)


def test_the_highest_level_of_all_streams_counts() -> None:
    base = snapshot("a", {"civitai-filter-pg.json": [civitai_model("1")]})
    models = {
        "civitai/default/page-0001.json": dump_json([civitai_model("1")]),
        "civitai/loras/page-0001.json": dump_json([civitai_model("1", "xxx")]),
    }
    diff = compare(base, replace(base, models=models))
    assert [(change.before, change.after) for change in diff.levels] == [("pg", "xxx")]


def test_the_strictest_verdict_of_all_streams_counts() -> None:
    def changes(*verdicts: tuple[str | None, str | None]) -> list[tuple[str | None, str | None]]:
        files = {"hf-filter-small.json": [hub_model("o/m")]}
        base, new = (
            snapshot("s", files, [hub_model("o/m") | ({} if verdict is None else {"commercial": verdict}) for verdict in stated])
            for stated in zip(*verdicts, strict=True)
        )
        return [(change.before, change.after) for change in compare(base, new).commercial]

    assert changes(("yes", "yes"), ("yes", "no")) == [("yes", "no")]
    assert changes(("no", "yes"), ("yes", "yes")) == [("no", "yes")]
    assert changes(("yes", "conditions"), ("unknown", "unknown")) == []
    assert changes((None, None), ("yes", "no")) == [("yes", "no")]
    assert changes((None, "no"), (None, "yes")) == []


def test_moves_of_more_than_ten_ranks_are_reported() -> None:
    models = [hub_model(f"o/{n:02}") for n in range(30)]
    for ranks in (10, 11):
        moved = [*models[1 : ranks + 1], models[0], *models[ranks + 1 :]]
        (change,) = compare(snapshot("a", {"hf-filter-x.json": models}), snapshot("b", {"hf-filter-x.json": moved})).pages
        assert [(move.before, move.after) for move in change.moved] == ([(1, 12)] if ranks == 11 else [])


def test_only_models_that_were_open_are_newly_gated() -> None:
    before = [hub_model("o/a", gated=False), hub_model("o/b", gated="auto"), hub_model("o/c")]
    del before[2]["gated"]  # models of an earlier version have no such field
    after = [hub_model("o/a", gated="manual"), hub_model("o/b", gated="manual"), hub_model("o/c", gated="auto")]
    diff = compare(snapshot("a", {"hf-filter-x.json": before}), snapshot("b", {"hf-filter-x.json": after}))
    assert [change.id for change in diff.gated] == ["o/a"]


def test_without_models_only_lists_are_compared() -> None:
    base, new = example()
    diff = compare(replace(base, name="a base", models={}), new)
    assert (diff.levels, diff.gone, diff.sizes, diff.unknown) == ([], [], [], None)
    assert len(diff.pages) == 5
    (note,) = diff.untold
    assert note in text(diff)[1].plain
    assert note == "levels, commercial use, sizes and licences: no models in a base; commit data/models too, or keep a copy"
    assert f"Not compared: `{note}`" in markdown(diff)


def test_an_invalid_file_is_reported() -> None:
    base, new = example()
    diff = compare(base, replace(new, manifests={**new.manifests, "hf-filter-new.json": b"<html>"}))
    assert diff.untold == ["hf-filter-new.json of now: not found, or violates its schema (counts as not found)"]


def test_a_long_diff_is_truncated_in_markdown() -> None:
    files = {f"hf-filter-{n}.json": [hub_model(f"o/{'m' * 90}{k}") for k in range(100)] for n in range(250)}
    body = markdown(compare(snapshot("a", {file: [] for file in files}), snapshot("b", files, [hub_model("o/a")])))
    assert "- … and 220 more" in body
    before = {file: [hub_model(f"p/{'n' * 90}{k}", "large", "x" * 90) for k in range(100)] for file in files}
    after = {file: [hub_model(f"p/{'n' * 90}{k}", gated="auto") for k in range(50, 150)] for file in files}
    levels = {"civitai-filter-pg.json": [civitai_model(str(n), name="w" * 90) for n in range(100)]}
    raised = {"civitai-filter-pg.json": [civitai_model(str(n), "x", "w" * 90) for n in range(100)]}
    body = markdown(compare(snapshot("a", before | levels), snapshot("b", after | raised)))
    assert 55_000 < len(body) < 65_536  # the longest body of a pull request
    assert all(f"{title} (" in body for title in ("Content level", "Gone", "Size class", "Licence", "Newly gated", "Manifests"))


@pytest.fixture
def changed(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Return a data folder in a repository, with uncommitted changes; `tmp_path / "base"` is a copy of the commit."""
    workspace.write_stream("huggingface", "default", [hf("o/a-1b"), hf("o/b-1b")])
    workspace.write_stream("huggingface", "likes", [hf("o/a-1b")])
    assert workspace.run("manifests") == 0
    shutil.copytree(workspace.data.root, tmp_path / "base")
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "base"], ["tag", "first"]):
        git(workspace, *arguments)
    workspace.write_stream("huggingface", "default", [hf("o/a-1b", safetensors={"total": 2 * 10**10}), hf("o/c-1b")])
    assert workspace.run("manifests") == 0
    return workspace


def git(workspace: Workspace, *arguments: str) -> None:
    command = ["git", "-C", str(workspace.data.root), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def diff_json(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return what diff prints with --json."""
    capsys.readouterr()
    assert workspace.run("diff", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_data_folders_manifest_folders_and_revisions_are_snapshots(
    changed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diffs = [
        diff_json(changed, capsys, *arguments)
        for arguments in ((), ("first",), (str(tmp_path / "base"),), (str(tmp_path / "base/manifests"),))
    ]
    assert [diff.pop("base") for diff in diffs] == [
        "the last commit",
        "first",
        str(tmp_path / "base"),
        str(tmp_path / "base/manifests"),
    ]
    assert diffs == [diffs[0]] * 4
    (change,) = diffs[0]["sizes"]
    assert (change["id"], change["before"], change["after"], change["evidence"]) == (
        "o/a-1b",
        "small",
        "large",
        ["name", "safetensors"],
    )
    assert [model["id"] for model in diffs[0]["gone"]] == ["o/b-1b"]
    git(changed, "add", "--all")
    git(changed, "commit", "--quiet", "--message", "next")
    between = diff_json(changed, capsys, "first", "HEAD")
    assert (between["sizes"], between["new"]) == (diffs[0]["sizes"], "HEAD")
    assert diff_json(changed, capsys)["pages"] == []


def test_a_commit_without_models_is_reported(changed: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    git(changed, "rm", "--quiet", "-r", "--cached", "models")
    git(changed, "commit", "--quiet", "--message", "without")
    diff = diff_json(changed, capsys)
    assert (diff["sizes"], len(diff["untold"])) == ([], 1)
    assert changed.run("diff") == 0
    assert "no models in the last commit" in capsys.readouterr().out


def test_a_git_that_refuses_or_is_missing_is_reported(
    changed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (changed.data.root / ".gitattributes").write_text("manifests export-ignore\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "of-a-hook"))
    assert len(diff_json(changed, capsys)["sizes"]) == 1
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for command in ("diff", "verify"):
        assert changed.run(command) == 2
        assert "git failed: fatal: detected dubious ownership" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert changed.run("verify") == 2
    assert "git cannot be run" in capsys.readouterr().err


def test_a_corrupted_repository_is_reported(changed: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        ["git", "-C", changed.data.root, "rev-parse", "HEAD:manifests/index.json"], capture_output=True, text=True, check=True
    )
    blob = done.stdout.strip()
    (changed.data.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert changed.run("diff") == 2
    assert "is damaged" in capsys.readouterr().err


def test_renamed_models_are_reported() -> None:
    base = snapshot("a", {"civitai-filter-pg.json": [civitai_model("1", name="old")]})
    (change,) = compare(base, snapshot("b", {"civitai-filter-pg.json": [civitai_model("1", name="new")]})).pages
    assert change.renamed == {"1": "new"}
    assert "`1` is now called `new`" in markdown(
        compare(base, snapshot("b", {"civitai-filter-pg.json": [civitai_model("1", name="new")]}))
    )


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("civitai/default/page-0001.json", '[{"id": [], "source": "civitai", "name": "x"}]'),
        ("civitai/default/page-0001.json", '[{"id": "4", "source": "civitai"}]'),
        ("civitai/default/page-0001.json", "[1]"),
        ("civitai/summary.json", '{"source": "civitai", "streams": {"default": null}}'),
        ("civitai/summary.json", "[]"),
    ],
)
def test_invalid_models_and_summaries_are_reported(path: str, content: str) -> None:
    base, new = example()
    with pytest.raises(InvalidDataError, match=f"now: models/{path}: not valid output of the transform"):
        compare(base, replace(new, models={**new.models, path: content.encode()}))


def test_an_unknown_snapshot_is_reported(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace.run("diff") == 0
    assert capsys.readouterr().out == "no base to compare with: commit data/manifests, or name one with BASE\n"
    assert diff_json(workspace, capsys) is None
    for name in ("nowhere", "--output=x", str(tmp_path)):
        assert workspace.run("diff", "--", name) == 2
        assert f"{name}: is neither a folder with manifests nor a revision" in capsys.readouterr().err
        assert workspace.run("verify", f"--base={name}") == 2


def test_models_that_are_not_json_are_reported(changed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "base" / "models" / "huggingface" / "default" / "page-0001.json").write_text("[")
    assert changed.run("diff", str(tmp_path / "base")) == 65
    assert "models/huggingface/default/page-0001.json: not valid output of the transform" in capsys.readouterr().err


def test_files_of_others_are_not_compared(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.1)
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/b")])
    assert workspace.run("manifests") == 0
    shutil.copytree(workspace.data.root, tmp_path / "before")
    for path in (
        "manifests/CNAME",
        "manifests/notes.json",
        "models/huggingface/old/page-0001.json",
        "models/mine/page-0001.json",
    ):
        (workspace.data.root / path).parent.mkdir(exist_ok=True)
        (workspace.data.root / path).write_text("[]")
    capsys.readouterr()
    assert workspace.run("diff", str(tmp_path / "before"), "--json") == 0
    diff = json.loads(capsys.readouterr().out)
    assert (diff["untold"], diff["pages"], diff["unchanged"]) == ([], [], 5)
    with Locks(tmp_path / "before", "etl load", print).hold(writes=[tmp_path / "before" / "manifests"]):
        assert workspace.run("diff", str(tmp_path / "before")) == 75
