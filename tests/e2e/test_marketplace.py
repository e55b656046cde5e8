"""examples/marketplace.toml against the local servers: every manifest comes out with the right models, and verify passes."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from etl.core.layout import PROJECT, SCHEMAS, DataDir
from tests.conftest import Workspace
from tests.support.builders import NOW
from tests.support.marketplace import Marketplace, build_marketplace, query

if TYPE_CHECKING:
    from pathlib import Path


PLANNED = re.compile(r"^(\w+)/([\w-]+): (\d+)(?: to (\d+))? requests?;.*\n    (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def marketplace(tmp_path_factory: pytest.TempPathFactory) -> Marketplace:
    return build_marketplace(tmp_path_factory.mktemp("marketplace"))


def test_every_manifest_comes_out_without_a_warning(marketplace: Marketplace) -> None:
    index = marketplace.workspace.manifest("index.json")
    filters = [filter_ for source in marketplace.config.sources for filter_ in source.filters]
    assert len(filters) == 75
    assert [entry["file"] for entry in index["manifests"]] == [filter_.file for filter_ in filters]
    assert [entry["file"] for entry in index["manifests"] if entry["short"]] == []
    assert "warning" not in marketplace.errors
    assert [server.ignored for server in marketplace.servers] == [set(), set()]
    assert {call.status for server in marketplace.servers for call in server.calls} == {200}


def test_the_requests_are_within_the_bounds_of_plan(marketplace: Marketplace) -> None:
    planned = PLANNED.findall(marketplace.plan)
    assert len(planned) == sum(len(source.streams) for source in marketplace.config.sources) > 40
    counts = {(source, stream): marketplace.calls[query(url)] for source, stream, _, _, url in planned}
    assert sum(counts.values()) == marketplace.calls.total()
    for source, stream, least, most, _ in planned:
        assert int(least) <= counts[source, stream] <= int(most or least), stream
    assert max(counts.values()) > 5


def test_options_select_what_their_labels_say(marketplace: Marketplace) -> None:
    laptop = marketplace.models("hf-filter-text-generation-gguf-chat-fits-16gb-permissive.json")
    assert {(model["type"], model["license"]) for model in laptop} <= {
        ("text-generation", "apache-2.0"),
        ("text-generation", "mit"),
    }
    assert all({"gguf", "conversational"} <= set(model["tags"]) for model in laptop)
    assert max(model["parameters"] for model in laptop) == 14_000_000_000
    assert {model["type"] for model in marketplace.models("hf-filter-embeddings.json")} == {
        "sentence-similarity",
        "feature-extraction",
    }
    assert {model["license"] for model in marketplace.models("hf-filter-non-commercial.json")} == {"cc-by-nc-4.0"}
    assert {model["author"] for model in marketplace.models("hf-filter-mistral.json")} == {"mistralai"}
    assert {model["gated"] for model in marketplace.models("hf-filter-text-generation-open.json")} == {False}
    for file in ("originals", "updated-originals", "trending-originals"):
        models = marketplace.models(f"hf-filter-{file}.json")
        assert {model["relation"] for model in models} <= {"original", "unknown", "finetune", "merge"}
        assert {model["is_copy"] for model in models} == {False}
    assert "unsloth/Qwen3-8B" in marketplace.workspace.ids("hf-filter-default.json")
    for file, relation in (("quantized", "quantized"), ("adapters", "adapter")):
        assert {model["relation"] for model in marketplace.models(f"hf-filter-{file}.json")} == {relation}
    for source in ("hf", "civitai"):
        assert {model["commercial"] for model in marketplace.models(f"{source}-filter-commercial.json")} == {"yes"}
        conditions = marketplace.models(f"{source}-filter-conditions.json")
        assert {model["commercial"] for model in conditions} == {"yes", "conditions"}
    assert {model["type"] for model in marketplace.models("civitai-filter-anylora.json")} == {"LORA", "LoCon", "DoRA"}
    assert {model["file_bytes"] >= 8e9 for model in marketplace.models("civitai-filter-checkpoints-below-8gb.json")} == {False}


def test_requirements_and_showcases_exclude_the_most_downloaded(marketplace: Marketplace) -> None:
    listed = [id_ for source in ("hf", "civitai") for id_ in marketplace.workspace.ids(f"{source}-filter-default.json")]
    assert "adult/top" not in listed
    assert "1" not in listed  # early access
    assert {"2", "3"} <= set(listed)  # explicit in another version; flagged
    for file, levels in (("safe", {"pg", "pg13"}), ("anylora-illustrious-safe", {"pg", "pg13"}), ("clean", {"pg"})):
        models = marketplace.models(f"civitai-filter-{file}.json")
        assert {model["level_most"] for model in models} == levels
        assert {"2", "3"}.isdisjoint(model["id"] for model in models)
    assert "2" in marketplace.workspace.ids("civitai-filter-anylora-illustrious.json")


def test_verify_passes_and_proves_the_showcases_by_its_own_reading(
    marketplace: Marketplace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(NOW.timestamp())))
    data = tmp_path / "data"
    shutil.copytree(marketplace.workspace.data.root, data)
    copy = Workspace(DataDir(data), marketplace.workspace.filters)
    assert copy.run("verify") == 0
    assert "warning" not in capsys.readouterr().err
    # As if the selection had overlooked the versions of other base models, and the constant mask of what is flagged.
    file = "civitai-filter-anylora-illustrious-safe.json"
    path = data / "manifests" / file
    manifest = json.loads(path.read_text())
    manifest["models"][:0] = [{"id": id_, "slug": id_, "name": f"model {id_}"} for id_ in ("2", "3")]
    path.write_text(json.dumps(manifest))
    # As if the licences had been overlooked.
    commercial = data / "manifests" / "hf-filter-commercial.json"
    manifest = json.loads(commercial.read_text())
    manifest["models"][:0] = json.loads((data / "manifests" / "hf-filter-non-commercial.json").read_text())["models"][:1]
    commercial.write_text(json.dumps(manifest))
    assert copy.run("verify") == 1
    output = capsys.readouterr().out
    identity = manifest["models"][0]["id"]
    assert (
        f"{commercial}: $.models[0]: {identity} must not be used commercially: license cc-by-nc-4.0 of {identity}, see " in output
    )
    assert f"{path}: $.models[0]: 2 is up to xxx in stream anylora, see " in output
    assert f"{path}: $.models[1]: 3 is up to r in stream " in output


@pytest.mark.parametrize("path", sorted((PROJECT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_editors_find_the_schema_of_each_example(path: Path) -> None:
    (schema,) = re.findall(r"\A#:schema (\S+)\n", path.read_text())
    assert (path.parent / schema).resolve() == SCHEMAS / "filters.schema.json"
