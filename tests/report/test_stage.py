"""What the report says of a small catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.core.errors import InvalidDataError, MissingInputError
from etl.report.stage import ReportOptions, collect
from etl.storage.snapshot import Snapshot, working_tree
from etl.verify.published import Check
from tests.conftest import FILTERS, Workspace, civitai, hf

if TYPE_CHECKING:
    from etl.report.content import Report

CIVITAI = """
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { sort = "Most Downloaded", nsfw = true }
manifests = ["pg", "month"]
[civitai.axes.level]
all = { label = "All" }
pg = { label = "PG", keeps = ["pg"] }
[civitai.axes.period]
ever = { label = "Ever" }
month = { label = "Month", asks = { period = "Month" } }
"""
NOW = "2026-01-04T12:00:00.000Z"


@pytest.fixture
def catalogue(workspace: Workspace) -> Workspace:
    """Return a workspace with models of both sources; the Hub's stream `likes` is not on disk."""
    workspace.filters.write_text(FILTERS + CIVITAI)
    workspace.write_stream(
        "huggingface", "default",
        [hf("o/small-1b", tags=["license:mit"]), hf("o/gone", private=True)],
        [hf("o/skipped"), hf("o/no-size", tags=["license:apache-2.0", "gguf"])],
        [hf("O/Small-1B"), hf("o/large-70b")],
    )  # fmt: skip
    workspace.write_stream("civitai", "default", [civitai(1), civitai(2, nsfwLevel=4)])
    workspace.write_stream("civitai", "month", [civitai(1, nsfwLevel=8), civitai(3, poi=True)], asks={"period": "Month"})
    workspace.run("manifests")
    return workspace


def report(workspace: Workspace, base: Snapshot | None = None, checks: list[Check] | None = None) -> Report:
    options = ReportOptions(checks or [], NOW, base, NOW, lambda text: text.replace("make", "make DATA=d"))
    return collect(workspace.data, load_config(workspace.filters), options)


def source(workspace: Workspace, name: str) -> dict[str, Any]:
    result: dict[str, Any] = next(value for value in report(workspace).data["sources"] if value["name"] == name)
    return result


def test_the_overview_counts_what_is_on_disk(catalogue: Workspace) -> None:
    hub, other = report(catalogue).sources
    assert (hub.name, hub.models, hub.records, hub.manifests, hub.missing) == ("huggingface", 4, 6, 5, ["likes"])
    assert (hub.rejected, hub.dropped, hub.unknown_sizes) == ({"private": 1}, {}, 2)
    (stream,) = hub.streams
    assert (stream.name, stream.requests, stream.records, stream.models, stream.age) == ("default", 3, 6, 3, "3.5 days")
    assert (stream.end, stream.failed, stream.is_read) == ("the API has no more", None, True)
    sizes, licenses = hub.charts
    assert [(bar.label, bar.count, bar.kind) for bar in sizes.bars] == [
        ("small", 1, "value"), ("medium", 0, "value"), ("large", 1, "value"), ("unknown", 2, "unknown"),
    ]  # fmt: skip
    assert [(bar.label, bar.count, bar.share) for bar in licenses.bars] == [("apache-2.0", 1, 1 / 3), ("not stated", 3, 1.0)]
    assert (other.unknown_sizes, other.rejected) == (None, {"poi": 1})
    assert [(bar.label, bar.count) for bar in other.charts[0].bars if bar.count] == [("r", 1), ("x", 1)]


def test_a_manifest_has_its_funnel_or_the_reason_why_it_is_missing(catalogue: Workspace) -> None:
    rows = {row.path: row for row in report(catalogue).manifests}
    assert [*rows] == ["hf/likes", "hf/small", "hf/large", "hf/apache", "hf/other", "civitai/pg", "civitai/month"]
    small = rows["hf/small"]
    assert (small.count, small.limit, small.state, small.records) == (1, 2, "short", 6)
    assert small.verdict == "short, 1 of 2: the API has no more"
    assert [(part.kind, part.label, part.count) for part in small.funnel] == [
        ("rejected", "rejected", 1), ("excluded", "excluded by id", 1), ("duplicate", "duplicates", 1),
        ("dropped", "size small drops", 2), ("published", "published", 1),
    ]  # fmt: skip
    assert [part.start for part in small.funnel] == [0, 1 / 6, 2 / 6, 3 / 6, 5 / 6]
    assert (rows["hf/likes"].state, rows["hf/likes"].funnel) == ("missing", [])
    assert rows["hf/likes"].verdict == "no stream likes on disk; fetch it: make DATA=d extract SOURCE=huggingface"
    assert (rows["civitai/pg"].state, rows["civitai/pg"].count) == ("empty", 0)
    assert rows["civitai/pg"].funnel[0].kind == "withheld"


def test_a_stream_of_another_request_counts_as_missing(catalogue: Workspace) -> None:
    catalogue.write_stream("civitai", "month", [civitai(1)], asks={"period": "Week"})
    assert catalogue.run("manifests") == 1
    reason = "stream month is of another request: it asked period=Week, and filters.toml asks period=Month"
    assert report(catalogue).sources[1].missing == ["month"]
    streams = {stream["name"]: stream["missing"] for stream in source(catalogue, "civitai")["streams"]}
    assert streams == {"default": None, "month": reason}
    catalogue.filters.write_text(catalogue.filters.read_text().replace('"pg", "month"', '"pg"'))
    streams = {stream["name"]: stream["missing"] for stream in source(catalogue, "civitai")["streams"]}
    assert streams == {"default": None, "month": reason}


def test_commands_are_those_of_the_run(catalogue: Workspace) -> None:
    catalogue.write_stream(
        "civitai", "default", [civitai(1)], failed_at=NOW, failed="HTTP 503; retry later: make extract"
    )  # fmt: skip
    catalogue.run("manifests")
    page = report(catalogue)
    assert page.data["commands"] == page.commands
    assert page.commands["extract manifests"] == "make DATA=d extract manifests"
    assert page.sources[1].streams[0].failed == f"HTTP 503; retry later: make DATA=d extract (since {NOW})"


def test_a_model_has_one_row_whatever_streams_and_spellings_have_it(catalogue: Workspace) -> None:
    hub = source(catalogue, "huggingface")
    assert hub["columns"]["id"]["values"] == ["O/Small-1B", "o/gone", "o/large-70b", "o/no-size", "o/skipped"]
    (stream,) = hub["streams"]
    assert (stream["order"], stream["rejected"]) == ([0, 3, 2], {"1": hub["texts"].index("private")})
    assert hub["excluded"] == [4]
    texts = {
        hub["columns"]["id"]["values"][row]: [hub["texts"][text] for _, text in hub["groups"][group]["fails"]]
        for row, group in zip(stream["order"], stream["groups"], strict=True)
    }
    assert texts["o/large-70b"] == ["size small excludes large", "license apache excludes none"]


def test_a_model_that_another_stream_raises_is_hidden_and_says_by_which(catalogue: Workspace) -> None:
    other = source(catalogue, "civitai")
    assert [other["columns"]["id"]["values"][row] for row in other["hidden"]] == ["1", "2"]
    default = next(stream for stream in other["streams"] if stream["name"] == "default")
    ruling = default["rulings"]["0"]
    assert (ruling["forbids"], other["texts"][ruling["text"]]) == (False, "level x: stream month says x")
    group = other["groups"][default["groups"][0]]
    assert ([*group["own_fails"]], [condition for condition, _ in group["fails"]]) == ([], [0])
    assert ruling["by_condition"] == {}


def test_changes_name_models_by_their_ids(catalogue: Workspace) -> None:
    base = working_tree(catalogue.data)
    before = Snapshot("before", base.manifests, {**base.models})
    catalogue.write_stream("civitai", "default", [civitai(1), civitai(2, nsfwLevel=1, name="Explicit name")])
    assert catalogue.run("manifests") == 1
    changes = report(catalogue, before).changes
    assert changes is not None
    (levels, manifests) = changes.sections
    assert (levels.title, levels.is_safety) == ("Content level", True)
    assert levels.lines == ["2: r → pg; civitai-filter-pg.json"]
    assert manifests.lines == ["civitai-filter-pg.json: 0 → 1: +2"]


def test_a_check_names_the_command_that_fixes_it(catalogue: Workspace) -> None:
    failed = Check("schemas", 3, problems=["x: rebuild it: make manifests"], warnings=["w"], fix="make manifests")
    rows = report(catalogue, checks=[failed, Check("slugs", 1, warnings=["w"], fix="make diff"), Check("order", fix="make diff")])
    assert [row.state for row in rows.checks] == ["failed", "warning", "ok"]
    assert rows.checks[0].problems == ["x: rebuild it: make DATA=d manifests"]
    assert rows.checks[0].fix == "make DATA=d manifests"


def test_manifests_of_other_filters_or_of_none_are_refused(catalogue: Workspace) -> None:
    catalogue.filters.write_text(catalogue.filters.read_text().replace('"other"]', '"other", "small/apache"]'))
    with pytest.raises(MissingInputError, match=r"hf-filter-small-apache.json of filters.toml is not listed; .* make manifests"):
        report(catalogue)
    (catalogue.data.manifests / "index.json").write_text("{}")
    with pytest.raises(InvalidDataError, match="rebuild it: make manifests"):
        report(catalogue)
    (catalogue.data.manifests / "index.json").unlink()
    with pytest.raises(MissingInputError, match="not found; build it: make manifests"):
        report(catalogue)


def test_texts_of_checks_do_not_say_hidden_names(catalogue: Workspace) -> None:
    texts = ["x: 'model 2' does not match; see model 22", "model 1, model 2 and amodel 2", "o/large-70b: model 7"]
    (row,) = report(catalogue, checks=[Check("schemas", 3, problems=texts, warnings=texts, fix="make manifests")]).checks
    assert row.problems == [
        "x: '(name hidden)' does not match; see model 22", "(name hidden), (name hidden) and amodel 2", "o/large-70b: model 7",
    ]  # fmt: skip
    assert row.warnings == row.problems
