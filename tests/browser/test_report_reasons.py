"""What the page derives from its data is what `explain` says, and what data/manifests has."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING

import pytest

from etl.config.load import load_config
from etl.core.layout import DataDir
from etl.explain.context import ExplainContext
from etl.explain.model import explain_model
from tests.conftest import FILTERS, OWN_FILTERS, Workspace, civitai, hf, snapshot
from tests.support.marketplace import build_marketplace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browser import Browser

SIZED = 'sized = { label = "Sized", keeps = ["small"], where = ".parameters < 2e9 and .updated != null" }'
ODD_FILTERS = (
    FILTERS.replace(
        '"other"]',
        '"other", "chosen", "sized", "failing", "odd", "small/chosen", "apache/odd", "likes/chosen", '
        '"most", "likes/most", "chosen/most"]',
    ).replace("[huggingface.axes.license]", f"{SIZED}\n[huggingface.axes.license]")
    + """
[huggingface.axes.test]
any = { label = "Any" }
chosen = { label = "Chosen", where = '.likes > 3 and (.tags | length > 1)' }
failing = { label = "Failing", where = '.name | tonumber > 3' }
odd = { label = "Odd", where = '.tags | index("gguf")' }
[huggingface.axes.order]
given = { label = "As requested" }
most = { label = "Most liked", orders = "likes" }
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { sort = "Most Downloaded", nsfw = true }
require = '.name != "not this"'
manifests = ["pg", "month", "pg/month", "mild", "xl", "untagged", "newest", "mild/newest"]
[civitai.axes.level]
all = { label = "All" }
pg = { label = "PG", keeps = ["pg"] }
[civitai.axes.period]
ever = { label = "Ever" }
month = { label = "Month", asks = { period = "Month" } }
[civitai.axes.more]
any = { label = "Any" }
mild = { label = "Mild", where = '.level_most | IN("pg", "pg13")' }
[civitai.axes.bases]
some = { label = "Some" }
xl = { label = "XL", keeps = ["SDXL 1.0"] }
[civitai.axes.about]
field = "tags"
all = { label = "All" }
untagged = { label = "Untagged", drops = ["cat", "dog"] }
[civitai.axes.order]
given = { label = "As requested" }
newest = { label = "Newest", orders = "updated" }
"""
)
NEWER = [{"id": 2, "baseModel": "SD 1.5", "publishedAt": "2026-01-01T00:00:00.001Z"}]

KINDS = (
    r"excluded by id in filters\.toml", r"rejected: private", r"not among the \d models of stream likes",
    r"over the limit: rank 3, limit 2",
    r"size small excludes unknown", r"level pg excludes r", r"level x: stream month says x", r"withheld: stream month says poi",
    r"level_most x: stream month says x", r"bases xl: has none of SDXL 1\.0", r"about untagged drops cat",
    r"require: .* is not true \(name not this\)", r"test chosen: .* is not true \(likes 1, tags none\)",
    r"test failing: .* fails \(name .*\)", r"test odd: .* gives a number \(tags gguf, license:mit\)",
    r"size sized: .* is not true \(updated none, parameters 10{9}\)",
    r"more mild: .* is not true \(level_most x+\)",
)  # fmt: skip


@pytest.fixture
def odd(workspace: Workspace) -> Workspace:
    """Return models that other records raise, forbid, respell, repeat, reject or exclude, and expressions of every outcome."""
    workspace.filters.write_text(ODD_FILTERS)
    counted = {"safetensors": {"parameters": {"BF16": 10**9}, "total": 10**9}}
    workspace.write_stream(
        "huggingface", "default",
        [hf("o/1", likes=4, tags=["gguf", "license:mit"], **counted), hf("o/gone", private=True)],
        [hf("o/Skipped"), hf("o/a-7b", likes=4, tags=["license:apache-2.0", "gguf"])],
        [hf("O/A-7B", likes=5, tags=["license:apache-2.0"]), hf("o/b-1b", lastModified=None, **counted), hf("bert")],
    )  # fmt: skip
    workspace.write_stream("huggingface", "likes", [hf("o/1", likes=3), hf("o/a?b#c%20d", likes=2)])
    workspace.write_stream(
        "civitai", "default",
        [civitai(1), civitai(2, nsfwLevel=4, tags=["cat"]), civitai(3), civitai(4, nsfw=True), civitai(9, modelVersions=NEWER)],
        [civitai(5, name="not this"), civitai(6, minor=True), civitai(7, nsfwLevel=12), civitai(1)],
    )  # fmt: skip
    workspace.write_stream("civitai", "month", [civitai(1, nsfwLevel=8), civitai(3, poi=True), civitai(2), civitai(7)])
    assert workspace.run("manifests") == 0
    return workspace


def compare(browser: Browser, workspace: Workspace, count: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Compare what the page says of models and manifests; return all reasons of `count` models of each source, any of them."""
    assert workspace.run("report", "--base", str(workspace.data.root)) == 0, capsys.readouterr().err
    browser.call("newVisitor", {})
    browser.call("goto", workspace.data.report.absolute().as_uri())
    config = load_config(workspace.filters)
    context = ExplainContext(workspace.data, config, lambda *_: [])
    reasons: list[str] = []
    for source in config.sources:
        name = json.dumps(source.name)
        ids: list[str] = browser.evaluate(f"sourceOf({name}).columns.id.values")
        ids = random.Random(1).sample(ids, min(count, len(ids)))  # noqa: S311 -- the same in every run
        pages = browser.evaluate(f"{json.dumps(ids)}.map((id) => explainModel({name}, id))")
        for id_, derived in zip(ids, pages, strict=True):
            explained = explain_model(context, source, id_)
            assert derived == {"manifests": explained.manifests, "not_in": explained.not_in}, id_
            reasons += explained.not_in.values()
        for filter_ in source.filters:
            if (workspace.data.manifests / filter_.file).exists():
                assert published(browser, name, filter_.path) == workspace.ids(filter_.file)
    assert browser.errors == []
    return reasons


def published(browser: Browser, source: str, path: str) -> list[str]:
    """Return the ids of a manifest as the page derives them."""
    ids: list[str] = browser.evaluate(f"""(() => {{
        const source = sourceOf({source}), filter = filterAtPath(source, {json.dumps(path)});
        const stream = streamOf(source, filter.stream);
        return positionsOf(filter, stream).slice(0, filter.limit).map((position) => idOf(source, stream.order[position]));
    }})()""")
    return ids


def test_reasons_of_every_kind_are_those_of_explain(
    session_browser: Browser, odd: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert odd.ids("hf-filter-most.json") == ["O/A-7B", "o/1"]  # of o/a-7b and O/A-7B the record fetched last counts
    assert odd.ids("civitai-filter-newest.json")[0] == "9"
    reasons = compare(session_browser, odd, 100, capsys)
    missing = [kind for kind in KINDS if not any(re.fullmatch(kind, reason) for reason in reasons)]
    assert missing == [], sorted(set(reasons))


def test_the_marketplace_is_explained_as_explain_does(
    session_browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(compare(session_browser, build_marketplace(tmp_path).workspace, 50, capsys)) > 2000


def test_every_combination_of_the_snapshot_is_explained_as_explain_does(
    session_browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = snapshot(tmp_path / "data")
    text = re.sub(r"manifests = \[[^\]]*\]", 'manifests = "all"', OWN_FILTERS.read_text())
    workspace = Workspace(DataDir(shipped.data.root), tmp_path / "filters.toml")
    workspace.filters.write_text(text)
    assert workspace.run("manifests") == 0
    assert len(compare(session_browser, workspace, 50, capsys)) > 9000
