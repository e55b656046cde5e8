"""How many models were made of each published one: counted by hand, against a naive count, and from the facets on disk."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.core.ids import model_key
from etl.core.layout import DataDir
from etl.publish.catalogue import Catalogue, ModelKey, read_catalogue
from etl.selection import facet_files
from etl.selection.roots import Kind, PageRoots, roots_of
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILTERS = """
limit = 4
depth = 99
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
skip = ["o/skipped"]
manifests = ["default", "likes"]
[huggingface.axes.sort]
downloads = { label = "Downloads", asks = { sort = "downloads" } }
likes = { label = "Likes", asks = { sort = "likes" } }
[huggingface.axes.license]
all = { label = "All" }
mit = { label = "MIT", keeps = ["mit"] }
"""
OLD, NEW = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


def derived(identity: str, *bases: str, tags: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """Return a record with a tag for each `relation:id`."""
    return hf(identity, tags=[*tags, *(f"base_model:{base}" for base in bases)], **fields)


def catalogue(workspace: Workspace, default: list[list[Any]], likes: list[list[Any]]) -> Catalogue:
    """Return the catalogue of two streams of pages, of which the second is fetched later."""
    workspace.filters.write_text(FILTERS)
    workspace.write_stream("huggingface", "default", *default, fetched_at=OLD)
    workspace.write_stream("huggingface", "likes", *(likes or [[]]), fetched_at=NEW)
    assert workspace.run("manifests") == 0
    return read_catalogue(workspace.data, load_config(workspace.filters))


def variants(read: Catalogue, id_: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in read.variants[ModelKey("huggingface", id_)]]


def test_the_models_of_a_root_count_by_relation_and_format(workspace: Workspace) -> None:
    default = [
        [
            hf("p/root"),
            derived("p/tune", "finetune:p/root"),
            derived("a/x-GGUF", "quantized:P/Root"),
            derived("r/none", "finetune:q/lost"),
        ],
        # beyond the limit
        [derived("b/x-GGUF", "quantized:p/tune"), derived("b/x-AWQ", "quantized:p/root"), derived("c/plain", "finetune:p/root")],
        [derived("d/merge", "merge:p/tune", "merge:q/lost"), derived("d/lora", "adapter:d/merge")],
        [derived("g/1", "finetune:g/2"), derived("g/2", "finetune:g/1"), derived("o/skipped", "finetune:p/root")],
    ]
    read = catalogue(workspace, default, [[hf("p/root")]])
    assert {key.id: len(rows) for key, rows in read.variants.items()} == {"a/x-GGUF": 0, "p/root": 5, "p/tune": 0, "r/none": 0}
    assert variants(read, "p/root") == [
        ("finetune", None, 2, ["p/tune"]),
        ("quantized", "gguf", 2, ["a/x-GGUF"]),
        ("adapter", None, 1, []),
        ("merge", None, 1, []),
        ("quantized", "awq", 1, []),
    ]


def test_a_model_with_several_bases_counts_under_the_root_of_each(workspace: Workspace) -> None:
    default = [
        [hf("p/a"), hf("p/b"), derived("p/c", "finetune:p/b"), hf("p/d")],
        [derived("q/m", "merge:p/a", "merge:P/C", "merge:p/b")],
    ]
    read = catalogue(workspace, default, [])
    assert variants(read, "p/a") == [("merge", None, 1, [])]
    assert variants(read, "p/b") == [("finetune", None, 1, ["p/c"]), ("merge", None, 1, [])]
    assert variants(read, "p/c") == []


def test_a_model_of_several_streams_and_spellings_counts_once_as_its_newest_stream_has_it(workspace: Workspace) -> None:
    root = [hf(f"p/{name}") for name in ("root", "b", "c", "d")]
    others = [
        *(derived(id_, "finetune:p/root") for id_ in ("o/x", "O/X", "o/y")), derived("o/z", "merge:p/root"),
    ]  # fmt: skip
    read = catalogue(
        workspace,
        [root, others],
        [root, [derived("o/Y", "adapter:p/root"), hf("o/z")], [derived("O/x", "finetune:p/b"), derived("o/x", "p/c")]],
    )
    assert variants(read, "p/root") == [("adapter", None, 1, [])]
    assert variants(read, "p/b") == [("finetune", None, 1, [])]
    assert variants(read, "p/c") == []


def test_a_published_model_counts_as_its_card_shows_it(workspace: Workspace) -> None:
    tune = derived("o/x", "finetune:p/root")
    read = catalogue(
        workspace, [[hf("p/root"), tune]], [[hf(f"p/{name}") for name in "abcd"], [derived("o/x", "adapter:p/root")]]
    )
    assert variants(read, "p/root") == [("finetune", None, 1, ["o/x"])]


def test_what_must_not_be_published_does_not_count(workspace: Workspace) -> None:
    root = [hf(f"p/{name}") for name in ("root", "b", "c", "d")]
    secret = derived("o/x", "finetune:p/root")
    read = catalogue(workspace, [root, [secret, derived("o/y", "finetune:p/root")]], [root, [{**secret, "private": True}]])
    assert variants(read, "p/root") == [("finetune", None, 1, [])]


@pytest.mark.parametrize(
    ("downloads", "expected"),
    [
        ({"o/d": 9, "o/c": 9, "o/b": 9}, ["o/b", "o/c", "o/d"]),
        ({"o/a": None, "o/b": 0, "o/c": 7}, ["o/c", "o/b", "o/a"]),
        ({"o/b": 7, "o/a": 8}, ["o/a", "o/b"]),
        ({"o/f": 5, "o/e": 4, "o/d": 4, "o/c": 4, "o/b": 3}, ["o/f", "o/c", "o/d"]),
    ],
)
def test_the_three_most_downloaded_that_are_published_are_named(
    workspace: Workspace, downloads: dict[str, int | None], expected: list[str]
) -> None:
    records = [derived(id_, "finetune:p/root", downloads=count) for id_, count in downloads.items()]
    hidden = [derived("o/hidden", "finetune:p/root", downloads=99)]
    read = catalogue(
        workspace, [[hf("p/root"), *records[:3], hf("q/0")], hidden], [[*records[3:], hf("q/1"), hf("q/2"), hf("q/3")]]
    )
    assert variants(read, "p/root") == [("finetune", None, len(records) + 1, expected)]


IDS = ["o/a", "O/A", "p/a", "p/b", "q/c", "q/c-gguf", "r/d", "r/e-AWQ", "o/skipped"]
BASES = st.lists(st.sampled_from([f"{word}:{id_}" for word in ("finetune", "quantized", "merge") for id_ in IDS]), max_size=3)
PAGES = st.lists(
    st.lists(st.builds(lambda id_, bases: derived(id_, *bases), st.sampled_from(IDS), BASES), min_size=1, max_size=5), max_size=3
)


def naive_counts(data: DataDir, published: Mapping[str, Any]) -> dict[str, Counter[tuple[str, str | None]]]:
    """Return the counts by the key of a root: each model as published, else as the first record of the newest stream has it."""
    models = dict(published)
    for stream in ("likes", "default"):
        for path in sorted(data.models("huggingface", stream).glob("page-*.json")):
            for model in json.loads(path.read_text()):
                models.setdefault(model_key(model["id"]), model)
    counts: dict[str, Counter[tuple[str, str | None]]] = {}
    for key, model in models.items():
        roots = {model_key(root) for root in ([model["root"]] if model["root"] else model["roots"])} - {key}
        for root in roots if key != "o/skipped" else ():
            counts.setdefault(root, Counter())[model["relation"], model["format"]] += 1
    return counts


@settings(max_examples=20)
@given(PAGES.filter(bool), PAGES)
def test_the_counts_are_those_of_a_naive_count(default: list[list[Any]], likes: list[list[Any]]) -> None:
    with TemporaryDirectory() as folder:
        workspace = Workspace(DataDir(Path(folder, "data")), Path(folder, "filters.toml"))
        read = catalogue(workspace, default, likes)
        published = {model_key(key.id): model for key, model in read.models.items()}
        expected = naive_counts(workspace.data, published)
        assert read.variants.keys() == read.models.keys()
        for key, rows in read.variants.items():
            counts = {(row["relation"], row["format"]): row["models"] for row in rows}
            assert counts == expected.get(model_key(key.id), {})
            assert [row["models"] for row in rows] == sorted(counts.values(), reverse=True)


def test_the_rows_of_a_page_are_on_disk_beside_its_facets(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> PageRoots:
        raise AssertionError("models were read")

    default = [[hf("p/root"), *(derived(f"o/{index}", "finetune:p/root") for index in range(5))]]
    catalogue(workspace, default, [])
    workspace.filters.write_text(FILTERS.replace('["mit"]', '["mit", "other"]'))  # the columns are kept
    monkeypatch.setattr(facet_files, "roots_of", refuse)
    assert workspace.run("manifests") == 0
    config = load_config(workspace.filters)
    assert variants(read_catalogue(workspace.data, config), "p/root") == [("finetune", None, 5, ["o/0", "o/1", "o/2"])]
    monkeypatch.undo()
    for path in workspace.data.cache("facets").rglob("page-*"):
        path.unlink()
    assert variants(read_catalogue(workspace.data, config), "p/root") == [("finetune", None, 5, ["o/0", "o/1", "o/2"])]


def test_rows_are_as_they_were_written() -> None:
    lineage: dict[str, Any] = {"relation": "merge", "format": None, "roots": []}
    models = [
        {"id": "o/a", **lineage, "root": "O/A"}, {"id": "o/b", **lineage, "root": "o/a"}, {"id": "o/c", **lineage, "root": None},
        {"id": "o/d", **lineage, "root": None, "roots": ["o/a", "O/D", "p/b"], "format": "gguf"}, {"id": 7},
    ]  # fmt: skip
    rows = roots_of(models)
    assert (rows.indexes.tolist(), rows.kinds) == ([1, 3, 3], [Kind("merge", None), Kind("merge", "gguf")])
    assert PageRoots.from_bytes(rows.to_bytes()) == rows
    assert [*roots_of([{"id": "o/a"}]).rows()] == []
