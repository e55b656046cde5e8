"""Warnings about expressions that fail: which model they name, of those that streams on disk have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import Workspace, civitai

if TYPE_CHECKING:
    import pytest

FILTERS = """
limit = 5
depth = 10
[civitai]
prefix = "cv"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
skip = ["7"]
manifests = "all"
[civitai.axes.period]
ever = { label = "Ever" }
week = { label = "Week", asks = { period = "Week" } }
[civitai.axes.named]
any = { label = "Any" }
some = { label = "Some", where = 'WHERE' }
"""


def warnings(workspace: Workspace, capsys: pytest.CaptureFixture[str], where: str) -> str:
    workspace.filters.write_text(FILTERS.replace("WHERE", where))
    assert workspace.run("manifests") == 0
    return capsys.readouterr().err


def test_a_failure_only_by_what_other_records_decide(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(FILTERS.replace("WHERE", ".flagged"))
    flagged = civitai(1, nsfw=True, nsfwLevel=4)
    images = [{"url": "https://image.civitai.com/4", "nsfwLevel": 4, "type": "image"}]
    flagged["modelVersions"][0]["images"] = images
    workspace.write_stream("civitai", "default", [civitai(1, nsfwLevel=8), civitai(2)])
    workspace.write_stream("civitai", "week", [flagged, civitai(3)])
    where = 'if .flagged and .level == "x" then error("boom") else true end'
    assert "where: fails on 1 of 3 models, which do not match; 1: boom" in warnings(workspace, capsys, where)


def test_an_excluded_model_is_not_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(FILTERS.replace("WHERE", ".flagged"))
    workspace.write_stream("civitai", "default", [civitai(7), civitai(1), civitai(2)])
    workspace.write_stream("civitai", "week", [civitai(7), civitai(3)])
    where = 'if .name == "model 1" then true else error("boom " + .name) end'
    assert "where: fails on 2 of 3 models, which do not match; 2: boom model 2" in warnings(workspace, capsys, where)
