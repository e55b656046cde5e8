"""The views of the report in Chromium: addresses, links, filters and search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.report.render import render
from tests.browser.reader import SIZES, Reader
from tests.report.builder import report
from tests.report.payload import HOSTILE, many, payload

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browser import Browser

VIEW_LINKS = ["Overview", "Filters", "Models", "Health 1 failed"]


@pytest.mark.parametrize(
    ("route", "heading", "current"),
    [
        ("", "Overview", 0), ("#/overview", "Overview", 0), ("#/unknown", "Overview", 0), ("#/overview/civitai", "Overview", 0),
        ("#/filters", "Filters", 1), ("#/filters/hf/likes/small", "Most liked · Small (<7B)", 1),
        ("#/filters/hf/default", "Everything", 1), ("#/filters/hf/small/likes", "Filter not found", 1),
        ("#/filters/nothing/default", "Filter not found", 1), ("#/models", "Models", 2), ("#/models?q=llama", "Models", 2),
        ("#/models/huggingface/Qwen/Qwen3-0.6B", "Qwen3-0.6B", 2), ("#/models/huggingface/QWEN/qwen3-0.6b", "Qwen3-0.6B", 2),
        ("#/models/huggingface/%", "Model not found", 2), ("#/health", "Health", 3), ("#/health/hashes", "Health", 3),
    ],
)  # fmt: skip
def test_the_hash_chooses_the_view(reader: Reader, route: str, heading: str, current: int) -> None:
    reader.open(route)
    assert reader.heading == heading
    assert len(reader.shown("main > section")) == 1
    assert reader.shown("nav a[aria-current=page]") == [VIEW_LINKS[current]]
    assert reader.title.endswith(" · Model manifests · data")


@pytest.mark.parametrize("route", ["#/overview", "#/filters", "#/health"])
def test_an_address_does_not_scroll_past_the_header(reader: Reader, route: str) -> None:
    reader.open(route, viewport=SIZES["narrow"])
    reader.browser.wait_for("document.readyState === 'complete'")
    assert reader.browser.evaluate("new Promise((done) => setTimeout(() => done(scrollY), 100))") == 0
    reader.open("#/overview/civitai")
    reader.browser.wait_for("scrollY > 300")


def test_following_links_and_going_back(reader: Reader) -> None:
    reader.open(viewport=SIZES["narrow"])
    reader.click("Filters")
    reader.browser.evaluate("scrollTo(0, 300)")
    reader.click("hf/likes/small")
    assert (reader.hash, reader.heading) == ("#/filters/hf/likes/small", "Most liked · Small (<7B)")
    assert reader.title == "Most liked · Small (<7B) · Model manifests · data"
    assert reader.browser.evaluate("[document.activeElement.tagName, scrollY]") == ["H2", 0]
    reader.click("Qwen3-0.6B")
    assert reader.hash == "#/models/huggingface/Qwen/Qwen3-0.6B"
    reader.browser.evaluate("history.go(-2)")
    reader.browser.wait_for("location.hash === '#/filters'")
    reader.browser.wait_for("scrollY > 200")
    assert reader.heading == "Filters"
    assert reader.browser.evaluate("document.activeElement.id") == "filters"
    reader.browser.evaluate("history.forward()")
    reader.browser.wait_for("location.hash === '#/filters/hf/likes/small'")
    assert reader.heading == "Most liked · Small (<7B)"


def test_options_of_each_axis_lead_to_the_manifest(reader: Reader) -> None:
    reader.open("#/filters/hf/likes")
    assert reader.shown(".axes a[aria-current]") == ["Most liked 4", "All sizes 4", "All licences 4", "Any quality 4"]
    reader.click("Small (<7B)", ".axes a")
    assert (reader.hash, reader.heading) == ("#/filters/hf/likes/small", "Most liked · Small (<7B)")
    names = ["Qwen3-0.6B", "llama", HOSTILE]
    assert reader.shown("#manifest tbody th") == names
    assert reader.shown("#manifest tbody tr")[0] == "1 Qwen3-0.6B Qwen/Qwen3-0.6B 9,000,000 1,347 2025-11-08 small mit"
    assert reader.shown("#manifest .tag") == ["full"]
    reader.click("Most downloaded", ".axes a")
    assert reader.heading == "Small (<7B)"
    funnel = "600 records: 20 rejected, 300 size small drops, 180 over the limit, 100 published"
    verdict = "short: 600 records, 389 left after size small; the API has no more"
    assert reader.shown("#manifest .state") == [f"empty hf/small {verdict} {funnel}"]


def test_a_combination_without_a_file_says_what_to_add(reader: Reader) -> None:
    reader.open("#/filters/hf/likes")
    reader.click("MIT", ".axes a")
    assert (reader.hash, reader.heading) == ("#/filters/hf/likes/mit", "Most liked · MIT")
    assert "hf/likes/mit is not published. It would have 3 models." in reader.shown("#manifest .state")[0]
    assert reader.shown("#manifest .state code") == ["hf/likes/mit", "make manifests DATA=d"]
    assert reader.browser.evaluate("document.querySelector('pre').textContent") == '[huggingface]\nmanifests = [ …, "likes/mit" ]'
    assert reader.shown("#manifest tbody th") == ["Qwen3-0.6B", "llama", HOSTILE]
    reader.click("Recently updated", ".axes a")
    assert "Its stream recent is not on disk." in reader.shown("#manifest .state")[0]
    assert reader.shown("#manifest .state code") == ["hf/recent/mit", "make extract manifests DATA=d"]
    assert reader.shown("#manifest table") == []


def test_a_stream_of_another_request_has_no_models_for_manifests(session_browser: Browser, tmp_path: Path) -> None:
    data = payload()
    data["sources"][1]["streams"][1]["missing"] = "stream month is of another request: it asked x"
    (tmp_path / "index.html").write_text(render(report(data)), "utf-8")
    reader = Reader(session_browser, (tmp_path / "index.html").as_uri())
    reader.open("#/filters/civitai/month", viewport=SIZES["wide"])
    assert reader.shown("#manifest table") == []
    assert "Past month not fetched" in reader.shown(".axes a")
    reader.click("PG", ".axes a")
    assert "Stream month is of another request: it asked x." in reader.shown("#manifest .state")[0]
    assert reader.shown("#manifest table") == []


def test_what_other_records_forbid_is_in_no_manifest(reader: Reader) -> None:
    reader.open("#/filters/civitai/r")
    assert reader.shown("#manifest td.id") == ["101", "103", "105", "106"]
    assert reader.shown(".axes a")[:3] == ["All levels 4, no file", "PG 2", "R 4"]


def test_the_limit_ends_a_manifest(reader: Reader) -> None:
    reader.open("#/filters/hf/default")
    assert "4 models of stream default; 2 more match, over the limit" in reader.shown("#manifest p")
    assert len(reader.shown("#manifest tbody tr")) == 4


def test_manifests_are_narrowed_by_words_and_state(reader: Reader) -> None:
    reader.open("#/filters")
    assert reader.shown("#narrow-count") == ["11 manifests"]
    reader.browser.call("fill", "#narrow-text", "LIKES small")
    assert reader.shown(".manifests tbody th") == ["Most liked · Small (<7B)"]
    assert reader.shown("#narrow-count") == ["1 of 11 manifests"]
    reader.browser.call("fill", "#narrow-text", "")
    reader.browser.call("selectOption", "#narrow-state", "short")
    assert reader.shown(".manifests tbody th") == ["Most liked", "R"]
    assert reader.hash == "#/filters?state=short"
    reader.open("#/filters?state=missing")
    assert reader.shown(".manifests tbody th") == ["Recently updated", "Past month"]
    reader.click("hf/recent")
    reader.click("← All filters")
    assert reader.hash == "#/filters?state=missing"
    assert reader.shown(".manifests tbody th") == ["Recently updated", "Past month"]
    reader.click("Filters", "nav a")
    assert reader.shown("#narrow-count") == ["11 manifests"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("LLAMA", ["llama", "Llama-70B", "Llama-Guard-1B"]), ("meta", ["Llama-70B", "Llama-Guard-1B"]),
        ("guard lla", ["Llama-Guard-1B"]),
        ("chat", ["Qwen3-0.6B"]), ("tiny/llama", ["llama"]), ("onerror", [HOSTILE, HOSTILE]), ("102", ["name hidden (xxx)"]),
        ("garden", []), ("secret", []), ("nothing like it", []),
    ],
)  # fmt: skip
def test_search(reader: Reader, query: str, names: list[str]) -> None:
    reader.open("#/models")
    reader.browser.call("fill", "#query", query)
    assert reader.shown("#results a") == names
    count = reader.shown("#result-count")[0]
    assert count == {0: f"No model has {query} in id, name, author or tags.", 1: "1 model"}.get(
        len(names), f"{len(names)} models"
    )
    assert reader.title == f"{query} · Models · Model manifests · data"
    reader.open(reader.hash)
    assert reader.browser.evaluate("document.querySelector('#query').value") == query
    assert reader.shown("#results a") == names


def test_going_back_to_a_search_keeps_it(reader: Reader) -> None:
    reader.open("#/models")
    reader.browser.call("fill", "#query", "llama")
    reader.click("Llama-70B")
    assert reader.heading == "Llama-70B"
    assert reader.browser.evaluate("document.querySelector('#model a').getAttribute('href')") == "#/models?q=llama"
    reader.browser.evaluate("history.back()")
    reader.browser.wait_for("location.hash === '#/models?q=llama'")
    assert reader.shown("#results a") == ["llama", "Llama-70B", "Llama-Guard-1B"]


def test_a_model_has_its_fields_and_where_its_size_comes_from(reader: Reader) -> None:
    reader.open("#/models/huggingface/Qwen/Qwen3-0.6B")
    fields = reader.shown(".fields > div")
    assert "downloads 9,000,000" in fields
    assert "updated 2025-11-08" in fields
    assert "size comes from the parameters counted in its weights; against it: name" in fields
    assert reader.browser.evaluate("document.querySelector('.fields a').href") == "https://models.test/Qwen/Qwen3-0.6B"
    assert "default 1 of 6 \u2013" in reader.shown("#model tr")
    assert "Most liked hf/likes 1" in reader.shown("#model tr")
    assert "Large hf/large size large excludes small" in reader.shown("#model tr")
    reader.open("#/models/civitai/106")
    assert "level comes from its flag nsfw: a flagged model is never milder than r" in reader.shown(".fields > div")


def test_a_large_catalogue_is_shown_in_chunks(session_browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(render(report(many(3000))), "utf-8")
    reader = Reader(session_browser, path.as_uri())
    reader.open("#/models", viewport=SIZES["wide"])
    assert reader.shown("#result-count") == ["3,000 models"]
    reader.browser.call("fill", "#query", "llama")
    assert reader.shown("#result-count") == ["600 models"]
    assert len(reader.shown("#results li")) == 50
    reader.click("Show 50 more of 600", "button")
    assert len(reader.shown("#results li")) == 100
    index = "Array.from(document.querySelectorAll('#results a')).indexOf(document.activeElement)"
    assert reader.browser.evaluate(index) == 50
