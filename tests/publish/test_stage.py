"""What publish writes: cards, pages, links, shards, changes; and how the folder of a site changes."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from etl.publish.files import dump_minified
from etl.publish.pages import page_status
from etl.publish.stage import FIXED_FILES
from etl.publish.store import MAX_PREVIOUS
from etl.sources.source import get_source
from etl.storage.json_files import write_atomic
from tests.conftest import civitai, hf
from tests.load.test_withheld import CIVITAI
from tests.publish.site import SMALL, TIME, Site, fill, records
from tests.support.builders import image

if TYPE_CHECKING:
    from tests.conftest import Workspace


@pytest.fixture
def site(workspace: Workspace) -> Site:
    """Publish four models; return the site."""
    fill(workspace, *records())
    assert workspace.run("publish") == 0
    return Site(workspace)


def entry_name(content: bytes) -> str:
    return f"entry.{sha256(content).hexdigest()[:16]}.json"


def test_a_card_has_the_facts_of_a_model(site: Site) -> None:
    page = site.page("small")
    assert page["label"] == "Small"
    assert page["models"][0] == {
        "id": "o/a", "slug": "o--a", "name": "a", "source": "huggingface", "author": "o", "type": None, "downloads": 5,
        "likes": 1, "license": "apache-2.0", "gated": None, "updated": "2026-01-01T00:00:00.000Z", "created": None,
        "url": "https://huggingface.co/o/a", "tags": ["license:apache-2.0"], "size": "small", "parameters": 600_000_000,
        "size_from": "safetensors", "commercial": "yes", "image": None, "variants": [],
    }  # fmt: skip


def test_a_card_has_variants_if_its_source_knows_lineage(workspace: Workspace) -> None:
    tags = ["base_model:quantized:O/A"]
    fill(workspace, hf("o/a"), hf("o/a-GGUF", tags=tags, downloads=7), hf("p/a-GGUF", tags=tags), hf("q/a-GGUF", tags=tags))
    workspace.filters.write_text(
        workspace.filters.read_text() + CIVITAI.partition("depth = 40")[2].replace(', "month", "sdxl", "pg/sdxl"', "")
    )
    workspace.write_stream("civitai", "default", [civitai(1)])
    assert workspace.run("manifests") == workspace.run("publish") == 0
    site = Site(workspace)
    rows = [{"relation": "quantized", "format": "gguf", "models": 3, "top": ["o/a-GGUF", "p/a-GGUF"]}]
    assert (site.models["o/a"]["variants"], site.models["o/a-GGUF"]["variants"]) == (rows, [])
    assert site.page("likes")["models"][0]["variants"] == rows
    assert "variants" not in site.models["1"]


def test_a_card_has_at_most_20_tags(workspace: Workspace) -> None:
    fill(workspace, hf("o/a", tags=[f"t{number}" for number in range(30)]))
    assert workspace.run("publish") == 0
    assert Site(workspace).models["o/a"]["tags"] == [f"t{number}" for number in range(20)]


def test_pages_have_the_models_of_their_manifests_in_order(workspace: Workspace, site: Site) -> None:
    for manifest in site.index["manifests"]:
        file = f"hf-filter-{manifest['filter'].replace('/', '-')}.json"
        ids = workspace.ids(file)
        assert [card["id"] for card in site.load(manifest)["models"]] == ids
        assert (manifest["count"], manifest["updated"]) == (len(ids), workspace.entry(file)["timestamp"])
        assert re.fullmatch(r"pages/hf-[a-z-]+\.[0-9a-f]{16}\.json", manifest["file"])


def test_links_lead_to_published_filters(site: Site) -> None:
    assert site.page("small")["links"] == {
        "sort": {"downloads": "small", "likes": None},
        "size": {"all": None, "small": "small", "large": "large"},
        "license": {"all": "small", "apache": None, "other": None},
    }


def test_the_default_manifest_is_linked(workspace: Workspace) -> None:
    fill(workspace, *records())
    workspace.filters.write_text(workspace.filters.read_text().replace('"likes", "small"', '"default", "likes", "small"'))
    assert workspace.run("manifests") == workspace.run("publish") == 0
    assert Site(workspace).page("small")["links"]["size"] == {"all": "default", "small": "small", "large": "large"}
    assert Site(workspace).page("default")["links"]["size"] == {"all": "default", "small": "small", "large": "large"}


def test_the_index_counts_the_models_of_each_option(site: Site) -> None:
    (source,) = site.index["sources"]
    options = {
        axis["axis"]: {option["option"]: option["models"] for option in axis["options"]} for axis in source["axes"]
    }  # fmt: skip
    assert options["size"] == {"all": 4, "small": 2, "large": 0}
    assert options["license"] == {"all": 3, "apache": 2, "other": 2}


@pytest.mark.parametrize(
    ("count", "short", "status", "text"),
    [
        (100, None, "full", "The first 100 models."),
        (2, "exhausted", "short", "2 models, which is all there are."),
        (1, "depth", "short", "1 model so far."),
        (0, "exhausted", "empty", "No model matches."),
        (0, "unread", "empty", "No model that matches was found so far."),
    ],
)
def test_status_is_a_word_and_a_sentence(count: int, short: str | None, status: str, text: str) -> None:
    entry = {"count": count, "short": short, "stale": None, "timestamp": TIME}
    assert page_status(entry) == (status, text)
    stale = f"{text} The source could not be read lately; this is as of 2026-01-01."
    assert page_status({**entry, "stale": TIME}) == ("stale", stale)


def test_every_name_has_the_hash_of_its_content(site: Site) -> None:
    hashed = [name for name in site.state() if name not in ("entry.json", *FIXED_FILES)]
    assert len(hashed) > 10
    for name in hashed:
        assert name.split(".")[-2] == sha256((site.folder / name).read_bytes()).hexdigest()[:16]
    entry = (site.folder / "entry.json").read_bytes()
    assert len(entry) <= 2048
    assert (site.folder / entry_name(entry)).read_bytes() == entry


def test_shards_are_found_by_the_hash_of_an_id(workspace: Workspace) -> None:
    fill(workspace, *[hf(f"o/m{number}", tags=[f"{'x' * 900}{tag}" for tag in range(20)]) for number in range(9)])
    workspace.filters.write_text(workspace.filters.read_text().replace("limit = 3", "limit = 9"))
    assert workspace.run("manifests") == workspace.run("publish") == 0
    site = Site(workspace)
    models = site.load(site.entry["models"])
    assert models["count"] == 9
    assert models["prefix_length"] == 1  # nine cards of 18 KB do not fit into one file of 64 KB
    for prefix, reference in models["shards"].items():
        assert reference["bytes"] <= 64 * 1024
        for model in site.load(reference)["models"]:
            assert sha256(model["id"].encode()).hexdigest().startswith(prefix)


def test_a_model_has_its_manifests_with_ranks(site: Site) -> None:
    assert site.models["o/b"]["manifests"] == [
        {"filter": "likes", "rank": 2}, {"filter": "small", "rank": 2}, {"filter": "other", "rank": 1},
    ]  # fmt: skip


def test_nothing_changed_changes_no_file(workspace: Workspace, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.state()
    assert workspace.run("publish") == 0
    assert "nothing changed" in capsys.readouterr().out
    workspace.data.cache("published").unlink()  # as on another machine
    assert workspace.run("publish") == 0
    assert site.state() == before


def test_a_damaged_file_is_written_again(workspace: Workspace, site: Site) -> None:
    before = {name: content for name, (content, _) in site.state().items()}
    victim = site.folder / site.entry["search"]["file"]
    victim.write_bytes(b"")
    assert workspace.run("publish") == 0
    assert {name: content for name, (content, _) in site.state().items()} == before


def test_equal_data_gives_equal_files(workspace: Workspace, site: Site) -> None:
    other = workspace.data.root / "other"
    assert workspace.run("publish", "--site", str(other)) == 0
    files = {name: content for name, (content, _) in site.state().items()}
    assert {str(path.relative_to(other / "v1")): path.read_bytes() for path in other.rglob("*.*") if path.is_file()} == files


def test_changes_name_models_and_facts_with_reasons(workspace: Workspace, site: Site) -> None:
    first = site.entry
    assert site.changes == {"generated": first["generated"], "since": None, "added": [], "removed": [], "changed": []}
    large = {"safetensors": {"parameters": {"BF16": 70_000_000_000}, "total": 70_000_000_000}}
    fill(
        workspace,
        hf("o/b", tags=["license:mit"], **large),
        hf("o/c", private=True),
        hf("o/e"),
        fetched_at="2026-01-02T00:00:00.000Z",
    )
    assert workspace.run("publish", "--allow-rejected", "huggingface/private") == 0
    changes = site.changes
    assert (changes["generated"], changes["since"]) == ("2026-01-02T00:00:00.000Z", first["generated"])
    assert [model["id"] for model in changes["added"]] == ["o/e"]
    assert {model["id"]: model["reason"] for model in changes["removed"]} == {
        "o/a": "It is no longer among the models that likes is selected from.",
        "o/c": "It must not be published any more.",
        "o/d": "It is no longer among the models that apache is selected from.",
    }
    assert [(change["field"], change["before"], change["after"]) for change in changes["changed"]] == [
        ("size", "small", "large"), ("license", None, "mit"),
    ]  # fmt: skip
    assert site.entry["previous"] == [entry_name(dump_minified(first))]
    counts = [(row["added"], row["removed"], row["changed"]) for row in site.load(site.entry["changes"])["publications"]]
    assert counts == [(1, 3, 2), (0, 0, 0)]


def test_files_of_old_publications_are_removed(workspace: Workspace, site: Site) -> None:
    (site.folder / "pages" / "mine.html").write_text("x")
    leftover = site.folder / "pages" / ".hf-x.0123456789abcdef.json.partial"  # of a run that was killed
    leftover.write_text("x")
    for number in range(MAX_PREVIOUS + 3):
        fill(workspace, *records(), hf(f"o/new-{number}", **SMALL), fetched_at=f"2026-01-{number + 2:02}T00:00:00.000Z")
        assert workspace.run("publish") == 0
        for path in site.folder.rglob("*.*"):
            os.utime(path, (0, 0))
    entries = [*site.folder.glob("entry.*.json")]
    assert len(entries) == MAX_PREVIOUS + 1
    current = entry_name((site.folder / "entry.json").read_bytes())
    assert sorted(path.name for path in entries) == sorted([*site.entry["previous"], current])
    for path in entries:
        entry = json.loads(path.read_bytes())
        for manifest in site.load(entry["index"])["manifests"]:
            assert (site.folder / manifest["file"]).is_file()
    assert (site.folder / "pages" / "mine.html").exists()
    assert not leftover.exists()


def test_recent_publications_stay(workspace: Workspace, site: Site) -> None:
    for number in range(MAX_PREVIOUS + 3):
        fill(workspace, *records(), hf(f"o/new-{number}", **SMALL), fetched_at=f"2026-01-{number + 2:02}T00:00:00.000Z")
        assert workspace.run("publish") == 0
    assert len([*site.folder.glob("entry.*.json")]) == MAX_PREVIOUS + 4


def test_an_interrupted_publication_leaves_the_old_one(
    workspace: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    before = {name: content for name, (content, _) in site.state().items()}
    fill(workspace, *records(), hf("o/e", **SMALL), fetched_at="2026-01-02T00:00:00.000Z")
    write, writes = write_atomic, 0

    def interrupt(path: Any, content: bytes) -> None:
        nonlocal writes
        if writes == limit:
            raise KeyboardInterrupt
        writes += 1
        write(path, content)

    monkeypatch.setattr("etl.publish.store.write_atomic", interrupt)
    for limit in range(100):
        writes = 0
        if workspace.run("publish") == 0:
            break
        after = {name: content for name, (content, _) in site.state().items()}
        assert before.items() <= after.items(), limit
    assert 3 < limit < 100
    assert site.models["o/e"]


def test_a_failed_verify_publishes_nothing(workspace: Workspace, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.state()
    path = workspace.data.manifests / "hf-filter-small.json"
    path.write_text(path.read_text().replace("o/b", "o/c"))
    assert workspace.run("publish") == 1
    assert "not published, since verify failed" in capsys.readouterr().err
    assert site.state() == before


def test_verify_is_skipped_if_its_inputs_passed(workspace: Workspace, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.entry
    capsys.readouterr()
    assert workspace.run("publish") == 0
    assert "checks" not in capsys.readouterr().out
    workspace.filters.write_text(workspace.filters.read_text() + "\n# another comment\n")
    assert workspace.run("publish") == 0
    assert "checks, 0 failed" in capsys.readouterr().out


def test_an_unknown_entry_is_not_replaced(workspace: Workspace, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    (site.folder / "entry.json").write_text('{"mine": true}')
    assert workspace.run("publish") == 65
    assert "is not an entry of a published catalogue" in capsys.readouterr().err
    assert (site.folder / "entry.json").read_text() == '{"mine": true}'


def test_outdated_models_are_refused(workspace: Workspace, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.state()
    (workspace.data.models("huggingface", "likes") / "page-0001.json").write_text("[]")
    assert workspace.run("publish") == 1
    assert "rebuild: make manifests" in capsys.readouterr().err
    assert site.state() == before


def test_another_spelling_of_an_id_is_the_same_model(workspace: Workspace, site: Site) -> None:
    fill(workspace, hf("O/A", tags=["license:apache-2.0"], **SMALL), *records()[1:], fetched_at="2026-01-02T00:00:00.000Z")
    assert workspace.run("publish") == 0
    assert "O/A" in site.models
    assert (site.changes["added"], site.changes["removed"], site.changes["changed"]) == ([], [], [])


def test_without_the_files_of_the_publication_before_no_changes_are_stated(workspace: Workspace, site: Site) -> None:
    (site.folder / site.entry["models"]["file"]).unlink()
    fill(workspace, *records(), hf("o/e", **SMALL), fetched_at="2026-01-02T00:00:00.000Z")
    assert workspace.run("publish") == 0
    assert (site.changes["since"], site.changes["added"]) == (None, [])


def test_an_image_has_the_highest_level_that_any_record_says(workspace: Workspace) -> None:
    filters = CIVITAI.replace('"pg", "r", "month", "sdxl", "pg/sdxl"', '"pg", "month"')
    workspace.filters.write_text(filters.replace("page = 10", 'page = 10\nimage_hosts = ["image.civitai.com"]'))
    versions = [[{**civitai(1)["modelVersions"][0], "images": [image(bits, 1), image(4, 2)]}] for bits in (1, 8)]
    workspace.write_stream("civitai", "default", [civitai(1, modelVersions=versions[0]), civitai(2)])
    workspace.write_stream("civitai", "month", [civitai(1, modelVersions=versions[1]), civitai(3)])
    assert workspace.run("manifests") == workspace.run("publish") == 0
    site = Site(workspace)
    assert [card["image"] for card in site.page("pg")["models"]] == [None, None]  # of image 1 another record says x
    assert site.models["1"]["image"]["level"] == "r"
    assert workspace.run("verify", "--site", str(workspace.data.site)) == 0


@pytest.mark.parametrize("fields", [{"poi": True}, {"minor": True}, {"nsfwLevel": 32}, {"nsfwLevel": 3}, {"nsfwLevel": None}])
@pytest.mark.parametrize("stream", ["default", "month"])
def test_an_image_that_any_record_forbids_is_on_no_card(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], stream: str
) -> None:
    filters = CIVITAI.replace('"pg", "r", "month", "sdxl", "pg/sdxl"', '"pg", "month"')
    workspace.filters.write_text(filters.replace("page = 10", 'page = 10\nimage_hosts = ["image.civitai.com"]'))

    def write(forbidding: str) -> None:
        for name in ("default", "month"):
            shown = image(1, 1, **(fields if name == forbidding else {}))
            version = {**civitai(1)["modelVersions"][0], "images": [shown, image(2, 2)]}
            workspace.write_stream("civitai", name, [civitai(1, nsfwLevel=3, modelVersions=[version])])

    write("")
    assert workspace.run("manifests") == workspace.run("publish") == 0
    assert Site(workspace).models["1"]["image"]["level"] == "pg"
    write(stream)
    assert workspace.run("verify", "--site", str(workspace.data.site)) == 1
    assert "a raw record of the model forbids this image" in capsys.readouterr().out
    assert workspace.run("manifests") == workspace.run("publish") == 0
    site = Site(workspace)
    assert [card["image"] for card in site.page("pg")["models"]] == [None]
    assert [card["image"]["level"] for card in site.page("month")["models"]] == ["pg13"]
    assert site.models["1"]["image"]["level"] == "pg13"
    assert workspace.run("verify", "--site", str(workspace.data.site)) == 0


def test_the_address_follows_the_level_that_all_records_decide(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.filters.write_text(CIVITAI.replace('"pg", "r", "month", "sdxl", "pg/sdxl"', '"default", "pg", "month"'))
    workspace.write_stream("civitai", "default", [civitai(1), civitai(2), civitai(3)])
    workspace.write_stream("civitai", "month", [civitai(1, nsfw=True, nsfwLevel=60), civitai(2, nsfwLevel=2)])
    verify = ("verify", "--site", str(workspace.data.site))
    with monkeypatch.context() as patch:
        own_address = replace(get_source("civitai"), dependent_fields=lambda _model: {})
        patch.setattr("etl.selection.stored.get_source", lambda _name: own_address)
        assert workspace.run("manifests") == workspace.run("publish") == 0
    assert workspace.run(*verify) == 1
    problem = '$.models[0].url: 1: is "https://civitai.com/models/1", but data/models has "https://civitai.red/models/1"'
    assert problem in capsys.readouterr().out
    assert workspace.run("publish") == 0
    site = Site(workspace)
    addresses = {card["id"]: card["url"] for card in site.page("default")["models"]}
    assert addresses == {
        "1": "https://civitai.red/models/1", "2": "https://civitai.com/models/2", "3": "https://civitai.com/models/3"
    }  # fmt: skip
    assert site.models["1"]["url"] == "https://civitai.red/models/1"
    assert workspace.run(*verify) == 0


def test_a_damaged_file_costs_no_other_file_of_its_publication(workspace: Workspace, site: Site) -> None:
    names = {name for name in site.state() if name not in ("entry.json", *FIXED_FILES)}
    lost = site.entry["search"]["file"]
    (site.folder / lost).unlink()
    fill(workspace, *records(), hf("o/e", **SMALL), fetched_at="2026-01-02T00:00:00.000Z")
    assert workspace.run("publish") == 0
    assert site.entry["previous"] == []
    assert names - {lost} <= site.state().keys()


def test_files_that_only_look_like_ours_stay(workspace: Workspace, site: Site) -> None:
    others = [site.folder / name for name in ("app.0123456789abcdef.json", "tables/mine.0123456789abcdef.sqlite")]
    for path in others:
        path.write_text("x")
    fill(workspace, *records(), hf("o/e", **SMALL), fetched_at="2026-01-02T00:00:00.000Z")
    assert workspace.run("publish", "--keep", "0s") == 0
    assert all(path.exists() for path in others)


def test_lost_types_are_written_again(workspace: Workspace, site: Site) -> None:
    (site.folder / "types" / "catalogue.d.ts").unlink()
    assert workspace.run("verify", "--site", str(workspace.data.site)) == 1
    assert workspace.run("publish") == workspace.run("verify", "--site", str(workspace.data.site)) == 0


@pytest.mark.parametrize(
    "folder", ["raw", "raw/huggingface/default", "models/site", "manifests", ".manifests", ".cache/x", ".locks"]
)
@pytest.mark.parametrize("is_linked", [False, True])
def test_a_site_in_a_folder_of_the_pipeline_is_refused_at_once(
    workspace: Workspace,
    folder: str,
    is_linked: bool,  # noqa: FBT001 -- a column
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(workspace, *records())
    site = workspace.data.root / folder
    if is_linked:
        (workspace.data.root.parent / "link").symlink_to(workspace.data.root)
        site = workspace.data.root.parent / "link" / folder
    before = sorted(workspace.data.root.rglob("*"))
    monkeypatch.setattr("etl.storage.locks.WAIT_S", 0)
    assert workspace.run("publish", "--site", str(site)) == 2
    top = workspace.data.root / folder.split("/", maxsplit=1)[0]
    fix = f"name another folder, or none for {workspace.data.site}"
    message = f"--site {site}: must not be in {top}, which other commands rewrite; {fix}"
    assert message in capsys.readouterr().err
    assert sorted(workspace.data.root.rglob("*")) == before


def test_the_current_folder_may_be_the_site(workspace: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = workspace.data.root / "www" / "catalogue"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert workspace.run("publish", "--site", ".") == 0
    assert [path.name for path in folder.iterdir()] == ["v1"]
    assert (folder / "v1" / "entry.json").read_bytes() == (site.folder / "entry.json").read_bytes()
