"""Expressions on levels and flags use what all records of a model decide, in load and in verify's own reading."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from etl.sources.civitai import rules
from etl.sources.civitai.levels import content_levels
from tests.load.test_withheld import CIVITAI, POI, civitai, fill

if TYPE_CHECKING:
    from tests.conftest import Workspace
LEVELS = CIVITAI.partition("[civitai.axes.level]")[0].replace("limit = 3", "limit = 9").replace(
    'manifests = ["pg", "r", "month", "sdxl", "pg/sdxl"]',
    'require = ".flagged | not"\nmanifests = ["safe", "clean", "explicit", "month", "safe/sdxl"]',
) + """
[civitai.axes.showcase]
any = { label = "Any" }
safe = { label = "Safe", where = '.level_most | IN("pg", "pg13")' }
clean = { label = "Clean", where = '.level_most == "pg"' }
explicit = { label = "Explicit", where = '[to_entries[] | select(.key == "level")][0].value == "xxx" and .id != "3"' }
""" + "[civitai.axes.period]" + CIVITAI.partition("[civitai.axes.period]")[2]  # fmt: skip
DEFAULT = [
    civitai(1),
    civitai(2),
    civitai(3),
    civitai(4),
    civitai(5),
    civitai(6, nsfwLevel=16),
    civitai(7),
    civitai(3, nsfwLevel=16),
]
MONTH = [civitai(8), civitai(1, nsfwLevel=5), civitai(4, nsfw=True), civitai(7, **POI)]
SDXL = [civitai(5, nsfwLevel=3)]


@pytest.fixture
def levels(workspace: Workspace) -> Workspace:
    """Return a workspace whose manifests test levels and flags by expressions only; most models have several records."""
    workspace.filters.write_text(LEVELS)
    fill(workspace, default=DEFAULT, month=MONTH, sdxl=SDXL)
    return workspace


def safety_problems(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the problems of verify's own reading, each after its place."""
    capsys.readouterr()
    assert workspace.run("verify", "--json") == 1
    checks = {check["name"]: check["problems"] for check in json.loads(capsys.readouterr().out)["checks"]}
    return [problem.partition("]: ")[2] for problem in checks["levels and flags, read again"]]


def test_all_records_of_a_model_decide_its_levels(levels: Workspace) -> None:
    lists = {name: levels.ids(f"civitai-filter-{name}.json") for name in ("safe", "clean", "explicit", "month", "safe-sdxl")}
    assert lists == {"safe": ["2", "5"], "clean": ["2"], "explicit": ["6"], "month": ["8", "1"], "safe-sdxl": ["5"]}
    funnel = levels.entry("civitai-filter-safe.json")["funnel"]
    assert funnel == {
        "exhausted": True, "records": 8, "set_aside": 0, "duplicates": 1, "skipped": 0,
        "withheld": 4,  # 1 by its most explicit level, 3 by its later record, 4 by its flag, 7 for a real person
        "steps": [{"axis": "require", "option": "require", "left": 3}, {"axis": "showcase", "option": "safe", "left": 2}],
        "cut": 0, "published": 2,
    }  # fmt: skip
    assert levels.entry("civitai-filter-clean.json")["funnel"]["withheld"] == 5
    assert levels.run("verify") == 0


@pytest.mark.parametrize(
    ("file", "number", "problem"),
    [
        ("clean", 1, '1 does not match showcase clean (.level_most == "pg"): level_most r in stream month, see {month}[1]'),
        ("clean", 5, '5 does not match showcase clean (.level_most == "pg"): level_most pg13 in stream sdxl, see {sdxl}[0]'),
        ("safe", 3, 'showcase safe (.level_most | IN("pg", "pg13")): level_most xxx in stream default, see {default}[7]'),
        ("safe", 4, "4 does not match require (.flagged | not): flagged true in stream month, see {month}[2]"),
        ("explicit", 2, "level pg in stream default, see {default}[1], level_most pg in stream default, see {default}[1]"),
    ],
)  # fmt: skip
def test_a_model_added_by_hand_is_found(
    levels: Workspace, capsys: pytest.CaptureFixture[str], file: str, number: int, problem: str
) -> None:
    path = levels.data.manifests / f"civitai-filter-{file}.json"
    manifest = json.loads(path.read_text())
    manifest["models"].append({"id": str(number), "slug": str(number), "name": f"model {number}"})
    path.write_text(json.dumps(manifest))
    pages = {name: f"{levels.data.raw('civitai', name)}/page-0001.json: $.items" for name in ("default", "month", "sdxl")}
    problems = safety_problems(levels, capsys)
    assert any(problem.format(**pages) in line for line in problems), problems
    assert all(line.startswith(f"{number} ") for line in problems)


def test_wrong_levels_of_the_transform_are_found(
    levels: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifests are what the models give; only the second reading of the raw records knows better."""

    def mildest(**evidence: Any) -> Any:
        return content_levels(**evidence)._replace(level_most="pg")

    monkeypatch.setattr(rules, "content_levels", mildest)
    shutil.rmtree(levels.data.models("civitai"))
    assert levels.run("manifests") == 0
    assert levels.ids("civitai-filter-clean.json") == ["1", "2", "3", "5", "6"]
    problems = safety_problems(levels, capsys)
    clean = [problem.partition(" does")[0] for problem in problems if "showcase clean" in problem]
    assert clean == ["1", "3", "5", "6"]
    record = f"{levels.data.raw('civitai', 'default')}/page-0001.json: $.items[5]"
    safe = 'showcase safe (.level_most | IN("pg", "pg13"))'
    assert f"6 does not match {safe}: level_most xxx in stream default, see {record}" in problems


def test_the_record_that_withholds_a_model_is_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several records that raise fields of a model, the one that raises what the filter tests."""
    workspace.filters.write_text(LEVELS)
    workspace.write_stream("civitai", "old", [civitai(1, nsfwLevel=18)], asks={"period": "Year"})
    fill(workspace, default=[civitai(1), civitai(2)], month=[civitai(1, nsfwLevel=2), civitai(2, nsfw=True)])
    verdict = workspace.entry("civitai-filter-safe.json")["verdict"]
    expected = "2 withheld: stream month says flagged 1, stream old says xxx 1; no filter reads stream old"
    assert verdict == f"empty: {expected}; the API has no more"
    assert "stream old (fetched 2026-01-01T00:00:00.000Z, " in (error := capsys.readouterr().err)
    assert "withholds 1 model; no filter reads it" in error
    assert workspace.run("explain", "civitai:1", "--json") == 0
    explanation = json.loads(capsys.readouterr().out)
    assert explanation["not_in"]["civitai-filter-safe.json"].startswith("level_most xxx: stream old says xxx; fetched")
    assert explanation["rulings"]["default"].startswith("level pg13, level_most xxx: stream")
