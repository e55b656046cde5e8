"""Facets on disk: load evaluates no expression, and each page is evaluated again only if its models or filters.toml changed."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.core.columns import pack_column
from etl.expressions.evaluator import Evaluator
from etl.selection.facet_files import _made_by, end_evaluation, facet_tasks, is_current, make_facets_file, read_facets
from etl.selection.facets import columns_of, facets_of
from etl.selection.stored import read_summary
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.selection.conditions import Conditions
    from etl.selection.facet_files import FacetTask
    from etl.selection.facets import Columns, PageFacets

FILTERS = """
limit = 2
depth = 9
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
manifests = "all"
[huggingface.axes.likes]
any = { label = "Any" }
popular = { label = "Popular", where = '.likes > 9' }
[huggingface.axes.license]
all = { label = "All" }
mit = { label = "MIT", keeps = ["mit"] }
[huggingface.axes.order]
given = { label = "As requested" }
downloads = { label = "Downloads", orders = "downloads" }
"""
TIMED = FILTERS.replace("'.likes > 9'", "'days_since(.updated) < 9'")


@pytest.fixture
def built(workspace: Workspace) -> Workspace:
    """Return a workspace with the models of three pages and their facets, without manifests."""
    workspace.filters.write_text(FILTERS)
    pages = [[hf(f"o/{page}{index}", likes=10 * index, tags=["license:mit"]) for index in range(2)] for page in range(3)]
    workspace.write_stream("huggingface", "default", *pages)
    assert workspace.run("transform") == 0
    return workspace


def tasks(workspace: Workspace) -> list[FacetTask]:
    (source,) = load_config(workspace.filters).sources
    return facet_tasks(workspace.data, source, read_summary(workspace.data, "huggingface"))


def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which the first model of each page is added whose facets are made."""
    first: list[str] = []

    def spy(models: Sequence[Mapping[str, Any]], columns: Columns, conditions: Conditions, now: str) -> PageFacets:
        first.append(models[0]["id"])
        return facets_of(models, columns, conditions, now)

    monkeypatch.setattr("etl.selection.facet_files.facets_of", spy)
    return first


def test_load_evaluates_no_expression(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("models were evaluated")

    monkeypatch.setattr(Evaluator, "evaluate", refuse)
    for command in ("load", "manifests"):
        assert built.run(command) == 0
    assert built.run("explain", "hf/popular") == 0
    assert built.ids("hf-filter-popular.json") == ["o/01", "o/11"]


def test_only_changed_pages_are_evaluated_again(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    files = evaluations(monkeypatch)
    assert built.run("transform") == 0
    assert files == []
    pages = [[hf(f"o/{page}{index}", likes=20 * (page == 1)) for index in range(2)] for page in range(3)]
    built.write_stream("huggingface", "default", *pages)
    assert built.run("manifests") == 0
    assert files == ["o/00", "o/10", "o/20"]
    files.clear()
    pages[2] = [hf("o/last", likes=99)]
    built.write_stream("huggingface", "default", *pages)
    assert built.run("manifests") == 0
    assert files == ["o/last"]
    assert built.ids("hf-filter-popular.json") == ["o/10", "o/11"]


def test_columns_are_kept_if_only_tests_changed(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fields: list[Sequence[str]] = []

    def spy(models: Sequence[Mapping[str, Any]], order_fields: Sequence[str]) -> Columns:
        fields.append(order_fields)
        return columns_of(models, order_fields)

    monkeypatch.setattr("etl.selection.facet_files.columns_of", spy)
    built.filters.write_text(FILTERS.replace(".likes > 9", ".likes > 10").replace('["mit"]', '["mit", "other"]'))
    assert built.run("manifests") == 0
    assert (fields, built.ids("hf-filter-popular.json")) == ([], [])
    built.filters.write_text(FILTERS.replace('orders = "downloads"', 'orders = "likes"'))
    assert built.run("manifests") == 0
    assert fields == [("likes",)] * 3
    fields.clear()
    built.write_stream("huggingface", "default", [hf("o/changed", likes=99)])
    assert built.run("manifests") == 0
    assert (fields, built.ids("hf-filter-popular.json")) == ([("likes",)], ["o/changed"])


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ("'.likes > 9'", "'.likes > 10'", 3),
        ('["mit"]', '["mit", "other"]', 3),
        ('"downloads" }', '"likes" }', 3),
        ('orders = "downloads"', 'orders = "created"', 3),
        ("limit = 2", "limit = 1", 0),
        ('label = "Any"', 'label = "All"', 0),
        ('keeps = ["mit"]', 'drops = ["mit"]', 0),
    ],
)
def test_facets_are_made_again_if_what_is_tested_changed(
    built: Workspace, monkeypatch: pytest.MonkeyPatch, old: str, new: str, count: int
) -> None:
    files = evaluations(monkeypatch)
    text = FILTERS.replace(old, new)
    assert (text != FILTERS) == (old in FILTERS)
    built.filters.write_text(text)
    assert built.run("manifests") == 0
    assert len(files) == (count if text != FILTERS else 0)
    built.run("manifests")
    assert len(files) == (count if text != FILTERS else 0)


def test_the_time_counts_only_where_an_expression_measures_ages(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    files = evaluations(monkeypatch)
    records = [[hf(f"o/{page}")] for page in range(2)]
    for text, expected in ((FILTERS, 0), (TIMED, 2)):
        built.filters.write_text(text)
        for day in ("02", "03"):
            built.write_stream("huggingface", "default", *records, fetched_at=f"2026-01-{day}T00:00:00.000Z")
            assert built.run("manifests") == 0
            counts, files[:] = len(files), []
        assert counts == expected


def damaged(content: bytes) -> list[bytes]:
    """Return content that was truncated, changed, or emptied."""
    position = len(content) - 9
    return [content[:-1], content[:100], b"", content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]]


def test_damaged_facets_are_ignored(built: Workspace) -> None:
    assert built.run("load") == 0
    expected = {path.name: path.read_bytes() for path in built.data.manifests.iterdir()}
    task = tasks(built)[0]
    good = task.facets.read_bytes()
    for content in damaged(good):
        task.facets.write_bytes(content)
        assert read_facets(task) is None
        built.data.cache("loaded").unlink()
        assert built.run("load") == 0
        assert {path.name: path.read_bytes() for path in built.data.manifests.iterdir()} == expected
        assert task.facets.read_bytes() == good


def test_values_of_groups_that_were_seen_are_not_read(built: Workspace) -> None:
    assert built.run("load") == 0
    expected = {path.name: path.read_bytes() for path in built.data.manifests.iterdir()}
    task = tasks(built)[1]
    facets, good = read_facets(task), task.facets.read_bytes()
    assert facets
    seen = {*facets.group_keys}
    task.facets.write_bytes(good[:-1])
    read = read_facets(task, seen)
    assert read
    assert (read.group_of, read.group_keys, read.columns) == (facets.group_of, facets.group_keys, facets.columns)
    assert read_facets(task, seen - {facets.group_keys[-1]}) is None
    built.data.cache("loaded").unlink()
    assert built.run("load") == 0
    assert {path.name: path.read_bytes() for path in built.data.manifests.iterdir()} == expected
    task.facets.write_bytes(good.replace(pack_column(facets.group_keys), bytes(8 * len(seen)), 1))
    assert read_facets(task, seen) is None


def test_models_that_were_edited_are_noticed(built: Workspace) -> None:
    task = tasks(built)[0]
    before = task.models.stat()
    text = task.models.read_text().replace('"likes": 10', '"likes": 90').replace("o/01", "o/0x")
    with task.models.open("r+") as file:  # in place, with the same length and modification time
        file.write(text)
    os.utime(task.models, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not is_current(task)
    assert built.run("load") == 0
    assert built.ids("hf-filter-popular.json") == ["o/0x", "o/11"]


def test_facets_of_pages_that_are_gone_are_removed(built: Workspace) -> None:
    other = built.data.cache("facets") / "huggingface" / "old" / "page-0001"
    other.parent.mkdir()
    other.write_bytes(b"")
    built.write_stream("huggingface", "default", [hf("o/1")])
    assert built.run("transform") == 0
    assert [path for path in built.data.cache("facets").rglob("*") if path.is_file()] == [task.facets for task in tasks(built)]


def test_a_folder_among_facets_stays(built: Workspace) -> None:
    folder = tasks(built)[0].facets.with_name("folder")
    folder.mkdir()
    assert built.run("transform") == 0
    assert folder.is_dir()


def test_facets_of_another_jq_are_made_again(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks(built)[0]
    assert is_current(task)
    _made_by.cache_clear()
    monkeypatch.setattr("etl.selection.facet_files.version", lambda _: "another")
    assert not is_current(task)
    _made_by.cache_clear()


def test_threads_make_facets_one_after_the_other(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    active, most = [0], [0]

    def spy(models: Sequence[Mapping[str, Any]], columns: Columns, conditions: Conditions, now: str) -> PageFacets:
        active[0] += 1
        most[0] = max(most[0], active[0])
        time.sleep(0.02)
        facets = facets_of(models, columns, conditions, now)
        active[0] -= 1
        return facets

    monkeypatch.setattr("etl.selection.facet_files.facets_of", spy)
    with ThreadPoolExecutor(3) as executor:
        assert [*executor.map(make_facets_file, tasks(built))] == [None] * 3
    end_evaluation()
    assert most == [1]


def test_a_folder_that_cannot_be_written_costs_time_only(
    built: Workspace,
) -> None:
    for task in tasks(built):
        task.facets.unlink()
    tasks(built)[0].facets.parent.rmdir()
    tasks(built)[0].facets.parent.write_text("a file")
    assert built.run("explain", "hf/popular") == 0
    assert built.run("load") == 0
    assert built.ids("hf-filter-popular.json") == ["o/01", "o/11"]
