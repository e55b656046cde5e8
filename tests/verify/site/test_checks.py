"""verify --site passes what publish writes, and each change of a file fails the check for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import hf
from tests.publish.site import records
from tests.verify.site.tampering import IMAGE_URL, TamperedSite
from tests.verify.test_stage import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    Edit = tuple[str, Any, "Callable[[Any], Any]", str, str]

IMAGE = {"url": IMAGE_URL, "width": 1, "height": 1, "level": "pg", "blurhash": None}


def test_what_publish_writes_passes(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.verify() == 0
    output = capsys.readouterr().out
    assert output.endswith("14 checks, 0 failed\n")
    for line in ("shards (7)", "cards against data/models (18)", "pages against data/manifests (9)", "images (9)", "links ("):
        assert f"ok   {line}" in output


def first(field: str, **values: Any) -> Callable[[Any], Any]:
    return lambda value: value[field][0].update(values)


def set_links(axis: str, **links: str | None) -> Callable[[Any], Any]:
    return lambda page: page["links"][axis].update(links)


def drop(field: str, number: int = 0) -> Callable[[Any], Any]:
    return lambda value: value[field].pop(number)


def swap(value: Any) -> None:
    value["models"].reverse()


PAGES, LINKS, SHARDS = "pages against the index", "links", "shards"


def variants(*rows: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Return a change of the variants of o/a: of each relation, how many, and the most downloaded."""
    values = [{"relation": relation, "format": None, "models": models, "top": top} for relation, models, *top in rows]
    return lambda shard: shard["models"][3].update(variants=values)


FORM, LOCAL, CARDS = "schemas and form", "pages against data/manifests", "cards against data/models"
EDITS: list[Edit] = [
    ("entry", 0, lambda v: v.update(extra=1), FORM, "entry.json: $: Unevaluated properties"),
    ("entry", 0, lambda v: v.update(version=2), FORM, "entry.json: $.version: 1 was expected"),
    ("entry", 0, lambda v: v.update(extra="x" * 2048), "entry", "entry.json: $: has"),
    ("entry", 0, lambda v: v.update(generated="2025-01-02T00:00:00.000Z"), PAGES, "entry.json: $.generated: says 2025-01-02"),
    ("index", 0, lambda v: v.update(extra=1), FORM, ": $: Unevaluated properties are not allowed ('extra'"),
    ("index", 0, first("manifests", status="new"), FORM, "$.manifests[0].status: 'new' is not one of"),
    ("index", 0, first("manifests", source="elsewhere"), FORM, "$.manifests[0].source: 'elsewhere' is not one of"),
    ("index", 0, first("manifests", status="empty"), PAGES, "$.manifests[0].status: says empty, but pages/hf-default."),
    ("index", 0, first("manifests", label="Other"), PAGES, "$.manifests[0].label: says Other, but pages/hf-default."),
    ("index", 0, first("manifests", label="Other"), LOCAL, "$.manifests[0].label: is 'Other', but data/manifests/index.json"),
    ("index", 0, first("manifests", status="stale"), LOCAL, "$.manifests[0].status: is 'stale', but"),
    ("index", 0, first("manifests", count=7), PAGES, "$.manifests[0].count: says 7, but pages/hf-default."),
    ("index", 0, first("manifests", updated="2026-01-02T00:00:00.000Z"), PAGES, "$.manifests[0].updated: says 2026-01-02"),
    ("index", 0, lambda v: v["manifests"].append(v["manifests"][0]), PAGES, "huggingface: default is listed twice"),
    ("index", 0, drop("manifests"), LOCAL, "$.manifests: huggingface: default has a manifest but no page"),
    ("index", 0, drop("manifests"), LINKS, "$.links.sort.downloads: leads to default, which has no page"),
    ("index", 0, drop("sources"), LOCAL, "$.sources: huggingface of data/manifests/index.json is missing"),
    (
        "index", 0, lambda v: v["sources"][0]["axes"][1]["options"][1].update(models=9), "options in the index",
        "$.sources[0].axes[1].options[1].models: says 9, but the pages have 2",
    ),
    (
        "index", 0, lambda v: v["sources"][0]["axes"][1]["options"].append({"option": "tiny", "label": "T", "models": 0}),
        "options in the index", "$.sources[0].axes[1].options[3]: tiny has no page",
    ),
    (
        "index", 0, lambda v: v["sources"][0]["axes"][1]["options"][1].update(label="Tiny"), LOCAL,
        "$.sources[0].axes: has other axes, options or labels",
    ),
    ("page", "small", first("models", extra=1), FORM, "$.models[0]: Unevaluated properties are not allowed ('extra'"),
    ("page", "small", first("models", size="tiny"), FORM, "$.models[0].size: 'tiny' is not one of ['large',"),
    ("page", "small", first("models", size_from="rumour"), FORM, "$.models[0].size_from: 'rumour' is not one of"),
    ("page", "small", first("models", commercial="maybe"), FORM, "$.models[0].commercial: 'maybe' is not one of"),
    ("page", "pg", lambda v: v["models"][0].pop("commercial"), FORM, "$.models[0]: 'commercial' is a required property"),
    ("page", "small", first("models", level="pg"), FORM, "$.models[0].level: 'pg' should not be valid"),
    ("page", "pg", first("models", level="pg14"), FORM, "$.models[0].level: 'pg14' is not one of"),
    ("page", "pg", first("models", image={**IMAGE, "level": "pg14"}), FORM, "$.models[0].image"),
    ("page", "pg", first("models", image={**IMAGE, "url": "http://image.example/1"}), FORM, "$.models[0].image"),
    ("page", "pg", lambda v: v["models"][0].pop("level"), FORM, "$.models[0]: 'level' is a required property"),
    ("page", "small", lambda v: v.update(label="Tiny"), PAGES, "$.manifests[2].label: says Small, but pages/hf-small."),
    ("page", "small", lambda v: v.update(filter="large"), PAGES, "$.manifests[2].filter: says small, but pages/hf-small."),
    ("page", "small", lambda v: v["models"].append(v["models"][0]), PAGES, "$.models[2].id: o/a is there twice"),
    ("page", "small", swap, LOCAL, "$.models[0].id: o/b is there, but its manifest has o/a"),
    ("page", "small", drop("models", 1), LOCAL, "$.models[1].id: nothing is there, but its manifest has o/b"),
    ("page", "small", first("models", downloads=6), CARDS, "$.models[0].downloads: o/a: is 6, but data/models has 5"),
    ("page", "small", first("models", license="mit"), CARDS, '$.models[0].license: o/a: is "mit", but data'),
    ("page", "small", first("models", commercial="no"), CARDS, '$.models[0].commercial: o/a: is "no", but data/models has "yes"'),
    ("page", "small", first("models", tags=["x"]), CARDS, '$.models[0].tags: o/a: is ["x"], but data/models has'),
    ("page", "small", first("models", gated=False), CARDS, "$.models[0].gated: o/a: is false, but data/models has null"),
    ("page", "r", first("models", level="r"), CARDS, '$.models[0].level: 1: is "r", but data/models has "pg"'),
    ("page", "small", first("models", id="o/x"), CARDS, "$.models[0].id: o/x is not in stream default"),
    ("page", "pg", first("models", image=IMAGE), CARDS, "$.models[0].image: 1: is {"),
    ("page", "small", set_links("size", large=None), LINKS, "$.links.size.large: is null, but large has a page"),
    ("page", "small", set_links("size", large="likes"), LINKS, "$.links.size.large: leads to likes (expected large)"),
    ("page", "small", set_links("size", small="large"), LINKS, "$.links.size.small: is large, but the page's own option must"),
    ("page", "small", set_links("size", small=None), LINKS, "$.links.size.small: is None, but the page's own option must"),
    ("page", "small", set_links("sort", likes="likes/small"), LINKS, "leads to likes/small, which has no page"),
    ("page", "small", lambda v: v["links"]["size"].pop("large"), LINKS, "$.links.size: has no option large"),
    ("page", "small", lambda v: v["links"].pop("size"), LINKS, "$.links: has the axes license, sort (expected"),
    ("page", "small", lambda v: v.update(filter="tiny"), LINKS, "$.filter: tiny has options that huggingface does not have"),
    ("page", "pg", first("models", image={**IMAGE, "level": "r"}), "images", "$.models[0].image.level: 1: is r, but the page"),
    ("page", "r", first("models", image={**IMAGE, "level": "pg13"}), "images", "$.models[0].image: 1: is pg in the raw records"),
    ("page", "r", first("models", image={**IMAGE, "url": IMAGE_URL.replace("1.", "poi.")}), "images", "forbids this image"),
    ("page", "r", first("models", image={**IMAGE, "url": "https://elsewhere.example/1"}), "images", "no raw record of the model"),
    ("shard", 0, first("models", extra=1), FORM, "$.models[0]: Unevaluated properties are not allowed ('extra'"),
    ("shard", 0, swap, SHARDS, "$.models: is not sorted by source and id"),
    ("shard", 0, lambda v: v["models"].append(v["models"][0]), SHARDS, "$.models: is not sorted by source and id, each once"),
    ("shard", 0, first("models", downloads=6), SHARDS, "$.models[0].downloads: 1: is not as on its newest page"),
    ("shard", 0, first("models", image=None), SHARDS, "$.models[0].image: 1: is not the image of its newest page"),
    ("page", "r", first("models", image=None), CARDS, "$.models[0].image: 1: is null, but data/models has {"),
    ("shard", 0, first("models", id="0"), SHARDS, "$.models[0].id: 0 is on no page"),
    ("shard", 0, drop("models"), SHARDS, "$.shards: civitai: 1 of a page is in no shard"),
    ("shard", 0, lambda v: first("manifests", rank=2)(v["models"][0]), SHARDS, "$.models[0].manifests: 1: is not where"),
    ("shard", 0, lambda v: v["models"][0]["manifests"].reverse(), SHARDS, "$.models[0].manifests: 1: is not where"),
    ("shard", 0, variants(("merge", 1), ("merge", 1)), SHARDS, "$.models[3].variants: o/a: is not sorted, or has a relation"),
    ("shard", 0, variants(("merge", 1), ("adapter", 1)), SHARDS, "$.models[3].variants: o/a: is not sorted, or has a relation"),
    ("shard", 0, variants(("merge", 1, "o/a")), SHARDS, "$.models[3].variants[0].top: o/a: expected other published models"),
    ("shard", 0, variants(("merge", 1, "o/x")), SHARDS, "$.models[3].variants[0].top: o/a: expected other published models"),
    ("shard", 0, variants(("merge", 1, "o/b", "o/c")), SHARDS, "$.models[3].variants[0].top: o/a: expected other published"),
    ("shard", 0, variants(("merge", 2, "o/b", "o/d")), SHARDS, "$.models[3].variants[0].top: o/a: expected other published"),
    ("shard", 0, variants(("merge", 9, "o/d", "o/b")), SHARDS, "$.models[3].variants: o/a: is not as on its newest page"),
    ("shard", 0, variants(("merge", 0)), FORM, "$.models[3].variants[0].models: 0 is less than the minimum of 1"),
    ("models", 0, lambda v: v.update(count=9), SHARDS, "$.count: says 9, but the shards have 7 models"),
    ("models", 0, lambda v: v.update(prefix_length=1), SHARDS, "$.shards.: must be a prefix of 1 hex digits"),
    ("search", 0, first("rows", name="other"), "search rows", "$.rows[0].name: 1: is not as in its shard"),
    ("search", 0, drop("rows"), "search rows", "$.rows: civitai: 1 of a shard has no row"),
    ("search", 0, lambda v: v["rows"].reverse(), "search rows", "$.rows: is not sorted"),
    ("search", 0, first("rows", id="9"), "search rows", "$.rows[0].id: 9 is in no shard"),
    ("changes", 0, first("publications", added=1), "changes", "$.publications[0].added: says 1, but changes/set."),
    ("changes", 0, first("publications", generated="2025-01-01T00:00:00.000Z"), "changes", "$.publications[0]: is not of this"),
    ("changes", 0, lambda v: v.update(publications=v["publications"] * 51), FORM, "$.publications"),
    ("changes", 0, drop("publications"), "changes", "$.publications[0]: is not of this publication"),
    (
        "change_set", 0, lambda v: v["added"].append({"source": "civitai", "id": "1", "name": "x"}), "changes",
        "$: states changes, but the first publication has nothing to compare with",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "key", "change", "check", "message"), EDITS)
def test_a_change_that_keeps_all_hashes_fails(  # the file is rewritten, and named by its new hash
    site: TamperedSite,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    key: Any,
    change: Callable[[Any], Any],
    check: str,
    message: str,
) -> None:
    name = site.edit(kind, change, key)
    assert site.verify() == 1
    problems = failed(capsys.readouterr().out)[check].splitlines()
    matches = [line for line in problems if message in line]
    assert matches, problems
    assert str(site.folder) in matches[0]
    assert "publish it again: make " in matches[0]
    assert name.split(".")[0] in matches[0] or kind in ("page", "shard", "change_set", "index")


@pytest.mark.parametrize("kind", ["index", "models", "search", "changes", "page", "shard", "change_set", "tables"])
@pytest.mark.parametrize("damage", ["removed", "longer", "shorter", "changed"])
def test_a_damaged_file_fails(site: TamperedSite, capsys: pytest.CaptureFixture[str], kind: str, damage: str) -> None:
    reference = site.entry["tables"]["sqlite"] if kind == "tables" else site.reference(kind)
    path = site.folder / reference["file"]
    content = path.read_bytes()
    path.unlink()
    if damage != "removed":
        path.write_bytes({"longer": content + b" ", "shorter": content[:-1], "changed": content[:-1] + b"x"}[damage])
    assert site.verify() == 1
    reason = {
        "removed": "not found",
        "longer": f"longer than {len(content)} bytes",
        "shorter": f"has {len(content) - 1} bytes (expected {len(content)})",
        "changed": "has the SHA-256",
    }[damage]
    problems = failed(capsys.readouterr().out)["files and hashes"]
    assert f"{reference['file']}: {reason}" in problems
    assert "json: $." in problems
    assert site.workspace.run("publish") == 0  # the command of the message
    assert site.verify() == 0


def test_a_name_that_does_not_have_the_hash_fails(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    old = site.entry["search"]["file"]
    (site.folder / old).rename(site.folder / "search.0123456789abcdef.json")
    site.edit("entry", lambda entry: entry["search"].update(file="search.0123456789abcdef.json"))
    assert site.verify() == 1
    problems = failed(capsys.readouterr().out)["files and hashes"]
    assert "entry.json: $.search: search.0123456789abcdef.json: the name must contain" in problems


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda body: body + b"\n", "is not minified JSON"),
        (lambda body: body.replace(b'{"rows":', b'{"rows":[],"rows":'), "is not minified JSON"),
        (lambda body: body[:-1], "is not JSON"),
        (lambda body: b'{"b":1,"a":2}' + body[:0], "'rows' is a required property"),
    ],
)
def test_form(
    site: TamperedSite, capsys: pytest.CaptureFixture[str], content: Callable[[bytes], bytes], message: str
) -> None:  # fmt: skip
    name = site.replace("search", content((site.folder / site.entry["search"]["file"]).read_bytes()))
    assert site.verify() == 1
    assert f"{name}: $: {message}" in failed(capsys.readouterr().out)["schemas and form"]


@pytest.mark.parametrize(
    ("name", "check", "message"),
    [
        ("entry.json", "entry", "entry.json: $: entry.json: not found"),
        ("schemas/catalogue.schema.json", "schemas and form", "schemas/catalogue.schema.json: not found"),
    ],
)
def test_a_missing_fixed_file_fails(
    site: TamperedSite, capsys: pytest.CaptureFixture[str], name: str, check: str, message: str
) -> None:
    (site.folder / name).unlink()
    assert site.verify() == 1
    assert message in failed(capsys.readouterr().out)[check]


def test_another_schema_fails(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    (site.folder / "schemas/catalogue.schema.json").write_text("{}")
    assert site.verify() == 1
    assert "catalogue.schema.json: $: is not that of this program" in failed(capsys.readouterr().out)["schemas and form"]


def test_the_copy_of_the_entry_must_be_there(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    (copy,) = site.folder.glob("entry.*.json")
    copy.unlink()
    assert site.verify() == 1
    assert f"entry.json: $: {copy.name}: not found" in failed(capsys.readouterr().out)["entry"]


def test_a_manifest_without_data_models_names_the_command(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    (site.workspace.data.models("huggingface", "default") / "page-0001.json").unlink()
    assert site.verify() == 1
    problems = failed(capsys.readouterr().out)[CARDS]
    assert "default/page-0001.json: not found" in problems
    assert "make " in problems


def test_a_page_without_a_manifest_fails(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    index = site.workspace.data.manifests / "index.json"
    text = index.read_text().replace('"filter": "filter/small"', '"filter": "filter/likes/small"')
    index.write_text(text)
    assert site.verify() == 1
    assert "$.manifests[2]: huggingface: small has a page but no manifest" in failed(capsys.readouterr().out)[LOCAL]


def test_without_manifests_the_comparisons_are_left_out(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.workspace.data.manifests
    folder.rename(folder.with_name("elsewhere"))
    assert site.verify() == 0
    output = capsys.readouterr().out
    assert f"not checked: {folder / 'index.json'} not found" in output
    assert "13 checks, 0 failed" in output


def test_options_that_do_not_fit_are_refused(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.workspace.run("verify", "--key", "k.pub") == 2
    assert "--key: is for the signature of --site" in capsys.readouterr().err
    assert site.workspace.run("verify", "--site", str(site.workspace.data.manifests)) == 2
    assert "not a site (expected a folder v1 in it)" in capsys.readouterr().err


def publish_again(site: TamperedSite, *changed: dict[str, Any]) -> None:
    """Publish other records of the Hub."""
    for stream in ("default", "likes"):
        site.workspace.write_stream("huggingface", stream, list(changed), fetched_at="2026-01-02T00:00:00.000Z")
    assert site.workspace.run("manifests") == 0
    assert site.workspace.run("publish", "--allow-shrink", "hf/small") == 0


def test_later_publications_pass_and_their_changes_are_compared(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    publish_again(site, *records()[1:], hf("o/e"))
    assert site.verify() == 0
    assert "files of publications before (" in capsys.readouterr().out
    site.edit("change_set", lambda value: value["added"].clear())
    assert site.verify() == 1
    assert "$.added: does not have: huggingface, o/e" in failed(capsys.readouterr().out)["changes"]
    site.edit("change_set", lambda value: value.update(since="2026-01-01T00:00:00.001Z"))
    assert site.verify() == 1
    assert "$.since: says 2026-01-01T00:00:00.001Z, but" in failed(capsys.readouterr().out)["changes"]


def test_files_of_publications_before_must_be_there(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    old = site.reference("page", "small")["file"]
    publish_again(site, *records()[1:], hf("o/e"))
    os.truncate(site.folder / old, 3)
    assert site.verify() == 1
    problems = failed(capsys.readouterr().out)["files of publications before"]
    assert f": $.manifests[2]: {old}: has 3 bytes" in problems
    (site.folder / site.entry["previous"][0]).unlink()
    assert site.verify() == 1
    problems = failed(capsys.readouterr().out)["files of publications before"]
    assert "entry.json: $.previous[0]: entry." in problems


def test_data_older_than_those_before_fail(site: TamperedSite, capsys: pytest.CaptureFixture[str]) -> None:
    publish_again(site, *records())
    site.edit("entry", lambda entry: entry.update(generated="2025-01-01T00:00:00.000Z"))
    site.edit("changes", first("publications", generated="2025-01-01T00:00:00.000Z"))
    assert site.verify() == 1
    assert (
        "entry.json: $.generated: 2025-01-01T00:00:00.000Z is older than 2026-01-01" in failed(capsys.readouterr().out)["changes"]
    )
