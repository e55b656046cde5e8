"""Tests of explain for filters with expressions: examples with the fields that these name, and why a model is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import hf
from tests.explain.test_manifest import explain_json, run_jq
from tests.load.test_expressions import HUB, STREAMS, model
from tests.load.test_levels_in_expressions import DEFAULT, LEVELS, MONTH, SDXL
from tests.load.test_withheld import civitai, fill

if TYPE_CHECKING:
    from tests.conftest import Workspace


@pytest.fixture
def hub(workspace: Workspace) -> Workspace:
    """Return a workspace with built manifests and a model for each reason to be absent."""
    workspace.filters.write_text(
        HUB.replace("days_since(.updated) < 30", '(.license | startswith("m")) and .likes != .downloads')
    )
    for stream in STREAMS:
        workspace.write_stream("huggingface", stream, [
            model("o/a"), model("o/gated", gated="auto"), model("o/drops", "bad", downloads=1), model("o/few", downloads=3),
            model("o/license", tags=["chat"], likes=7), model("Org/X", downloads=10_000), model("o/b"), model("o/bare", tags=[]),
        ])  # fmt: skip
    workspace.write_stream(
        "huggingface", "text-generation-chat", [model("org/x", gated="manual")], fetched_at="2026-01-02T00:00:00.000Z"
    )
    assert workspace.run("manifests") == 0
    return workspace


def steps(explanation: Any) -> dict[str, tuple[int, int, dict[str, int], list[str], list[dict[str, Any]]]]:
    keys = ("gone", "left", "dropped", "examples", "values")
    return {step["what"]: tuple(step[key] for key in keys) for step in explanation["drops"] if step["gone"]}


def test_dropped_examples_have_the_fields_that_the_expression_names(hub: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    explanation = explain_json(hub, capsys, "hf/chat")
    assert steps(explanation) == {
        "require": (2, 6, {"false": 2}, ["o/gated", "org/x"], [{"gated": "auto"}, {"gated": "manual"}]),
        "use chat": (
            3, 3, {"chat": 2, "text-generation": 2, "license:mit": 2, "bad": 1, "none": 1}, ["o/drops", "o/few", "o/bare"],
            [{"tags": ["bad"]}, {"downloads": 3}, {"tags": []}],
        ),
        "cut": (1, 2, {}, ["o/b"], []),
    }  # fmt: skip
    assert explanation["funnel"]["steps"][0] == {"axis": "require", "option": "require", "left": 6}
    month = explain_json(hub, capsys, "hf-filter-month.json")
    values = [
        {"likes": 1, "downloads": 1, "license": "mit"},
        {"likes": 7, "downloads": 10, "license": None},
        {"likes": 1, "downloads": 10, "license": None},
    ]
    assert steps(month)["fresh month"] == (3, 3, {"error": 2, "false": 1}, ["o/drops", "o/license", "o/bare"], values)
    assert hub.run("explain", "hf/month") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 require false 2 o/gated (gated auto); org/x (gated manual)" in printed
    assert "fresh month error 2, false 1 o/drops (downloads 1, likes 1, license mit); o/license (" in printed


def test_a_model_is_absent_for_its_first_condition_that_fails(hub: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    month = '(.license | startswith("m")) and .likes != .downloads'
    reasons = {
        "hf:o/gated": ("chat", "require: .gated == false is not true (gated auto)"),
        "hf:ORG/x": ("default", "require: .gated == false is not true (gated manual)"),
        "hf:o/drops": ("chat", "use chat drops bad"),
        "hf:o/few": ("chat", "use chat: .downloads >= 10 is not true (downloads 3)"),
        "hf:o/license": ("month", f"fresh month: {month} fails (downloads 10, likes 7, license none)"),
        "hf:o/bare": ("chat", "use chat: has none of chat, talk"),
        "hf:o/b": ("chat", "over the limit: rank 3, limit 2"),
    }  # fmt: skip
    for target, (name, reason) in reasons.items():
        assert explain_json(hub, capsys, target)["not_in"][f"hf-filter-{name}.json"] == reason
    hub.write_stream("huggingface", "default", [model(f"o/{number}") for number in range(4)])
    assert hub.run("manifests") == 0
    explanation = explain_json(hub, capsys, "hf:o/2")
    assert explanation["manifests"] == {"hf-filter-field-month.json": 3}  # whose limit is 3
    explanation = explain_json(hub, capsys, "hf:o/3")
    assert explanation["not_in"]["hf-filter-field-month.json"] == "over the limit: rank 4, limit 3"


def test_examples_have_the_values_that_decide(hub: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    many = [f"tag{number}" for number in range(6)]
    hub.write_stream("huggingface", "chat", [model("o/many", tags=many), model("o/few", tags=["a"]), model("o/bad", "bad")])
    hub.write_stream("huggingface", "default", [model("o/mit"), hf("o/none", gated=False)])
    assert hub.run("manifests") == 0
    assert steps(explain_json(hub, capsys, "hf/chat"))["use chat"][-1] == [{}, {"tags": ["a"]}, {"tags": ["bad"]}]
    assert steps(explain_json(hub, capsys, "hf/field"))["license field"][-1] == [{"license": None}]
    assert hub.run("explain", "hf/chat") == 0
    assert "o/many; o/few (tags a); o/bad (tags bad)" in capsys.readouterr().out


def test_levels_are_those_that_all_records_decide(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(LEVELS)
    raised = civitai(9, nsfwLevel=4)
    fill(workspace, default=[raised, *DEFAULT], month=[*MONTH, civitai(9, nsfwLevel=16)], sdxl=SDXL)
    explanation = explain_json(workspace, capsys, "civitai/safe")
    assert steps(explanation) == {
        "came again": (1, 8, {}, ["3"], []),
        "withheld": (
            4, 4,
            {"stream default says xxx": 1, "stream month says flagged": 1, "stream month says poi": 1, "stream month says r": 1},
            ["1", "3", "4"], [],
        ),
        "showcase safe": (2, 2, {"false": 2}, ["9", "6"], [{"level_most": "xxx"}, {"level_most": "xxx"}]),
    }  # fmt: skip
    assert all(run_jq(command) for step in explanation["drops"] for command in step["commands"])
    absent = {number: explain_json(workspace, capsys, f"civitai:{number}")["not_in"] for number in (1, 2, 4, 9)}
    safe = '.level_most | IN("pg", "pg13")'
    assert [absent[number].get("civitai-filter-safe.json") for number in absent] == [
        "level_most r: stream month says r",
        None,
        "flagged true: stream month says flagged",
        f"showcase safe: {safe} is not true (level_most xxx)",
    ]
    explicit = LEVELS.partition("explicit = ")[2].partition("where = '")[2].partition("'")[0]
    assert absent[2]["civitai-filter-explicit.json"] == f"showcase explicit: {explicit} is not true (id 2)"


def test_an_option_named_like_its_axis_has_both_names(hub: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    hub.filters.write_text(hub.filters.read_text().replace("axes.use]", "axes.chat]"))
    assert hub.run("manifests") == 0
    assert list(steps(explain_json(hub, capsys, "hf/chat"))) == ["require", "chat chat", "cut"]
