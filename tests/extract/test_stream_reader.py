"""How far a stream is read, and what is on disk at every moment."""

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
import requests
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.core.errors import InvalidDataError, SourceUnavailableError
from etl.core.layout import DataDir
from etl.extract.credentials import Credentials
from etl.extract.http_client import Client
from etl.extract.responses import PageResponse
from etl.extract.stream_reader import MAX_EMPTY_PAGES, ExtractOptions, StreamReader
from etl.selection.selection import Selection
from etl.selection.sufficiency import Progress
from etl.sources.huggingface import SOURCE as API
from etl.storage.ledger import age_s, read_ledger
from etl.transform.page import transform_page
from tests.conftest import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.model import Config

ORIGIN = "http://127.0.0.1:1"
Page = list[dict[str, Any]]


def filters_in(folder: Path, limit: int, depth: int) -> Config:
    path = folder / "filters.toml"
    path.write_text(FILTERS.replace("limit = 2", f"limit = {limit}").replace("depth = 4", f"depth = {depth}"))
    return load_config(path)


class Desk:
    """A stream of the Hub that is answered by hand; `clock` counts up."""

    def __init__(self, folder: Path, limit: int = 2, depth: int = 100) -> None:
        self.data = DataDir(folder / "data")
        self.filters = filters_in(folder, limit, depth)
        (self.source,) = self.filters.sources
        self.stream = next(each for each in self.source.streams if each.name == "default")
        self.clock = 0

    def now(self) -> str:
        self.clock += 1
        return f"2026-01-01T00:{self.clock // 60:02}:{self.clock % 60:02}.000Z"

    def start(self) -> StreamReader:
        def judge(*_: object) -> Callable[[bytes], Progress]:
            self.selection = Selection(self.source)
            return self.judged

        client = Client(requests.Session(), API, Credentials(ORIGIN, None), self.source.rate, 10**6)
        reading = StreamReader(self.data, self.source, self.stream, client, ExtractOptions(judge, self.filters.depth, self.now))
        reading.begin()
        return reading

    def judged(self, body: bytes) -> Progress:
        self.selection.add_page(json.loads(body))
        return Progress(self.is_full)

    @property
    def is_full(self) -> bool:
        return self.selection.is_full(self.stream.filters, self.filters.limit)

    def read(self, *pages: Page, etag: str | None = None) -> StreamReader:
        """Answer with these pages until the reading ends."""
        reading = self.start()
        for number, page in enumerate(pages, 1):
            if reading.target is None:
                break
            reading.take(answer(page, f"/api/models?page={number + 1}" if number < len(pages) else None, etag))
        return reading

    @property
    def folder(self) -> Path:
        return self.data.raw("huggingface", "default")

    def files(self) -> dict[str, tuple[bytes, int]]:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.folder.iterdir()}


def raw(body: bytes, link: str | None = None, etag: str | None = None) -> PageResponse:
    return PageResponse(body, json.loads(body), etag, link)


def answer(page: Page, link: str | None = None, etag: str | None = None) -> PageResponse:
    return raw(json.dumps(page).encode(), link, etag)


def model(name: str, size: str = "small", license: str | None = "apache-2.0") -> dict[str, Any]:  # noqa: A002  the field
    return {"id": name, "slug": name, "name": name, "size": size, "license": license}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


FIELDS = st.tuples(st.sampled_from(["small", "large", "unknown"]), st.sampled_from(["apache-2.0", None]))


@given(st.lists(FIELDS, max_size=20), st.integers(1, 4), st.integers(1, 3), st.integers(1, 25))
def test_a_stream_is_read_as_far_as_its_manifests_need_and_no_further(
    told: list[tuple[str, str | None]], size: int, limit: int, depth: int
) -> None:
    models = [model(str(number), *fields) for number, fields in enumerate(told)]
    pages = [models[start : start + size] for start in range(0, max(1, len(models)), size)]
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), limit, depth)
        reading = desk.read(*pages)
        ledger = read_ledger(desk.data, "huggingface", "default")

    def is_sufficient(count: int) -> bool:
        first = models[: count * size]
        kept = [sum(each.matches(model) for model in first) >= limit for each in desk.stream.filters]
        return all(kept) or len(first) >= depth or count >= len(pages)

    needed = next(count for count in range(1, len(pages) + 1) if is_sufficient(count))
    assert [page.file for page in ledger.pages] == [f"page-{number:04}.json" for number in range(1, needed + 1)]
    assert (reading.target, ledger.complete, ledger.exhausted) == (None, True, needed == len(pages))
    assert needed <= ceil(depth / size)


def test_bodies_are_kept_byte_for_byte_and_the_ledger_says_what_was_asked(desk: Desk) -> None:
    reading = desk.start()
    body = b'[ {"id":"o/\\u00e9" , "slug":"s", "name":"n", "size":1e0, "license":null}\n]\n'
    reading.take(raw(body, f"{ORIGIN}/api/models?cursor=x", 'W/"1"'))
    assert not desk.folder.exists()
    assert (desk.folder.with_name(".default") / "page-0001.json").read_bytes() == body
    reading.take(answer([]))
    assert not desk.folder.with_name(".default").exists()
    assert (desk.folder / "page-0001.json").read_bytes() == body
    first, second = read_ledger(desk.data, "huggingface", "default").pages
    assert first.url == API.first_request(desk.stream.params)
    assert first.next == second.url == "/api/models?cursor=x"
    assert second.next is None
    assert (first.etag, first.records, first.bytes) == ('W/"1"', 1, len(body))
    assert first.fetched_at < second.fetched_at


def test_equal_answers_leave_the_files_alone_and_say_when_they_were_checked(desk: Desk) -> None:
    pages = [[model("a")], [model("b", "large")]]
    desk.read(*pages)
    before, old = desk.files(), read_ledger(desk.data, "huggingface", "default")
    assert desk.read(*pages).changed == 0
    after, new = desk.files(), read_ledger(desk.data, "huggingface", "default")
    assert before.pop("stream.json") != after.pop("stream.json")
    assert after == before
    assert new == replace(old, checked_at=new.checked_at)
    assert new.checked_at > old.checked_at


def test_a_changed_page_is_replaced_and_its_neighbours_keep_file_time_and_date(desk: Desk) -> None:
    desk.read([model("a")], [model("b")], [model("c")])
    before, old = desk.files(), read_ledger(desk.data, "huggingface", "default")
    assert desk.read([model("a")], [model("x")]).changed == 1
    after, new = desk.files(), read_ledger(desk.data, "huggingface", "default")
    assert after["page-0001.json"] == before["page-0001.json"]
    assert json.loads(after["page-0002.json"][0]) == [model("x")]
    assert sorted(after) == ["page-0001.json", "page-0002.json", "stream.json"]
    assert new.pages[0].fetched_at == old.pages[0].fetched_at
    assert new.pages[1].fetched_at > old.pages[2].fetched_at


def test_a_tag_is_sent_along_and_not_modified_keeps_the_page(desk: Desk) -> None:
    desk.read([model("a")], [model("b")], etag='"1"')
    before = desk.files()
    reading = desk.start()
    assert reading.etag == '"1"'
    reading.take(PageResponse(None, None, None, None))
    assert (reading.target, reading.etag) == ("/api/models?page=2", '"1"')
    reading.take(PageResponse(None, None, '"2"', None))
    assert reading.target is None
    after, ledger = desk.files(), read_ledger(desk.data, "huggingface", "default")
    assert [page.etag for page in ledger.pages] == ['"1"', '"2"']
    assert {name: after[name] for name in after if name != "stream.json"} == {
        name: before[name] for name in before if name != "stream.json"
    }


def test_no_tag_is_sent_for_a_page_that_is_not_what_came(desk: Desk) -> None:
    desk.read([model("a")], etag='"1"')
    (desk.folder / "page-0001.json").write_text("[]")
    reading = desk.start()
    assert reading.etag is None
    with pytest.raises(InvalidDataError, match="304"):
        reading.take(PageResponse(None, None, None, None))
    reading.take(answer([model("a")]))
    assert json.loads((desk.folder / "page-0001.json").read_text()) == [model("a")]


def test_not_modified_keeps_no_page_of_another_request(desk: Desk) -> None:
    desk.read([model("a")], [model("b")], etag='"1"')
    reading = desk.start()
    reading.take(answer([model("a")], "/api/models?page=other"))
    assert reading.etag is None
    with pytest.raises(InvalidDataError, match="told of no page on disk"):
        reading.take(PageResponse(None, None, None, None))


def test_empty_pages_without_end_are_given_up(desk: Desk) -> None:
    reading = desk.start()
    for number in range(1, 2 * MAX_EMPTY_PAGES):
        reading.take(answer([] if number % MAX_EMPTY_PAGES else [model("a", "large", None)], f"/api/models?page={number}"))
    with pytest.raises(InvalidDataError, match="the last 50 pages hold no record"):
        reading.take(answer([], "/api/models?page=x"))
    reading.take(answer([]))
    assert read_ledger(desk.data, "huggingface", "default").exhausted


@pytest.mark.parametrize("records", [1001, 10**5])
def test_a_page_of_far_more_records_than_were_asked_is_refused_before_they_are_looked_at(desk: Desk, records: int) -> None:
    desk.read([model("x")])
    before = desk.files()
    reading = desk.start()
    told = f"the page has {records:,} records (expected at most 1,000, for 2 were asked)"
    with pytest.raises(InvalidDataError, match=re.escape(f"{told}; does the source ignore the size of a page?")) as error:
        reading.take(answer([model("a")] * records))
    assert desk.selection.models == []
    reading.fail(error.value)
    after = desk.files()
    assert b'"complete": true' in after.pop("stream.json")[0]
    before.pop("stream.json")
    assert after == before


def test_a_page_of_a_thousand_records_is_kept_whatever_was_asked(desk: Desk) -> None:
    assert desk.read([model(str(number)) for number in range(1000)]).records == 1000


def test_pages_of_a_record_without_end_are_given_up(desk: Desk) -> None:
    reading = desk.start()
    most = 2 * 100 // 2 + 50
    for number in range(1, most):
        reading.take(answer([model(f"a{number}", "large", None)] if number % 2 else [], f"/api/models?page={number}"))
    with pytest.raises(
        InvalidDataError, match=r"150 pages have 75 records, and there is a next \(expected 100 records in at most 2 \* depth"
    ):
        reading.take(answer([], "/api/models?page=x"))
    assert not desk.folder.exists()


def test_the_last_page_that_a_stream_may_have_may_end_it(desk: Desk) -> None:
    reading = desk.start()
    for number in range(1, 150):
        reading.take(answer([model(f"a{number}", "large", None)] if number % 2 else [], f"/api/models?page={number}"))
    reading.take(answer([]))
    assert len(read_ledger(desk.data, "huggingface", "default").pages) == 150


def test_a_failure_keeps_what_was_there_and_the_time_of_the_first(desk: Desk) -> None:
    desk.read([model("a")])
    before = desk.files()
    reading = desk.start()
    reading.take(answer([model("x")], "/api/models?page=2"))
    times = set()
    for why in ("first", "second"):
        reading.fail(SourceUnavailableError(why))
        assert reading.target is None
        times.add(read_ledger(desk.data, "huggingface", "default").failed_at)
        reading = desk.start()
        assert reading.target == "/api/models?page=2"
    assert len(times) == 1
    after = desk.files()
    assert after["page-0001.json"] == before["page-0001.json"]
    failed = read_ledger(desk.data, "huggingface", "default")
    assert failed.failed == "second"
    assert failed.complete
    first = failed.failed_at
    assert first is not None
    reading.fail(InvalidDataError("the cursor is refused"))
    assert (reading.target, reading.failed) == (API.first_request(desk.stream.params), None)
    reading.take(answer([model("a")]))
    mended = read_ledger(desk.data, "huggingface", "default")
    assert (mended.failed_at, mended.failed) == (None, None)
    assert mended.pages[0].fetched_at < first


def half_read(desk: Desk) -> Path:
    reading = desk.start()
    reading.take(answer([model("a")], "/api/models?page=2"))
    reading.take(answer([model("b")], "/api/models?page=3"))
    return desk.folder.with_name(".default")


def test_a_stream_half_read_goes_on_with_what_it_has(desk: Desk) -> None:
    half_read(desk)
    reading = desk.start()
    assert (reading.target, reading.resumed, reading.records) == ("/api/models?page=3", 2, 2)
    assert [model.id for model in desk.selection.models] == ["a", "b"]
    reading.take(answer([model("c", "large")]))
    assert [json.loads((desk.folder / page.file).read_text())[0]["id"] for page in reading.pages] == ["a", "b", "c"]


def test_what_was_half_read_goes_on_from_its_first_page_that_is_not_whole(desk: Desk) -> None:
    (half_read(desk) / "page-0002.json").write_text("[")
    assert desk.start().target == "/api/models?page=2"


@pytest.mark.parametrize(("checked_at", "kept"), [("2026-01-01T00:00:00.000Z", "a"), ("2026-01-01T00:00:50.000Z", "x")])
def test_a_whole_stream_that_lies_beside_takes_its_place_only_if_it_is_newer(desk: Desk, checked_at: str, kept: str) -> None:
    desk.read([model("x")])
    beside = Path(shutil.copytree(desk.folder, desk.folder.with_name(".kept")))
    desk.read([model("a")])
    beside = beside.rename(desk.folder.with_name(".default"))
    told = json.loads((beside / "stream.json").read_text())
    (beside / "stream.json").write_text(json.dumps(told | {"checked_at": checked_at}))
    desk.start()
    assert json.loads((desk.folder / "page-0001.json").read_text())[0]["id"] == kept
    assert not beside.exists()


@pytest.mark.parametrize("spoil", ["old", "other request", "no ledger"])
def test_what_was_half_read_is_forgotten_where_it_cannot_go_on(desk: Desk, spoil: str) -> None:
    ledger = half_read(desk) / "stream.json"
    told = json.loads(ledger.read_text())
    if spoil == "old":
        told["checked_at"] = "2025-12-31T17:59:00.000Z"
    elif spoil == "other request":
        told["pages"][0]["url"] = "/api/models?limit=3"
    ledger.write_text(json.dumps(told) if spoil != "no ledger" else "")
    assert desk.start().target == API.first_request(desk.stream.params)
    assert not desk.folder.with_name(".default").exists()


@pytest.mark.parametrize(
    ("body", "link", "words"),
    [
        (b'{"error": "x"}', None, "has not the shape of a page"),
        (b"[]", "/api/models?page=1", "is one already read"),
        (b"[]", "https://127.0.0.1:2/api/models?page=1", "is one already read"),
        (b"[]", "/api/datasets?page=3", "is elsewhere"),
        (b"[]", "http://127.0.0.1:x/api/models?page=3", "is elsewhere"),
    ],
)
def test_what_is_no_page_is_refused_and_nothing_is_replaced(desk: Desk, body: bytes, link: str | None, words: str) -> None:
    reading = desk.start()
    reading.take(answer([model("a")], "/api/models?page=1"))
    with pytest.raises(InvalidDataError, match=words):
        reading.take(raw(body, link))
    assert not desk.folder.exists()


def test_a_ledger_that_breaks_its_contract_is_read_anew(desk: Desk) -> None:
    desk.read([model("a")])
    desk.data.ledger("huggingface", "default").write_text("{}")
    assert desk.read([model("a")]).changed == 1
    assert read_ledger(desk.data, "huggingface", "default").complete


@pytest.mark.parametrize("then", ["", "noon", "2026-01-01", "2026-13-01T00:00:00.000Z"])
def test_what_is_no_time_is_long_ago(then: str) -> None:
    assert age_s(then, "2026-01-01T00:00:00.000Z") == inf


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "tags", "private", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON | st.lists(JSON, max_size=4))
def test_any_json_is_a_page_or_refused(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))

        def judged(body: bytes) -> Progress:
            desk.selection.add_page(transform_page(API, body, "the answer").models)
            return Progress(desk.is_full)

        desk.judged = judged  # type: ignore[method-assign]
        try:
            desk.start().take(raw(json.dumps(value).encode()))
        except InvalidDataError:
            assert not desk.folder.exists()
        else:
            assert isinstance(value, list)
            assert json.loads((desk.folder / "page-0001.json").read_text()) == value
