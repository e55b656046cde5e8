"""The second reading of raw pages: few records are kept, equal hashes change nothing, workers read what one process reads."""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from etl import pipeline
from etl.transform.workers import start_processes
from etl.verify import missing, raw_checks, raw_pages, raw_streams, safety, use
from etl.verify.spellings import Spellings
from tests.conftest import Workspace, civitai, hf
from tests.verify.audit import config_of, option, published, read_raw, read_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.transform.workers import Workers

SMALL = option("size", "small", "small")
LATER = "2026-01-02T00:00:00.000Z"


def use_hash(monkeypatch: pytest.MonkeyPatch, hash_: Callable[[str], int]) -> None:
    monkeypatch.setattr(raw_pages, "hash_texts", lambda texts: array("Q", map(hash_, texts)))
    for module in (missing, raw_streams, use):
        monkeypatch.setattr(module, "digest", hash_)


def few_hashes(text: str) -> int:
    return sum(map(ord, text)) % 3


@pytest.fixture
def colliding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give most ids the hash of another id."""
    use_hash(monkeypatch, few_hashes)


def write(workspace: Workspace, stream: str, *pages: list[Any], sort: str = "downloads", **ledger: Any) -> None:
    workspace.write_stream("huggingface", stream, *pages, asks={"sort": sort}, **ledger)


def test_records_of_listed_models_and_of_several_spellings_are_kept_and_no_others(workspace: Workspace) -> None:
    write(workspace, "default", [hf(f"o/{n}") for n in range(300)], [hf("o/A"), hf("o/7"), hf("o/b")])
    write(workspace, "likes", [hf("o/a"), hf("o/c")], sort="likes")
    streams = read_streams(workspace, "huggingface", "o/7")
    default, likes = streams["huggingface", "default"], streams["huggingface", "likes"]
    assert {key: [record.position for record in own] for key, own in default.records.items()} == {"o/7": [7, 301], "o/a": [300]}
    assert {key: [record.id for record in own] for key, own in likes.records.items()} == {"o/a": ["o/a"]}
    assert (default.record_count, likes.record_count) == (303, 2)
    assert [record.where.rpartition("/")[2] for record in default.records["o/7"]] == [
        "page-0001.json: $[7]",
        "page-0002.json: $[1]",
    ]


def test_positions_count_records_that_are_objects_and_paths_count_all(workspace: Workspace) -> None:
    write(workspace, "default", [None, hf("o/a")], [], ["x", 7, hf("o/b"), hf("o/b")])
    records = read_streams(workspace, "huggingface", "o/b")["huggingface", "default"].records["o/b"]
    assert [(record.position, record.where.rpartition(": ")[2]) for record in records] == [(1, "$[2]"), (2, "$[3]")]


@pytest.mark.usefixtures("colliding")
def test_a_record_of_another_id_with_the_same_hash_forbids_nothing(workspace: Workspace) -> None:
    ids = [f"o/{n}" for n in range(9)]
    write(
        workspace,
        "default",
        [hf(id_) for id_ in ids],
        [hf("x/y", private=True), hf("x/z", private=True), hf("o/v", private=True)],
    )
    config = config_of("huggingface", SMALL)
    raw = read_raw(workspace, config, *ids)
    check = safety.check_safety(published(config, workspace.data.manifests, ids), raw.streams, {})
    assert (check.problems, check.notes) == ([], ["huggingface/default: the API's own filter let through 3 private"])
    assert {*raw.streams["huggingface", "default"].records} == {*ids}
    assert raw_checks.check_order(published(config, workspace.data.manifests, ids), raw, {}).problems == []


@pytest.mark.usefixtures("colliding")
def test_a_problem_is_found_among_equal_hashes(workspace: Workspace) -> None:
    ids = [f"o/{n}" for n in range(6)]
    write(workspace, "default", [hf(id_) for id_ in ids])
    write(workspace, "likes", [hf("O/4", private=True), hf("x/y")], fetched_at=LATER, sort="likes")
    config = config_of("huggingface", SMALL, option("sort", "likes", sort="likes"))
    files = published(config, workspace.data.manifests, ids, [])
    check = safety.check_safety(files, read_raw(workspace, config, *ids).streams, {})
    (problem,) = check.problems
    assert "$.models[4]: o/4 is private in stream likes" in problem
    assert check.notes[-1] == "huggingface: O/4 is also spelled o/4; the record fetched last counts"


@pytest.mark.usefixtures("colliding")
def test_equal_hashes_of_different_ids_are_no_spellings(workspace: Workspace) -> None:
    write(workspace, "default", [hf(f"{'oO'[n % 2]}/{n}") for n in range(99)])
    config = config_of("huggingface", SMALL)
    raw = read_raw(workspace, config)
    assert raw.streams["huggingface", "default"].records == {}
    assert safety.check_safety(published(config, workspace.data.manifests, []), raw.streams, {}).notes == []


def test_the_pages_of_hashes_are_found_beside_empty_pages() -> None:
    spellings = Spellings()
    for keys, own in (([], []), ([1, 2], [1, 5]), ([], []), ([2, 257], [6, 257]), ([1], [1]), ([], [])):
        spellings.add_page(array("Q", keys), array("Q", own))
    assert spellings.find_several() == {2}
    assert spellings.pages_of({2}) == [1, 3]
    assert spellings.pages_of({1, 257}) == [1, 3, 4]


def test_the_first_record_out_of_order_is_found_within_a_page_and_at_its_start(workspace: Workspace) -> None:
    firsts = []
    counts: list[list[list[int | None]]] = [[[9, 8], [None, 8, 7], [500, 1]], [[9, 8], [7, 600, 5], [900]], [[9], [], [8, 7]]]
    for pages in counts:
        write(workspace, "default", *([hf("o/a", downloads=count) for count in page] for page in pages))
        order = read_streams(workspace, "huggingface")["huggingface", "default"].order
        firsts.append((order.ranked, order.first.rpartition("/")[2]))
    assert firsts == [(6, "page-0003.json: $[0]"), (6, "page-0002.json: $[1]"), (3, "")]


def test_unrequested_records_are_counted_over_pages(workspace: Workspace) -> None:
    loras = [civitai(n, type="LORA") for n in range(3)]
    workspace.write_stream("civitai", "loras", loras, [civitai(7), loras[0]], [civitai(8)], asks={"types": ["LORA"]})
    stream = read_streams(workspace, "civitai")["civitai", "loras"]
    assert (stream.unrequested, stream.first_unrequested.rpartition("/")[2]) == (2, "page-0002.json: $.items[0]")


def test_workers_read_what_one_process_reads(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [[hf(f"o/{page}-{n}", private=n == 3, downloads=n) for n in range(20)] for page in range(9)]
    write(workspace, "default", *pages, [hf("O/0-0")])
    (workspace.data.raw("huggingface", "default") / "page-0004.json").write_text("<html>")
    serial = read_streams(workspace, "huggingface", "o/0-1", "o/8-3")
    assert serial["huggingface", "default"].has_read_errors
    started = []

    @contextmanager
    def start_two(_size_bytes: int) -> Iterator[Workers]:
        with start_processes(2, 10**9) as workers:
            started.append(workers.concurrency)
            yield workers

    monkeypatch.setattr(pipeline, "start_readers", start_two)
    assert read_streams(workspace, "huggingface", "o/0-1", "o/8-3") == serial
    assert set(started) == {2}
