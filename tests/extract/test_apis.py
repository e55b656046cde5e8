"""First requests and next pages of both sources, without I/O."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from etl.config.load import load_config
from etl.core.layout import PROJECT, DataDir
from etl.core.text import sanitize
from etl.extract.credentials import Credentials
from etl.extract.pagination import Pagination
from etl.sources.source import get_source
from etl.storage.ledger import read_ledger
from tests.conftest import OWN_FILTERS

SOURCES = {source.name: source for source in load_config(OWN_FILTERS).sources}


def test_filters_give_the_first_requests() -> None:
    requests_ = {
        (source.name, stream.name): get_source(source.name).first_request(stream.params)
        for source in SOURCES.values()
        for stream in source.streams
    }
    assert len(requests_) == 13
    expand = (
        "author createdAt lastModified downloads likes tags pipeline_tag library_name gated private disabled safetensors gguf"
    ).split()
    for stream, sort in (("default", "downloads"), ("likes", "likes"), ("recent", "lastModified")):
        split = urlsplit(requests_["huggingface", stream])
        assert split.path == "/api/models"
        assert parse_qs(split.query) == {"expand": expand, "sort": [sort], "limit": ["500"]}
    assert requests_["civitai", "month-loras-sdxl"] == (
        "/api/v1/models?sort=Most+Downloaded&nsfw=true&period=Month&types=LORA&baseModels=SDXL+1.0&limit=100"
    )
    assert "types=Checkpoint&types=LORA" in requests_["civitai", "default"]


def test_snapshot_has_the_requests_of_the_test_filters() -> None:
    checked = 0
    for source in SOURCES.values():
        for stream in source.streams:
            pages = read_ledger(DataDir(PROJECT / "data"), source.name, stream.name).pages
            assert pages[0].url == get_source(source.name).first_request(stream.params)
            assert all(page.url == before.next for before, page in itertools.pairwise(pages))
            checked += len(pages)
    assert checked > 13


CURSORS = [("18|4|7", "cursor=18%7C4%7C7"), (17, "cursor=17"), ("a&token=b", "cursor=a%26token%3Db")]


@pytest.mark.parametrize(("cursor", "parameter"), CURSORS)
def test_civitai_next_page_adds_the_cursor_to_the_request(cursor: Any, parameter: str) -> None:
    value = {"items": [], "metadata": {"nextCursor": cursor, "nextPage": "https://elsewhere/?token=x"}}
    next_page = get_source("civitai").next_page
    assert next_page("/p?types=A&types=B&nsfw=true", None, value) == f"/p?types=A&types=B&nsfw=true&{parameter}"
    assert next_page("/p?types=A&cursor=9%7C9", None, value) == f"/p?types=A&{parameter}"


@pytest.mark.parametrize("metadata", [{}, None, {"nextCursor": None}])
def test_civitai_ends_without_a_cursor(metadata: Any) -> None:
    assert get_source("civitai").next_page("/p?a=b", None, {"items": [], "metadata": metadata}) is None


def test_remote_text_is_sanitized_and_truncated() -> None:
    assert sanitize("a\x1b[31m\n\u202eb") == "a�[31m �b"
    assert len(sanitize("x" * 10**6)) == 201


def test_next_link_may_have_the_default_port() -> None:
    pagination = Pagination(get_source("huggingface"), Credentials("https://x.org", None))
    link = "https://X.org:443/api/models?cursor=a#b"
    assert pagination.parse_page("/api/models?sort=likes", [], link) == (0, "/api/models?cursor=a")
