"""Worker processes, the cache of transformed pages, and facts shared between pages."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from etl.core.errors import InvalidDataError
from etl.core.ids import hash_text
from etl.sources.source import TransformOptions, get_source
from etl.storage import json_files
from etl.storage.json_files import write_atomic
from etl.storage.ledger import parse_ledger
from etl.transform import cluster_worker, task, workers
from etl.transform import pages as page_module
from etl.transform.facts import NeededFacts
from etl.transform.stage import transform
from tests.conftest import hf

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.transform.facts import PageNeeds
    from etl.transform.outcome import Outcome
    from etl.transform.task import Resolution, Task
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


def leave_partial(path: Path) -> None:
    """Write a file as a process that is killed before the file has its name."""
    with mock.patch.object(Path, "replace", side_effect=KeyboardInterrupt), suppress(KeyboardInterrupt):
        write_atomic(path, b"{")


@pytest.mark.parametrize("is_cluster", [False, True])
def test_what_a_killed_worker_left_has_a_name_of_its_own_and_is_removed_by_the_next_run(
    pages: Workspace, monkeypatch: pytest.MonkeyPatch, *, is_cluster: bool
) -> None:
    monkeypatch.setattr(json_files, "_own_names", {})
    paths = [
        pages.data.models("huggingface", "default", "page-0001.json"),
        pages.data.outcomes("huggingface", "likes", "page-0001.json"),
    ]
    for path in paths:
        if is_cluster:
            marker = pages.data.cache("huggingface.cluster-0")
            write_atomic(marker, b"")
            cluster_worker.call(cluster_worker.Run(cluster_worker.environment(), marker), leave_partial, path)
        else:
            with workers.start_processes(2, 10**9) as started:
                started.executor.submit(leave_partial, path).result()
        (partial,) = path.parent.iterdir()
        assert re.fullmatch(r"\.page-0001\.json\.[0-9a-f]{16}\.partial", partial.name)
    assert pages.run("transform") == 0
    assert [path.name for path in pages.data.root.rglob("*.partial")] == []


def test_a_killed_worker_exits_with_74_and_publishes_nothing(
    pages: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "_BYTES_PER_WORKER", 1)
    monkeypatch.setattr(page_module, "transform_file", kill_worker)
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

    monkeypatch.setattr(page_module, "transform_file", spy)
    monkeypatch.setattr(task, "transform_file", spy)
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
    shutil.rmtree(pages.data.outcomes("huggingface"))
    pages.data.summary("huggingface").unlink()
    transform(pages.data, HUB)
    assert content(pages.data.models("huggingface")) == reused


def test_a_base_model_counts_under_the_id_that_tags_name(workspace: Workspace) -> None:
    tags = {"named": "O/Base-Model", "misspelt": "o/base-MODEL"}
    copies = [hf(f"o/{name}", tags=["gguf", f"base_model:quantized:{base}"]) for name, base in tags.items()]
    workspace.write_stream("huggingface", "default", copies, [hf("O/Base-Model", **BASE)])
    transform(workspace.data, HUB)
    assert size_of(workspace, "o/named") == ("large", "base model")
    assert size_of(workspace, "o/misspelt") == ("unknown", "none")


def test_the_summary_has_the_hashes_of_the_ledger(pages: Workspace, transformed: list[str]) -> None:
    transform(pages.data, HUB)
    transformed.clear()
    path = pages.data.ledger("huggingface", "likes")
    ledger = json.loads(path.read_bytes())
    ledger["pages"][0]["sha256"] = "0" * 64  # verify reports that the page is another
    path.write_text(json.dumps(ledger))
    pages.data.summary("huggingface").unlink()
    assert transform(pages.data, HUB)["streams"]["likes"][0]["raw_sha256"] == "0" * 64
    assert transformed == []


def test_a_page_with_the_same_facts_stays_as_it_is(pages: Workspace) -> None:
    transform(pages.data, HUB)
    path = pages.data.models("huggingface", "default") / "page-0001.json"
    inode = path.stat().st_ino
    pages.write_stream("huggingface", "likes", [hf("o/other"), hf("o/base", **BASE)])
    transform(pages.data, HUB)
    assert path.stat().st_ino == inode
    assert size_of(pages, "o/copy") == ("large", "base model")


def test_what_a_worker_returns_is_small(shipped: Workspace) -> None:
    entry = max(parse_ledger(shipped.data.ledger("huggingface", "default")).pages, key=lambda page: page.records)
    page = task.Task(shipped.data, "huggingface", "default", entry, TransformOptions(), "program")
    assert entry.records > 400
    assert len(pickle.dumps(task.transform_file(page))) < 30 * entry.records < len(pickle.dumps(page.raw.read_bytes())) / 10


def test_a_reused_page_is_updated_if_its_base_model_changes(pages: Workspace, transformed: list[str]) -> None:
    transform(pages.data, HUB)
    transformed.clear()
    pages.write_stream("huggingface", "likes", [hf("o/other")])
    transform(pages.data, HUB)
    assert transformed == ["likes/page-0001.json", "default/page-0001.json"]
    assert size_of(pages, "o/copy") == ("unknown", "none")


def test_pages_that_no_fact_can_change_are_not_resolved(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(pages.data.raw("huggingface"))
    pages.write_stream("huggingface", "default", [hf("o/packed-gguf")])
    monkeypatch.setattr("etl.transform.pages.resolve_file", lambda _resolution: pytest.fail("resolved"))
    transform(pages.data, HUB)
    assert size_of(pages, "o/packed-gguf") == ("unknown", "none")


def test_corrupted_models_are_rebuilt(pages: Workspace, transformed: list[str]) -> None:
    transform(pages.data, HUB)
    expected = content(pages.data.models("huggingface"))
    transformed.clear()
    (pages.data.models("huggingface", "likes") / "page-0001.json").write_text("[]")
    transform(pages.data, HUB)
    assert transformed == ["likes/page-0001.json"]
    assert content(pages.data.models("huggingface")) == expected


def damage(path: Path, text: bytes) -> None:
    """Change the last letter of a text in a file."""
    body = path.read_bytes()
    assert text in body
    path.write_bytes(body.replace(text, text[:-1] + b"~", 1))


@pytest.mark.parametrize("text", [b'"row":{"file', b'"body":"', b'"needs":"', b'{"kinds":', hash_text("o/base"), b'["o/base"'])
def test_damaged_outcomes_are_ignored(pages: Workspace, transformed: list[str], text: bytes) -> None:
    transform(pages.data, HUB)
    expected = content(pages.data.models("huggingface"))
    transformed.clear()
    damage(pages.data.outcomes("huggingface", "likes") / "page-0001.json", text)
    pages.data.summary("huggingface").unlink()
    transform(pages.data, HUB)
    assert transformed == ["likes/page-0001.json"]
    assert content(pages.data.models("huggingface")) == expected


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_truncated_outcomes_are_ignored(pages: Workspace, transformed: list[str], length: int) -> None:
    transform(pages.data, HUB)
    transformed.clear()
    path = pages.data.outcomes("huggingface", "default") / "page-0001.json"
    path.write_bytes(path.read_bytes()[:length])
    shutil.rmtree(pages.data.raw("huggingface", "likes"))
    transform(pages.data, HUB)
    assert transformed == ["default/page-0001.json"]
    assert size_of(pages, "o/copy") == ("unknown", "none")


def test_the_outcome_of_another_page_is_ignored(pages: Workspace, transformed: list[str]) -> None:
    transform(pages.data, HUB)
    expected = pages.data.summary("huggingface").read_bytes()
    transformed.clear()
    folder = pages.data.outcomes("huggingface", "default")
    shutil.copy(folder / "page-0002.json", folder / "page-0001.json")
    pages.data.summary("huggingface").unlink()
    transform(pages.data, HUB)
    assert transformed == ["default/page-0001.json"]
    assert pages.data.summary("huggingface").read_bytes() == expected


def interrupt_resolving(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_resolution: Resolution) -> Outcome:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(page_module, "resolve_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            transform(pages.data, HUB)


def test_an_interrupted_run_keeps_what_it_transformed(
    pages: Workspace, transformed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_resolving(pages, monkeypatch)
    transformed.clear()
    transform(pages.data, HUB)
    assert transformed == []
    assert size_of(pages, "o/copy") == ("large", "base model")


def test_models_that_wait_for_other_pages_are_made_again_if_their_file_was_damaged(
    pages: Workspace, transformed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_resolving(pages, monkeypatch)
    transformed.clear()
    damage(pages.data.outcomes("huggingface", "default") / "page-0001.json", b'],[["o/copy"')
    transform(pages.data, HUB)
    assert transformed == ["default/page-0001.json"]
    assert size_of(pages, "o/copy") == ("large", "base model")


def test_models_of_an_interrupted_run_are_removed_with_their_stream(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.write_stream("huggingface", "default", [hf("o/a-gguf")])  # which no fact can change
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(task, "write_parts", mock.Mock(side_effect=KeyboardInterrupt))
        transform(pages.data, HUB)
    shutil.rmtree(pages.data.raw("huggingface", "default"))
    transform(pages.data, HUB)
    assert sorted(content(pages.data.models("huggingface"))) == ["likes/page-0001.json", "summary.json"]


def test_models_of_a_new_stream_are_removed_with_it_although_the_summary_is_that_of_what_remains(
    pages: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    transform(pages.data, HUB)
    pages.write_stream("huggingface", "recent", [hf("o/a-gguf")], [hf("o/new", **COPY)], asks={})
    interrupt_resolving(pages, monkeypatch)
    shutil.rmtree(pages.data.raw("huggingface", "recent"))
    transform(pages.data, HUB)
    assert not pages.data.models("huggingface", "recent").exists()


def test_models_are_kept_once(pages: Workspace) -> None:
    transform(pages.data, HUB)
    outcome = pages.data.outcomes("huggingface", "default") / "page-0001.json"
    assert b'"slug"' not in outcome.read_bytes()


def test_outcomes_of_removed_pages_and_the_cache_of_earlier_versions_are_removed(pages: Workspace) -> None:
    pages.data.cache("huggingface.pages").parent.mkdir()
    pages.data.cache("huggingface.pages").write_bytes(b"")
    transform(pages.data, HUB)
    outcomes = pages.data.outcomes("huggingface")
    assert names(outcomes) == ["default/page-0001.json", "default/page-0002.json", "likes/page-0001.json"]
    shutil.rmtree(pages.data.raw("huggingface", "likes"))
    pages.write_stream("huggingface", "default", [hf("o/copy", **COPY), hf("o/a-7b")])
    pages.data.summary("huggingface").unlink()  # which lists streams, too
    transform(pages.data, HUB)
    assert names(outcomes) == ["default/page-0001.json"]
    assert names(outcomes.parents[1]) == [".gitignore", "huggingface.files", "pages/huggingface/default/page-0001.json"]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_in_which_pages_are_transformed_changes_nothing(
    pages: Workspace, transformed: list[str], order: tuple[int, ...]
) -> None:
    transform(pages.data, HUB)
    expected, summary = content(pages.data.models("huggingface")), pages.data.summary("huggingface")
    outcomes = [*transformed]
    for index in order:  # one page alone is transformed each time
        (pages.data.outcomes("huggingface") / outcomes[index]).unlink()
        summary.unlink()
        transform(pages.data, HUB)
        assert content(pages.data.models("huggingface")) == expected
    assert transformed == outcomes + [outcomes[index] for index in order]


def double(number: int) -> int:
    if number % 100 == 7:
        raise InvalidDataError(str(number))
    return 2 * number


@pytest.mark.parametrize(("count", "size"), [(0, 1), (999, 1), (1000, 1), (2000, 2), (100_000, 8)])
def test_many_items_are_in_few_calls_and_an_error_is_that_of_its_item(count: int, size: int) -> None:
    executor = mock.Mock(wraps=workers.SerialExecutor())
    pairs = [*workers.Workers(executor, 10).run(double, range(203), count)]
    assert [item for item, _ in pairs] == [*range(203)]
    assert [item for item, future in pairs if future.exception()] == [7, 107]
    assert sum(future.result() for _, future in pairs if not future.exception()) == 2 * (sum(range(203)) - 7 - 107)
    assert executor.submit.call_count == -(-203 // size)


def test_both_passes_have_the_same_workers(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    start = mock.Mock(wraps=workers.start_workers)
    monkeypatch.setattr(workers, "start_workers", start)
    transform(pages.data, HUB)
    assert start.call_count == 1
    assert size_of(pages, "o/copy") == ("large", "base model")


def test_each_pass_connects_to_a_cluster_anew(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    serial = workers.start_workers
    start = mock.Mock(side_effect=lambda _options, *args: serial(workers.WorkerOptions(), *args))
    monkeypatch.setattr(workers, "start_workers", start)
    transform(pages.data, HUB, workers=workers.WorkerOptions(1, "tcp://127.0.0.1:1"))
    assert start.call_count == 2


def test_workers_for_more_bytes_are_started_when_they_are_needed(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_BYTES_PER_WORKER", 1000)
    with workers.share_workers(workers.WorkerOptions(2), pages.data, "huggingface") as start:
        few = start(1000)
        assert few.concurrency == 1
        assert start(1000) is few
        many = start(2000)
        assert many.concurrency == 2
        assert start(1000) is many
        assert start(9000) is many  # there are no more
        assert many.executor.submit(os.getpid).result() != os.getpid()


def test_transformed_pages_are_resolved_without_being_compared(pages: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    of_page = NeededFacts.of_page
    calls: list[int] = []

    def spy(needed: NeededFacts, index: int, needs: bytes) -> PageNeeds:
        calls.append(index)
        return of_page(needed, index, needs)

    monkeypatch.setattr(NeededFacts, "of_page", spy)
    transform(pages.data, HUB)
    assert calls == [0, 1, 2]
