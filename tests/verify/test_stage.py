"""verify passes the shipped manifests, and each corruption fails the check for it."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from etl import pipeline
from etl.selection.stored import StoredStreams
from tests.conftest import TIME, Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.verify.stage import Observe, Rebuild

Corruption = tuple[str, "Callable[[dict[str, Any]], Any]", str, str]


@pytest.fixture
def published(shipped: Workspace, built: Path) -> Workspace:
    """Return a workspace of the snapshot with its built manifests."""
    shutil.copytree(built, shipped.data.manifests)
    return shipped


def test_the_shipped_set_passes(published: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert published.run("verify") == 0
    output = capsys.readouterr().out
    assert output.endswith("17 checks, 0 failed\n")
    assert "(0 models): both are empty; index.json has the reasons" in output


def test_all_combinations_pass_and_the_default_level_equals_xxx_by_definition(
    shipped: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filters = tmp_path / "all.toml"
    filters.write_text(re.sub(r"manifests = \[.*?\]", 'manifests = "all"', shipped.filters.read_text(), flags=re.DOTALL))
    workspace = Workspace(shipped.data, filters)
    assert workspace.run("manifests") == 0
    assert len(list(workspace.data.manifests.iterdir())) == 210
    assert workspace.run("verify") == 0
    note = "civitai-filter-xxx-month.json = civitai-filter-month.json (100 models): they include the same"
    assert note in capsys.readouterr().out


UNLISTED = {"id": "x/unlisted", "slug": "x--unlisted", "name": "unlisted", "source": "huggingface"}


def change_id(value: dict[str, Any]) -> None:
    value["models"][0]["id"] = "not/listed"


def swap(value: dict[str, Any]) -> None:
    value["models"][0], value["models"][1] = value["models"][1], value["models"][0]


CORRUPTED: list[Corruption] = [
    ("hf-filter-small.json", lambda v: v.update(extra=1), "schemas", "hf-filter-small.json: $: Additional properties"),
    ("hf-filter-small.json", lambda v: v["models"][0].update(id=5), "schemas", "$.models[0].id: 5 is not of type 'string'"),
    ("index.json", lambda v: v.pop("version"), "index against files", "index.json: $: missing or not valid"),
    ("index.json", lambda v: v["manifests"][0].update(count=3), "index against files", "$.manifests[0].count: says 3"),
    ("index.json", lambda v: v["manifests"][0].update(sha256="0" * 64), "index against files", "$.manifests[0].sha256"),
    ("index.json", lambda v: v["manifests"][0].update(filter="filter/x"), "index against files", "$.manifests[0].filter: says"),
    ("index.json", lambda v: v["manifests"][0].update(timestamp=TIME), "index against files", "$.manifests[0].timestamp: says"),
    (
        "index.json",
        lambda v: v["manifests"][0]["funnel"].update(published=1),
        "index against files",
        "$.manifests[0].funnel: does",
    ),
    ("index.json", lambda v: v["manifests"][0].update(limit=1), "index against files", "$.manifests[0].count: is above"),
    ("index.json", lambda v: v["manifests"][0].update(file="no.json"), "index against files", "no.json not found"),
    ("index.json", lambda v: v["manifests"].append(v["manifests"][0]), "index against files", "lists hf-filter-likes.json twice"),
    ("all-models.json", lambda v: v["models"].pop(0), "all models against manifests", "is not in all-models.json"),
    ("all-models.json", lambda v: v.update(totalModels=1), "all models against manifests", "$.totalModels: says 1"),
    ("all-models.json", lambda v: v["models"].reverse(), "all models against manifests", "is not sorted"),
    ("all-models.json", lambda v: v["models"].insert(0, v["models"][0]), "all models against manifests", "each once"),
    ("all-models.json", lambda v: v["models"].append(UNLISTED), "all models against manifests", "x/unlisted is in no manifest"),
    ("hf-filter-small.json", change_id, "all models against manifests", "$.models[0].id: not/listed is not in"),
    ("all-models.json", lambda v: v["models"][0].update(slug=v["models"][1]["slug"].upper()), "slugs", "but for case"),
    ("hf-filter-small.json", swap, "order of the streams", "$.models[1].id"),
    ("hf-filter-small.json", swap, "rebuild from raw", "hf-filter-small.json: line 5 is not what the raw files give"),
]


def corrupt(workspace: Workspace, file: str, change: Callable[[dict[str, Any]], Any]) -> None:
    value = workspace.manifest(file)
    change(value)
    (workspace.data.manifests / file).write_text(json.dumps(value, indent=2) + "\n")


def failed(output: str) -> dict[str, str]:
    """Return the printed text of each failed check, by name."""
    parts = re.split(r"^(?:ok  |FAIL) ", output, flags=re.MULTILINE)[1:]
    statuses = re.findall(r"^(ok  |FAIL) ", output, flags=re.MULTILINE)
    return {part.split(" (")[0]: part for status, part in zip(statuses, parts, strict=True) if status == "FAIL"}


@pytest.fixture
def rebuilt(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make verify use the manifests built once per test session instead of rebuilding, which takes most of its time."""

    def rebuilder(_data: DataDir, config: Config) -> Rebuild:
        def rebuild(data: DataDir, observe: Observe) -> Mapping[str, StoredStreams]:  # noqa: ARG001 -- it parses no page
            for name in ("manifests", "models"):
                (data.root / name).symlink_to(built.parent / name)
            return {source.name: StoredStreams(data, source) for source in config.sources}

        return rebuild

    monkeypatch.setattr(pipeline, "rebuilder", rebuilder)


@pytest.mark.usefixtures("rebuilt")
@pytest.mark.parametrize(("file", "change", "check", "message"), CORRUPTED)
def test_a_corrupted_set_fails(
    published: Workspace,
    capsys: pytest.CaptureFixture[str],
    file: str,
    change: Callable[[dict[str, Any]], Any],
    check: str,
    message: str,
) -> None:
    corrupt(published, file, change)
    assert published.run("verify") == 1
    assert message in failed(capsys.readouterr().out)[check]


def test_a_model_of_two_size_classes_fails(published: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    large = published.manifest("hf-filter-large.json")["models"][0]
    corrupt(published, "hf-filter-small.json", lambda value: value["models"].append(large))
    assert published.run("verify") == 1
    assert f"{large['id']} is in hf-filter-small.json too" in failed(capsys.readouterr().out)["exclusive options"]


def test_equal_manifests_without_an_explanation_fail(published: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    month = published.manifest("civitai-filter-month.json")["models"]
    corrupt(published, "civitai-filter-week.json", lambda value: value.update(models=month))
    assert published.run("verify") == 1
    failures = failed(capsys.readouterr().out)["equal lists"]
    assert "civitai-filter-week.json: $.models: the same list as civitai-filter-month.json, 100 models" in failures


def test_equal_lists_of_streams_with_more_pages_fail(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(workspace.filters.read_text().replace('"small", "large", "apache", "other"', '"other"'))
    workspace.write_stream("huggingface", "default", [hf("o/a"), hf("o/b")], exhausted=True)
    workspace.write_stream("huggingface", "likes", [hf("o/a"), hf("o/b")], exhausted=False)
    assert workspace.run("manifests") == 0
    assert workspace.run("verify") == 1
    assert list(failed(capsys.readouterr().out)) == ["equal lists"]


def test_invalid_unlisted_and_missing_files_fail(published: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (published.data.manifests / "hf-filter-mit.json").unlink()
    (published.data.manifests / "hf-filter-large.json").write_text("<html>")
    (published.data.manifests / "hf-filter-more.json").write_text("")
    (published.data.manifests / "CNAME").write_text("example.org")
    assert published.run("verify") == 1
    failures = failed(capsys.readouterr().out)
    assert "hf-filter-mit.json not found" in failures["index against files"]
    assert "hf-filter-more.json: $: is not in index.json" in failures["index against files"]
    assert "CNAME" not in "".join(failures.values())
    assert "hf-filter-large.json: $: is not JSON" in failures["schemas"]
    assert "hf-filter-mit.json: is missing" in failures["rebuild from raw"]


def test_a_wrong_record_count_in_a_ledger_fails(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/b")])
    ledger = workspace.data.ledger("huggingface", "likes")
    ledger.write_text(ledger.read_text().replace('"records": 1', '"records": 2'))
    assert workspace.run("manifests") == 0
    assert workspace.run("verify") == 1
    assert "page-0001.json has 1 records (expected 2)" in failed(capsys.readouterr().out)["raw pages against ledgers"]


def test_an_edited_raw_page_fails(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/b")])
    page = workspace.data.raw("huggingface", "likes") / "page-0001.json"
    page.write_text(page.read_text() + "\n")
    assert workspace.run("manifests") == 0
    assert workspace.run("verify") == 1
    assert "$.pages[0]: page-0001.json has another hash" in failed(capsys.readouterr().out)["raw pages against ledgers"]


def test_raw_files_that_prevent_a_rebuild_are_reported_with_their_paths(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workspace.run("verify") == 1
    assert (
        f"{workspace.data.root / 'raw'}: no stream that filters.toml requests"
        in failed(capsys.readouterr().out)["rebuild from raw"]
    )
    workspace.write_stream("huggingface", "likes", [hf("o/a")])
    page = workspace.data.raw("huggingface", "likes") / "page-0001.json"
    page.write_text("<html>")
    workspace.data.manifests.mkdir()
    (workspace.data.manifests / "index.json").write_text("")
    assert workspace.run("verify") == 65
    failures = failed(capsys.readouterr().out)
    assert f"$.pages[0]: {page}: is not JSON" in failures["raw pages against ledgers"]
    assert f"{page}: is not JSON" in failures["rebuild from raw"]
    assert "index.json: $: is not JSON" in failures["schemas"]
