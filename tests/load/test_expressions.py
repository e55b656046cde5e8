"""Manifests by expressions, axes on any field, limits of their own, and names with hyphens, from raw files to verify."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Workspace, hf

HUB = """
limit = 2
depth = 6
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { filter = ["gguf", "text-generation"] }
skip = ["o/skipped"]
require = '.gated == false'
manifests = [
  "default", "chat", "field", { filter = "field/month", limit = 3, label = "New" }, "text-generation/chat/month", "month",
]
[huggingface.axes.task]
field = "tags"
any = { label = "Any task" }
text-generation = { label = "Text", asks = { filter = ["text-generation", "text"] }, keeps = ["text-generation"] }
[huggingface.axes.use]
field = "tags"
any = { label = "Any use" }
chat = { label = "Chat", asks = { filter = "chat" }, keeps = ["chat", "talk"], drops = ["bad"], where = '.downloads >= 10' }
[huggingface.axes.license]
all = { label = "Any license" }
field = { label = "MIT", keeps = ["mit"] }
[huggingface.axes.fresh]
any = { label = "Any age" }
month = { label = "Month", where = 'days_since(.updated) < 30' }
"""
STREAMS = ("default", "text-generation-chat", "chat")


def model(name: str, *tags: str, **fields: Any) -> dict[str, Any]:
    """Return a record that is in every manifest unless its tags and fields say otherwise."""
    return hf(name, **{"gated": False, "downloads": 10, "tags": ["chat", "text-generation", "license:mit", *tags], **fields})


@pytest.fixture
def hub(workspace: Workspace) -> Workspace:
    """Return a workspace with streams of one model each, for tests to replace."""
    workspace.filters.write_text(HUB)
    for stream in STREAMS:
        workspace.write_stream("huggingface", stream, [model("o/a")])
    return workspace


def set_filters(workspace: Workspace, *options: str, manifests: str) -> None:
    """Replace the axes by one without a field of its own, with these options after its default, and the manifests."""
    head = HUB.partition("[huggingface.axes")[0].partition("require")[0]
    axis = '[huggingface.axes.own]\nany = { label = "Any" }\n'
    workspace.filters.write_text("\n".join([head, f"manifests = {manifests}", axis, *options]))
    workspace.write_stream("huggingface", "default", [model("o/a")])


def warnings_of(workspace: Workspace, capsys: pytest.CaptureFixture[str], target: str) -> list[list[str]]:
    """Return the warnings of manifests, verify and explain."""
    capsys.readouterr()
    assert workspace.run("manifests") == 0
    load = [line.removeprefix("warning: ") for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert workspace.run("verify", "--json") == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    verify = next(check["warnings"] for check in checks if check["name"] == "values of filters.toml")
    assert workspace.run("explain", target, "--json") == 0
    return [load, verify, json.loads(capsys.readouterr().out)["warnings"]]


def test_all_conditions_of_all_axes_must_hold(hub: Workspace) -> None:
    failing = [
        model("o/no-keeps", tags=["text-generation", "license:mit"]), model("o/drops", "bad"), model("o/where", downloads=9),
        model("o/task", tags=["chat", "license:mit"]), model("o/required", gated="auto"), model("o/unknown", gated=None),
        model("o/old", lastModified="2025-11-01T00:00:00.000Z"), model("o/skipped"),
    ]  # fmt: skip
    good = [model("o/a"), model("o/b", tags=["talk", "text-generation"]), model("o/c")]
    hub.write_stream("huggingface", "text-generation-chat", [*failing, *good])
    assert hub.run("manifests") == 0
    assert hub.ids("hf-filter-text-generation-chat-month.json") == ["o/a", "o/b"]
    entry = hub.entry("hf-filter-text-generation-chat-month.json")
    assert entry["funnel"] == {
        "exhausted": True, "records": 11, "set_aside": 0, "duplicates": 0, "skipped": 1, "withheld": 0,
        "steps": [
            {"axis": "require", "option": "require", "left": 8},
            {"axis": "task", "option": "text-generation", "left": 7},
            {"axis": "use", "option": "chat", "left": 4},
            {"axis": "fresh", "option": "month", "left": 3},
        ],
        "cut": 1, "published": 2,
    }  # fmt: skip
    assert entry["options"] == {"task": "text-generation", "use": "chat", "license": "all", "fresh": "month"}
    assert (entry["stream"], entry["filter"]) == ("text-generation-chat", "filter/text-generation/chat/month")
    assert hub.run("verify") == 0


def test_manifests_have_limits_and_labels_of_their_own(hub: Workspace) -> None:
    hub.write_stream("huggingface", "default", [model(f"o/{number}") for number in range(3)], exhausted=False)
    assert hub.run("manifests") == 0
    entries = {entry["file"]: entry for entry in hub.manifest("index.json")["manifests"]}
    keys = ("count", "limit", "short", "label", "filter")
    assert [entries[f"hf-filter-{name}.json"][key] for name in ("default", "field", "field-month") for key in keys] == [
        2, 2, None, "Any task · Any use · Any license · Any age", "filter/default",
        2, 2, None, "MIT", "filter/field",
        3, 3, None, "New", "filter/field/month",
    ]  # fmt: skip
    assert [entries[f"hf-filter-{name}.json"]["funnel"]["cut"] for name in ("default", "field-month")] == [1, 0]
    hub.write_stream("huggingface", "default", [model("o/0"), model("o/1")], exhausted=False)
    assert hub.run("manifests") == 0
    assert hub.entry("hf-filter-field.json")["short"] is None
    entry = hub.entry("hf-filter-field-month.json")
    assert (entry["short"], entry["verdict"]) == ("unread", "short, 2 of 3: the API has more, and make extract reads on")
    assert hub.run("verify") == 0


def test_ages_count_from_the_time_of_each_stream(hub: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of a run changes no byte."""
    records = [model("o/january", lastModified="2026-01-02T00:00:00.000Z"), model("o/old", lastModified="2025-12-01T00:00:00Z")]
    hub.write_stream("huggingface", "default", records, fetched_at="2026-02-01T00:00:00.001Z")
    hub.write_stream("huggingface", "text-generation-chat", records[:1], records[1:], fetched_at="2025-12-30T23:59:59.999Z")
    bytes_of_runs = []
    for epoch in ("1767225600", "1900000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        assert hub.run("manifests") == 0
        assert hub.run("verify") == 0
        bytes_of_runs.append({path.name: path.read_bytes() for path in hub.data.manifests.iterdir()})
    assert bytes_of_runs[0] == bytes_of_runs[1]
    assert hub.ids("hf-filter-month.json") == []  # 30 days and a millisecond
    assert hub.ids("hf-filter-text-generation-chat-month.json") == ["o/january", "o/old"]


def test_only_a_single_true_matches(hub: Workspace) -> None:
    texts = {"true": 1, "true, true": 0, "empty": 0, "1": 0, '"true"': 0, "false, true": 0, "[true]": 0, 'error("x")': 0}
    options = [f"o{number} = {{ label = 'L', where = '{text}' }}" for number, text in enumerate(texts)]
    set_filters(hub, *options, manifests='"all"')
    assert hub.run("manifests") == 0
    assert [len(hub.ids(f"hf-filter-o{number}.json")) for number in range(len(texts))] == [*texts.values()]


def test_failures_nulls_and_no_matches_are_reported(hub: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    set_filters(
        hub, "fails = { label = 'L', where = '.license | startswith(\"mit\")' }", "none = { label = 'L', where = '.likes > 9' }",
        "nulls = { label = 'L', where = '.parameters < 8e9 and .type == null' }", "unused = { label = 'L', where = 'error' }",
        manifests='["fails", "none", "nulls"]',
    )  # fmt: skip
    sized = {"tags": ["license:mit"], "safetensors": {"total": 10**9}}
    hub.write_stream(
        "huggingface", "default", [hf("o/x", tags=[]), hf("O/x"), hf("o/y", **sized), hf("o/skipped"), hf("o/z", tags=[])]
    )
    axis = "huggingface.axes.own"
    fails = f"{axis}.fails.where: fails on 2 of 4 models, which do not match; o/x: startswith() requires string inputs"
    none = f"{axis}.none.where: is true for none of 4 models on disk"
    nulls = [
        f"{axis}.nulls.where: is true for 4 models, in {count} of which {field} is null, such as o/a; "
        f"to leave these out write: .{field} != null and (…)"
        for count, field in ((4, "type"), (3, "parameters"))
    ]
    load, verify, explain = warnings_of(hub, capsys, "hf/fails")
    assert sorted(load) == sorted(verify) == sorted([fails, none, *nulls])
    assert explain == [fails]
    assert hub.ids("hf-filter-fails.json") == ["o/y"]


def test_models_withheld_by_other_streams_keep_the_results_of_expressions(hub: Workspace) -> None:
    """Also of expressions that may read any field, in a source without levels."""
    hub.filters.write_text(HUB.replace("'.gated == false'", "'to_entries | any(.value == \"mit\")'"))
    hub.write_stream("huggingface", "default", [model("o/private"), model("o/x"), model("o/other", tags=[])])
    hub.write_stream("huggingface", "chat", [model("O/Private", private=True), model("o/other", tags=[], private=True)])
    assert hub.run("manifests") == 0
    assert hub.ids("hf-filter-default.json") == ["o/x"]
    funnel = hub.entry("hf-filter-default.json")["funnel"]
    assert (funnel["withheld"], funnel["steps"][0]["left"]) == (1, 1)
    assert hub.run("verify") == 0


def test_expressions_test_the_record_that_was_fetched_last(hub: Workspace) -> None:
    """Of ids that differ in case, which are one model."""
    hub.write_stream("huggingface", "default", [model("Org/A"), model("o/b"), model("ORG/a", gated="auto")])
    hub.write_stream("huggingface", "chat", [model("o/b"), model("org/A", gated="manual")], fetched_at="2026-01-02T00:00:00.000Z")
    assert hub.run("manifests") == 0
    assert hub.ids("hf-filter-default.json") == ["o/b"]
    assert hub.entry("hf-filter-default.json")["funnel"]["duplicates"] == 1
    hub.write_stream("huggingface", "chat", [model("o/b"), model("org/A")], fetched_at="2026-01-02T00:00:00.000Z")
    hub.write_stream("huggingface", "default", [model("Org/A", gated="auto"), model("o/b")])
    assert hub.run("manifests") == 0
    assert hub.ids("hf-filter-default.json") == ["org/A", "o/b"]
    assert hub.run("verify") == 0


def test_what_the_requirement_empties_says_so(hub: Workspace) -> None:
    hub.write_stream("huggingface", "default", [model("o/a", gated="auto"), model("o/b", gated=None)])
    assert hub.run("manifests") == 0
    verdict = hub.entry("hf-filter-field.json")["verdict"]
    assert verdict == "empty because of require, without which there are 2 models; the API has no more"
    hub.write_stream("huggingface", "default", [])
    assert hub.run("manifests") == 0
    assert hub.entry("hf-filter-field.json")["verdict"] == "empty, also without require or field: the API has no more"
