"""Hostile responses: none fails a run, becomes a path, or reaches a manifest unsanitized."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.config.source_config import Rate
from etl.core.errors import EtlError
from etl.extract import http_client
from etl.extract.credentials import Credentials
from etl.extract.http_client import Client
from etl.sources.huggingface import SOURCE as API
from etl.sources.source import get_source
from tests.conftest import civitai, hf
from tests.support.builders import hub_catalogue
from tests.support.fake_api.apis import Hub
from tests.support.fake_api.server import Fault, Server

if TYPE_CHECKING:
    from tests.extract.conftest import LiveWorkspace

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
LONG = "x" * 2_000_000
NAMES = ["a\x00\x1b[31mb", "\u202egnp.exe\u2066", "<script>alert(1)</script>", " \n\t spaced \r ", "\u0085\u2028", LONG]
IDS: list[Any] = [
    "../../etc/passwd", "..", "/etc/passwd", "a/../b", "a/b/c", "a\\b", "a/b\x00", "a/\u202eb", "a/<b>", "", ".git/config",
    "a/%2e%2e", "a/b?c", "a b/c", "con/aux;rm -rf", LONG, 2**63, 1.5, True, None, [], {"a": 1},
]  # fmt: skip
WRONG: list[Any] = [None, True, -1, 2**53 + 1, 1.5, "x", "", [], {}, [[]], {"total": "x"}, {"a": None}]


def hub_records() -> list[Any]:
    fields = "author createdAt lastModified downloads likes tags pipeline_tag gated private safetensors gguf config".split()
    records: list[Any] = [hf("good/one-1b", tags=["license:mit"]), *WRONG]
    records += [hf("x/y") | {"id": identity} for identity in IDS]
    records += [hf(f"w/{key}-{index}", **{key: value}) for key in fields for index, value in enumerate(WRONG)]
    records += [hf(f"n/{index}", author=name, tags=[name, "license:" + name]) for index, name in enumerate(NAMES)]
    return records


def civitai_records() -> list[Any]:
    fields = "name type nsfw nsfwLevel tags stats creator modelVersions poi minor mode".split()
    good = civitai(1, name="good")
    records: list[Any] = [good, *(civitai(100 + index, name=name) for index, name in enumerate(NAMES)), *WRONG]
    records += [good | {"id": identity} for identity in IDS]
    fields_and_values = [(key, value) for key in fields for value in WRONG]
    return records + [civitai(1000 + index, **{key: value}) for index, (key, value) in enumerate(fields_and_values)]


def every_text(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *every_text(item))]
    return [text for item in value for text in every_text(item)] if isinstance(value, list) else [str(value)]


def test_hostile_records_are_rejected_or_sanitized_and_counted(live: LiveWorkspace) -> None:
    served = json.dumps(hub_records()), json.dumps({"items": civitai_records(), "metadata": {}})
    bodies = served[0].replace('"x/y"', r'"x/\ud800y"', 1), served[1].replace('"good"', r'"go\udfffod"', 1)
    for server, body in zip((live.hub, live.civitai), bodies, strict=True):
        server.fault = lambda *_, body=body: Fault(200, body.encode())
    codes = [live.run("extract")]  # 65: streams of one type or base fail because of unrequested models
    codes += [live.run("manifests"), live.run("verify")]
    assert codes == [65, 1, 1]
    written = [path for path in live.data.root.rglob("*") if path.is_file()]
    assert len(written) > 20
    names = re.compile(r"[a-z0-9.-]+(/[a-z0-9.-]+)*")
    assert [path for path in written if not names.fullmatch(str(path.relative_to(live.data.root)))] == []
    texts = [text for path in live.data.manifests.iterdir() for text in every_text(json.loads(path.read_bytes()))]
    assert "good/one-1b" in texts
    assert "go\ufffdod" in texts
    assert [text[:50] for text in texts if CONTROL_CHARACTERS.search(text)] == []
    assert max(map(len, texts)) < 1000
    assert [text for text in texts if ".." in text or "passwd" in text] == []
    for source, records in (("huggingface", hub_records()), ("civitai", civitai_records())):
        summary = json.loads(live.data.summary(source).read_bytes())
        (page,) = summary["streams"]["default"]
        assert page["records"] == len(records)
        assert page["models"] + len(page["set_aside"]) == len(records)
        assert len(page["set_aside"]) > 40
        assert {record["reason"] for record in page["set_aside"]} <= {*get_source(source).never_published, "id", "type"}
        assert sum(row["models"] for row in page["dropped"]) > 40


@pytest.fixture(scope="module")
def hub() -> Any:
    with Server(Hub(hub_catalogue())) as server:
        yield server


@settings(max_examples=150)
@given(
    body=st.binary(max_size=60) | st.from_regex(r'\s*[\[{"\]}:,0-9a-z\\]{0,40}', fullmatch=True).map(str.encode),
    encoding=st.sampled_from(["", "gzip", "deflate", "br", "identity"]),
    kind=st.sampled_from(["application/json", "text/html", "", "\xff"]),
    status=st.sampled_from([200, 200, 200, 204, 206, 304, 418, 599]),
)
def test_any_bytes_give_a_response_or_an_etl_error(hub: Server, body: bytes, encoding: str, kind: str, status: int) -> None:
    hub.fault = lambda *_: Fault(status, body, {"Content-Encoding": encoding, "Content-Type": kind})
    with pytest.MonkeyPatch.context() as patch, requests.Session() as session:
        patch.setattr(http_client, "MAX_ATTEMPTS", 1)
        client = Client(session, API, Credentials(hub.url, None), Rate(500, 300, 3), 10**6)
        message = ""
        try:
            response = client.fetch("/api/models?limit=5", None)
        except EtlError as error:
            message = str(error)
        else:
            assert status == 304 or (response.body and json.loads(response.body.content) == response.body.value)
    assert message.isprintable()
