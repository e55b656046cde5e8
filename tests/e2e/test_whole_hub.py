"""examples/whole-hub.toml against the local server: one stream, and each manifest is what sorting its raw records gives."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.core.layout import PROJECT, DataDir
from tests.conftest import Workspace, hf
from tests.support.builders import NOW
from tests.support.catalogue_2026 import hub_records
from tests.support.fake_api.apis import Hub
from tests.support.fake_api.server import Server

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = PROJECT / "examples" / "whole-hub.toml"
# Short pages and manifests, and no waiting for the rate.
SMALL = ((r"limit = 100\b", "limit = 10"), (r"page = 1000", "page = 60"), (r"requests = \d+", "requests = 10000"))
ORDERS = {"newest": "createdAt", "downloads": "downloads", "likes": "likes", "updated": "lastModified"}
TASKS = {"embeddings": {"sentence-similarity", "feature-extraction"}, "text-to-video": {"text-to-video", "image-to-video"}}
LIMIT = 10


def records() -> list[dict[str, Any]]:
    """Return models of every kind, several with equal values, and some without any."""
    nothing: dict[str, Any] = {"downloads": None, "likes": None, "lastModified": None, "pipeline_tag": "text-to-video"}
    unstated = [hf(f"un/stated-{number}-70B", tags=["license:mit"], **nothing) for number in range(3)]
    equal = [hf(f"equal/model-{number}-4B", pipeline_tag="text-to-speech", likes=77, downloads=77) for number in range(20)]
    return [*hub_records()[::3], *unstated, *equal, hf("o/hidden", private=True, likes=10**9)]


def extract(folder: Path, *replacements: tuple[str, str]) -> tuple[Workspace, Server]:
    """Return the example with shorter pages and other replacements, extracted in a folder and built."""
    text = EXAMPLE.read_text()
    for pattern, replacement in (*SMALL, *replacements):
        text, count = re.subn(pattern, replacement, text)
        assert count == 1, pattern
    (folder / "filters.toml").write_text(text)
    workspace = Workspace(DataDir(folder / "data"), folder / "filters.toml")
    with Server(Hub(records())) as hub, pytest.MonkeyPatch.context() as env:
        env.setenv("HF_ENDPOINT", hub.url)
        env.setenv("SOURCE_DATE_EPOCH", str(int(NOW.timestamp())))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("etl.transform.page.transform_page", lambda *_, **__: pytest.fail("extract transforms a page"))
            assert workspace.run("extract") == 0
        assert workspace.run("manifests") == 0
    return workspace, hub


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Server]:
    return extract(tmp_path_factory.mktemp("whole-hub"))


def raw_records(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the records of the only stream, in its order."""
    (folder,) = (workspace.data.raw_root / "huggingface").iterdir()
    pages = sorted(folder.glob("page-*.json"))
    assert len(pages) > 5
    return [record for page in pages for record in json.loads(page.read_text())]


def license_of(record: dict[str, Any]) -> str | None:
    return next((tag.partition(":")[2] for tag in record["tags"] if tag.startswith("license:")), None)


def size_of(record: dict[str, Any]) -> str:
    """Return the class of the size in a name."""
    stated = re.search(r"-([0-9.]+)B$", record["id"])
    billions = float(stated[1]) if stated else None
    return "unknown" if billions is None else "small" if billions < 7 else "medium" if billions <= 13 else "large"


def matches(record: dict[str, Any], options: dict[str, str]) -> bool:
    """Return whether a record belongs in the manifest of these options."""
    license_, task = license_of(record), options["task"]
    licenses = {"apache": license_ == "apache-2.0", "mit": license_ == "mit", "other": license_ not in {"apache-2.0", "mit"}}
    return (
        options["size"] in {"all", size_of(record)}
        and licenses.get(options["license"], True)
        and (task == "any" or record.get("pipeline_tag") in TASKS.get(task, {task}))
    )


def test_the_hub_is_read_once_to_its_end(built: tuple[Workspace, Server]) -> None:
    workspace, hub = built
    assert {call.status for call in hub.calls} == {200}
    ledger = json.loads(workspace.data.ledger("huggingface", "default").read_text())
    assert (ledger["exhausted"], len(ledger["pages"])) == (True, len(hub.calls))
    assert all("sort=createdAt" in call.target and "limit=60" in call.target for call in hub.calls)
    assert hub.ignored == set()


@pytest.mark.parametrize(
    ("depth", "requests", "ending"),
    [(3_000_000, 6, ""), (120, 2, ", the greatest by likes of 120 records: filters.toml allows a depth of 120")],
)
def test_a_manifest_with_an_order_is_never_full_before_the_end_or_depth(
    tmp_path: Path, depth: int, requests: int, ending: str
) -> None:
    workspace, hub = extract(tmp_path, ('manifests = "all"', 'manifests = ["likes"]'), (r"depth = \d+", f"depth = {depth}"))
    assert len(hub.calls) == requests
    assert workspace.entry("hf-filter-likes.json")["verdict"] == f"full, 10 models{ending}"


def test_every_manifest_is_the_sorted_raw_records(built: tuple[Workspace, Server]) -> None:
    workspace, _ = built
    raw = raw_records(workspace)
    entries = workspace.manifest("index.json")["manifests"]
    assert len(entries) == 4 * 4 * 4 * 8 - 1
    full = nulls = 0
    for entry in entries:
        key = ORDERS[entry["options"]["order"]]
        matching = [record for record in raw if matches(record, entry["options"])]
        values = sorted({record[key] for record in matching if record.get(key) is not None}, reverse=True)
        ranked = [record for value in [*values, None] for record in matching if record.get(key) == value]
        assert workspace.ids(entry["file"]) == [record["id"] for record in ranked[:LIMIT]], entry["file"]
        assert entry["funnel"]["cut"] == max(0, len(matching) - LIMIT)
        assert entry["short"] == ("exhausted" if len(matching) < LIMIT else None)
        full += len(matching) >= LIMIT
        nulls += any(record.get(key) is None for record in ranked[:LIMIT])
    assert full > 150
    assert nulls > 0


def test_verify_passes_and_finds_a_missing_top_model(
    built: tuple[Workspace, Server], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = built
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(NOW.timestamp())))
    assert workspace.run("verify") == 0
    assert "order of the streams" in capsys.readouterr().out
    path = workspace.data.manifests / "hf-filter-likes-small-apache.json"
    content = path.read_bytes()
    manifest = json.loads(content)
    top = manifest["models"].pop(0)["id"]
    path.write_text(json.dumps(manifest))
    assert workspace.run("verify") == 1
    path.write_bytes(content)
    assert f"{path}: $.models: {top} with likes " in capsys.readouterr().out


def test_what_clients_download_is_in_the_order_of_the_manifests(
    built: tuple[Workspace, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = built
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(NOW.timestamp())))
    assert workspace.run("publish") == 0
    assert workspace.run("verify", "--site", str(workspace.data.site)) == 0


def test_the_example_as_it_is_has_every_order_of_the_hub_in_one_stream() -> None:
    config = load_config(EXAMPLE)
    (source,) = config.sources
    (stream,) = source.streams
    assert (config.depth, source.page_size, stream.params["sort"]) == (3_000_000, 1000, "createdAt")
    assert {filter_.order_field for filter_ in source.filters} == {"created", "downloads", "likes", "updated"}
    assert len({filter_.file for filter_ in source.filters}) == 511
