"""Commercial use of Hub models by their licences and those of their bases: constructed cases, and the snapshot."""

from __future__ import annotations

import json
from collections import Counter
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from etl.sources.huggingface.rules import RULES
from etl.sources.licenses import BY_STRICTNESS
from etl.sources.source import get_source
from etl.transform.stage import transform
from tests.sources.huggingface import commercial_evidence as evidence
from tests.sources.huggingface.commercial_evidence import Link, read_rows
from tests.sources.huggingface.test_lineage import record, resolve
from tests.sources.license_evidence import LICENSES, NAMED, by_id

if TYPE_CHECKING:
    from tests.conftest import Workspace

HUB = get_source("huggingface")
MIT, NC, LLAMA = ["license:mit"], ["license:cc-by-nc-4.0"], ["license:llama3.1"]
Model = dict[str, Any]


def model(*records: Model) -> tuple[str, str, str | None, list[str]]:
    """Return the verdict on the first record, each on a page of its own, who decided, the conflict, and the ids of its chain."""
    result = resolve(*([value] for value in records))[0][records[0]["id"]]
    ids = [link["id"] for link in result["license_chain"]]
    return result["commercial"], result["commercial_from"], result["license_conflict"], ids


CASES: list[tuple[str, list[Model], tuple[str, str, str | None, list[str]]]] = [
    ("own licence", [record("o/a", tags=MIT)], ("yes", "o/a", None, [])),
    ("no licence", [record("o/a")], ("unknown", "o/a", None, [])),
    ("own licence in another case", [record("o/a", tags=["license:CC-BY-NC-4.0"])], ("no", "o/a", None, [])),
    ("all own licences count", [record("o/a", tags=[*MIT, *NC])], ("no", "o/a", None, [])),
    ("one of them is not known", [record("o/a", tags=[*MIT, "license:other"])], ("unknown", "o/a", None, [])),
    ("a row of the repository", [record("BLACK-forest-labs/flux.1-dev", tags=["license:other"])],
     ("no", "BLACK-forest-labs/flux.1-dev", None, [])),
    ("licence of the base", [record("o/a", "p/b", tags=MIT), record("p/b", tags=NC)], ("no", "p/b", "p/b", ["p/b"])),
    ("conditions of the base", [record("o/a", "p/b", tags=MIT), record("p/b", tags=LLAMA)],
     ("conditions", "p/b", "p/b", ["p/b"])),
    ("equal terms", [record("o/a", "p/b", tags=NC), record("p/b", tags=NC)], ("no", "o/a", None, ["p/b"])),
    ("stricter terms than the base", [record("o/a", "p/b", tags=NC), record("p/b", tags=MIT)], ("no", "o/a", None, ["p/b"])),
    ("the base states none", [record("o/a", "p/b", tags=MIT), record("p/b")], ("unknown", "p/b", None, ["p/b"])),
    ("missing base", [record("o/a", "p/b", tags=MIT)], ("unknown", "p/b", None, ["p/b"])),
    ("missing base with a row", [record("o/a", "black-forest-labs/FLUX.1-dev", tags=MIT)],
     ("no", "black-forest-labs/FLUX.1-dev", "black-forest-labs/FLUX.1-dev", ["black-forest-labs/FLUX.1-dev"])),
    ("what states none is in no conflict", [record("o/a", "p/b"), record("p/b", tags=NC)], ("no", "p/b", None, ["p/b"])),
    ("no beats unknown", [record("o/a", "p/b", tags=MIT), record("p/b", "q/c"), record("q/c", tags=NC)],
     ("no", "q/c", "q/c", ["p/b", "q/c"])),
    ("unknown beats conditions", [record("o/a", "p/b", tags=MIT), record("p/b", "q/c", tags=LLAMA), record("q/c")],
     ("unknown", "q/c", "p/b", ["p/b", "q/c"])),
    ("chain", [record("o/a", "p/b", tags=MIT), record("p/b", "q/c", tags=MIT), record("q/c", tags=MIT)],
     ("yes", "o/a", None, ["p/b", "q/c"])),
    ("cycle", [record("o/a", "p/b", tags=MIT), record("p/b", "o/a", tags=MIT)], ("yes", "o/a", None, ["p/b"])),
    ("a cycle further on", [record("o/a", "p/b", tags=MIT), record("p/b", "q/c", tags=MIT), record("q/c", "p/b", tags=NC)],
     ("no", "q/c", "q/c", ["p/b", "q/c"])),
    ("self-reference", [record("o/a", "O/A", tags=MIT)], ("yes", "o/a", None, [])),
    ("merge", [record("o/a", "merge:p/b", "merge:q/c", tags=MIT), record("p/b", tags=MIT), record("q/c", tags=NC)],
     ("no", "q/c", "q/c", ["p/b", "q/c"])),
    ("one base on two ways", [record("o/a", "p/b", "q/c", tags=MIT), record("p/b", "q/c", tags=MIT), record("q/c", tags=MIT)],
     ("yes", "o/a", None, ["p/b", "q/c"])),
    ("case", [record("o/a", "P/B", tags=MIT), record("p/b", tags=NC)], ("no", "p/b", "p/b", ["p/b"])),
    ("data set by the id that a model may have, too",
     [record("o/a", "p/b", tags=["dataset:p/b", *MIT]), record("p/b", tags=NC)], ("unknown", "o/a", None, [])),
    ("data set by its path", [record("o/a", "datasets/p/data", "spaces/p/b", tags=MIT)], ("yes", "o/a", None, [])),
    # made of something that cannot be followed
    ("address", [record("o/a", "https://huggingface.co/p/b", tags=MIT)], ("unknown", "o/a", None, [])),
    ("path beside a base", [record("o/a", "p/b", "./c", tags=MIT), record("p/b", tags=MIT)],
     ("unknown", "o/a", None, ["p/b"])),
    ("address, and a licence that forbids", [record("o/a", "/models/b", tags=NC)], ("no", "o/a", None, [])),
    ("address of the base", [record("o/a", "p/b", tags=MIT), record("p/b", "https://hf.co/q/c", tags=MIT)],
     ("unknown", "p/b", None, ["p/b"])),
    ("address of an own base", [record("o/a", "o/b", tags=MIT), record("o/b", "https://hf.co/q/c", tags=MIT)],
     ("unknown", "o/b", None, ["o/b"])),
    ("address of an own base, which forbids itself",
     [record("o/a", "o/b", tags=MIT), record("o/b", "https://hf.co/q/c", tags=NC)], ("no", "o/b", "o/b", ["o/b"])),
    ("address of an own base of an own base",
     [record("o/a", "o/b", tags=MIT), record("o/b", "o/c", tags=MIT), record("o/c", "https://hf.co/q/c")],
     ("unknown", "o/c", None, ["o/b", "o/c"])),
    ("address beside a base that forbids", [record("o/a", "p/b", "./c", tags=MIT), record("p/b", tags=NC)],
     ("no", "p/b", "p/b", ["p/b"])),
    # owners may state other terms for their own models
    ("own base", [record("o/a", "O/b", tags=MIT), record("o/b", tags=NC)], ("yes", "o/a", None, [])),
    ("own base, no licence stated", [record("o/a", "o/b"), record("o/b", tags=NC)], ("no", "o/b", None, ["o/b"])),
    ("own base, licence unknown", [record("o/a", "o/b", tags=["license:unknown"]), record("o/b", tags=NC)],
     ("no", "o/b", None, ["o/b"])),
    ("own base that is missing", [record("o/a", "o/b", tags=MIT)], ("yes", "o/a", None, [])),
    # rejected records are no models, but state terms
    ("rejected base", [record("o/a", "p/b", tags=MIT), record("p/b", tags=NC, disabled=True)], ("no", "p/b", "p/b", ["p/b"])),
    ("rejected base that permits", [record("o/a", "P/b", tags=MIT), record("p/b", tags=MIT, private=True)],
     ("yes", "o/a", None, ["p/b"])),
    ("own base that is rejected, made of somebody's model",
     [record("o/a", "o/b", tags=MIT), record("o/b", "p/c", tags=MIT, disabled=True), record("p/c", tags=NC)],
     ("no", "p/c", "p/c", ["o/b", "p/c"])),
    ("address of a rejected own base",
     [record("o/a", "o/b", tags=MIT), record("o/b", "./c", tags=MIT, private=True)], ("unknown", "o/b", None, ["o/b"])),
    ("own base of an own base", [record("o/a", "o/b", tags=MIT), record("o/b", "o/c", tags=NC), record("o/c", tags=NC)],
     ("yes", "o/a", None, [])),
    ("own base of somebody's model", [record("o/a", "o/b", tags=MIT), record("o/b", "p/c", tags=MIT), record("p/c", tags=NC)],
     ("no", "p/c", "p/c", ["o/b", "p/c"])),
    ("own base of somebody's missing model", [record("o/a", "o/b", tags=MIT), record("o/b", "p/c", tags=MIT)],
     ("unknown", "p/c", None, ["o/b", "p/c"])),
    ("somebody's model two tunes ago",
     [record("o/a", "o/b", tags=MIT), record("o/b", "o/c", tags=MIT), record("o/c", "p/d", tags=MIT), record("p/d", tags=NC)],
     ("no", "p/d", "p/d", ["o/b", "o/c", "p/d"])),
    ("their own base", [record("o/a", "p/b", tags=MIT), record("p/b", "p/c", tags=MIT), record("p/c", tags=NC)],
     ("yes", "o/a", None, ["p/b"])),
    ("own cycle", [record("o/a", "o/b", tags=MIT), record("o/b", "o/a", tags=NC)], ("yes", "o/a", None, [])),
    ("models without an owner", [record("gpt2", "bert", tags=MIT), record("bert", tags=NC)], ("no", "bert", "bert", ["bert"])),
    ("an owner that starts alike", [record("o/a", "o2/b", tags=MIT), record("o2/b", tags=NC)], ("no", "o2/b", "o2/b", ["o2/b"])),
]  # fmt: skip


@pytest.mark.parametrize(("records", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_verdicts(records: list[Model], expected: tuple[str, str, str | None, list[str]]) -> None:
    for order in permutations(records[1:]):
        assert model(records[0], *order) == expected
        assert model(*[*order, records[0]][::-1]) == expected


def test_the_chain_has_all_licences_of_a_base() -> None:
    tags = ["license:mit", "license:", "license:MIT", "license:mit", "license:x\ny", f"license:{'z' * 200}"]
    models, _ = resolve([record("o/a", "p/b", "q/c", "r/d", tags=MIT)], [record("p/b", tags=tags), record("q/c")])
    assert [(link["id"], link["license"]) for link in models["o/a"]["license_chain"]] == [
        ("p/b", "mit"), ("p/b", "MIT"), ("p/b", "x y"), ("p/b", "z" * 100), ("q/c", None), ("r/d", None),
    ]  # fmt: skip
    models, _ = resolve(
        [record("o/a", "p/b", tags=MIT)], [record("p/b", tags=[f"license:{'y' * number}" for number in range(50)])]
    )
    assert len(models["o/a"]["license_chain"]) == 21


def test_explain_says_that_a_base_is_unclear() -> None:
    unclear = {"id": "o/a", "tags": ["base_model:/models/b"], "relation": "unknown", "relation_from": "none", "is_copy": False}
    use: Model = {"license_chain": [], "commercial": "unknown", "commercial_from": "o/a", "license_conflict": None}
    line, verdict = RULES.chain({**unclear, "base_models": [], **use}, lambda _: None)
    assert line.startswith("o/a: unknown (no evidence), and of what is not clearly a model, so that its terms are unknown; ")
    assert verdict == "commercial unknown: decided by o/a"


def test_of_records_that_disagree_the_strictest_counts_for_others() -> None:
    records = [record("o/a", "p/b", tags=MIT), record("p/b", tags=MIT), record("p/b", tags=NC), record("p/b", tags=LLAMA)]
    for order in permutations(records):
        assert resolve(*([value] for value in order))[0]["o/a"]["commercial"] == "no"


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ([record("r/b", tags=MIT), record("r/b", "q/c", tags=MIT), record("q/c", tags=NC)], "no"),
        ([record("r/b", tags=NC), record("r/b", "./c", tags=NC)], "no"),
        ([record("r/b", tags=MIT), record("r/b", "./c", tags=MIT)], "unknown"),
        # a rejected record counts only where there is no model
        ([record("r/b", tags=MIT), record("R/b", tags=NC, private=True)], "yes"),
        ([record("r/b", tags=MIT), record("r/b", "q/c", tags=MIT, disabled=True), record("q/c", tags=NC)], "yes"),
        ([record("r/b", tags=MIT, private=True), record("r/b", "q/c", tags=MIT, private=True), record("q/c", tags=NC)], "no"),
    ],
)
def test_which_record_counts_depends_on_no_page(records: list[Model], verdict: str) -> None:
    derivative = record("o/a", "r/b", tags=["gguf", *MIT])
    counted = {"safetensors": {"parameters": {"F32": 7e9}, "total": 7e9}}
    records = [{**counted, **value} for value in records]
    orders = [[*order] for order in permutations(records)]
    partitions = [pages for order in orders for pages in ([[value] for value in order], [order], [order[:1], order[1:]])]
    results = [resolve([derivative], *pages)[0]["o/a"] for pages in partitions]
    assert {result["commercial"] for result in results} == {verdict}
    assert {result["base_models"][0] for result in results} == {"r/b"}
    assert all(result == results[0] for result in results)


def test_what_only_a_rejected_record_names_is_no_original() -> None:
    rejected = record("o/b", "p/c", private=True)
    for pages in ([[rejected], [record("p/c")]], [[rejected, record("o/b")], [record("p/c")]], [[record("p/c"), rejected]]):
        assert resolve(*pages)[0]["p/c"]["relation"] == "unknown"
    assert resolve([rejected], [record("p/c")], [record("q/d", "p/c")])[0]["p/c"]["relation"] == "original"


def test_of_records_of_one_page_that_disagree_the_strictest_counts_for_others() -> None:
    derivative, counted = (
        record("o/a", "p/b", tags=MIT),
        record("p/b", tags=MIT, safetensors={"parameters": {"BF16": 5}, "total": 5}),
    )
    for base in permutations([counted, record("P/B", tags=NC)]):
        assert resolve([derivative], [*base])[0]["o/a"]["commercial"] == "no"


def test_a_long_chain_is_cut_and_unknown() -> None:
    records = [record(f"o{number}/a", f"o{number + 1}/a", tags=MIT) for number in range(150)]
    models, _ = resolve(records, [record("o150/a", tags=MIT)])
    assert len(models["o0/a"]["license_chain"]) == 100
    assert (models["o0/a"]["commercial"], models["o0/a"]["commercial_from"]) == ("unknown", "o101/a")
    assert models["o60/a"]["commercial"] == "yes"


def test_a_verdict_follows_what_other_pages_say_now(workspace: Workspace) -> None:
    def verdict() -> str:
        transform(workspace.data, HUB)
        models = json.loads((workspace.data.models("huggingface", "default") / "page-0001.json").read_text())
        return str(models[0]["commercial"])

    workspace.write_stream("huggingface", "default", [record("o/a", "p/b", tags=MIT)])
    assert verdict() == "unknown"
    workspace.write_stream("huggingface", "likes", [record("p/b", tags=MIT)])
    assert verdict() == "yes"
    workspace.write_stream("huggingface", "likes", [record("p/b", tags=NC)])
    assert verdict() == "no"


def test_explain_prints_the_evidence_of_each_link(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        record("o/a", "P/b", tags=MIT), record("p/b", "p/c", "black-forest-labs/FLUX.1-dev", tags=LLAMA), record("p/c", tags=NC)
    ]  # fmt: skip
    workspace.write_stream("huggingface", "default", records)
    workspace.write_stream("huggingface", "likes", records)
    assert workspace.run("manifests") == 0
    capsys.readouterr()
    assert workspace.run("explain", "--json", "huggingface:o/a") == 0
    explained = json.loads(capsys.readouterr().out)
    mit, llama, nc, flux, verdict = explained["chain"]
    assert mit.endswith("; license mit: commercial yes, MIT, https://spdx.org/licenses/MIT.html")
    assert "; license llama3.1: commercial conditions, Llama 3.1 Community License Agreement, https://" in llama
    assert nc.endswith("NC-4.0.html; not counted, since it is of the same owner")
    assert flux.startswith("black-forest-labs/FLUX.1-dev: not in the catalogue; license not stated: commercial no, FLUX.1 [dev] ")
    deciding = "black-forest-labs/FLUX.1-dev"
    assert verdict == f"commercial no: decided by {deciding}; states freer terms than {deciding}"
    ((_, lines),) = explained["evidence"].items()
    assert lines == ["license mit: commercial yes, MIT, https://spdx.org/licenses/MIT.html"]


def test_explain_prints_what_rejected_records_name(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    records = [record("o/a", "o/b", tags=MIT), record("o/b", "p/c", tags=LLAMA, disabled=True), record("p/c", tags=NC)]
    workspace.write_stream("huggingface", "default", records)
    workspace.write_stream("huggingface", "likes", records[:1])
    assert workspace.run("manifests") == 0
    capsys.readouterr()
    assert workspace.run("explain", "--json", "huggingface:o/a") == 0
    _, rejected, further, verdict = json.loads(capsys.readouterr().out)["chain"]
    assert rejected.startswith("o/b: not in the catalogue; license llama3.1: commercial conditions, ")
    assert further.startswith("p/c: unknown (no evidence); license cc-by-nc-4.0: commercial no, ")
    assert verdict == "commercial no: decided by p/c; states freer terms than p/c"


BY_TEXT = by_id(LICENSES) | by_id(NAMED)
ROWS = [
    *[(["no"], row) for license_, ids in evidence.NO.items() for id_ in ids.split() for row in read_rows(f"{id_} {license_}")],
    *[([verdict, "changed"], row) for verdict, text in evidence.CHANGED.items() for row in read_rows(text)],
    *[([verdict], row) for verdict, text in evidence.SAMPLES.items() for row in read_rows(text)],
]  # verdict, `changed` if that of the first model alone is another, and the links


def verdict_by_text(link: Link) -> str:
    """Return what the texts say of the licences of a link, of which the strictest counts."""
    licenses = [link.text] if link.text else link.tags or [""]
    return min((BY_TEXT.get(license_, "unknown") for license_ in licenses), key=BY_STRICTNESS.index)


def deciding(row: list[Link]) -> Link:
    """Return the first link that counts with the strictest verdict."""
    return min((link for link in row if link.counts), key=lambda link: BY_STRICTNESS.index(verdict_by_text(link)))


def raw_tags(workspace: Workspace) -> dict[str, list[str]]:
    """Return the tags of each model of the snapshot, as the Hub states them."""
    pages = [json.loads(path.read_text()) for path in workspace.data.raw("huggingface").glob("*/page-*.json")]
    return {model["id"]: model["tags"] for page in pages for model in page}


def test_the_evidence_has_the_tags_of_the_snapshot(shipped: Workspace) -> None:
    tags = raw_tags(shipped)
    assert len(tags) == 1318
    for (verdict, *_), row in ROWS:
        named: set[str] = {row[0].id}  # by the links before
        for link in row:
            stated = tags.get(link.id)
            licenses = None if stated is None else [tag.removeprefix("license:") for tag in stated if tag.startswith("license:")]
            assert (link.id, link.tags) == (link.id, licenses)
            assert link.id in named
            named |= {tag.rpartition(":")[2] for tag in stated or () if tag.startswith("base_model:")}
        if verdict != "no" or len(row) > 1:
            assert named == {link.id for link in row}


def test_the_evidence_follows_from_the_texts() -> None:
    for (verdict, *changed), row in ROWS:
        assert (row[0].id, verdict) == (row[0].id, verdict_by_text(deciding(row)))
        assert (row[0].id, bool(changed)) == (row[0].id, verdict_by_text(row[0]) != verdict)
        owners = {link.id.partition("/")[0] for link in row if link.counts}
        assert {link.id.partition("/")[0] for link in row if not link.counts} <= owners
    for verdict in ("yes", "conditions"):
        assert sum(expected == [verdict] for expected, _ in ROWS) >= 20
    assert sum(expected == ["yes"] and sum(link.counts for link in row) > 1 for expected, row in ROWS) >= 20


def test_the_snapshot_against_the_evidence(shipped: Workspace) -> None:
    transform(shipped.data, HUB)
    models: dict[str, Model] = {}
    for path in shipped.data.models("huggingface").glob("*/page-*.json"):
        models |= {model["id"]: model for model in json.loads(path.read_text())}
    assert Counter(model["commercial"] for model in models.values()) == {"yes": 885, "unknown": 279, "conditions": 89, "no": 65}
    assert sum(bool(model["license_chain"]) for model in models.values()) == 362
    for (verdict, *_), row in ROWS:
        model = models[row[0].id]
        assert (model["id"], model["commercial"], model["commercial_from"]) == (row[0].id, verdict, deciding(row).id)
        if verdict != "no" or len(row) > 1:
            chain = [(link.id, license_) for link in row[1:] if link.counts for license_ in link.tags or (None,)]
            assert [tuple(link.values()) for link in model["license_chain"]] == chain
    # the evidence has all of these
    assert {id_ for id_, m in models.items() if m["commercial"] == "no"} == {row[0].id for key, row in ROWS if key[0] == "no"}
    changed = {row[0].id for key, row in ROWS if key[1:]}
    assert {id_ for id_, model in models.items() if model["commercial_from"] != id_} == changed
    conflicts = {id_: model["license_conflict"] for id_, model in models.items() if model["license_conflict"]}
    assert conflicts == {id_: base for id_, (base, _) in evidence.CONFLICTS.items()}
