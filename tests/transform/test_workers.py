"""Worker processes, the cache of transformed pages, and facts shared between pages."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.sources.huggingface.rules import RULES
from etl.sources.source import get_source
from etl.transform import stage, task, workers
from etl.transform.stage import transform
from tests.conftest import hf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.transform.task import Outcome, Task
    from tests.conftest import Workspace

HUB = get_source("huggingface")
BASE = {"safetensors": {"parameters": {"BF16": 30_000_000_000}, "total": 30_000_000_000}}
COPY = {"tags": ["gguf", "base_model:quantized:o/base"]}


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("[!.]*.json")}


@pytest.fixture
def pages(workspace: Workspace) -> Workspace:
    """Return a workspace with a quantized copy whose base model is in another stream."""
    workspace.write_stream("huggingface", "default", [hf("o/copy", **COPY), hf("o/a-7b")], [hf("o/b")])
    workspace.write_stream("huggingface", "likes", [hf("o/base", **BASE)])
    return workspace


def size_of(workspace: Workspace, name: str) -> tuple[Any, Any]:
    (model,) = [model for page in content_models(workspace) for model in page if model["id"] == name]
    return model["size"], model["size_from"]


def content_models(workspace: Workspace) -> list[Any]:
    return [json.loads(body) for path, body in content(workspace.data.models("huggingface")).items() if "page-" in path]


def test_several_processes_write_the_same_bytes_as_one(shipped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    models = shipped.data.models("huggingface")
    serial = transform(shipped.data, HUB)
    expected = content(models)
    assert len(expected) > 3
    for path in models.rglob("*.json"):
        path.unlink()
    monkeypatch.setattr(workers, "_BYTES_PER_WORKER", 1000)
    assert transform(shipped.data, HUB, workers=workers.WorkerOptions(2)) == serial
    assert content(models) == expected


def kill_worker(_task: Task) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def test_a_killed_worker_exits_with_74_and_publishes_nothing(
    pages: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "_BYTES_PER_WORKER", 1)
    monkeypatch.setattr(stage, "transform_file", kill_worker)
    assert pages.run("manifests", "--jobs", "2") == 74
    assert "a worker process was killed; is there enough memory? Run it again with JOBS=1" in capsys.readouterr().err
    assert not pages.data.summary("huggingface").exists()
    assert not pages.data.manifests.exists()


def test_an_invalid_page_is_reported_from_a_worker(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_BYTES_PER_WORKER", 1)
    (pages.data.raw("huggingface", "likes") / "page-0001.json").write_text("{}")
    assert pages.run("transform", "--jobs", "2") == 65


@pytest.fixture
def transformed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each transformed page is appended, as `stream/file`."""
    names: list[str] = []
    transform_file: Callable[[Task], Outcome] = task.transform_file

    def spy(page: Task) -> Outcome:
        names.append(f"{page.stream}/{page.entry.file}")
        return transform_file(page)

    monkeypatch.setattr(stage, "transform_file", spy)
    return names


def test_only_changed_pages_are_transformed(pages: Workspace, transformed: list[str]) -> None:
    transform(pages.data, HUB)
    assert transformed == ["default/page-0001.json", "default/page-0002.json", "likes/page-0001.json"]
    assert size_of(pages, "o/copy") == ("large", "base model")
    transformed.clear()
    pages.write_stream("huggingface", "default", [hf("o/copy", **COPY), hf("o/a-7b")], [hf("o/new")])
    transform(pages.data, HUB)
    assert transformed == ["default/page-0002.json"]
    reused = content(pages.data.models("huggingface"))
    pages.data.cache("huggingface.pages").unlink()
    pages.data.summary("huggingface").unlink()
    transform(pages.data, HUB)
    assert content(pages.data.models("huggingface")) == reused


def test_a_reused_page_is_updated_if_its_base_model_changes(pages: Workspace, transformed: list[str]) -> None:
    transform(pages.data, HUB)
    transformed.clear()
    pages.write_stream("huggingface", "likes", [hf("o/other")])
    transform(pages.data, HUB)
    assert transformed == ["likes/page-0001.json"]
    assert size_of(pages, "o/copy") == ("unknown", "none")


@pytest.mark.parametrize("damage", ["models", "cache"])
def test_corrupted_models_and_caches_are_rebuilt(pages: Workspace, transformed: list[str], damage: str) -> None:
    transform(pages.data, HUB)
    expected = content(pages.data.models("huggingface"))
    transformed.clear()
    if damage == "models":
        (pages.data.models("huggingface", "likes") / "page-0001.json").write_text("[]")
    elif damage == "cache":
        path = pages.data.cache("huggingface.pages")
        edited = path.read_bytes().replace(b'"deferred":{', b'"deferred":[', 1)
        assert edited != path.read_bytes()
        path.write_bytes(edited)
    pages.data.summary("huggingface").unlink()
    transform(pages.data, HUB)
    assert (
        transformed
        == {
            "models": ["likes/page-0001.json"],
            "cache": ["default/page-0001.json", "default/page-0002.json", "likes/page-0001.json"],
        }[damage]
    )
    assert content(pages.data.models("huggingface")) == expected


facts: st.SearchStrategy[Any] = st.none() | st.dictionaries(
    st.sampled_from("abc"), st.tuples(st.sampled_from("aAbB"), st.none() | st.integers(1, 9), st.just({})).map(list), min_size=1
)


@given(facts, facts, facts)
def test_merging_facts_is_associative(left: Any, middle: Any, right: Any) -> None:
    assert RULES.merge(RULES.merge(left, middle), right) == RULES.merge(left, RULES.merge(middle, right))
    assert RULES.merge(left, None) == RULES.merge(None, left) == left
