"""docs/adding-a-source.md, followed: in a copy of the project, its files are a source that every command supports."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import jq
import pytest

from etl.core.layout import PROJECT, SOURCES, source_names
from etl.sources.source import Audit, Rules, Source
from tests.conftest import civitai, hf
from tests.support.project_copy import ProjectCopy, copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (PROJECT / "docs" / "adding-a-source.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SAMPLE = json.loads(FILES["tests/sources/registry/sample.json"])["data"]
# More records than a page of a source with a page size may have.
RARE = [{**SAMPLE[0], "id": f"acme:rare-{number}", "pulls": 0, "stars": 0} for number in range(2100)]


class Registry(HTTPServer):
    """A local server of the API that the page describes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.records = [*SAMPLE, *RARE]
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Respond with all models, sorted."""

    server: Registry

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        path, _, query = self.path.partition("?")
        key = query.removeprefix("sort=")
        records = sorted(self.server.records, key=lambda record: -record[key] if key in ("pulls", "stars") else 0)
        body = json.dumps({"data": records}).encode()
        self.send_response(200 if path == "/api/v1/models" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def clone(tmp_path: Path) -> ProjectCopy:
    """Return a copy of the project with raw files of its sources, the files of the page, and its table after theirs."""
    clone = copy(tmp_path)
    shutil.copy2(PROJECT / "pyproject.toml", tmp_path)
    clone.write_stream("huggingface", "default", [hf("o/a")])
    clone.write_stream("huggingface", "likes", [hf("o/a")])
    clone.write_stream("civitai", "default", [civitai(1)])
    assert len(FILES) == 9
    for name, text in FILES.items():
        path = tmp_path / name
        assert path.exists() == (name == "filters.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(clone.filters.read_text() + text if name == "filters.toml" else text, encoding="utf-8")
    return clone


@pytest.fixture
def checkout(clone: ProjectCopy) -> ProjectCopy:
    """Return the copy with the tests."""
    shutil.copytree(PROJECT / "tests", clone.root / "tests", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return clone


def run(clone: ProjectCopy, *args: str, **variables: str) -> str:
    """Run a command of the copy, which must succeed; return what it prints."""
    command = [sys.executable, "-m", "etl", *args, "--data", str(clone.data.root), "--filters", str(clone.filters)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=clone.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(clone: ProjectCopy, *args: str, **variables: str) -> str:
    """Run make in the copy, which must succeed; return what it prints."""
    done = clone.make(*args, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def module(clone: ProjectCopy, *args: str) -> str:
    """Run a Python module in the copy, which must succeed; return what it prints."""
    done = subprocess.run([sys.executable, "-m", *args], cwd=clone.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_line_supports_it(clone: ProjectCopy, registry: Registry) -> None:
    assert "registry/stars: 1 requests; on disk: nothing" in run(clone, "plan", "--source", "registry")
    extracted = run(clone, "extract", "--source", "registry", REGISTRY_ENDPOINT=registry.url)
    assert "2 streams, 0 failed; 2 requests" in extracted
    assert sorted(registry.requests) == ["/api/v1/models?sort=pulls", "/api/v1/models?sort=stars"]
    assert "registry: 4204 models of 4206 records in 2 pages; 2 rejected" in run(clone, "manifests")
    assert clone.ids("registry-filter-stars.json") == ["acme:embedder", "acme:tiny-chat"]
    assert clone.ids("registry-filter-stars-chat.json") == ["acme:tiny-chat", "acme:rare-0"]
    counts = clone.manifest("all-models.json")
    assert (counts["registry"], counts["huggingface"], counts["civitai"]) == (3, 1, 1)
    assert re.search(r"^\d+ checks, 0 failed$", run(clone, "verify"), re.MULTILINE)
    assert run(clone, "report").endswith(" checks, 0 failed\n")
    assert "acme:embedder" in clone.data.report.read_text()


def test_explain_finds_its_models(clone: ProjectCopy, registry: Registry) -> None:
    run(clone, "extract", "--source", "registry", REGISTRY_ENDPOINT=registry.url)
    run(clone, "manifests")
    assert "hidden 1" in run(clone, "explain", "registry/chat")
    assert "rejected: hidden" in run(clone, "explain", "registry:acme:secret")
    explanation = json.loads(run(clone, "explain", "registry:acme:tiny-chat", "--json"))
    assert explanation["evidence"] == {"default, stars": ["context: 8192 tokens"]}
    assert explanation["manifests"] == {
        "registry-filter-stars.json": 2, "registry-filter-chat.json": 1, "registry-filter-stars-chat.json": 1,
    }  # fmt: skip
    results = [run_jq(clone, command) for command in explanation["commands"]]
    assert [result["id"] for result in results] == ["acme:tiny-chat"] * len(results)
    assert {result.get("title", result.get("name")) for result in results} == {"Tiny Chat"}


def run_jq(clone: ProjectCopy, command: str) -> Any:
    """Return the only result of a jq command."""
    _, program, file = shlex.split(command)
    (result,) = jq.compile(program).input_text((clone.root / file).read_text(encoding="utf-8")).all()
    return result


def test_diff_compares_its_models(clone: ProjectCopy, registry: Registry) -> None:
    before = clone.root / "before"
    run(clone, "extract", "--source", "registry", REGISTRY_ENDPOINT=registry.url)
    run(clone, "manifests")
    shutil.copytree(clone.data.root, before)
    assert "0 of " in run(clone, "diff", str(before))
    registry.records = [record for record in registry.records if record["id"] != "acme:embedder"]
    run(clone, "extract", "--source", "registry", REGISTRY_ENDPOINT=registry.url)
    run(clone, "manifests")
    changes = json.loads(run(clone, "diff", str(before), "--json"))
    assert "acme:embedder" in json.dumps(changes)
    assert clone.ids("registry-filter-stars.json") == ["acme:tiny-chat", "acme:rare-0"]


def test_make_supports_it(clone: ProjectCopy, registry: Registry) -> None:
    assert "registry/stars: 1 requests" in make(clone, "plan", "SOURCE=registry")
    make(clone, "extract", "SOURCE=registry", REGISTRY_ENDPOINT=registry.url)
    assert " 0 failed" in make(clone, "manifests", "verify")
    assert clone.outdated() == set()
    assert "context: 8192 tokens" in make(clone, "explain", "FILTER=registry:acme:tiny-chat")
    assert "Chat" in make(clone, "explain", "FILTER=registry-filter-stars-chat.json")
    for path in ("etl/sources/registry/transform.jq", "schemas/registry/model.schema.json", "etl/sources/registry/rules.py"):
        stat = (clone.root / path).stat()
        clone.touch(path)
        assert clone.outdated() == {"registry", "manifests"}
        os.utime(clone.root / path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    make(clone, "clean")
    assert not clone.data.models("registry").exists()


def test_mistakes_in_its_table_are_named(clone: ProjectCopy) -> None:
    table = clone.filters.read_text()
    for old, new, message in (
        ('keeps = ["chat"]', "keeps = [7]", "registry.axes.type.chat.keeps: 7 is not valid for type (expected text"),
        ('sort = "stars"', 'sort = "likes"', 'registry.axes.sort.stars.asks.sort: must be "pulls" or "stars" (got "likes")'),
        (
            'prefix = "registry"', 'skip = ["https://registry.example/models/acme:secret"]\nprefix = "registry"',
            "nearest: acme:secret",
        ),
    ):  # fmt: skip
        assert table.count(old) == 1
        clone.filters.write_text(table.replace(old, new))
        done = clone.make("plan")
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    clone.filters.write_text(table.replace('prefix = "registry"', 'skip = ["acme:tiny-chat"]\nprefix = "registry"'))
    make(clone, "plan")


def test_its_code_is_what_the_linters_want(checkout: ProjectCopy) -> None:
    folder = "etl/sources/registry"
    module(checkout, "ruff", "check", "--no-cache", folder)
    module(checkout, "ruff", "format", "--no-cache", "--check", folder)
    module(checkout, "mypy", "--strict", "--cache-dir", os.devnull, folder)
    contracts = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=checkout.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "0 broken" in contracts.stdout, contracts.stdout


def test_it_conforms(checkout: ProjectCopy) -> None:
    """Without a test to run, pytest fails."""
    module(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/sources/test_conformance.py", "-k", "registry")


@pytest.mark.parametrize("file", ["tests/e2e/test_make_variables.py", "tests/test_architecture.py"])
def test_tests_pass_with_another_source(checkout: ProjectCopy, file: str) -> None:
    module(checkout, "pytest", "-q", "-p", "no:cacheprovider", file, "-k", "source or schemas")


def test_the_page_describes_every_attribute() -> None:
    interface = PAGE.partition("## The interface")[2].partition("```")[0]
    described = [
        [name for names in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"\w+", names)]
        for table in interface.split("| --- | --- |")[1:]
    ]
    assert [sorted(names) for names in described] == [
        sorted(field.name for field in fields(interface)) for interface in (Source, Rules, Audit)
    ]


def test_every_source_has_the_files_that_the_page_lists() -> None:
    files = {name for name in FILES if name != "filters.toml"}
    assert len(source_names()) > 1
    assert SOURCES.is_relative_to(PROJECT)
    for source in source_names():
        assert [name for name in files if not (PROJECT / name.replace("registry", source)).is_file()] == []
