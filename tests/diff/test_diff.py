"""What is said of two sets: goldens, sets that are the same, folders and revisions."""

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
from tests.diff.example import GOLDEN_JSON, GOLDEN_MARKDOWN, example, hub, side, work

if TYPE_CHECKING:
    from pathlib import Path

    from etl.storage.snapshot import Snapshot


def test_one_of_every_change_is_told_as_the_goldens_say() -> None:
    told = compare(*example())
    assert markdown(told) == GOLDEN_MARKDOWN.read_text()
    assert dump_json(asdict(told)) == GOLDEN_JSON.read_bytes()
    lines = [part.plain for part in text(told)]
    heads = [line.partition(" (")[0] for line in lines[1:] if not line.startswith(" ")]
    assert heads == ["Content level", "Gone", "Size class", "Licence", "Newly gated", "Manifests"]
    assert all(each.isprintable() for line in lines for each in line)


def test_both_ways_are_told() -> None:
    base, new = example()
    back = compare(new, base)
    assert [(each.id, each.before, each.after) for each in back.levels] == [
        ("1", "r", "pg"), ("3", "pg13", "r"), ("2", "pg", "xxx"),
    ]  # fmt: skip
    assert [each.id for each in back.gone] == ["o/new"]
    assert back.gated == []  # o/closed is open again


def shuffled(told: Snapshot, seed: int) -> Snapshot:
    """Return the same set with files, keys of objects, and models of pages in another order."""
    rng = random.Random(seed)  # noqa: S311  a shuffle

    def mixed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: mixed(each) for key, each in rng.sample([*value.items()], len(value))}
        return [mixed(each) for each in value] if isinstance(value, list) else value

    def files(content: dict[str, bytes]) -> dict[str, bytes]:
        return {name: dump_json(mixed(json.loads(each))) for name, each in rng.sample([*content.items()], len(content))}

    models = {
        path: dump_json(rng.sample(value, len(value)) if isinstance(value := json.loads(content), list) else value)
        for path, content in told.models.items()
    }
    return replace(told, manifests=files(dict(told.manifests)), models=files(models))


@given(st.integers(0, 10**6))
def test_sets_that_are_equal_but_shuffled_have_no_difference(seed: int) -> None:
    for told in example():
        diff = compare(told, shuffled(told, seed))
        assert (diff.pages, diff.added, diff.removed, diff.untold) == ([], {}, {}, [])
        assert (diff.levels, diff.gone, diff.sizes, diff.licenses, diff.gated) == ([], [], [], [], [])
        assert len(text(diff)) == 1


def test_new_models_at_the_top_move_nobody() -> None:
    before = [hub(f"o/{n}") for n in range(40)]
    came = [hub(f"o/new{n}") for n in range(20)]
    (page,) = compare(side("a", {"hf-filter-x.json": before}), side("b", {"hf-filter-x.json": [*came, *before]})).pages
    assert (page.before, page.after, len(page.added), page.moved, page.is_reordered) == (40, 60, 20, [], False)
    (page,) = compare(side("a", {"hf-filter-x.json": before}), side("b", {"hf-filter-x.json": before[::-1]})).pages
    assert len(page.moved) == 30  # those in the middle moved by 10 or less
    (page,) = compare(side("a", {"hf-filter-x.json": before[:2]}), side("b", {"hf-filter-x.json": before[1::-1]})).pages
    assert (page.moved, page.is_reordered) == ([], True)


def test_a_model_is_as_unsafe_as_its_worst_stream_says() -> None:
    base = side("a", {"civitai-filter-pg.json": [work("1")]})
    stale = {
        "civitai/default/page-0001.json": dump_json([work("1")]),
        "civitai/loras/page-0001.json": dump_json([work("1", "xxx")]),
    }
    told = compare(base, replace(base, models=stale))
    assert [(each.before, each.after) for each in told.levels] == [("pg", "xxx")]


def test_ten_ranks_are_not_told_and_eleven_are() -> None:
    models = [hub(f"o/{n:02}") for n in range(30)]
    for ranks in (10, 11):
        moved = [*models[1 : ranks + 1], models[0], *models[ranks + 1 :]]
        (page,) = compare(side("a", {"hf-filter-x.json": models}), side("b", {"hf-filter-x.json": moved})).pages
        assert [(each.before, each.after) for each in page.moved] == ([(1, 12)] if ranks == 11 else [])


def test_only_what_was_open_is_newly_gated() -> None:
    before = [hub("o/a", gated=False), hub("o/b", gated="auto"), hub("o/c")]
    del before[2]["gated"]  # models of an earlier version do not tell
    after = [hub("o/a", gated="manual"), hub("o/b", gated="manual"), hub("o/c", gated="auto")]
    told = compare(side("a", {"hf-filter-x.json": before}), side("b", {"hf-filter-x.json": after}))
    assert [each.id for each in told.gated] == ["o/a"]


def test_without_models_only_lists_are_compared() -> None:
    base, new = example()
    told = compare(replace(base, name="a base", models={}), new)
    assert (told.levels, told.gone, told.sizes, told.unknown) == ([], [], [], None)
    assert len(told.pages) == 5
    (why,) = told.untold
    assert why in text(told)[1].plain
    assert why == "levels, sizes and licences: no models in a base; commit data/models too, or keep a copy"
    assert f"Not compared: `{why}`" in markdown(told)


def test_a_file_that_breaks_its_contract_is_told() -> None:
    base, new = example()
    told = compare(base, replace(new, manifests={**new.manifests, "hf-filter-new.json": b"<html>"}))
    assert told.untold == ["hf-filter-new.json of now is not there, or breaks its contract and counts as not there"]


def test_a_long_diff_is_short_in_markdown() -> None:
    files = {f"hf-filter-{n}.json": [hub(f"o/{'m' * 90}{k}") for k in range(100)] for n in range(250)}
    told = markdown(compare(side("a", {file: [] for file in files}), side("b", files, [hub("o/a")])))
    assert "- … and 220 more" in told
    was = {file: [hub(f"p/{'n' * 90}{k}", "large", "x" * 90) for k in range(100)] for file in files}
    now_ = {file: [hub(f"p/{'n' * 90}{k}", gated="auto") for k in range(50, 150)] for file in files}
    levels = {"civitai-filter-pg.json": [work(str(n), name="w" * 90) for n in range(100)]}
    rose = {"civitai-filter-pg.json": [work(str(n), "x", "w" * 90) for n in range(100)]}
    told = markdown(compare(side("a", was | levels), side("b", now_ | rose)))
    assert 55_000 < len(told) < 65_536  # the longest body of a pull request
    assert all(f"{title} (" in told for title in ("Content level", "Gone", "Size class", "Licence", "Newly gated", "Manifests"))


@pytest.fixture
def changed(house: Workspace, tmp_path: Path) -> Workspace:
    """Return data in a repository whose last commit is older than what lies there; base/ holds a copy of it."""
    house.put("huggingface", "default", [hf("o/a-1b"), hf("o/b-1b")])
    house.put("huggingface", "likes", [hf("o/a-1b")])
    assert house.run("manifests") == 0
    shutil.copytree(house.data.root, tmp_path / "base")
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "base"], ["tag", "first"]):
        git(house, *words)
    house.put("huggingface", "default", [hf("o/a-1b", safetensors={"total": 2 * 10**10}), hf("o/c-1b")])
    assert house.run("manifests") == 0
    return house


def git(house: Workspace, *words: str) -> None:
    command = ["git", "-C", str(house.data.root), "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    subprocess.run(command, check=True, capture_output=True)


def told(house: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert house.run("diff", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_folders_of_data_or_manifests_and_revisions_are_sides(
    changed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = [
        told(changed, capsys, *words)
        for words in ((), ("first",), (str(tmp_path / "base"),), (str(tmp_path / "base/manifests"),))
    ]
    assert [each.pop("base") for each in ways] == [
        "the last commit",
        "first",
        str(tmp_path / "base"),
        str(tmp_path / "base/manifests"),
    ]
    assert ways == [ways[0]] * 4
    (flip,) = ways[0]["sizes"]
    assert (flip["id"], flip["before"], flip["after"], flip["evidence"]) == ("o/a-1b", "small", "large", ["name", "safetensors"])
    assert [each["id"] for each in ways[0]["gone"]] == ["o/b-1b"]
    git(changed, "add", "--all")
    git(changed, "commit", "--quiet", "--message", "next")
    between = told(changed, capsys, "first", "HEAD")
    assert (between["sizes"], between["new"]) == (ways[0]["sizes"], "HEAD")
    assert told(changed, capsys)["pages"] == []


def test_models_that_a_commit_does_not_hold_are_told(changed: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    git(changed, "rm", "--quiet", "-r", "--cached", "models")
    git(changed, "commit", "--quiet", "--message", "without")
    diff = told(changed, capsys)
    assert (diff["sizes"], len(diff["untold"])) == ([], 1)
    assert changed.run("diff") == 0
    assert "no models in the last commit" in capsys.readouterr().out


def test_a_git_that_refuses_or_is_not_there_is_told(
    changed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (changed.data.root / ".gitattributes").write_text("manifests export-ignore\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "of-a-hook"))
    assert len(told(changed, capsys)["sizes"]) == 1
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for words in (("diff",), ("verify",)):
        assert changed.run(*words) == 2
        assert "git failed: fatal: detected dubious ownership" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert changed.run("verify") == 2
    assert "git cannot be run" in capsys.readouterr().err


def test_a_repository_that_is_not_whole_is_told(changed: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        ["git", "-C", changed.data.root, "rev-parse", "HEAD:manifests/index.json"], capture_output=True, text=True, check=True
    )
    blob = done.stdout.strip()
    (changed.data.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert changed.run("diff") == 2
    assert "is damaged" in capsys.readouterr().err


def test_names_are_part_of_a_page() -> None:
    base = side("a", {"civitai-filter-pg.json": [work("1", name="old")]})
    (page,) = compare(base, side("b", {"civitai-filter-pg.json": [work("1", name="new")]})).pages
    assert page.renamed == {"1": "new"}
    assert "`1` is now called `new`" in markdown(compare(base, side("b", {"civitai-filter-pg.json": [work("1", name="new")]})))


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
def test_odd_models_are_told(path: str, content: str) -> None:
    base, new = example()
    with pytest.raises(InvalidDataError, match=f"now: models/{path}: is not what the transform makes"):
        compare(base, replace(new, models={**new.models, path: content.encode()}))


def test_what_is_no_side_is_told(house: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert house.run("diff") == 0
    assert capsys.readouterr().out == "no base to compare with: commit data/manifests, or name one with BASE\n"
    assert told(house, capsys) is None
    for name in ("nowhere", "--output=x", str(tmp_path)):
        assert house.run("diff", "--", name) == 2
        assert f"{name}: is neither a folder with manifests nor a revision" in capsys.readouterr().err
        assert house.run("verify", f"--base={name}") == 2


def test_models_that_are_no_json_are_told(changed: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "base" / "models" / "huggingface" / "default" / "page-0001.json").write_text("[")
    assert changed.run("diff", str(tmp_path / "base")) == 65
    assert "models/huggingface/default/page-0001.json: is not what the transform makes" in capsys.readouterr().err


def test_what_is_not_ours_in_a_folder_is_no_part_of_a_diff(
    house: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.1)
    house.put("huggingface", "default", [hf("o/a")])
    house.put("huggingface", "likes", [hf("o/b")])
    assert house.run("manifests") == 0
    shutil.copytree(house.data.root, tmp_path / "before")
    for path in (
        "manifests/CNAME",
        "manifests/notes.json",
        "models/huggingface/old/page-0001.json",
        "models/mine/page-0001.json",
    ):
        (house.data.root / path).parent.mkdir(exist_ok=True)
        (house.data.root / path).write_text("[]")
    capsys.readouterr()
    assert house.run("diff", str(tmp_path / "before"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["untold"], told["pages"], told["unchanged"]) == ([], [], 5)
    with Locks(tmp_path / "before", "etl load", print).hold(writes=[tmp_path / "before" / "manifests"]):
        assert house.run("diff", str(tmp_path / "before")) == 75
