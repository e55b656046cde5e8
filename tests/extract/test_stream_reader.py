"""When a stream ends, and what is on disk before and after."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.core.errors import InvalidDataError, SourceUnavailableError
from etl.core.layout import DataDir
from etl.expressions.evaluator import Evaluator
from etl.extract.credentials import Credentials
from etl.extract.limits import MAX_EMPTY_PAGES, check_page_count, max_pages
from etl.extract.options import ExtractOptions
from etl.extract.pagination import Pagination
from etl.extract.responses import PageResponse
from etl.extract.stream_reader import StreamReader
from etl.selection.sufficiency import Progress
from etl.selection.tally import Tally
from etl.sources.huggingface import SOURCE as API
from etl.storage.json_files import parse_json_body
from etl.storage.ledger import age_s, read_ledger
from etl.storage.partial import JOURNAL, PartialStream
from etl.transform.page import transform_page
from tests.conftest import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source_config import Config
    from etl.storage.json_files import JsonBody

ORIGIN = "http://127.0.0.1:1"
Page = list[dict[str, Any]]


def load_test_config(folder: Path, limit: int, depth: int) -> Config:
    path = folder / "filters.toml"
    path.write_text(FILTERS.replace("limit = 2", f"limit = {limit}").replace("depth = 4", f"depth = {depth}"))
    return load_config(path)


class Harness:
    """A stream of the Hub whose responses a test gives; `clock` counts up."""

    def __init__(self, folder: Path, limit: int = 2, depth: int = 100) -> None:
        self.data = DataDir(folder / "data")
        self.config = load_test_config(folder, limit, depth)
        (self.source,) = self.config.sources
        self.stream = next(stream for stream in self.source.streams if stream.name == "default")
        self.clock = 0

    def now(self) -> str:
        self.clock += 1
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.clock)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def start(self) -> StreamReader:
        def assess(*_: object) -> Callable[[JsonBody, str], Progress]:
            self.tally = Tally(self.source, Evaluator(()), "default")
            return self.assess_page

        options = ExtractOptions(assess, self.config.depth, self.now)
        reader = StreamReader(self.data, self.source, self.stream, Pagination(API, Credentials(ORIGIN, None)), options)
        reader.open()
        return reader

    def assess_page(self, body: JsonBody, fetched_at: str) -> Progress:
        self.tally.add_page(body.value, fetched_at)
        return Progress(self.is_full)

    @property
    def is_full(self) -> bool:
        return all(self.tally.count(filter_.matches) >= filter_.limit for filter_ in self.stream.filters)

    def read(self, *pages: Page, etag: str | None = None) -> StreamReader:
        """Respond with these pages until the stream ends."""
        reader = self.start()
        for number, page in enumerate(pages, 1):
            if reader.next_request is None:
                break
            reader.accept(response(page, f"/api/models?page={number + 1}" if number < len(pages) else None, etag))
        return reader

    @property
    def folder(self) -> Path:
        return self.data.raw("huggingface", "default")

    def files(self) -> dict[str, tuple[bytes, int]]:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.folder.iterdir()}


def raw_response(body: bytes, link: str | None = None, etag: str | None = None) -> PageResponse:
    return PageResponse(parse_json_body(body, "page"), etag, link)


def response(page: Page, link: str | None = None, etag: str | None = None) -> PageResponse:
    return raw_response(json.dumps(page).encode(), link, etag)


def model(name: str, size: str = "small", license: str | None = "apache-2.0") -> dict[str, Any]:  # noqa: A002 -- the field
    return {"id": name, "slug": name, "name": name, "size": size, "license": license}


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path)


FIELDS = st.tuples(st.sampled_from(["small", "large", "unknown"]), st.sampled_from(["apache-2.0", None]))


@given(st.lists(FIELDS, max_size=20), st.integers(1, 4), st.integers(1, 3), st.integers(1, 25))
def test_stream_ends_when_its_manifests_are_full(fields: list[tuple[str, str | None]], size: int, limit: int, depth: int) -> None:
    models = [model(str(number), *values) for number, values in enumerate(fields)]
    pages = [models[start : start + size] for start in range(0, max(1, len(models)), size)]
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), limit, depth)
        reader = harness.read(*pages)
        ledger = read_ledger(harness.data, "huggingface", "default")

    def is_sufficient(count: int) -> bool:
        read = models[: count * size]
        is_full = [sum(filter_.matches(model) for model in read) >= limit for filter_ in harness.stream.filters]
        return all(is_full) or len(read) >= depth or count >= len(pages)

    needed = next(count for count in range(1, len(pages) + 1) if is_sufficient(count))
    assert [page.file for page in ledger.pages] == [f"page-{number:04}.json" for number in range(1, needed + 1)]
    assert (reader.next_request, ledger.complete, ledger.exhausted) == (None, True, needed == len(pages))
    assert needed <= ceil(depth / size)


def test_bodies_are_stored_byte_for_byte_with_their_requests(harness: Harness) -> None:
    reader = harness.start()
    body = b'[ {"id":"o/\\u00e9" , "slug":"s", "name":"n", "size":1e0, "license":null}\n]\n'
    reader.accept(raw_response(body, f"{ORIGIN}/api/models?cursor=x", 'W/"1"'))
    assert not harness.folder.exists()
    assert (harness.folder.with_name(".default") / "page-0001.json").read_bytes() == body
    reader.accept(response([]))
    assert not harness.folder.with_name(".default").exists()
    assert (harness.folder / "page-0001.json").read_bytes() == body
    first, second = read_ledger(harness.data, "huggingface", "default").pages
    assert first.url == API.first_request(harness.stream.params)
    assert first.next == second.url == "/api/models?cursor=x"
    assert second.next is None
    assert (first.etag, first.records, first.bytes) == ('W/"1"', 1, len(body))
    assert first.fetched_at < second.fetched_at


def test_unchanged_responses_update_checked_at_only(harness: Harness) -> None:
    pages = [[model("a")], [model("b", "large")]]
    harness.read(*pages)
    before, old = harness.files(), read_ledger(harness.data, "huggingface", "default")
    assert harness.read(*pages).changed == 0
    after, new = harness.files(), read_ledger(harness.data, "huggingface", "default")
    assert before.pop("stream.json") != after.pop("stream.json")
    assert after == before
    assert new == replace(old, checked_at=new.checked_at)
    assert new.checked_at > old.checked_at


def test_changed_page_is_replaced_and_others_keep_file_and_times(harness: Harness) -> None:
    harness.read([model("a")], [model("b")], [model("c")])
    before, old = harness.files(), read_ledger(harness.data, "huggingface", "default")
    assert harness.read([model("a")], [model("x")]).changed == 1
    after, new = harness.files(), read_ledger(harness.data, "huggingface", "default")
    assert after["page-0001.json"] == before["page-0001.json"]
    assert json.loads(after["page-0002.json"][0]) == [model("x")]
    assert sorted(after) == ["page-0001.json", "page-0002.json", "stream.json"]
    assert new.pages[0].fetched_at == old.pages[0].fetched_at
    assert new.pages[1].fetched_at > old.pages[2].fetched_at


def test_304_keeps_the_page_of_the_etag(harness: Harness) -> None:
    harness.read([model("a")], [model("b")], etag='"1"')
    before = harness.files()
    reader = harness.start()
    assert reader.etag == '"1"'
    reader.accept(PageResponse(None, None, None))
    assert (reader.next_request, reader.etag) == ("/api/models?page=2", '"1"')
    reader.accept(PageResponse(None, '"2"', None))
    assert reader.next_request is None
    after, ledger = harness.files(), read_ledger(harness.data, "huggingface", "default")
    assert [page.etag for page in ledger.pages] == ['"1"', '"2"']
    assert {name: after[name] for name in after if name != "stream.json"} == {
        name: before[name] for name in before if name != "stream.json"
    }


def test_no_etag_for_a_modified_page(harness: Harness) -> None:
    harness.read([model("a")], etag='"1"')
    (harness.folder / "page-0001.json").write_text("[]")
    reader = harness.start()
    assert reader.etag is None
    with pytest.raises(InvalidDataError, match="got a 304 response"):
        reader.accept(PageResponse(None, None, None))
    reader.accept(response([model("a")]))
    assert json.loads((harness.folder / "page-0001.json").read_text()) == [model("a")]


def test_304_without_etag_is_rejected(harness: Harness) -> None:
    harness.read([model("a")], [model("b")], etag='"1"')
    reader = harness.start()
    reader.accept(response([model("a")], "/api/models?page=other"))
    assert reader.etag is None
    with pytest.raises(InvalidDataError, match="a request without an ETag"):
        reader.accept(PageResponse(None, None, None))


def test_consecutive_empty_pages_are_limited(harness: Harness) -> None:
    reader = harness.start()
    for number in range(1, 2 * MAX_EMPTY_PAGES):
        reader.accept(response([] if number % MAX_EMPTY_PAGES else [model("a", "large", None)], f"/api/models?page={number}"))
    with pytest.raises(InvalidDataError, match="the last 50 pages have no records"):
        reader.accept(response([], "/api/models?page=x"))
    reader.accept(response([]))
    assert read_ledger(harness.data, "huggingface", "default").exhausted


@pytest.mark.parametrize("records", [1001, 10**5])
def test_records_of_a_page_are_limited(harness: Harness, records: int) -> None:
    harness.read([model("x")])
    before = harness.files()
    reader = harness.start()
    message = f"the page has {records:,} records (expected at most 1,000 for a page size of 2)"
    with pytest.raises(InvalidDataError, match=re.escape(f"{message}; does the source ignore the page size?")) as error:
        reader.accept(response([model("a")] * records))
    assert harness.tally.models == 0
    reader.fail(error.value)
    after = harness.files()
    assert b'"complete": true' in after.pop("stream.json")[0]
    before.pop("stream.json")
    assert after == before


def test_thousand_records_are_accepted_for_any_page_size(harness: Harness) -> None:
    assert harness.read([model(str(number)) for number in range(1000)]).records == 1000


def test_pages_of_a_stream_are_limited(harness: Harness) -> None:
    reader = harness.start()
    limit = 2 * 100 // 2 + 50
    for number in range(1, limit):
        reader.accept(response([model(f"a{number}", "large", None)] if number % 2 else [], f"/api/models?page={number}"))
    with pytest.raises(InvalidDataError, match=r"150 pages have 75 records \(expected 100 records in at most 2 \* depth"):
        reader.accept(response([], "/api/models?page=x"))
    assert not harness.folder.exists()


def test_resumed_stream_that_exceeds_the_page_limit_at_once_restarts(harness: Harness) -> None:
    reader = harness.start()
    for number in range(1, 150):
        reader.accept(response([model(f"a{number}", "large", None)] if number % 2 else [], f"/api/models?page={number}"))
    for resumed in (0, 149):
        assert reader.resumed == resumed
        with pytest.raises(InvalidDataError, match="150 pages have 75 records") as error:
            reader.accept(response([], "/api/models?page=x"))
        reader.fail(error.value)
        if not resumed:
            assert reader.failed
            reader = harness.start()
    assert (reader.next_request, reader.failed) == (API.first_request(harness.stream.params), None)


@pytest.mark.parametrize("page_size", [500, 1000])
def test_page_limit_follows_the_depth(page_size: int) -> None:
    depth = 3_000_000
    for pages in range(1, depth // page_size + 1):
        check_page_count(pages, pages * page_size, depth, page_size)
    check_page_count(depth // (page_size // 2), depth, depth, page_size)  # half-full pages
    with pytest.raises(InvalidDataError, match=f"{max_pages(depth, page_size):,} pages have 7 records"):
        check_page_count(max_pages(depth, page_size), 7, depth, page_size)


def test_server_that_never_ends_is_stopped_by_the_depth(harness: Harness) -> None:
    reader = harness.start()
    while reader.next_request:
        records = [model("a", "large", None), model("b", "large", None)]  # always the same ones
        reader.accept(response(records, f"/api/models?page={len(reader.pages) + 1}"))
    assert (reader.records, len(reader.pages), reader.exhausted) == (100, 50, False)


def test_stream_may_end_at_the_page_limit(harness: Harness) -> None:
    reader = harness.start()
    for number in range(1, 150):
        reader.accept(response([model(f"a{number}", "large", None)] if number % 2 else [], f"/api/models?page={number}"))
    reader.accept(response([]))
    assert len(read_ledger(harness.data, "huggingface", "default").pages) == 150


def test_failure_keeps_the_pages_and_the_first_failed_at(harness: Harness) -> None:
    harness.read([model("a")])
    before = harness.files()
    reader = harness.start()
    reader.accept(response([model("x")], "/api/models?page=2"))
    times = set()
    for message in ("first", "second"):
        reader.fail(SourceUnavailableError(message))
        assert reader.next_request is None
        times.add(read_ledger(harness.data, "huggingface", "default").failed_at)
        reader = harness.start()
        assert reader.next_request == "/api/models?page=2"
    assert len(times) == 1
    after = harness.files()
    assert after["page-0001.json"] == before["page-0001.json"]
    failed = read_ledger(harness.data, "huggingface", "default")
    assert failed.failed == "second"
    assert failed.complete
    first = failed.failed_at
    assert first is not None
    reader.fail(InvalidDataError("the cursor is rejected"))
    assert (reader.next_request, reader.failed) == (API.first_request(harness.stream.params), None)
    reader.accept(response([model("a")]))
    succeeded = read_ledger(harness.data, "huggingface", "default")
    assert (succeeded.failed_at, succeeded.failed) == (None, None)
    assert succeeded.pages[0].fetched_at < first


def read_partially(harness: Harness) -> Path:
    reader = harness.start()
    reader.accept(response([model("a")], "/api/models?page=2"))
    reader.accept(response([model("b")], "/api/models?page=3"))
    return harness.folder.with_name(".default")


def test_partial_stream_is_resumed(harness: Harness) -> None:
    read_partially(harness)
    reader = harness.start()
    assert (reader.next_request, reader.resumed, reader.records) == ("/api/models?page=3", 2, 2)
    assert harness.tally.models == 2
    reader.accept(response([model("c", "large")]))
    assert [json.loads((harness.folder / page.file).read_text())[0]["id"] for page in reader.pages] == ["a", "b", "c"]


def test_partial_stream_resumes_at_its_first_corrupted_page(harness: Harness) -> None:
    (read_partially(harness) / "page-0002.json").write_text("[")
    assert harness.start().next_request == "/api/models?page=2"


@pytest.mark.parametrize(("checked_at", "kept"), [("2026-01-01T00:00:00.000Z", "a"), ("2026-01-01T00:00:50.000Z", "x")])
def test_complete_partial_stream_is_swapped_in_only_if_newer(harness: Harness, checked_at: str, kept: str) -> None:
    harness.read([model("x")])
    partial = Path(shutil.copytree(harness.folder, harness.folder.with_name(".kept")))
    harness.read([model("a")])
    partial = partial.rename(harness.folder.with_name(".default"))
    values = json.loads((partial / "stream.json").read_text())
    (partial / "stream.json").write_text(json.dumps(values | {"checked_at": checked_at}))
    harness.start()
    assert json.loads((harness.folder / "page-0001.json").read_text())[0]["id"] == kept
    assert not partial.exists()


def to_earlier_version(partial: Path) -> Path:
    """Replace the journal of a partial stream by what earlier versions wrote, an incomplete ledger; return that."""
    lines = [json.loads(line) for line in (partial / JOURNAL).read_text().splitlines()]
    ledger = {"checked_at": lines[-1]["checked_at"], "complete": False, "exhausted": False}
    (partial / JOURNAL).unlink()
    (partial / "stream.json").write_text(json.dumps({"pages": [line["page"] for line in lines], **ledger}))
    return partial / "stream.json"


def test_journal_has_a_line_for_each_page(harness: Harness) -> None:
    partial = read_partially(harness)
    lines = [json.loads(line) for line in (partial / JOURNAL).read_text().splitlines()]
    assert sorted(path.name for path in partial.iterdir()) == ["page-0001.json", "page-0002.json", JOURNAL]
    assert [line["page"]["file"] for line in lines] == ["page-0001.json", "page-0002.json"]
    assert [line["checked_at"] > line["page"]["fetched_at"] for line in lines] == [True, True]
    harness.start().accept(response([]))
    assert sorted(harness.files()) == ["page-0001.json", "page-0002.json", "page-0003.json", "stream.json"]
    assert not partial.exists()


@pytest.mark.parametrize("torn", [b"{", b'{"checked_at":"2026', b"\0\0\0", "whole line"])
def test_torn_last_line_counts_as_not_written(harness: Harness, torn: bytes | str) -> None:
    journal = read_partially(harness) / JOURNAL
    content = journal.read_bytes()
    journal.write_bytes(content[:-1] if isinstance(torn, str) else content + torn)
    reader = harness.start()
    number = 2 if isinstance(torn, str) else 3
    assert (reader.next_request, reader.resumed) == (f"/api/models?page={number}", number - 1)
    reader.accept(response([model("b")], "/api/models?page=9"))  # the next line is not appended to the torn one
    assert (harness.start().next_request, len(journal.read_bytes().splitlines())) == ("/api/models?page=9", number)


@pytest.mark.parametrize(
    "fault", ["not JSON", "not an object", "no page", "a page of another shape", "twice", "bad time", "empty"]
)
def test_invalid_journal_restarts_the_stream(harness: Harness, fault: str) -> None:
    journal = read_partially(harness) / JOURNAL
    first, last = journal.read_bytes().splitlines(keepends=True)
    value = json.loads(last)
    lines = {
        "not JSON": [b"{\n", last],
        "not an object": [first, b"[]\n"],
        "no page": [first, b'{"checked_at":"2026-01-01T00:00:00.000Z"}\n'],
        "a page of another shape": [first, json.dumps(value | {"page": value["page"] | {"sha256": 1}}).encode() + b"\n"],
        "twice": [first, first],
        "bad time": [first, json.dumps(value | {"checked_at": "noon"}).encode() + b"\n"],
        "empty": [],
    }
    journal.write_bytes(b"".join(lines[fault]))
    reader = harness.start()
    assert (reader.next_request, reader.resumed) == (API.first_request(harness.stream.params), 0)
    assert not journal.parent.exists()


@pytest.mark.parametrize("fault", ["old", "other request", "no ledger"])
@pytest.mark.parametrize("is_earlier_version", [False, True])
def test_partial_stream_that_cannot_be_resumed_is_removed(harness: Harness, fault: str, *, is_earlier_version: bool) -> None:
    partial = read_partially(harness)
    path = to_earlier_version(partial) if is_earlier_version else partial / JOURNAL
    text = path.read_text()
    if fault == "old":
        text = re.sub(r'"checked_at": ?"[^"]+"', '"checked_at":"2025-12-31T17:59:00.000Z"', text)
    elif fault == "other request":
        text = text.replace(API.first_request(harness.stream.params), "/api/models?limit=3")
    assert (text != path.read_text()) == (fault != "no ledger")
    path.write_text(text if fault != "no ledger" else "")
    assert harness.start().next_request == API.first_request(harness.stream.params)
    assert not partial.exists()


def test_partial_stream_of_an_earlier_version_is_resumed(harness: Harness) -> None:
    ledger = to_earlier_version(read_partially(harness))
    for expected in (3, 4):
        reader = harness.start()
        assert (reader.next_request, reader.resumed) == (f"/api/models?page={expected}", expected - 1)
        assert not ledger.exists()
        reader.accept(response([model(f"x{expected}", "large")], f"/api/models?page={expected + 1}"))
    harness.start().accept(response([model("y")]))
    assert [page.file for page in read_ledger(harness.data, "huggingface", "default").pages] == sorted(harness.files())[:-1]


def test_journal_outranks_the_ledger_that_it_replaces(harness: Harness) -> None:
    partial = read_partially(harness)
    journal = (partial / JOURNAL).read_bytes()
    ledger = to_earlier_version(partial)
    value = json.loads(ledger.read_text())
    ledger.write_text(json.dumps(value | {"pages": value["pages"][:1]}))
    (partial / JOURNAL).write_bytes(journal)
    assert harness.start().resumed == 2
    assert not ledger.exists()


def test_journal_is_appended_to_and_never_rewritten(harness: Harness) -> None:
    reader = harness.start()
    inodes: set[int] = set()
    grown: list[int] = []
    for number in range(1, 30):
        reader.accept(response([model(f"a{number:02}", "large", None)], f"/api/models?page={number + 11}"))
        path = harness.folder.with_name(".default") / JOURNAL
        inodes.add(path.stat().st_ino)
        grown.append(path.stat().st_size - sum(grown))
        assert sum(1 for _ in path.parent.iterdir()) == number + 1
    assert (len(inodes), len(set(grown[1:]))) == (1, 1)


def test_age_of_a_partial_stream_counts_from_its_last_page(harness: Harness) -> None:
    reader = harness.start()
    for number in range(1, 60):
        harness.clock += 600
        reader.accept(response([model(f"a{number}", "large", None)], f"/api/models?page={number + 1}"))
        if number == 37:
            reader = harness.start()
            assert reader.resumed == 37
    harness.clock += 6 * 3600 - 10
    reader = harness.start()
    assert (reader.next_request, reader.resumed) == ("/api/models?page=60", 59)
    assert age_s(reader.pages[0].fetched_at, harness.now()) > 15 * 3600
    harness.clock += 10
    assert harness.start().resumed == 0


def test_pages_beyond_the_depth_of_today_are_not_published(harness: Harness) -> None:
    reader = harness.start()
    for number in range(1, 6):
        reader.accept(response([model(f"a{number}", "large", None)], f"/api/models?page={number + 1}"))
    harness.config = replace(harness.config, depth=3)
    assert harness.start().resumed == 3
    assert sorted(harness.files()) == ["page-0001.json", "page-0002.json", "page-0003.json", "stream.json"]


def test_swap_that_was_interrupted_publishes_no_journal(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    read_partially(harness)
    with monkeypatch.context() as patch:
        patch.setattr(PartialStream, "tidy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            harness.start().accept(response([]))
    assert (harness.folder.with_name(".default") / JOURNAL).exists()
    harness.start()
    assert sorted(harness.files()) == ["page-0001.json", "page-0002.json", "page-0003.json", "stream.json"]


def test_invalid_page_does_not_lose_those_before_it(harness: Harness) -> None:
    for run in ("first", "second"):
        reader = harness.start()
        if run == "first":
            reader.accept(response([model("a")], "/api/models?page=2"))
            reader.accept(response([model("b")], "/api/models?page=3"))
        reader.fail(InvalidDataError("truncated JSON"))
        if run == "first":
            assert (reader.next_request, str(reader.failed)) == (None, "truncated JSON")
            assert harness.start().next_request == "/api/models?page=3"
        else:  # nothing came since it resumed: the source refuses to continue
            assert (reader.next_request, reader.failed) == (API.first_request(harness.stream.params), None)
            assert not harness.folder.with_name(".default").exists()


@pytest.mark.parametrize(
    ("body", "link", "message"),
    [
        (b'{"error": "x"}', None, "is not a page of records"),
        (b"[]", "/api/models?page=1", "was fetched before"),
        (b"[]", "https://127.0.0.1:2/api/models?page=1", "was fetched before"),
        (b"[]", "/api/datasets?page=3", "has another path"),
        (b"[]", "http://127.0.0.1:x/api/models?page=3", "has another path"),
    ],
)
def test_invalid_page_is_rejected_and_replaces_nothing(harness: Harness, body: bytes, link: str | None, message: str) -> None:
    reader = harness.start()
    reader.accept(response([model("a")], "/api/models?page=1"))
    with pytest.raises(InvalidDataError, match=message):
        reader.accept(raw_response(body, link))
    assert not harness.folder.exists()


def test_invalid_ledger_is_replaced(harness: Harness) -> None:
    harness.read([model("a")])
    harness.data.ledger("huggingface", "default").write_text("{}")
    assert harness.read([model("a")]).changed == 1
    assert read_ledger(harness.data, "huggingface", "default").complete


@pytest.mark.parametrize("time", ["", "noon", "2026-01-01", "2026-13-01T00:00:00.000Z"])
def test_age_of_an_invalid_time_is_infinite(time: str) -> None:
    assert age_s(time, "2026-01-01T00:00:00.000Z") == inf


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "tags", "private", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON | st.lists(JSON, max_size=4))
def test_any_json_is_a_page_or_rejected(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder))

        def assess_page(body: JsonBody, fetched_at: str) -> Progress:
            harness.tally.add_page(transform_page(API, body, "the response").models, fetched_at)
            return Progress(harness.is_full)

        harness.assess_page = assess_page  # type: ignore[method-assign]
        try:
            harness.start().accept(raw_response(json.dumps(value).encode()))
        except InvalidDataError:
            assert not harness.folder.exists()
        else:
            assert isinstance(value, list)
            assert json.loads((harness.folder / "page-0001.json").read_text()) == value
