"""The page of a report, read as HTML without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from etl.report.render import PAGE, SCRIPTS, Piece, common_query, describe_funnel, embed_json, own_query, render, split_commands
from tests.report.builder import report
from tests.report.payload import HIDDEN_NAME, HOSTILE, ODD_ID, payload

VOID = {"meta", "rect", "br", "input"}


class Page(HTMLParser):
    """The elements of a page, in order, and the text that each contains."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    return render(report())


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_every_remote_text_is_text(page: Page) -> None:
    assert "img" not in {tag for tag, _ in page.elements}
    assert f"civitai:102 {HOSTILE}: level pg -> xxx" in page.texts["li"]
    assert len(page.texts["script"]) == 2


def test_the_data_are_those_of_the_report(page: Page) -> None:
    attributes = page.attributes("script")
    assert attributes == [{"type": "application/json", "id": "data"}, {}]
    assert json.loads(page.texts["script"][0]) == payload()
    assert ODD_ID in json.dumps(payload())


@pytest.mark.parametrize("character", ["<", ">", "&", "\u2028", "\u2029"])
def test_json_has_no_character_that_html_or_scripts_read(character: str) -> None:
    value = {character: [f"a{character}/script{character}\\u003c"]}
    assert character not in embed_json(value)
    assert json.loads(embed_json(value)) == value


def test_the_policy_has_the_hashes_of_the_style_and_the_script(text: str, page: Page) -> None:
    (policy,) = [meta["content"] for meta in page.attributes("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in str(policy).split(";"))
    assert parts == {
        "default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "require-trusted-types-for": "'script'",
        "script-src": f"'{_hash(page.texts['script'][1])}'", "style-src": f"'{_hash(page.texts['style'][0])}'",
    }  # fmt: skip
    assert "\r" not in text


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_nothing_is_loaded_and_no_attribute_is_code(page: Page) -> None:
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"style", "src", "srcset", "action"}}
    hrefs = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    assert len(hrefs) > 20
    assert [href for href in hrefs if not str(href).startswith("#")] == []


def test_links_lead_to_elements_of_the_page(page: Page) -> None:
    ids = [str(attributes["id"]) for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:].partition("?")[0] for attributes in page.attributes("a")}
    assert targets - set(ids) == set()


def test_scripts_have_no_markup_and_no_sink() -> None:
    scripts = {path.name: path.read_text("utf-8") for path in PAGE.glob("*.js")}
    assert set(scripts) == set(SCRIPTS)
    sinks = r"</?script|<!--|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b"
    assert {name: matches for name, script in scripts.items() if (matches := re.findall(sinks, script))} == {}


def test_headings_tables_and_regions_have_labels(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption") > 8
    assert {attributes.get("scope") for attributes in page.attributes("th")} == {"row", "col"}
    regions = [attributes for _, attributes in page.elements if attributes.get("role") == "region"]
    assert all(region["aria-label"] and region["tabindex"] == "0" for region in regions)


def test_names_of_models_are_in_the_data_alone(text: str) -> None:
    start = text.index('<script type="application/json"')
    assert HIDDEN_NAME not in text[:start]
    assert HIDDEN_NAME in text[start:]


def test_headline_figures(page: Page) -> None:
    items = [" ".join(text.split()) for text in page.texts["li"]]
    for figure in ("11 manifests", "6 full", "2 short", "1 empty", "2 missing", "13 models", "4 streams", "1 check failed"):
        assert figure in items


def test_a_report_without_anything_is_a_page() -> None:
    data: dict[str, Any] = {"hidden_levels": [], "sources": []}
    page = Page(render(replace(report(), sources=[], manifests=[], changes=None, checks=[], data=data)))
    assert any("Not compared" in text for text in page.texts["p"])
    assert page.attributes("button") == []


def test_commands_in_messages_stand_out(page: Page) -> None:
    message = "see it: make explain FILTER='hf/a b' DATA=x; then rm -r data/raw/x, or make extract manifests first"
    assert split_commands(message) == [
        Piece("see it: ", is_command=False), Piece("make explain FILTER='hf/a b' DATA=x", is_command=True),
        Piece("; then ", is_command=False), Piece("rm -r data/raw/x", is_command=True), Piece(", or ", is_command=False),
        Piece("make extract manifests", is_command=True), Piece(" first", is_command=False),
    ]  # fmt: skip
    assert split_commands("nothing to run") == [Piece("nothing to run", is_command=False)]
    assert "make extract SOURCE=huggingface" in page.texts["code"]


def test_a_funnel_in_words(page: Page) -> None:
    words = "600 records: 20 rejected, 300 size small drops, 180 over the limit, 100 published"
    assert describe_funnel(report().manifests[0]) == words
    assert words in [bar.get("aria-label") for bar in page.attributes("svg")]
    assert describe_funnel(replace(report().manifests[0], funnel=[])) == "no records"


def test_streams_have_the_parameters_that_differ(page: Page) -> None:
    streams = report().sources[0].streams
    common = "/api/models?limit=500&expand=author&expand=createdAt&full=true"
    assert common_query(streams) == common
    assert [own_query(stream, common) for stream in streams] == [["sort=default"], ["sort=likes"]]
    assert {common, "sort=likes"} <= set(page.texts["code"])
    assert own_query(streams[0], common_query(streams[:1])) == []
    assert common_query([]) == ""
    assert common_query([replace(streams[0], query="/a")]) == "/a"
    assert common_query([replace(streams[0], query=query) for query in ("/a?x=1", "/a?x=2")]) == "/a"


def test_health_says_when_the_checks_ran() -> None:
    page = Page(render(replace(report(), verified_at="2026-02-03T04:05:06.000Z")))
    assert "2026-02-03 04:05 UTC" in page.texts["time"]
