"""A stream of many pages: what ends it, what interrupts it, and how it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from etl.cli.progress import ExtractProgress
from etl.core.layout import PROJECT
from etl.storage.ledger import read_ledger
from etl.storage.partial import JOURNAL
from tests.support.fake_api.long import LongHub
from tests.support.fake_api.server import Fault

if TYPE_CHECKING:
    from etl.extract.stream_reader import StreamReader
    from tests.extract.conftest import LiveWorkspace

FILTERS = """
limit = 5
depth = 120
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 100000, seconds = 1, in_flight = 3 }
manifests = ["default", "mit"]
[huggingface.axes.sort]
downloads = { label = "Most downloaded", asks = { sort = "downloads" } }
[huggingface.axes.license]
all = { label = "All" }
mit = { label = "MIT", keeps = ["mit"] }
"""
PAGES = 60


@pytest.fixture
def crawl(live: LiveWorkspace) -> LiveWorkspace:
    """Return a workspace whose one stream takes all of 60 pages, since one of its manifests is never full."""
    live.filters.write_text(FILTERS)
    live.hub.api = LongHub(PAGES)
    return live


def requested(live: LiveWorkspace) -> list[int]:
    """Return the numbers of the pages that were requested since the last time."""
    pages = [int(call.target.partition("cursor=")[2] or 0) + 1 for call in live.hub.calls]
    live.hub.reset()
    return pages


def stop_at(live: LiveWorkspace, page: int, fault: Fault) -> None:
    live.hub.fault = lambda target, _: fault if target.endswith(f"cursor={page - 1}") else None


@pytest.mark.parametrize(
    ("fault", "code", "attempts"), [(Fault(503, b"{}"), 75, 6), (Fault(200, b'[{"id":'), 65, 6), (Fault(404, b"{}"), 65, 1)]
)
def test_failing_page_does_not_lose_those_before_it(crawl: LiveWorkspace, fault: Fault, code: int, attempts: int) -> None:
    stop_at(crawl, 37, fault)
    assert crawl.run("extract") == code
    assert requested(crawl) == [*range(1, 37), *[37] * attempts]
    assert not crawl.data.raw("huggingface", "default").exists()
    if code == 75:
        assert crawl.run("extract") == code
        assert requested(crawl) == [37] * attempts
    crawl.hub.fault = lambda *_: None
    assert crawl.run("extract") == 0
    assert requested(crawl) == list(range(37, PAGES + 1))
    ledger = read_ledger(crawl.data, "huggingface", "default")
    assert (len(ledger.pages), ledger.records, ledger.exhausted) == (PAGES, 120, True)
    assert len(crawl.stream("huggingface", "default")) == PAGES + 1


def test_page_that_is_rejected_again_as_a_run_resumes_restarts_the_stream(crawl: LiveWorkspace) -> None:
    stop_at(crawl, 37, Fault(404, b"{}"))
    assert crawl.run("extract") == 65
    requested(crawl)
    assert crawl.run("extract") == 65
    assert requested(crawl) == [37, *range(1, 38)]
    crawl.hub.fault = lambda *_: None
    assert crawl.run("extract") == 0
    assert requested(crawl) == list(range(37, PAGES + 1))


def test_pages_of_an_earlier_run_are_shown_as_they_are_read_again(
    crawl: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at(crawl, 37, Fault(404, b"{}"))
    assert crawl.run("extract") == 65
    crawl.hub.fault = lambda *_: None
    real, shown = ExtractProgress.update, []

    def update(progress: ExtractProgress, reader: StreamReader) -> None:
        shown.append((len(reader.pages), reader.was_requested))
        real(progress, reader)

    monkeypatch.setattr(ExtractProgress, "update", update)
    capsys.readouterr()
    assert crawl.run("extract") == 0
    assert shown == [*((pages, False) for pages in range(36)), *((pages, True) for pages in range(37, PAGES + 1))]
    output = capsys.readouterr().out
    assert output.count("huggingface/default: 60 pages") == 1
    assert "1 streams, 0 failed; 24 requests; 120 records in 60 pages, 60 of them new; " in output


def test_no_page_is_transformed_of_a_stream_that_is_read_to_its_end(
    crawl: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def transform(*_: object, **__: object) -> None:
        raise AssertionError("a page was transformed")

    monkeypatch.setattr("etl.transform.page.transform_page", transform)
    order = '[huggingface.axes.order]\nlikes = { label = "Most liked", orders = "likes" }\n'
    crawl.filters.write_text(FILTERS + order)
    stop_at(crawl, 37, Fault(404, b"{}"))
    assert crawl.run("extract") == 65
    crawl.hub.fault = lambda *_: None
    requested(crawl)
    capsys.readouterr()
    assert crawl.run("extract") == 0
    assert requested(crawl) == list(range(37, PAGES + 1))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("huggingface/default: 60 pages, 60 new, 120 records, ")
    models = "short: not known of the 2 manifests of huggingface/default, whose models are not counted before: make manifests"
    assert lines[1].startswith(models)
    assert lines[2].startswith("1 streams, 0 failed; 24 requests; ")


@pytest.mark.parametrize("page", [1, 2, 30, 59, 60])
def test_killed_crawl_requests_only_what_it_lacks(crawl: LiveWorkspace, page: int) -> None:
    arguments = ["extract", "--data", str(crawl.data.root), "--filters", str(crawl.filters)]
    process = subprocess.Popen([sys.executable, "-m", "etl", *arguments], cwd=PROJECT, stdout=subprocess.DEVNULL)

    def kill(target: str, _: int) -> None:
        if (int(target.partition("cursor=")[2] or 0) + 1) == page:
            os.kill(process.pid, signal.SIGKILL)

    crawl.hub.fault = kill
    assert process.wait(120) == -9
    crawl.hub.fault = lambda *_: None
    assert max(requested(crawl)) == page
    journal = crawl.data.raw("huggingface", ".default") / JOURNAL
    lines = [json.loads(line)["page"]["file"] for line in journal.read_text().splitlines()] if journal.exists() else []
    assert len(lines) == page - 1
    assert crawl.run("extract") == 0
    assert requested(crawl) == list(range(page, PAGES + 1))
    assert not journal.parent.exists()


@pytest.mark.parametrize("records", ["new ones", "none", "one a page"])
def test_server_that_never_ends_is_stopped(crawl: LiveWorkspace, capsys: pytest.CaptureFixture[str], records: str) -> None:
    endless = LongHub(None)
    crawl.hub.api = endless
    if records != "new ones":
        real = endless.respond

        def respond(query: object, headers: object, host: str) -> object:
            response = real(query, headers, host)  # type: ignore[arg-type]
            del response.value[1 if records == "one a page" else 0 :]
            return response

        endless.respond = respond  # type: ignore[method-assign, assignment]
        crawl.filters.write_text(FILTERS.replace("depth = 120", "depth = 400" if records == "one a page" else "depth = 120"))
    code = crawl.run("extract")
    output = capsys.readouterr()
    if records == "new ones":
        assert (code, len(requested(crawl))) == (0, 60)
        assert "the depth in filters.toml is reached" in output.out
    elif records == "none":
        assert (code, len(requested(crawl))) == (65, 50)
        assert "the last 50 pages have no records" in output.err
    else:
        assert (code, len(requested(crawl))) == (0, 400)  # half-full pages reach the depth
