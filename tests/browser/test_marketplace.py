"""What a visitor of the example marketplace sees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import cards
from tests.browser.site import card, image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Visit
    from tests.conftest import Workspace

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mMwTpsJAAICATNoejH4AAAAAElFTkSuQmCC"


def test_a_page_has_cards_in_order_with_their_facts(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    assert visit.browser.texts("h1") == ["huggingface default"]
    assert visit.browser.texts(".status") == ["The first 3 models. Updated Jan 1, 2026."]
    assert visit.names == ["alpha", "beta", "gamma"]
    assert visit.browser.texts(".card")[0].split() == ["alpha", "o", "600M", "mit", "↓", "1.2M", "♥", "34"]
    assert visit.browser.texts("#state") == ["Data of Jan 1, 2026. Hashes checked."]
    assert (visit.problems, visit.browser.errors) == ("", [])


def test_options_lead_to_other_pages_and_those_without_a_manifest_do_not(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.browser.call("click", "text=Likes")
    visit.browser.wait_for_text("h1", "huggingface likes")
    assert visit.names == ["gamma", "alpha"]
    assert visit.browser.texts(".option[aria-current]") == ["Likes", "All"]
    assert visit.browser.texts(".option[aria-disabled]") == ["Small"]
    visit.browser.call("click", ".tabs >> text=CivitAI")
    visit.browser.wait_for_text("h1", "civitai default")
    assert visit.browser.texts(".axis .name") == ["Level", "Period"]
    assert visit.browser.texts("a.option") == ["All", "R", "All"]
    assert visit.browser.errors == []


def test_addresses_name_views_and_back_returns_to_where_the_visitor_was(visit: Visit) -> None:
    many = [card(f"o/m{number}") for number in range(60)]
    visit.site.publish(1, {**cards(), ("huggingface", "default"): many})
    visit.open("#/page/huggingface/likes")
    assert visit.browser.texts("h1") == ["huggingface likes"]
    visit.browser.call("click", "text=Downloads")
    visit.browser.wait_for("document.querySelectorAll('.card').length === 60 && scrollY === 0")
    visit.browser.evaluate("scrollTo(0, 700)")
    visit.browser.wait_for("history.state?.position === 700")
    visit.browser.call("click", "text=m30")
    visit.browser.wait_for_text("h1", "m30")
    assert visit.browser.evaluate("[location.hash, scrollY, document.title]") == ["#/model/huggingface/o/m30", 0, "m30 · Models"]
    visit.browser.call("goBack")
    visit.browser.wait_for("document.querySelectorAll('.card').length === 60 && scrollY === 700")
    visit.browser.call("goBack")
    visit.browser.wait_for_text("h1", "huggingface likes")


def test_a_model_is_shown_with_the_lists_that_have_it(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open("#/model/huggingface/o/alpha")
    assert visit.browser.texts("h1") == ["alpha"]
    assert visit.browser.texts(".ranks li") == ["huggingface default #1", "huggingface likes #2"]
    assert visit.browser.evaluate("document.querySelector('.button').href") == "https://models.test/o/alpha"
    visit.browser.call("click", "text=huggingface likes")
    visit.browser.wait_for_text("h1", "huggingface likes")
    visit.open("#/model/huggingface/o/unknown")
    assert visit.browser.texts("h1") == ["Not found"]


def test_a_list_that_is_not_published_any_more_leads_to_the_nearest_one(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open("#/page/huggingface/likes/small")
    visit.browser.wait_for_text("h1", "huggingface likes")
    visit.open("#/page/huggingface/gone")
    visit.browser.wait_for_text("h1", "huggingface default")
    visit.open("#/page/elsewhere/gone")
    assert visit.browser.texts("h1") == ["Not found"]


def test_search_finds_models_by_all_words_as_the_visitor_types(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.server.take_log()
    visit.browser.call("keyboard.press", "/")
    visit.browser.call("keyboard.type", "Gam visi")
    visit.browser.wait_for_text(".results", "gamma")
    assert visit.browser.texts(".results li") == ["gamma\np · Hugging Face"]
    assert visit.browser.evaluate("location.hash") == "#/search/Gam%20visi"
    assert visit.server.take_log() == [(visit.site.file("search"), 200)]
    visit.browser.call("click", "text=gamma")
    visit.browser.wait_for_text("h1", "gamma")
    visit.browser.call("goBack")
    visit.browser.wait_for_text("h1", "Search: Gam visi")
    assert visit.browser.evaluate("document.querySelector('input').value") == "Gam visi"


def test_search_finds_nothing_if_a_word_does_not_occur(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open("#/search/gamma%20elsewhere")
    assert visit.browser.texts(".status") == ["No model matches all words."]


def test_search_prefers_names_to_tags(visit: Visit) -> None:
    rows = [card("o/x", tags=["llama"]), card("llama/y"), card("o/my-llama"), card("o/llama-3"), card("o/llama"), card("o/z")]
    visit.site.publish(1, {("huggingface", "default"): rows})
    visit.open("#/search/LLaMA")
    assert visit.browser.texts(".results a") == ["llama", "llama-3", "my-llama", "y", "x"]


def variant(relation: str, format_: str | None, models: int, *top: str) -> dict[str, Any]:
    return {"relation": relation, "format": format_, "models": models, "top": [*top]}


HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_remote_text_is_text_and_remote_links_are_https(visit: Visit) -> None:
    hostile = card(
        "o/a", name=HOSTILE, author=HOSTILE, license=HOSTILE, type=HOSTILE, tags=[HOSTILE], url="javascript:alert(1)",
        image=image("pg", url="javascript:alert(1)", blurhash=HOSTILE),
        commercial=HOSTILE, variants=[variant(HOSTILE, HOSTILE, 1, HOSTILE)],
    )  # fmt: skip
    visit.site.publish(1, {("huggingface", "default"): [hostile]})
    for address in ("", "#/model/huggingface/o/a", "#/search/img", f"#/search/{HOSTILE.replace('/', '%2F')}"):
        visit.open(address)
        assert HOSTILE in visit.browser.evaluate("document.body.innerText")
        assert visit.browser.evaluate("document.querySelectorAll('img, main script, a[href^=javascript]').length") == 0
        assert visit.browser.evaluate("document.title") != "owned"
        assert visit.browser.errors == []


def test_images_above_the_chosen_level_are_fetched_only_when_the_visitor_wants_them(visit: Visit) -> None:
    models = [card(str(number), "civitai", image=image(level)) for number, level in enumerate(("pg", "r", "new"))]
    visit.site.publish(1, {("civitai", "default"): [*models, card("9", "civitai")]})
    visit.browser.call("newPage")
    visit.browser.call("serveImage", PIXEL)
    visit.browser.call("goto", f"{visit.server.url}#/page/civitai/default")
    visit.browser.wait_for("document.querySelectorAll('img.loaded').length === 1")

    def fetched() -> list[str]:
        return [url for url in visit.browser.urls if url.startswith("https:")]

    assert fetched() == ["https://images.test/pg.png"]
    assert visit.browser.texts(".picture button") == ["R · Show", "new · Show"]
    assert visit.browser.evaluate("document.querySelectorAll('.picture.hidden canvas').length") == 2
    visit.browser.call("click", "text=new · Show")
    visit.browser.wait_for("document.querySelectorAll('img.loaded').length === 2")
    assert visit.browser.evaluate("location.hash") == "#/page/civitai/default"
    visit.browser.call("selectOption", "#level", "r")
    visit.browser.wait_for(
        "document.querySelectorAll('img.loaded').length === 2 && document.querySelectorAll('button').length === 1"
    )
    assert fetched()[-1] == "https://images.test/r.png"
    assert visit.browser.errors == []
    visit.browser.call("reload")
    visit.browser.wait_for("document.querySelectorAll('.picture button').length === 1")
    assert visit.browser.texts(".picture button") == ["new · Show"]


@pytest.mark.parametrize("blurhash", [None, "", "LEHV6", 5 * "0"])
def test_an_image_without_a_valid_blurhash_has_a_plain_background(visit: Visit, blurhash: Any) -> None:
    visit.site.publish(1, {("civitai", "default"): [card("1", "civitai", image=image("x", blurhash=blurhash))]})
    visit.open("#/page/civitai/default")
    assert visit.browser.texts(".picture button") == ["X · Show"]
    assert visit.browser.evaluate("document.querySelectorAll('canvas').length") == 0
    assert visit.browser.errors == []


def test_the_page_is_used_with_the_keyboard(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.browser.evaluate("document.querySelector('.option[href$=likes]').focus()")
    visit.browser.call("keyboard.press", "Enter")
    visit.browser.wait_for_text("h1", "huggingface likes")
    visit.browser.wait_for("document.activeElement.id === 'content'")
    for _ in range(2 + 3 + 1 + 1):  # sources, options, all lists, the first card
        visit.browser.call("keyboard.press", "Tab")
    assert visit.browser.evaluate("document.activeElement.innerText") == "gamma"
    visit.browser.call("keyboard.press", "Enter")
    visit.browser.wait_for_text("h1", "gamma")


def test_a_page_without_models_says_why(visit: Visit) -> None:
    visit.site.publish(1, {("huggingface", "default"): []})
    visit.open()
    assert visit.names == []
    assert visit.browser.texts(".status") == ["The first 0 models. Updated Jan 1, 2026."]


def test_lists_that_no_option_leads_to_are_found_among_all(visit: Visit) -> None:
    models = cards()
    del models["huggingface", "default"]
    visit.site.publish(1, models)
    visit.open()
    assert visit.browser.texts("h1") == ["huggingface likes"]
    assert len(visit.browser.texts("a.option:not([aria-current])")) == 0
    visit.browser.call("click", "text=All 2 lists")
    assert visit.browser.texts(".lists li") == ["huggingface likes2", "huggingface small1"]
    visit.browser.call("click", "text=huggingface small")
    visit.browser.wait_for_text("h1", "huggingface small")
    visit.browser.call("click", "text=Models")
    visit.browser.wait_for_text("h1", "huggingface likes")


def test_every_list_of_a_real_publication_is_shown(visit: Visit, shipped: Workspace, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert shipped.run("manifests") == shipped.run("keygen", str(key)) == 0
    assert shipped.run("publish", "--site", str(visit.server.folder), "--sign-key", str(key)) == 0
    visit.require_signature(json.loads(key.with_name("key.pub").read_text())["x"])
    visit.open()
    lists: dict[str, str] = {}
    for tab in ("Hugging Face", "CivitAI"):
        visit.browser.call("click", f".tabs >> text={tab}")
        visit.browser.wait_for_text(".tabs [aria-current]", tab)
        links = "Array.from(document.querySelectorAll('.lists a'), (link) => [link.hash, link.textContent])"
        lists |= dict(visit.browser.evaluate(links))
    assert len(lists) == 25
    for address, label in lists.items():
        visit.browser.evaluate(f"location.hash = '{address}'")
        visit.browser.wait_for(f"document.querySelector('h1').innerText === {json.dumps(label)}")
        count = visit.browser.evaluate("document.querySelector('.lists [aria-current] + .count').textContent")
        assert str(len(visit.names)) == count
    visit.browser.call("click", ".card a")
    visit.browser.wait_for("document.querySelector('.ranks li') !== null")
    assert visit.browser.texts("#checks") == ["Signature and hashes checked."]
    assert (visit.problems, visit.browser.errors) == ("", [])


def test_a_card_says_what_was_made_of_the_model_and_whether_it_may_be_used_commercially(visit: Visit) -> None:
    formats = [variant("quantized", name, 7 - number) for number, name in enumerate(("gguf", "mlx", "awq"))]
    rows = [*formats, variant("finetune", None, 3), variant("merge", None, 1), variant("new", "x", 1)]
    models = [
        card("o/a", commercial="conditions", variants=rows),
        card("o/b", commercial="unknown", variants=[]),
        card("o/c", commercial="new"),
        card("o/d", commercial="no", variants=[variant("unknown", None, 1)]),
    ]
    visit.site.publish(1, {("huggingface", "default"): models})
    visit.open()
    facts = [text.splitlines()[2:] for text in visit.browser.texts(".card .text > .facts")]
    assert facts == [["Commercial use: with conditions"], [], [], ["Commercial use: no"]]
    variants = ["Variants: 18 quantized · 3 finetunes · 1 merge · 1 new", "Variants: 1 other"]
    assert visit.browser.texts(".card .variants") == variants
    assert visit.browser.errors == []


def test_the_page_of_a_model_lists_what_was_made_of_it_and_leads_to_the_most_downloaded(visit: Visit) -> None:
    formats = ("gguf", "mlx", "awq", "gptq", "fp8")
    rows = [
        *(variant("quantized", name, 7 - number, f"o/{name}") for number, name in enumerate(formats)),
        variant("finetune", None, 2),
        variant("finetune", "onnx", 1),
        variant("adapter", "gguf", 1),
    ]
    models = [card("o/a", commercial="yes", variants=rows), card("o/gguf", commercial="unknown", variants=[]), card("o/old")]
    visit.site.publish(1, {("huggingface", "default"): models})
    visit.open("#/model/huggingface/o/a")
    quantized = "25 quantized: gguf 7, mlx 6, awq 5, gptq 4 …\no/gguf\no/mlx\no/awq\no/gptq\no/fp8"
    assert visit.browser.texts(".variants > li") == [quantized, "3 finetunes: onnx 1", "1 adapter: gguf"]
    assert "Commercial use\nyes" in visit.browser.texts("dl")[0]
    assert "not legal advice" in visit.browser.texts(".note")[0]
    visit.browser.call("click", ".variants >> text=o/gguf")
    visit.browser.wait_for_text("h1", "gguf")
    assert "Commercial use\nunknown" in visit.browser.texts("dl")[0]
    assert visit.browser.texts(".variants") == []
    visit.open("#/model/huggingface/o/old")
    assert visit.browser.texts(".note") == []
    assert visit.browser.errors == []
