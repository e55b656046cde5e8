"""Filters that order models by a field: greatest first, null last, ties by stream order, over the whole stream."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.config.manifests import all_filters
from etl.expressions.evaluator import Evaluator
from etl.selection.funnel import funnel
from etl.selection.stored import StoredStream
from etl.selection.tally import Tally
from etl.storage.ledger import Ledger, PageEntry
from tests.conftest import TIME, Workspace, hf
from tests.support.selections import selection_of

if TYPE_CHECKING:
    from pathlib import Path

ORDERED = """
limit = 2
depth = 4
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { sort = "createdAt" }
manifests = ["updated", "given", "tagged", "given/tagged", "updated/liked"]
[huggingface.axes.order]
likes = { label = "Most liked", orders = "likes" }
updated = { label = "Recently updated", orders = "updated" }
given = { label = "As requested" }
[huggingface.axes.test]
all = { label = "All" }
tagged = { label = "Tagged", where = '.tags | index("gguf") != null' }
liked = { label = "Liked", where = '.likes != null' }
"""
# Ascending; those of the same time, and those that are not times, are together.
TIMES = (
    (None, "2026-02-30T00:00:00Z"),
    ("0001-01-01T00:00:00Z",),
    ("2026-01-01T00:00Z", "2026-01-01T00:00:00", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000Z"),
    ("2026-01-01T00:00:00.001Z", "2025-12-31T23:00:00.001-0100"),
    ("2026-01-01T00:00:01Z",),
)
RANK = {time: rank for rank, times in enumerate(TIMES) for time in times}


@pytest.fixture
def ordered(workspace: Workspace) -> Workspace:
    workspace.filters.write_text(ORDERED)
    return workspace


@pytest.fixture(scope="module")
def filters_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filters") / "filters.toml"
    path.write_text(
        ORDERED.replace(""", where = '.tags | index("gguf") != null'""", "").replace(", where = '.likes != null'", "")
    )
    return path


MODELS = st.lists(
    st.fixed_dictionaries({
        "likes": st.none() | st.integers(0, 3) | st.integers(2**53 - 2, 2**53 - 1),
        "updated": st.sampled_from([*RANK]),
    }),
    max_size=20,
)  # fmt: skip


@given(MODELS, st.integers(1, 5))
def test_a_manifest_has_the_greatest_of_the_whole_stream(filters_file: Path, models: list[dict[str, Any]], size: int) -> None:
    (source,) = load_config(filters_file).sources
    tally = Tally(source, Evaluator(()), "default")
    refs = [{"id": str(number), "slug": "s", "name": "n", **model} for number, model in enumerate(models)]
    pages = [refs[start : start + size] for start in range(0, len(refs), size)]
    selection = selection_of(source, pages)
    for page in pages:
        tally.add_page(page, TIME)
    likes = sorted(range(len(models)), key=lambda n: (models[n]["likes"] is None, -(models[n]["likes"] or 0), n))
    updated = sorted(range(len(models)), key=lambda n: (-RANK[models[n]["updated"]], n))
    expected = {"likes": likes, "updated": updated, None: [*range(len(models))]}
    entry = PageEntry("/", "page-0001.json", "0" * 64, 1, None, TIME, len(models), None)
    stream = StoredStream(Ledger((entry,), TIME, complete=True, exhausted=True), selection, len(models))
    for filter_ in all_filters(source):
        order = expected[filter_.order_field]
        assert selection.ranking(filter_) == order
        counts = funnel(stream, filter_)
        assert (counts.published, counts.cut) == (order[:2], len(order[2:]))
        assert [selection.rank_of(position, filter_) for position in order] == [*range(1, len(order) + 1)]
        assert tally.is_full([filter_]) == (filter_.order_field is None and len(models) >= 2)
        nulls = selection.published_nulls(filter_)
        if filter_.order_field == "likes":
            assert nulls == [n for n in likes[:2] if models[n]["likes"] is None]
        elif filter_.order_field is None:
            assert nulls == []


def test_every_filter_of_the_stream_reads_it_whole(filters_file: Path) -> None:
    (source,) = load_config(filters_file).sources
    tally = Tally(source, Evaluator(()), "default")
    tally.add_page([{"id": "a", "slug": "a", "name": "a", "likes": 1, "updated": TIME}], TIME)
    in_stream_order, updated = (replace(source.filters[index], limit=1) for index in (1, 0))
    assert (in_stream_order.path, updated.path) == ("given", "updated")
    assert tally.is_full([in_stream_order])
    assert not tally.is_full([in_stream_order, updated])


def test_the_default_option_may_order_and_ties_are_in_stream_order(ordered: Workspace) -> None:
    ordered.write_stream(
        "huggingface", "default",
        [hf("o/1", likes=1, tags=["gguf"]), hf("o/none", likes=None, tags=["gguf"]), hf("o/2", likes=3)],
        [hf("o/3", likes=3, tags=["gguf"]), hf("o/4", likes=4, lastModified="2027-01-01T00:00:00.000Z")],
    )  # fmt: skip
    assert ordered.run("manifests") == 0
    lists = {name: ordered.ids(f"hf-filter-{name}.json") for name in ("updated", "given", "tagged", "given-tagged")}
    assert lists == {
        "updated": ["o/4", "o/1"], "given": ["o/1", "o/none"], "tagged": ["o/3", "o/1"], "given-tagged": ["o/1", "o/none"],
    }  # fmt: skip
    entry = ordered.entry("hf-filter-tagged.json")
    assert {key: entry["funnel"][key] for key in ("records", "cut", "published")} == {"records": 5, "cut": 1, "published": 2}
    assert (entry["short"], entry["verdict"]) == (None, "full, 2 models")


def test_the_record_that_counts_orders_a_model_of_several_spellings(ordered: Workspace) -> None:
    text = ORDERED.replace('manifests = ["updated",', 'manifests = ["default", "gguf", "updated",')
    ordered.filters.write_text(text + '[huggingface.axes.format]\nevery = { label = "All" }\n'
                               'gguf = { label = "GGUF", asks = { filter = "gguf" } }\n')  # fmt: skip
    ordered.write_stream("huggingface", "default", [hf("o/a", likes=1), hf("o/b", likes=2), hf("o/a", likes=9)])
    ordered.write_stream("huggingface", "gguf", [hf("O/A", likes=5)], fetched_at="2026-01-02T00:00:00.000Z")
    assert ordered.run("manifests") == 0
    assert ordered.ids("hf-filter-default.json") == ["O/A", "o/b"]


def test_a_manifest_of_a_part_of_its_stream_says_so(ordered: Workspace) -> None:
    ordered.write_stream("huggingface", "default", [hf("o/1"), hf("o/2"), hf("o/3")], exhausted=False)
    assert ordered.run("manifests") == 0
    verdicts = {name: ordered.entry(f"hf-filter-{name}.json")["verdict"] for name in ("updated", "given")}
    assert verdicts == {
        "updated": "full, 2 models, the greatest by updated of 3 records: the API has more, and make extract reads on",
        "given": "full, 2 models",
    }
    ordered.filters.write_text(ORDERED.replace("depth = 4", "depth = 3"))
    assert ordered.run("manifests") == 0
    assert ordered.entry("hf-filter-updated.json")["verdict"] == (
        "full, 2 models, the greatest by updated of 3 records: filters.toml allows a depth of 3"
    )


def test_models_without_a_value_are_last_counted_and_a_warning(ordered: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ordered.write_stream(
        "huggingface", "default",
        [hf("o/none", lastModified=None, likes=None), hf("o/odd", lastModified="2026-02-30T00:00:00Z"), hf("o/1", likes=2)],
    )  # fmt: skip
    assert ordered.run("manifests") == 0
    assert ordered.ids("hf-filter-updated.json") == ["o/1", "o/none"]
    warning = (
        "hf/updated: orders by updated, which is null in 1 of 2 models, such as o/none; "
        "to leave these out write: where = '.updated != null'"
    )
    assert f"warning: {warning}\n" in capsys.readouterr().err
    assert ordered.run("explain", "hf/updated", "--json") == 0
    explained = json.loads(capsys.readouterr().out)
    assert (explained["order"], explained["without_value"], explained["warnings"]) == ("updated", 1, [warning])
    assert ordered.run("explain", "hf/updated") == 0
    assert "order    updated, greatest first; 1 of the published have none\n" in capsys.readouterr().out
    assert ordered.run("explain", "hf/given", "--json") == 0
    explained = json.loads(capsys.readouterr().out)
    assert (explained["order"], explained["without_value"], explained["warnings"]) == (None, 0, [])
