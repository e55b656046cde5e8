"""What is asked first and next; pure."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from etl.config.load import load_config
from etl.config.model import Rate
from etl.core.layout import PROJECT, DataDir
from etl.core.text import sanitize
from etl.extract.credentials import Credentials
from etl.extract.http_client import Client
from etl.sources.source import get_source
from etl.storage.ledger import read_ledger
from tests.conftest import OWN_FILTERS

SOURCES = {source.name: source for source in load_config(OWN_FILTERS).sources}


def test_the_filters_of_the_tests_ask_these_requests() -> None:
    asked = {
        (source.name, stream.name): get_source(source.name).first_request(stream.params)
        for source in SOURCES.values()
        for stream in source.streams
    }
    assert len(asked) == 13
    expand = (
        "author createdAt lastModified downloads likes tags pipeline_tag library_name gated private disabled safetensors gguf"
    ).split()
    for stream, sort in (("default", "downloads"), ("likes", "likes"), ("recent", "lastModified")):
        split = urlsplit(asked["huggingface", stream])
        assert split.path == "/api/models"
        assert parse_qs(split.query) == {"expand": expand, "sort": [sort], "limit": ["500"]}
    assert asked["civitai", "month-loras-sdxl"] == (
        "/api/v1/models?sort=Most+Downloaded&nsfw=true&period=Month&types=LORA&baseModels=SDXL+1.0&limit=100"
    )
    assert "types=Checkpoint&types=LORA" in asked["civitai", "default"]


def test_the_snapshot_was_asked_the_same() -> None:
    looked_at = 0
    for source in SOURCES.values():
        for stream in source.streams:
            pages = read_ledger(DataDir(PROJECT / "data"), source.name, stream.name).pages
            assert pages[0].url == get_source(source.name).first_request(stream.params)
            assert all(page.url == before.next for before, page in itertools.pairwise(pages))
            looked_at += len(pages)
    assert looked_at > 13


CURSORS = [("18|4|7", "cursor=18%7C4%7C7"), (17, "cursor=17"), ("a&token=b", "cursor=a%26token%3Db")]


@pytest.mark.parametrize(("cursor", "words"), CURSORS)
def test_civitai_goes_on_with_its_cursor_and_the_same_request(cursor: Any, words: str) -> None:
    value = {"items": [], "metadata": {"nextCursor": cursor, "nextPage": "https://elsewhere/?token=x"}}
    following = get_source("civitai").next_page
    assert following("/p?types=A&types=B&nsfw=true", None, value) == f"/p?types=A&types=B&nsfw=true&{words}"
    assert following("/p?types=A&cursor=9%7C9", None, value) == f"/p?types=A&{words}"


@pytest.mark.parametrize("metadata", [{}, None, {"nextCursor": None}])
def test_civitai_ends_without_a_cursor(metadata: Any) -> None:
    assert get_source("civitai").next_page("/p?a=b", None, {"items": [], "metadata": metadata}) is None


def test_remote_words_are_inert_and_short() -> None:
    assert sanitize("a\x1b[31m\n\u202eb") == "a�[31m �b"
    assert len(sanitize("x" * 10**6)) == 201


def test_a_next_page_may_name_the_port_of_its_scheme() -> None:
    with requests.Session() as session:
        client = Client(session, get_source("huggingface"), Credentials("https://x.org", None), Rate(1, 1, 1), 1)
        following = "https://X.org:443/api/models?cursor=a#b"
        assert client.read("/api/models?sort=likes", [], following) == (0, "/api/models?cursor=a")
