"""When a stream ends, and what is on disk before and after."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import replace
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
from etl.extract.limits import MAX_EMPTY_PAGES
from etl.extract.options import ExtractOptions
from etl.extract.pagination import Pagination
from etl.extract.responses import PageResponse
from etl.extract.stream_reader import StreamReader
from etl.selection.selection import Selection
from etl.selection.sufficiency import Progress
from etl.sources.huggingface import SOURCE as API
from etl.storage.json_files import parse_json_body
from etl.storage.ledger import age_s, read_ledger
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
        return f"2026-01-01T00:{self.clock // 60:02}:{self.clock % 60:02}.000Z"

    def start(self) -> StreamReader:
        def assess(*_: object) -> Callable[[JsonBody, str], Progress]:
            self.selection = Selection(self.source, Evaluator(()))
            return self.assess_page

        options = ExtractOptions(assess, self.config.depth, self.now)
        reader = StreamReader(self.data, self.source, self.stream, Pagination(API, Credentials(ORIGIN, None)), options)
        reader.open()
        return reader

    def assess_page(self, body: JsonBody, fetched_at: str) -> Progress:
        self.selection.add_page(body.value, fetched_at)
        return Progress(self.is_full)

    @property
    def is_full(self) -> bool:
        return self.selection.is_full(self.stream.filters)

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
    assert harness.selection.models == []
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
    assert [model.id for model in harness.selection.models] == ["a", "b"]
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


@pytest.mark.parametrize("fault", ["old", "other request", "no ledger"])
def test_partial_stream_that_cannot_be_resumed_is_removed(harness: Harness, fault: str) -> None:
    ledger = read_partially(harness) / "stream.json"
    values = json.loads(ledger.read_text())
    if fault == "old":
        values["checked_at"] = "2025-12-31T17:59:00.000Z"
    elif fault == "other request":
        values["pages"][0]["url"] = "/api/models?limit=3"
    ledger.write_text(json.dumps(values) if fault != "no ledger" else "")
    assert harness.start().next_request == API.first_request(harness.stream.params)
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
            harness.selection.add_page(transform_page(API, body, "the response").models, fetched_at)
            return Progress(harness.is_full)

        harness.assess_page = assess_page  # type: ignore[method-assign]
        try:
            harness.start().accept(raw_response(json.dumps(value).encode()))
        except InvalidDataError:
            assert not harness.folder.exists()
        else:
            assert isinstance(value, list)
            assert json.loads((harness.folder / "page-0001.json").read_text()) == value
