"""The transform for verify: what an earlier run decided is tried, and counts for nothing if other pages have changed since."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.core.layout import DataDir
from etl.sources.source import TransformOptions, get_source
from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.json_files import sha256
from etl.transform import pages as page_module
from etl.transform.stage import RebuildOptions, _program_fingerprint, transform
from etl.transform.task import resolve_file
from tests.conftest import hf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.storage.json_files import JsonBody
    from etl.transform.outcome import Outcome
    from etl.transform.task import Resolution
    from tests.conftest import Workspace

    Model = Mapping[str, Any]

HUB = get_source("huggingface")
BASE = {"safetensors": {"parameters": {"BF16": 30_000_000_000}, "total": 30_000_000_000}}
COPY = {"tags": ["gguf", "base_model:quantized:o/base"]}


@pytest.fixture
def pages(workspace: Workspace) -> Workspace:
    """Return a workspace with a quantized copy whose base model is in another stream; its models are on disk."""
    workspace.write_stream("huggingface", "default", [hf("o/copy", **COPY), hf("o/a-7b")], [hf("o/b")])
    workspace.write_stream("huggingface", "likes", [hf("o/base", **BASE)])
    transform(workspace.data, HUB)
    return workspace


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the pages of which deferred models are decided when all pages have been transformed."""
    files: list[str] = []

    def spy(resolution: Resolution) -> Outcome:
        files.append(f"{resolution.task.stream}/{resolution.task.entry.file}")
        return resolve_file(resolution)

    monkeypatch.setattr(page_module, "resolve_file", spy)
    return files


def ignore(_stream: str, _file: str) -> None:
    return None


def rebuild(workspace: Workspace, folder: Path, fields: frozenset[str] | None = None) -> dict[str, bytes]:
    """Transform the pages in another folder; return what it has of models, and the summary."""
    other = DataDir(folder, workspace.data.raw_root)
    transform(other, HUB, rebuild=RebuildOptions(ignore, fields, workspace.data))
    return content(other)


def content(data: DataDir) -> dict[str, bytes]:
    folder = data.models("huggingface")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")}


def copy_of(files: Mapping[str, bytes]) -> Any:
    return json.loads(files["default/page-0001.json"])[0]


def test_models_are_decided_at_once_by_the_facts_of_an_earlier_run(
    pages: Workspace, tmp_path: Path, resolved: list[str]
) -> None:  # fmt: skip
    files = rebuild(pages, tmp_path)
    assert files == content(pages.data)
    assert copy_of(files)["size"] == "large"
    assert resolved == []


@pytest.mark.parametrize("likes", [[hf("o/base")], [hf("o/other")], [hf("o/base", **BASE, tags=["license:mit"])]])
def test_facts_that_have_changed_since_decide_nothing(
    pages: Workspace, tmp_path: Path, resolved: list[str], likes: list[Any]
) -> None:  # fmt: skip
    pages.write_stream("huggingface", "likes", likes)
    files = rebuild(pages, tmp_path / "guessed")
    assert "default/page-0001.json" in resolved
    cold = DataDir(tmp_path / "cold", pages.data.raw_root)
    transform(cold, HUB)
    assert files == content(cold) != content(pages.data)


def test_the_facts_for_other_bytes_of_a_page_are_not_tried(pages: Workspace, tmp_path: Path, resolved: list[str]) -> None:
    pages.write_stream("huggingface", "default", [hf("o/a-7b"), hf("o/copy", **COPY)], [hf("o/b")])
    files = rebuild(pages, tmp_path)
    assert "default/page-0001.json" in resolved
    assert json.loads(files["default/page-0001.json"])[1]["size"] == "large"


def test_hooks_get_final_models_and_raw_pages(pages: Workspace, tmp_path: Path) -> None:
    pages.write_stream("huggingface", "likes", [hf("o/base")])
    seen: dict[str, Any] = {}
    bodies: dict[tuple[str, str], JsonBody] = {}

    def finish(stream: str, file: str, _now: str) -> Callable[[Sequence[Model]], None]:
        return lambda models: seen.update({f"{stream}/{file}": json.loads(json.dumps(models))})

    def observe(stream: str, file: str) -> Callable[[JsonBody], None]:
        return lambda body: bodies.update({(stream, file): body})

    other = DataDir(tmp_path, pages.data.raw_root)
    transform(other, HUB, finish=finish, rebuild=RebuildOptions(observe, None, pages.data))
    assert seen == {file: json.loads(body) for file, body in content(other).items() if file != "summary.json"}
    raw = {key: pages.data.raw("huggingface", *key).read_bytes() for key in bodies}
    assert {key: body.content for key, body in bodies.items()} == raw
    assert len(raw) == 3


@pytest.mark.parametrize("has_changed", [False, True])
def test_only_the_fields_that_are_read_are_written(pages: Workspace, tmp_path: Path, *, has_changed: bool) -> None:
    if has_changed:
        pages.write_stream("huggingface", "likes", [hf("o/base", **BASE, tags=["license:mit"])])
    complete = rebuild(pages, tmp_path / "complete")
    narrow = rebuild(pages, tmp_path / "narrow", frozenset(("id", "license", "level")))
    summary, full = (json.loads(files.pop("summary.json")) for files in (narrow, complete))
    fields = ("id", "license")
    for file, body in narrow.items():
        assert json.loads(body) == [{name: model[name] for name in fields} for model in json.loads(complete[file])]
    assert [page["unsized"] for page in summary["streams"]["default"]] == [page["unsized"] for page in full["streams"]["default"]]
    assert summary["losses"] == full["losses"]


def forge(workspace: Workspace, forged: Callable[[bytes], bytes]) -> None:
    """Change the facts that decided the models of the page of the copy, with a checksum that fits."""
    program = _program_fingerprint(HUB, TransformOptions())
    raw = workspace.data.raw("huggingface", "default", "page-0001.json")
    path = workspace.data.outcomes("huggingface", "default", "page-0001.json")
    programs = [*[program] * 4, f"{program} {sha256(raw.read_bytes())}"]
    parts = read_parts(path, programs, range(5))
    assert parts
    write_parts(path, programs, [*parts[:4], forged(parts[4])])


@pytest.mark.parametrize(
    "needs",
    [
        b"", b"xyz", b"00", b"\n", b"\n[", b"\n1", b"\n{}", b"\n[[],1]", b'\n["o/base"]', b'\n["o/base",1]', b'\n["o/base",[]]',
        b'\n["o/base",[0,"x",1,1,1,1]]', b"ffffffffffffffff", b"0000000000000000",
    ],
)  # fmt: skip
def test_what_no_transform_wrote_decides_nothing(pages: Workspace, tmp_path: Path, resolved: list[str], needs: bytes) -> None:
    forge(pages, lambda _: needs)
    assert rebuild(pages, tmp_path) == content(pages.data)
    assert resolved == ["default/page-0001.json"]


def test_other_facts_have_another_digest(pages: Workspace, tmp_path: Path) -> None:
    """Hashes of keys may contain the byte of a line break, so that facts could be taken for a part of them."""
    base = hf("o/base", **BASE)
    for padding in range(8):
        pages.write_stream("huggingface", "likes", [{**base, "tags": [f"license:{'x' * padding}"]}])
        transform(pages.data, HUB)
        expected = content(pages.data)
        forge(pages, lambda needs: needs.partition(b"\n")[2].hex().encode() + b"0a" + needs.partition(b"\n")[0])
        assert rebuild(pages, tmp_path / str(padding)) == expected
