"""Who can read the report, and what its content cannot do: keyboard, screen readers, no scripts, hostile and hidden names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.report.render import render
from tests.browser.reader import SIZES, Reader
from tests.browser.toolchain import MODULES
from tests.report.builder import report
from tests.report.payload import HIDDEN_NAME, HOSTILE, ODD_ID, payload

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browser import Browser

ROUTES = """#/overview #/filters #/filters/hf/likes/small #/filters/hf/likes/mit #/filters/hf/recent/mit #/filters/hf/nothing
#/filters/civitai/r #/models #/models?q=llama #/models/huggingface/Qwen/Qwen3-0.6B #/models/civitai/103 #/models/civitai/999
#/health""".split()


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


def test_reasons_do_not_say_hidden_tags(session_browser: Browser, tmp_path: Path) -> None:
    data = payload()
    source = data["sources"][1]
    source["requirement"] = None
    source["axes"][0]["options"][1]["fields"] = ["tags"]
    source["texts"][source["texts"].index("level pg excludes xxx")] = "level pg drops garden"
    (tmp_path / "index.html").write_text(render(report(data)), "utf-8")
    reader = Reader(session_browser, (tmp_path / "index.html").as_uri())
    reader.open("#/models/civitai/102", viewport=SIZES["wide"])
    assert "PG civitai/pg level pg excludes it (tags hidden)" in reader.shown("#model tr")
    reader.click("Show names above pg13", "button")
    assert "PG civitai/pg level pg drops garden" in reader.shown("#model tr")


def test_a_record_that_did_not_become_a_model_has_no_fields(session_browser: Browser, tmp_path: Path) -> None:
    data = payload()
    for column in (column for name, column in data["sources"][0]["columns"].items() if name != "id"):
        column["except"] = {str(data["sources"][0]["excluded"][0]): None}
    (tmp_path / "index.html").write_text(render(report(data)), "utf-8")
    reader = Reader(session_browser, (tmp_path / "index.html").as_uri())
    reader.open("#/models/huggingface/blocked/model", viewport=SIZES["wide"])
    assert reader.heading == "blocked/model"
    assert reader.shown("#model .fields") == []
    assert "No stream on disk has it as a model, so that it has no fields." in reader.shown("#model p")


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
        "2 manifests changed, 4 models entered, 2 left",
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
