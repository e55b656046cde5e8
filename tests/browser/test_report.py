"""The report in Chromium, opened from disk."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from etl.report.render import PAGE, SCRIPTS, render
from tests.browser.toolchain import MODULES
from tests.report.builder import HIDDEN_NAME, HOSTILE, ODD_ID, many, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.browser import Browser
    from tests.browser.toolchain import Chromium

SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 320, "height": 640}}
ROUTES = [
    "#/overview", "#/filters", "#/filters/hf/likes/small", "#/filters/hf/likes/mit", "#/filters/hf/recent/mit", "#/filters/hf/nothing",
    "#/filters/civitai/r", "#/models", "#/models?q=llama", "#/models/huggingface/Qwen/Qwen3-0.6B", "#/models/civitai/103",
    "#/models/civitai/999", "#/health",
]  # fmt: skip
VIEW_LINKS = ["Overview", "Filters", "Models", "Health 1 failed"]


@dataclass(frozen=True)
class Reader:
    """Someone who reads the report in a file."""

    browser: Browser
    url: str

    def open(self, route: str = "", **visitor: Any) -> None:
        """Open the report in a new tab; as a new visitor, if options of one are passed."""
        if visitor:
            self.browser.call("newVisitor", visitor)
        self.browser.call("newPage")
        self.browser.call("goto", f"{self.url}{route}")
        if visitor.get("javaScriptEnabled", True):
            self.browser.wait_for("document.documentElement.classList.contains('ready')")

    def click(self, text: str, selector: str = "a") -> None:
        """Click the first element that is shown and has this text."""
        self.browser.call("click", f"{selector}:visible >> text={json.dumps(text)} >> nth=0")

    def shown(self, selector: str) -> list[str]:
        """Return the text of the elements that are shown."""
        texts: list[str] = self.browser.evaluate(
            f"Array.from(document.querySelectorAll({json.dumps(selector)})).filter((node) => node.checkVisibility())"
            ".map((node) => node.innerText.replace(/\\s+/g, ' ').trim())"
        )
        return texts

    @property
    def heading(self) -> str:
        (heading,) = self.shown("h2")
        return heading

    @property
    def title(self) -> str:
        return str(self.browser.evaluate("document.title"))

    @property
    def hash(self) -> str:
        return str(self.browser.evaluate("location.hash"))


@pytest.fixture
def reader(session_browser: Browser, tmp_path: Path) -> Iterator[Reader]:
    """Return a reader of a small report; afterwards, nothing was requested and no error was in the console."""
    path = tmp_path / "index.html"
    path.write_text(render(report()), "utf-8")
    session_browser.call("newVisitor", {"viewport": SIZES["wide"]})
    reader = Reader(session_browser, path.as_uri())
    yield reader
    assert session_browser.errors == []
    assert {url.partition("#")[0] for url in session_browser.urls} == {reader.url}


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
    assert reader.shown("#manifest .state") == [
        "empty hf/small short: 600 records, 389 left after size small; the API has no more"
    ]


def test_a_combination_without_a_file_says_what_to_add(reader: Reader) -> None:
    reader.open("#/filters/hf/likes")
    reader.click("MIT", ".axes a")
    assert (reader.hash, reader.heading) == ("#/filters/hf/likes/mit", "Most liked · MIT")
    assert "hf/likes/mit is not published. It would have 3 models." in reader.shown("#manifest .state")[0]
    assert reader.browser.evaluate("document.querySelector('pre').textContent") == '[huggingface]\nmanifests = [ …, "likes/mit" ]'
    assert reader.shown("#manifest tbody th") == ["Qwen3-0.6B", "llama", HOSTILE]
    reader.click("Recently updated", ".axes a")
    assert "Its stream recent is not on disk: make extract fetches it." in reader.shown("#manifest .state")[0]
    assert reader.shown("#manifest table") == []


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
        ("LLAMA", ["llama", "Llama-70B", "Llama-Guard-1B"]), ("meta", ["Llama-70B", "Llama-Guard-1B"]), ("guard lla", ["Llama-Guard-1B"]),
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
    assert "default 1 of 6 –" in reader.shown("#model tr")
    assert "Most liked hf/likes 1" in reader.shown("#model tr")
    assert "Large hf/large size large excludes small" in reader.shown("#model tr")
    reader.open("#/models/civitai/106")
    assert "level comes from its flag nsfw: a flagged model is never milder than r" in reader.shown(".fields > div")


def test_the_reasons(reader: Reader) -> None:
    reader.open()

    def explain(source: str, id_: str) -> Any:
        return reader.browser.evaluate(f"explainModel({json.dumps(source)}, {json.dumps(id_)})")

    recent = "stream recent is not on disk; fetch it with: make extract SOURCE=huggingface"
    unlikely = "quality popular: .downloads > 100 and .likes > 0 is not true"
    assert explain("huggingface", "meta/llama-guard-1b") == {
        "manifests": {"hf-filter-default.json": 3, "hf-filter-small.json": 2},
        "not_in": {
            "hf-filter-likes.json": "rejected: private", "hf-filter-recent.json": recent,
            "hf-filter-large.json": "size large excludes small", "hf-filter-likes-small.json": "rejected: private",
            "hf-filter-small-mit.json": "license mit excludes apache-2.0",
            "hf-filter-popular.json": f"{unlikely} (downloads 400, likes null)",
        },
    }  # fmt: skip
    not_in = explain("huggingface", ODD_ID)["not_in"]
    assert not_in["hf-filter-default.json"] == "over the limit: rank 6, limit 4"
    assert not_in["hf-filter-likes.json"] == "not among the 4 models of stream likes"
    assert set(explain("huggingface", "blocked/model")["not_in"].values()) == {"excluded by id in filters.toml"}
    assert explain("civitai", "103") == {
        "manifests": {"civitai-filter-r.json": 2},
        "not_in": {
            "civitai-filter-pg.json": "level r: stream month says flagged",
            "civitai-filter-month.json": "not among the 2 models of stream month",
        },
    }  # fmt: skip
    withdrawn = explain("civitai", "104")["not_in"]
    assert withdrawn["civitai-filter-pg.json"] == "withheld: stream month says minor"
    assert explain("civitai", "102")["not_in"]["civitai-filter-r.json"].endswith("is not true (tags garden)")
    assert explain("civitai", "999") is None
    assert explain("elsewhere", "1") is None


def test_every_form_of_a_column(reader: Reader) -> None:
    reader.open()
    forms = [
        ({"values": [1, None]}, [1, None]),
        ({"table": ["a", "b"], "indexes": [1, -1]}, ["b", None]),
        ({"table": ["a", "b"], "lists": [[1, 0], []]}, [["b", "a"], []]),
        ({"days": [20400, None]}, ["2025-11-08", None]),
        ({"constant": False}, [False, False]),
        ({"after_slash": True}, ["b/c", "d"]),
        ({"before_slash": True}, ["a", None]),
        ({"prefix": "https://x.test/"}, ["https://x.test/a/b/c", "https://x.test/d"]),
        ({"constant": 1, "except": {"1": None}}, [1, None]),
    ]
    for column, values in forms:
        source = {"columns": {"id": {"values": ["a/b/c", "d"]}, "x": column}}
        program = f"((source) => [0, 1].map((row) => fieldOf(source, row, 'x')))({json.dumps(source)})"
        assert reader.browser.evaluate(program) == values


def test_names_above_pg13_are_hidden_until_asked_for(reader: Reader) -> None:
    reader.open("#/models/civitai/102")
    assert reader.heading == "name hidden (xxx)"
    assert "102" in reader.shown("#model code")
    assert reader.title == "name hidden (xxx) · Models · Model manifests · data".replace("Models · ", "")
    assert HIDDEN_NAME not in reader.shown("main")[0]
    assert "garden" not in reader.shown("#model .fields")[0]
    assert "(tags hidden)" in reader.shown("main")[0]
    reader.click("Show names above pg13", "button")
    assert reader.heading == HIDDEN_NAME
    assert reader.title == f"{HIDDEN_NAME} · Model manifests · data"
    assert "tags garden" in reader.shown("#model .fields > div")
    assert reader.browser.evaluate("document.querySelector('#names').getAttribute('aria-pressed')") == "true"
    reader.click("Models", "nav a")
    reader.browser.call("fill", "#query", "garden")
    assert reader.shown("#results a") == [HIDDEN_NAME]
    reader.click("Show names above pg13", "button")
    assert reader.shown("#results a") == []
    reader.open("#/filters/civitai/month")
    assert reader.shown("#manifest tbody th") == ["name hidden (r)", HOSTILE]


def test_a_model_that_another_stream_raised_is_hidden(reader: Reader) -> None:
    reader.open("#/models/civitai/103")
    assert reader.heading == "name hidden (above pg13)"


@pytest.mark.parametrize("id_", [ODD_ID, f"evil/{HOSTILE}"])
def test_hostile_ids_and_names_are_text(reader: Reader, id_: str) -> None:
    reader.open("#/models")
    reader.browser.call("fill", "#query", id_)
    (link,) = reader.shown("#results a")
    reader.click(link)
    assert reader.heading == link == id_.partition("/")[2]
    reader.open(reader.hash)
    assert reader.shown("#model p code")[0] == id_
    assert reader.browser.evaluate("document.querySelectorAll('img, main script, [onerror]').length") == 0
    hrefs = reader.browser.evaluate("Array.from(document.querySelectorAll('a'), (link) => link.href)")
    assert [href for href in hrefs if href.startswith("javascript:")] == []


def test_the_policy_is_enforced(session_browser: Browser, reader: Reader) -> None:
    reader.open()
    session_browser.evaluate(
        "violations = []; addEventListener('securitypolicyviolation', (e) => violations.push(e.effectiveDirective))"
    )
    assert "TypeError" in session_browser.evaluate("try { document.body.innerHTML = '<b>x</b>' } catch (error) { String(error) }")
    assert "TypeError" in session_browser.evaluate(
        "try { document.createElement('script').textContent = 'x = 1' } catch (error) { String(error) }"
    )
    session_browser.evaluate("document.body.setAttribute('style', 'display: none')")
    session_browser.evaluate("new Image().src = 'https://models.test/x.png'; fetch('https://models.test/').catch(() => 0)")
    session_browser.wait_for("violations.includes('img-src') && violations.includes('connect-src')")
    assert session_browser.evaluate("[getComputedStyle(document.body).display, violations.includes('style-src-attr')]") == [
        "block",
        True,
    ]
    reader.open()  # with an empty console


def test_by_keyboard(reader: Reader) -> None:
    reader.open()

    def press(key: str, times: int = 1) -> str:
        for _ in range(times):
            reader.browser.call("keyboard.press", key)
        return str(reader.browser.evaluate("document.activeElement.innerText || document.activeElement.id"))

    assert press("Tab") == "Skip to content"
    assert reader.browser.evaluate("document.activeElement.getBoundingClientRect().left") > 0
    press("Enter")
    assert reader.browser.evaluate("document.activeElement.id") == "main"
    assert reader.hash == ""
    assert press("Tab") == "11\nmanifests"
    reader.open()
    assert press("Tab", 4) == "Models"
    press("Enter")
    assert reader.browser.evaluate("document.activeElement.id") == "models"
    assert press("Tab") == "query"
    reader.browser.call("keyboard.type", "llama")
    assert press("Tab") == "llama"
    assert reader.browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press("Enter")
    assert reader.heading == "llama"


def test_without_scripts_all_but_the_models_is_one_page(reader: Reader) -> None:
    reader.open(javaScriptEnabled=False)
    text = reader.browser.call("innerText", "body")
    for part in (
        "Compared with commit 0123abc",
        "hf/likes/small",
        "To search the models, open this file with JavaScript",
        "hash differs",
    ):
        assert part in text
    for part in ("Show names above", "Show filters with", "Search by id"):
        assert part not in text
    reader.browser.call("click", "nav a:has-text('Health')")
    assert reader.browser.call("isVisible", "#health")
    assert reader.browser.call("isVisible", "#overview")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("scheme", "size"), [("light", "wide"), ("dark", "wide"), ("light", "narrow")])
def test_accessibility(reader: Reader, route: str, scheme: str, size: str) -> None:
    reader.open(route, colorScheme=scheme, viewport=SIZES[size])
    reader.browser.evaluate(f"{(MODULES / 'axe-core' / 'axe.min.js').read_text('utf-8')}; 0")
    violations = reader.browser.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, impact, nodes }) =>"
        " `${impact} ${id}: ${nodes.map(({ html, any }) => html.slice(0, 200) + (any[0]?.message ?? '')).join(' | ')}`))"
    )
    assert violations == []
    assert reader.browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


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


def test_the_scripts_fit_the_types_of_the_data(toolchain: tuple[Path, Chromium], tmp_path: Path) -> None:
    def compile_(*paths: Path) -> str:
        options = "--noEmit --allowJs --checkJs --strict --noUncheckedIndexedAccess --noUnusedLocals --noImplicitReturns".split()
        command: list[str | Path] = [toolchain[0], MODULES / "typescript" / "bin" / "tsc", *options, "--target", "es2022"]
        command += ["--lib", "es2023,dom,dom.iterable", PAGE / "data.d.ts", *(PAGE / name for name in SCRIPTS), *paths]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stdout

    assert compile_() == ""
    (tmp_path / "wrong.js").write_text("positionsOf('hf', null);\n")
    assert "not assignable to parameter of type 'Filter'" in compile_(tmp_path / "wrong.js")
