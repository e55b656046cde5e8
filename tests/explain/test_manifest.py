"""Tests of explain for manifests: the funnel, and the status for each cause of a short or empty manifest."""

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


def explain_json(workspace: Workspace, capsys: pytest.CaptureFixture[str], target: str, *options: str) -> Any:
    """Return what explain prints with --json."""
    capsys.readouterr()
    assert workspace.run("explain", target, "--json", *options) == 0
    return json.loads(capsys.readouterr().out)


def status(workspace: Workspace, capsys: pytest.CaptureFixture[str], target: str) -> tuple[str, str]:
    """Return the reason and the text of a manifest's status, and check that index.json agrees."""
    explanation = explain_json(workspace, capsys, target)
    verdict = explanation["verdict"]
    if explanation["funnel"] and explanation["is_in_manifests"]:
        entry = workspace.entry(explanation["file"])
        assert (entry["verdict"], entry["funnel"]) == (verdict["words"], explanation["funnel"])
    return verdict["reason"], verdict["words"]


CAUSES: list[tuple[list[dict[str, Any]], dict[str, Any], str, str]] = [
    ([hf("o/a", **SMALL), hf("o/b", **SMALL)], {}, "full", "full, 2 models"),
    ([hf("o/a", **SMALL)], {"exhausted": True}, "exhausted", "short, 1 of 2: the API has no more"),
    ([hf("o/a", **SMALL)], {"exhausted": False}, "unread", "short, 1 of 2: the API has more, and make extract reads on"),
    (
        [hf("o/a", **SMALL), *(hf(f"o/{n}", **LARGE) for n in range(3))], {"exhausted": False},
        "depth", "short, 1 of 2: 4 records were read, and filters.toml allows a depth of 4",
    ),
    (
        [hf("o/a", **SMALL)], {"exhausted": False, "failed_at": LATER, "failed": "no response"},
        "stale", f"short, 1 of 2: the API has more, and make extract reads on; reading its stream has failed since {LATER}",
    ),
    (
        [hf("o/a", **SMALL), hf("o/b", **SMALL)], {"failed_at": LATER, "failed": "no response"},
        "full", f"full, 2 models; reading its stream has failed since {LATER}",
    ),
    (
        [hf("o/a", **LARGE), hf("o/b", **LARGE), hf("o/c")], {"exhausted": True},
        "option", "empty because of size small, without which there are 3 models; the API has no more",
    ),
    ([], {"exhausted": True}, "exhausted", "empty, also without small: the API has no more"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "ledger", "reason", "text"), CAUSES)
def test_each_cause_has_its_status(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], records: list[Any], ledger: dict[str, Any], reason: str, text: str
) -> None:
    workspace.write_stream("huggingface", "default", records, **ledger)
    workspace.write_stream("huggingface", "likes", [hf("o/b")])
    assert workspace.run("manifests") == 0
    assert status(workspace, capsys, "hf/small") == (reason, text)


def test_the_option_that_drops_most_models_is_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    mit = {"tags": ["license:mit"]}
    workspace.write_stream("huggingface", "default", [hf("o/a", **SMALL), hf("o/b", **LARGE, **mit), hf("o/c", **LARGE, **mit)])
    workspace.write_stream("huggingface", "likes", [hf("o/a", **SMALL, **mit), hf("o/b", **LARGE)])
    assert workspace.run("manifests") == 0
    # Two models fail both small and apache; likes, small and apache each drop the third.
    assert status(workspace, capsys, "hf/likes/small/apache")[1].startswith(
        "empty because of license apache, without which there are 1"
    )
    workspace.write_stream("huggingface", "default", [hf(f"o/{n}", **SMALL, tags=["license:apache-2.0"]) for n in range(3)])
    assert workspace.run("manifests") == 0
    assert status(workspace, capsys, "hf/likes/small/apache")[1].startswith(
        "empty because of sort likes, without which there are 3"
    )


def test_a_missing_stream_is_reported_with_its_query(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("manifests") == 1
    assert status(workspace, capsys, "hf/likes/small") == (
        "missing",
        "no stream likes on disk; ask with: make extract SOURCE=huggingface",
    )
    assert workspace.run("explain", "hf/likes/small") == 0
    assert "not sent yet: sort=likes&limit=2" in capsys.readouterr().out


def test_a_partial_stream_counts_as_missing(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "likes", [hf("o/a")], complete=False)
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("manifests") == 1
    assert status(workspace, capsys, "hf/likes")[0] == "missing"


@pytest.mark.parametrize(
    ("target", "message"),
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
def test_an_unknown_filter_ends_with_2_and_suggestions(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], target: str, message: str
) -> None:
    assert workspace.run("explain", target) == 2
    assert message in capsys.readouterr().err


def test_missing_models_are_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("explain", "hf/small") == 1
    assert "build the models first: make manifests DATA=" in capsys.readouterr().err


def build_funnel(workspace: Workspace) -> None:
    """Write a stream of two pages with records for every step of the funnel, and build the manifests."""
    workspace.write_stream(
        "huggingface", "default",
        [hf("o/private", private=True), hf("o/skipped"), hf(HOSTILE, **SMALL), *(hf(f"o/l{n}", **LARGE) for n in range(4))],
        [hf("o/l0", **LARGE), *(hf(f"o/s{n}", **SMALL) for n in range(3)), hf("o/u")],
    )  # fmt: skip
    workspace.write_stream("huggingface", "likes", [hf("o/a")])
    assert workspace.run("manifests") == 0


def test_each_step_of_the_funnel_has_examples(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    build_funnel(workspace)
    drops = explain_json(workspace, capsys, "hf/small")["drops"]
    assert [(drop["what"], drop["gone"], drop["left"], drop["kept"], drop["examples"]) for drop in drops] == [
        ("set aside", 2, 10, {}, ["o/private", HOSTILE]),
        ("skipped", 1, 9, {}, ["o/skipped"]),
        ("came again", 1, 8, {}, ["o/l0"]),
        ("size small", 5, 3, {"small": 3}, ["o/l0", "o/l1", "o/l2"]),
        ("cut", 1, 2, {}, ["o/s2"]),
    ]
    assert drops[0]["dropped"].pop("private") == 1
    assert sum(drops[0]["dropped"].values()) == 1
    assert drops[3]["dropped"] == {"large": 4, "unknown": 1}


def test_the_commands_show_the_examples_raw_and_transformed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    build_funnel(workspace)
    rejected, *drops = explain_json(workspace, capsys, "hf/small")["drops"]
    assert [run_jq(command)[0]["id"] for command in rejected["commands"][:2]] == rejected["examples"]
    assert {record["id"] for record in run_jq(rejected["commands"][2])} == set(rejected["examples"])
    for drop in drops:
        raw, built = drop["commands"]
        assert f"{workspace.data.raw_root}/" in raw
        assert f"{workspace.data.root / 'models'}/" in built
        for command in (raw, built):
            assert {record["id"] for record in run_jq(command)} == set(drop["examples"])


def test_commands_quote_any_folder_and_are_printed_unchanged(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(DataDir(tmp_path / "it's  my $(data)"), workspace.filters)
    build_funnel(workspace)
    commands = [command for drop in explain_json(workspace, capsys, "hf/small")["drops"] for command in drop["commands"]]
    assert len(commands) == 11
    assert all(run_jq(command) for command in commands)
    assert workspace.run("explain", "hf/small") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix("  ") for line in lines if line.startswith("  jq ")] == commands


def test_a_stream_of_another_request_is_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    build_funnel(workspace)
    explanation = explain_json(workspace, capsys, "hf/small")
    assert (explanation["is_asked_otherwise"], explanation["missing"]) == (False, None)
    ledger = workspace.data.ledger("huggingface", "default")
    ledger.write_text(ledger.read_text().replace("limit=2", "limit=3"))
    assert not explain_json(workspace, capsys, "hf/small")["is_asked_otherwise"]
    ledger.write_text(ledger.read_text().replace("sort=downloads", "sort=likes"))
    explanation = explain_json(workspace, capsys, "hf/small")
    reason = "stream default is of another request: it asked sort=likes, and filters.toml asks sort=downloads"
    assert (explanation["is_asked_otherwise"], explanation["missing"], explanation["funnel"]) == (True, reason, None)
    assert explanation["verdict"] == {"reason": "missing", "words": f"{reason}; ask with: make extract SOURCE=huggingface"}


@pytest.mark.parametrize("name", ["page-0001.json", "summary.json"])
@pytest.mark.parametrize("content", ["[1]", "{}", '[{"id": "o/a"}]'])
def test_invalid_models_are_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str], name: str, content: str) -> None:
    build_funnel(workspace)
    folder = workspace.data.models("huggingface", "default" if name.startswith("page") else "")
    (folder / name).write_text(content)
    for arguments in (("explain", "hf/small"), ("load",)):
        assert workspace.run(*arguments) == 65
        assert f"{folder / name}: " in capsys.readouterr().err


def test_streams_that_could_not_be_checked_are_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "likes", [])
    assert workspace.run("manifests") == 1
    assert status(workspace, capsys, "hf/likes/small")[1] == (
        "empty, also without small: the API has no more; streams that would tell more are not on disk: default"
    )


def run_jq(command: str) -> list[Any]:
    """Return what a jq command prints, run by the jq package."""
    name, program, *files = shlex.split(command)
    assert name == "jq"
    assert files
    return [value for file in files for value in jq.all(program, json.loads(Path(file).read_text()))]


def test_the_commands_for_civitai_use_numeric_ids(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.run("manifests") == 0
    (drop,) = (step for step in explain_json(shipped, capsys, "civitai-filter-sdxl.json")["drops"] if step["what"] == "type all")
    assert drop["gone"] == 0
    steps = explain_json(shipped, capsys, "civitai/pg")["drops"]
    (drop,) = (step for step in steps if step["what"] == "level pg")
    for command in drop["commands"]:
        assert [str(record["id"]) for record in run_jq(command)] == drop["examples"]


def test_the_index_agrees_with_explain_on_every_manifest(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.run("manifests") == 0
    entries = shipped.manifest("index.json")["manifests"]
    assert len(entries) == 25
    for entry in entries:
        status(shipped, capsys, entry["file"])


@pytest.mark.parametrize("terminal", [False, True])
def test_text_is_plain_in_a_pipe_and_remote_text_is_sanitized_everywhere(
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001  a column
) -> None:
    build_funnel(workspace)
    capsys.readouterr()
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "80")
    assert workspace.run("explain", "hf/small") == 0
    printed = capsys.readouterr().out
    assert ("\x1b[32mfull, 2 models" in printed) is terminal
    unstyled = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    assert all(char.isprintable() or char == "\n" for char in unstyled)
    assert "evil" in unstyled
    assert "\x1b[41m" not in printed
    commands = [line for line in unstyled.splitlines() if line.startswith("  jq ")]
    assert len(commands) == 11
    assert all(line.endswith(".json") for line in commands)
