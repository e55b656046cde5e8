"""docs/adding-a-source.md, followed: its files in a copy of the project make a source that every command knows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from etl.core.layout import PROJECT
from tests.support.project_copy import ProjectCopy, copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (PROJECT / "docs" / "adding-a-source.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SAMPLE = FILES["tests/sources/registry/sample.json"]


class Registry(BaseHTTPRequestHandler):
    """The API that the page describes."""

    def do_GET(self) -> None:
        """Respond with all models, sorted."""
        path, _, query = self.path.partition("?")
        value = json.loads(SAMPLE)
        key = query.removeprefix("sort=")
        if key in ("pulls", "stars"):
            value["data"].sort(key=lambda record: -record[key])
        body = json.dumps(value).encode()
        self.send_response(200 if path == "/api/v1/models" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Return the base URL of a local server of the API."""
    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def clone(tmp_path: Path) -> ProjectCopy:
    """Return a copy of the project with the files of the page, and its table as the only one."""
    clone = copy(tmp_path)
    shutil.copytree(PROJECT / "tests" / "sources", tmp_path / "tests" / "sources", ignore=shutil.ignore_patterns("test_size.py"))
    for name in ("pyproject.toml", "tests/__init__.py"):
        shutil.copy2(PROJECT / name, tmp_path / name)
    assert len(FILES) == 9
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"limit = 2\ndepth = 100\n{text}" if name == "filters.toml" else text, encoding="utf-8")
    return clone


def run(clone: ProjectCopy, *arguments: str, **variables: str) -> str:
    """Run a command of the copy; return what it prints."""
    command = [sys.executable, "-m", "etl", *arguments, "--data", str(clone.data.root), "--filters", str(clone.filters)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=clone.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_command_knows_a_source_that_is_added_by_its_folders_alone(clone: ProjectCopy, endpoint: str) -> None:
    assert "registry/stars: 1 requests; on disk: nothing" in run(clone, "plan")
    assert "2 streams, 0 failed; 2 requests" in run(clone, "extract", REGISTRY_ENDPOINT=endpoint)
    assert "registry: 4 models of 6 records in 2 pages; 2 rejected" in run(clone, "manifests")
    assert clone.ids("registry-filter-stars.json") == ["acme:embedder", "acme:tiny-chat"]
    assert clone.ids("registry-filter-stars-chat.json") == ["acme:tiny-chat"]
    assert clone.manifest("all-models.json")["registry"] == 2
    assert run(clone, "verify").endswith("16 checks, 0 failed\n")
    assert "hidden 1" in run(clone, "explain", "registry/chat")
    model = run(clone, "explain", "registry:acme:tiny-chat")
    assert "context: 8192 tokens" in model
    assert "rejected: hidden" in run(clone, "explain", "registry:acme:secret")
    before = clone.root / "before"
    shutil.copytree(clone.data.manifests, before / "manifests")
    assert "0 of 3 manifests differ" in run(clone, "diff", str(before))


def test_make_knows_it_from_filters_toml(clone: ProjectCopy, endpoint: str) -> None:
    run(clone, "extract", REGISTRY_ENDPOINT=endpoint)
    done = clone.make("manifests", "verify")
    assert done.returncode == 0, done.stderr
    assert clone.todo() == set()
    clone.touch("etl/sources/registry/transform.jq")
    assert clone.todo() == {"registry", "manifests"}
    clone.touch("schemas/huggingface/model.schema.json")
    assert "huggingface" not in clone.todo()


def test_it_conforms(clone: ProjectCopy) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/sources/test_conformance.py",
        "-k",
        "registry",
    ]
    done = subprocess.run(command, cwd=clone.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^[67] passed", done.stdout, re.MULTILINE)
