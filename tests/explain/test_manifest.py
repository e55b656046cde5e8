"""A funnel with its verdict for each cause of a short or empty page."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jq
import pytest

from etl.core.layout import DataDir
from tests.conftest import Workspace, hf

SMALL = {"safetensors": {"total": 1_000_000_000}}
LARGE = {"safetensors": {"total": 70_000_000_000}}
HOSTILE = "o/\x1b[41mevil\x07[red]\u202e'$(x)"
LATER = "2026-02-01T00:00:00.000Z"


def explained(house: Workspace, capsys: pytest.CaptureFixture[str], target: str, *more: str) -> Any:
    """Return what explain says of a filter, a model or a pair, as data."""
    capsys.readouterr()
    assert house.run("explain", target, "--json", *more) == 0
    return json.loads(capsys.readouterr().out)


def words(house: Workspace, capsys: pytest.CaptureFixture[str], target: str) -> tuple[str, str]:
    """Return the verdict on a page, which is also what index.json says of it."""
    told = explained(house, capsys, target)
    if told["funnel"] and told["is_in_manifests"]:
        entry = house.entry(told["file"])
        assert (entry["verdict"], entry["funnel"]) == (told["verdict"]["words"], told["funnel"])
    return told["verdict"]["reason"], told["verdict"]["words"]


CAUSES: list[tuple[list[dict[str, Any]], dict[str, Any], str, str]] = [
    ([hf("o/a", **SMALL), hf("o/b", **SMALL)], {}, "full", "full, 2 models"),
    ([hf("o/a", **SMALL)], {"exhausted": True}, "exhausted", "short, 1 of 2: the API has no more"),
    ([hf("o/a", **SMALL)], {"exhausted": False}, "unread", "short, 1 of 2: the API has more, and make extract reads on"),
    (
        [hf("o/a", **SMALL), *(hf(f"o/{n}", **LARGE) for n in range(3))], {"exhausted": False},
        "depth", "short, 1 of 2: 4 records were read, and filters.toml allows a depth of 4",
    ),
    (
        [hf("o/a", **SMALL)], {"exhausted": False, "failed_at": LATER, "failed": "no answer"},
        "stale", f"short, 1 of 2: the API has more, and make extract reads on; reading its stream has failed since {LATER}",
    ),
    (
        [hf("o/a", **SMALL), hf("o/b", **SMALL)], {"failed_at": LATER, "failed": "no answer"},
        "full", f"full, 2 models; reading its stream has failed since {LATER}",
    ),
    (
        [hf("o/a", **LARGE), hf("o/b", **LARGE), hf("o/c")], {"exhausted": True},
        "option", "empty because of size small, without which there are 3 models; the API has no more",
    ),
    ([], {"exhausted": True}, "exhausted", "empty, also without small: the API has no more"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "ledger", "reason", "told"), CAUSES)
def test_each_cause_has_its_verdict(
    house: Workspace, capsys: pytest.CaptureFixture[str], records: list[Any], ledger: dict[str, Any], reason: str, told: str
) -> None:
    house.put("huggingface", "default", records, **ledger)
    house.put("huggingface", "likes", [hf("o/b")])
    assert house.run("manifests") == 0
    assert words(house, capsys, "hf/small") == (reason, told)


def test_of_several_options_the_one_that_costs_most_is_named(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    mit = {"tags": ["license:mit"]}
    house.put("huggingface", "default", [hf("o/a", **SMALL), hf("o/b", **LARGE, **mit), hf("o/c", **LARGE, **mit)])
    house.put("huggingface", "likes", [hf("o/a", **SMALL, **mit), hf("o/b", **LARGE)])
    assert house.run("manifests") == 0
    # Two models are not small/apache for both reasons; likes, small and apache each cost the third.
    assert words(house, capsys, "hf/likes/small/apache")[1].startswith(
        "empty because of license apache, without which there are 1"
    )
    house.put("huggingface", "default", [hf(f"o/{n}", **SMALL, tags=["license:apache-2.0"]) for n in range(3)])
    assert house.run("manifests") == 0
    assert words(house, capsys, "hf/likes/small/apache")[1].startswith("empty because of sort likes, without which there are 3")


def test_a_stream_that_is_not_on_disk_is_told_with_what_would_be_asked(
    house: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    house.put("huggingface", "default", [hf("o/a")])
    assert house.run("manifests") == 1
    reason, told = words(house, capsys, "hf/likes/small")
    assert (reason, told) == ("missing", "no stream likes on disk; ask with: make extract SOURCE=huggingface")
    assert house.run("explain", "hf/likes/small") == 0
    assert "nothing yet; it would be sort=likes&limit=2" in capsys.readouterr().out


def test_a_stream_that_is_half_read_counts_as_missing(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "likes", [hf("o/a")], complete=False)
    house.put("huggingface", "default", [hf("o/a")])
    assert house.run("manifests") == 1
    assert words(house, capsys, "hf/likes")[0] == "missing"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("hf/tiny", "unknown option 'tiny'; choose from likes, small, large, apache, other"),
        ("hf/smal", "nearest: hf/small"),
        ("hf/small/likes", "in the order of the axes; write likes/small"),
        ("hf/small/large", "two options belong to the same axis"),
        ("hf", "not found (expected hf/…, or a manifest's file name"),
        ("", "not found (expected hf/…, or a manifest's file name"),
        ("hf-filter-smal.json", "nearest: hf-filter-small.json"),
        ("civitai/pg", "filter 'civitai/pg' not found (expected hf/…"),
    ],
)
def test_a_filter_that_does_not_exist_ends_with_2_and_the_nearest(
    house: Workspace, capsys: pytest.CaptureFixture[str], target: str, told: str
) -> None:
    assert house.run("explain", target) == 2
    assert told in capsys.readouterr().err


def test_models_that_were_not_made_yet_are_told(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/a")])
    assert house.run("explain", "hf/small") == 1
    assert "build the models first: make manifests DATA=" in capsys.readouterr().err


def put_everything(house: Workspace) -> None:
    """Put a stream of two pages with something for every point of the funnel."""
    house.put(
        "huggingface", "default",
        [hf("o/private", private=True), hf("o/skipped"), hf(HOSTILE, **SMALL), *(hf(f"o/l{n}", **LARGE) for n in range(4))],
        [hf("o/l0", **LARGE), *(hf(f"o/s{n}", **SMALL) for n in range(3)), hf("o/u")],
    )  # fmt: skip
    house.put("huggingface", "likes", [hf("o/a")])
    assert house.run("manifests") == 0


def test_a_funnel_tells_each_point_with_examples(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put_everything(house)
    drops = explained(house, capsys, "hf/small")["drops"]
    assert [(each["what"], each["gone"], each["left"], each["kept"], each["examples"]) for each in drops] == [
        ("set aside", 2, 10, {}, ["o/private", HOSTILE]),
        ("skipped", 1, 9, {}, ["o/skipped"]),
        ("came again", 1, 8, {}, ["o/l0"]),
        ("size small", 5, 3, {"small": 3}, ["o/l0", "o/l1", "o/l2"]),
        ("cut", 1, 2, {}, ["o/s2"]),
    ]
    assert drops[0]["dropped"].pop("private") == 1
    assert sum(drops[0]["dropped"].values()) == 1
    assert drops[3]["dropped"] == {"large": 4, "unknown": 1}


def test_the_commands_show_the_examples_as_they_came_and_as_they_were_made(
    house: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    put_everything(house)
    set_aside, *drops = explained(house, capsys, "hf/small")["drops"]
    assert [shown(command)[0]["id"] for command in set_aside["commands"][:2]] == set_aside["examples"]
    assert {each["id"] for each in shown(set_aside["commands"][2])} == set(set_aside["examples"])
    for drop in drops:
        raw, made = drop["commands"]
        assert f"{house.data.raw_root}/" in raw
        assert f"{house.data.root / 'models'}/" in made
        for command in (raw, made):
            assert {each["id"] for each in shown(command)} == set(drop["examples"])


def test_the_commands_are_for_any_folder_and_text_keeps_them(
    house: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = Workspace(DataDir(tmp_path / "it's  my $(data)"), house.filters)
    put_everything(odd)
    commands = [command for drop in explained(odd, capsys, "hf/small")["drops"] for command in drop["commands"]]
    assert len(commands) == 11
    assert all(shown(command) for command in commands)
    assert odd.run("explain", "hf/small") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix("  ") for line in lines if line.startswith("  jq ")] == commands


def test_a_stream_that_was_asked_otherwise_is_told(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put_everything(house)
    told = explained(house, capsys, "hf/small")
    assert (told["is_asked_otherwise"], told["missing"]) == (False, None)
    ledger = house.data.ledger("huggingface", "default")
    ledger.write_text(ledger.read_text().replace("limit=2", "limit=3"))
    assert not explained(house, capsys, "hf/small")["is_asked_otherwise"]
    ledger.write_text(ledger.read_text().replace("sort=downloads", "sort=likes"))
    told = explained(house, capsys, "hf/small")
    why = "stream default is of another request: it asked sort=likes, and filters.toml asks sort=downloads"
    assert (told["is_asked_otherwise"], told["missing"], told["funnel"]) == (True, why, None)
    assert told["verdict"] == {"reason": "missing", "words": f"{why}; ask with: make extract SOURCE=huggingface"}


@pytest.mark.parametrize("name", ["page-0001.json", "summary.json"])
@pytest.mark.parametrize("content", ["[1]", "{}", '[{"id": "o/a"}]'])
def test_models_that_the_transform_did_not_make_are_told(
    house: Workspace, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    put_everything(house)
    folder = house.data.models("huggingface", "default" if name.startswith("page") else "")
    (folder / name).write_text(content)
    for words in (("explain", "hf/small"), ("load",)):
        assert house.run(*words) == 65
        assert f"{folder / name}: " in capsys.readouterr().err


def test_what_nobody_looked_at_is_not_claimed(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "likes", [])
    assert house.run("manifests") == 1
    assert words(house, capsys, "hf/likes/small")[1] == (
        "empty, also without small: the API has no more; streams that would tell more are not on disk: default"
    )


def shown(command: str) -> list[Any]:
    """Return what a jq command prints, split as a shell would and run by the package."""
    name, program, *files = shlex.split(command)
    assert name == "jq"
    assert files
    return [found for file in files for found in jq.all(program, json.loads(Path(file).read_text()))]


def test_the_commands_for_civitai_take_numbers(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.run("manifests") == 0
    (drop,) = (each for each in explained(shipped, capsys, "civitai-filter-sdxl.json")["drops"] if each["what"] == "type all")
    assert drop["gone"] == 0
    pg = explained(shipped, capsys, "civitai/pg")["drops"]
    (drop,) = (each for each in pg if each["what"] == "level pg")
    for command in drop["commands"]:
        assert [str(each["id"]) for each in shown(command)] == drop["examples"]


def test_the_index_says_of_every_page_what_explain_says(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.run("manifests") == 0
    entries = shipped.manifest("index.json")["manifests"]
    assert len(entries) == 25
    for entry in entries:
        words(shipped, capsys, entry["file"])


@pytest.mark.parametrize("terminal", [False, True])
def test_text_is_plain_in_a_pipe_and_hostile_words_are_inert_everywhere(
    house: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001  a column
) -> None:
    put_everything(house)
    capsys.readouterr()
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "80")
    assert house.run("explain", "hf/small") == 0
    told = capsys.readouterr().out
    assert ("\x1b[32mfull, 2 models" in told) is terminal
    styles = re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert all(each.isprintable() or each == "\n" for each in styles)
    assert "evil" in styles
    assert "\x1b[41m" not in told
    commands = [line for line in styles.splitlines() if line.startswith("  jq ")]
    assert len(commands) == 11
    assert all(line.endswith(".json") for line in commands)
