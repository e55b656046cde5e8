"""What the example client requests, checks and keeps, seen from the marketplace that uses it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.browser.browser import INSECURE_HOST
from tests.browser.conftest import cards
from tests.browser.signing import new_signer
from tests.browser.site import card

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Visit
    from tests.browser.signing import Signer
    from tests.browser.toolchain import Chromium

PAGE = "pages/huggingface-default"
OLD, NEW = ["alpha", "beta", "gamma"], ["new"]
CAN_BE_USED = "Data of Jan {}, 2026. {} checked."


@pytest.fixture
def signer(toolchain: tuple[Path, Chromium]) -> Signer:
    return new_signer(toolchain[0])


def publish_news(visit: Visit, day: int = 2, **entry: object) -> None:
    """Publish another list of models in one manifest; the others stay."""
    visit.site.publish(day, {**cards(), ("huggingface", "default"): [card("o/new")]}, **entry)


def tamper(visit: Visit, name: str) -> None:
    """Change a file, not its length."""
    path = visit.site.folder / name
    path.write_bytes(path.read_bytes().replace(b"new", b"bad"))


def test_the_first_visit_fetches_what_the_page_needs(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    index, page = visit.site.file("index"), visit.site.file(PAGE)
    assert visit.server.take_log() == [("entry.json", 200), (index, 200), (page, 200)]
    assert [url for url in visit.browser.urls if not url.startswith(visit.server.url)] == []
    assert visit.browser.errors == []


def test_a_visit_without_news_is_one_request_whose_response_has_no_body(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.server.take_log()
    visit.open()
    assert visit.server.take_log() == [("entry.json", 304)]
    assert (visit.names, visit.problems) == (OLD, "")


def test_files_are_kept_also_where_the_browser_caches_nothing(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.server.take_log()
    visit.browser.call("newPage")
    visit.browser.call("serveImage", "")  # for its side effect: no HTTP cache
    visit.browser.call("goto", visit.server.url)
    visit.browser.wait_for_text(".card h2", "alpha")
    assert visit.server.take_log() == [("entry.json", 200)]


def test_after_a_publication_only_new_files_are_fetched(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.open("#/page/huggingface/likes")
    visit.server.take_log()
    publish_news(visit)
    visit.open("#/page/huggingface/default")
    index, page = visit.site.file("index"), visit.site.file(PAGE)
    assert visit.server.take_log() == [("entry.json", 200), (index, 200), (page, 200)]
    assert visit.names == NEW
    visit.open("#/page/civitai/default")
    assert visit.server.take_log() == [("entry.json", 304), (visit.site.file("pages/civitai-default"), 200)]


def test_an_unchanged_page_is_not_fetched_again(visit: Visit) -> None:
    models = cards()
    visit.site.publish(1, models)
    visit.open("#/page/huggingface/default")
    visit.server.take_log()
    visit.site.publish(1, {**models, ("huggingface", "small"): []})
    visit.open("#/page/huggingface/default")
    assert visit.server.take_log() == [("entry.json", 200), (visit.site.file("index"), 200)]


def test_news_are_shown_while_the_page_is_open(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    publish_news(visit)
    visit.browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.browser.wait_for_text(".card h2", "new")
    assert visit.names == NEW


def test_no_news_are_looked_for_before_they_are_due(visit: Visit) -> None:
    visit.site.publish(1, cards(), max_age_s=3600)
    visit.open()
    visit.server.take_log()
    visit.browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.browser.call("click", "text=Likes")
    visit.browser.wait_for_text("h1", "huggingface likes")
    assert visit.server.take_log() == [(visit.site.file("pages/huggingface-likes"), 200)]


def test_the_storage_has_the_files_of_two_publications(visit: Visit) -> None:
    kept = "caches.keys().then(async ([name]) => (await (await caches.open(name)).keys()).map((request) => request.url))"
    for day in (1, 2, 3):
        visit.site.publish(day, {**cards(), ("huggingface", "default"): [card(f"o/m{day}")]})
        visit.open("#/page/huggingface/default")
        assert visit.names == [f"m{day}"]
    names = [url.rsplit("/v1/")[1].split(".")[0] for url in visit.browser.evaluate(kept)]
    assert sorted(names) == ["current", "index", "index", PAGE, PAGE, "previous"]


@pytest.mark.parametrize("stem", ["index", PAGE])
def test_after_tampering_the_last_good_files_are_shown_and_the_page_says_so(visit: Visit, stem: str) -> None:
    visit.site.publish(1, cards())
    visit.open("#/page/huggingface/default")
    publish_news(visit)
    file = visit.site.file(stem)
    tamper(visit, file) if stem == PAGE else (visit.site.folder / file).write_bytes(b"{}")
    visit.open("#/page/huggingface/default")
    assert visit.names == OLD
    expected = "its content is not that of its SHA-256" if stem == PAGE else "has 2 bytes (expected"
    assert f"{file}: {expected}" in visit.problems


def test_tampering_on_the_first_visit_is_an_error(visit: Visit) -> None:
    publish_news(visit)
    page = visit.site.file(PAGE)
    tamper(visit, page)
    visit.open()
    assert visit.browser.texts("#content p")[0] == f"{page}: its content is not that of its SHA-256"
    index = visit.site.file("index")
    (visit.site.folder / index).unlink()
    visit.browser.call("newVisitor", {})
    visit.open()
    assert visit.browser.texts("h1") == ["The catalogue cannot be loaded"]
    assert visit.browser.texts("#content p")[0] == f"{index}: cannot be fetched (HTTP 404)"
    publish_news(visit, 3)
    visit.browser.call("click", "text=Try again")
    visit.browser.wait_for_text(".card h2", "new")


def test_a_missing_file_is_replaced_by_the_last_good_one(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open("#/page/huggingface/default")
    publish_news(visit)
    page = visit.site.file(PAGE)
    (visit.site.folder / page).unlink()
    visit.open("#/page/huggingface/default")
    assert (visit.names, f"{page}: cannot be fetched (HTTP 404)" in visit.problems) == (OLD, True)


def test_a_damaged_copy_in_a_cache_is_fetched_again(visit: Visit) -> None:
    visit.site.publish(1, cards())
    page = visit.site.file(PAGE)
    visit.server.damaged_once.add(page)
    visit.open()
    assert (visit.names, visit.problems) == (OLD, "")
    assert visit.server.take_log().count((page, 200)) == 2


def test_files_that_the_server_removed_meanwhile_are_found_by_a_new_entry(visit: Visit) -> None:
    visit.site.publish(1, cards(), max_age_s=3600)
    visit.open()
    likes = visit.site.file("pages/huggingface-likes")
    visit.site.publish(2, {**cards(), ("huggingface", "likes"): [card("o/new")]})
    (visit.site.folder / likes).unlink()
    visit.browser.call("click", "text=Likes")
    visit.browser.wait_for_text("h1", "huggingface likes")
    assert (visit.names, visit.problems) == (NEW, "")


def test_an_older_publication_is_refused(visit: Visit) -> None:
    publish_news(visit, 2)
    visit.open()
    visit.site.publish(1, cards())
    visit.open()
    assert visit.names == NEW
    assert "entry.json: is of 2026-01-01T00:00:00.000Z, older than that of 2026-01-02T00:00:00.000Z" in visit.problems


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html>", "entry.json: is not JSON"),
        (b"\xff", "entry.json: is not JSON"),
        (b"null", "entry.json: is not the entry of a catalogue"),
        (b'{"version": 2}', "entry.json: has version 2, and this client reads version 1"),
        (b'{"version": 1}', "entry.json: lacks a key that version 1 has"),
        (None, "entry.json: cannot be fetched (HTTP 404)"),
    ],
)
def test_an_entry_that_cannot_be_used_leaves_the_last_one(visit: Visit, content: bytes | None, problem: str) -> None:
    visit.site.publish(1, cards())
    visit.open()
    entry = visit.site.folder / "entry.json"
    entry.unlink() if content is None else entry.write_bytes(content)
    visit.open()
    assert (visit.names, problem in visit.problems) == (OLD, True)


def test_without_a_server_the_last_good_files_are_shown(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.browser.call("goOffline")
    visit.browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.browser.wait_for_text("#problems", "entry.json: cannot be fetched")
    visit.browser.call("click", "text=Small")
    visit.browser.wait_for_text("h1", "This cannot be shown")
    visit.browser.call("goBack")
    visit.browser.wait_for_text("h1", "huggingface default")
    visit.browser.call("goOnline")
    visit.browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.browser.wait_for("document.getElementById('problems').hidden")


def test_unknown_keys_and_values_are_ignored(visit: Visit) -> None:
    visit.site.publish(1, {("huggingface", "default"): [card("o/a", later={"x": 1}, gated="new")]}, later=[1])
    visit.open()
    assert (visit.names, visit.problems, visit.browser.errors) == (["a"], "", [])


@pytest.mark.parametrize("file", ["https://elsewhere.test/index.{}.json", "//elsewhere.test/index.{}.json", "../index.{}.json"])
def test_files_elsewhere_are_not_requested(visit: Visit, file: str) -> None:
    visit.site.publish(1, cards())
    entry = json.loads((visit.site.folder / "entry.json").read_bytes())
    entry["index"]["file"] = file.format(entry["index"]["sha256"][:16])
    (visit.site.folder / "entry.json").write_text(json.dumps(entry))
    visit.open()
    assert "is not a name with the start of its SHA-256" in visit.browser.texts("#content p")[0]
    assert [url for url in visit.browser.urls if "elsewhere" in url] == []
    assert visit.server.take_log() == [("entry.json", 200)]


def test_a_signature_is_checked_once_for_each_entry(visit: Visit, signer: Signer) -> None:
    visit.require_signature(signer.x)
    visit.site.publish(1, cards())
    signature = signer.sign(visit.site.folder)
    visit.open()
    assert (signature, 200) in visit.server.take_log()
    assert (visit.names, visit.browser.texts("#checks")) == (OLD, ["Signature and hashes checked."])
    visit.open()
    assert visit.server.take_log() == [("entry.json", 304)]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ({}, "the signature is not that of the publisher's key"),
        ({"alg": "none"}, "is not a detached JWS with alg Ed25519"),
        ({"crit": ["b64"], "b64": False}, "is not a detached JWS with alg Ed25519"),
        (None, "cannot be fetched (HTTP 404)"),
    ],
)
def test_an_entry_without_a_good_signature_is_refused(
    visit: Visit, signer: Signer, header: dict[str, object] | None, problem: str
) -> None:
    visit.require_signature(signer.x)
    visit.site.publish(1, cards())
    signer.sign(visit.site.folder)
    visit.open()
    publish_news(visit)
    if header is not None:
        forger = signer if header else new_signer(signer.node)
        forger.sign(visit.site.folder, **header)
    visit.open()
    assert (visit.names, problem in visit.problems) == (OLD, True)
    visit.browser.call("newVisitor", {})
    visit.open()
    assert visit.browser.texts("h1") == ["The catalogue cannot be loaded"]
    assert problem in visit.browser.texts("#content p")[0]


def test_what_was_kept_under_another_key_is_not_used(visit: Visit, signer: Signer) -> None:
    visit.site.publish(1, cards())
    visit.open()
    visit.require_signature(signer.x)
    (visit.site.folder / "entry.json").unlink()
    visit.open()
    assert visit.browser.texts("h1") == ["The catalogue cannot be loaded"]


def test_without_https_nothing_is_checked_and_the_page_says_so(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.open(host=INSECURE_HOST)
    assert visit.browser.texts("#checks") == ["Nothing is checked, since this page was not opened by https."]
    assert visit.names == OLD
    visit.browser.call("click", "text=gamma")
    visit.browser.wait_for_text(".ranks", "huggingface likes")
    assert visit.browser.errors == []


def test_without_https_a_catalogue_that_must_be_signed_is_refused(visit: Visit, signer: Signer) -> None:
    visit.require_signature(signer.x)
    visit.site.publish(1, cards())
    signer.sign(visit.site.folder)
    visit.open(host=INSECURE_HOST)
    assert visit.browser.texts("#content p")[0] == "entry.json: its signature can be checked on https only"


def test_a_full_storage_is_no_reason_to_show_nothing(visit: Visit) -> None:
    visit.site.publish(1, cards())
    visit.browser.call("newPage")
    visit.browser.call(
        "addInitScript", "Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'))"
    )
    visit.browser.call("goto", visit.server.url)
    visit.browser.wait_for_text(".card h2", "alpha")
    assert "cannot be kept for later visits (QuotaExceededError: full)" in visit.problems


_PROGRAM = """
const { openCatalogue } = await import(process.argv[1]);
const catalogue = await openCatalogue(process.argv[2], { publicKey: { kty: "OKP", crv: "Ed25519", x: process.argv[3] } });
const model = await catalogue.model("huggingface", "p/gamma");
console.log(catalogue.checks, catalogue.problems.length, model.manifests.length, (await catalogue.search("gam"))[0].id);
"""


def test_the_client_runs_in_node(visit: Visit, signer: Signer) -> None:
    visit.site.publish(1, cards())
    signer.sign(visit.site.folder)
    client = visit.server.folder / "dist" / "client" / "src" / "index.js"
    (client.parent / "package.json").write_text('{"type": "module"}')
    command: list[str | Path] = [signer.node, "--no-warnings", "--input-type=module", "--eval", _PROGRAM]
    arguments = [client.as_uri(), f"{visit.server.url}v1", signer.x]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("signature 0 2 p/gamma\n", "")
