"""Pages that verify reads where the rebuild has parsed them: read once, as they are, and by no other rules."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etl import pipeline
from etl.core.errors import StorageError
from etl.storage.json_files import parse_json_body
from etl.transform import task
from etl.transform.page import transform_page
from etl.verify import raw_streams
from etl.verify.raw_pages import read_page
from etl.verify.raw_records import model_key
from etl.verify.raw_streams import open_raw_streams
from tests.conftest import Workspace, hf
from tests.verify.audit import config_of, read_raw

if TYPE_CHECKING:
    from etl.sources.source import Source
    from etl.storage.json_files import JsonBody
    from etl.transform.page import PageResult
    from etl.verify.raw_pages import PageReading, PageTask
    from etl.verify.raw_streams import RawStreams

CONFIG = config_of("huggingface")
LISTED = {"huggingface": {model_key(id_) for id_ in ("o/0-1", "o/2-3")}}


@pytest.fixture
def raw(workspace: Workspace, tmp_path: Path) -> RawStreams:
    """Return raw streams of which pages can be read early; one page has no records."""
    pages = [[hf(f"o/{page}-{n}", private=n == 3, downloads=n) for n in range(5)] for page in range(3)]
    workspace.write_stream("huggingface", "default", *pages, [hf("O/0-0")], asks={"sort": "downloads"})
    (workspace.data.raw("huggingface", "default") / "page-0004.json").write_text("{}")
    raw = open_raw_streams(workspace.data, CONFIG, pipeline.start_readers)
    (tmp_path / "early").mkdir()
    raw.prepare(tmp_path / "early", LISTED, ())
    return raw


def observe(workspace: Workspace, raw: RawStreams, number: int) -> None:
    path = workspace.data.raw("huggingface", "default") / f"page-000{number}.json"
    if keep := raw.observer("huggingface", "default", path.name):
        keep(parse_json_body(path.read_bytes(), path))


@pytest.mark.parametrize("early", [(), (2,), (1, 3), (1, 2, 3, 4)])
def test_what_is_read_early_is_the_same(workspace: Workspace, raw: RawStreams, early: tuple[int, ...]) -> None:
    for number in early:
        observe(workspace, raw, number)
    raw.read(LISTED, {})
    expected = read_raw(workspace, CONFIG, "o/0-1", "o/2-3")
    assert raw.streams == expected.streams
    assert raw.streams["huggingface", "default"].has_read_errors
    assert {*raw.streams["huggingface", "default"].records} == LISTED["huggingface"]


def test_pages_are_read_once(workspace: Workspace, raw: RawStreams, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def spy(page: PageTask) -> PageReading:
        read.append(page.path.name)
        return read_page(page)

    monkeypatch.setattr(raw_streams, "read_page", spy)
    observe(workspace, raw, 1)
    observe(workspace, raw, 3)
    raw.read(LISTED, {})
    assert read == ["page-0002.json", "page-0004.json"]


def test_what_could_not_be_written_is_read_with_the_others(
    workspace: Workspace, raw: RawStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        write_bytes(path, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill)
        with pytest.raises(StorageError, match="cannot be written"):
            observe(workspace, raw, 1)
    raw.read(LISTED, {})
    assert raw.streams == read_raw(workspace, CONFIG, "o/0-1", "o/2-3").streams


def test_a_page_that_no_ledger_names_is_not_read(raw: RawStreams) -> None:
    assert raw.observer("huggingface", "default", "page-0009.json") is None
    assert raw.observer("huggingface", "likes", "page-0001.json") is None


def test_pages_are_read_before_the_transform_can_change_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a")])

    def spoil(source: Source, body: JsonBody, *args: Any) -> PageResult:
        page = transform_page(source, body, *args)
        for record in body.value:
            record["private"] = True
        return page

    assert workspace.run("manifests") == 0
    monkeypatch.setattr(task, "transform_page", spoil)
    assert workspace.run("verify") == 0
    assert "ok   levels and flags, read again" in capsys.readouterr().out
