"""Packages: which imports which, and that every command loads only what it uses."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest

from etl.core.errors import highest_priority
from etl.core.layout import PROJECT, SCHEMAS, source_names
from etl.sources.source import get_source
from etl.storage.ledger import read_ledger
from tests.conftest import civitai, hf

if TYPE_CHECKING:
    from tests.conftest import Workspace

# One test checks the shipped filters.toml; the Makefile of a copy reads the file of the copy.
LOOK_AT_SHIPPED, HAVE_THEIR_OWN = {"tests/config/test_load.py"}, {"tests/support/project_copy.py"}
STAGES = ("extract", "transform", "load", "publish", "explain", "diff", "verify")


def test_stages_meet_on_disk_only() -> None:
    looked_at = 0
    for stage in STAGES:
        for path in (PROJECT / "etl" / stage).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                for name in names:
                    looked_at += 1
                    package = name.removeprefix("etl.").split(".")[0]
                    assert not (name.startswith("etl.") and package in STAGES and package != stage), f"{path}: {name}"
    assert looked_at > 50


def test_schemas_are_2020_12_with_names_and_titles() -> None:
    paths = sorted(SCHEMAS.rglob("*.schema.json"))
    assert len(paths) >= 13
    for path in paths:
        schema = json.loads(path.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == path.relative_to(SCHEMAS).as_posix()
        assert schema["title"]
        assert schema.get("description")


@pytest.mark.parametrize(
    ("word", "unused"), [("transform", ("jsonschema", "tarfile")), ("load", ("jsonschema", "jq", "tarfile"))]
)
def test_a_command_imports_no_library_that_it_does_not_use(word: str, unused: tuple[str, ...]) -> None:
    stage = f"import etl.{word}.stage, sys; print([each for each in {unused!r} if each in sys.modules])"
    assert subprocess.run([sys.executable, "-c", stage], cwd=PROJECT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_worst_code_wins() -> None:
    assert [highest_priority(codes) for codes in ([], [0], [0, 1], [65, 1], [65, 74], [2, 1], [75, 2], [2, 65])] == [
        0, 0, 1, 65, 74, 2, 2, 65,
    ]  # fmt: skip


def test_a_terminal_that_knows_ascii_only_is_no_reason_for_a_traceback(shipped: Workspace) -> None:
    assert shipped.run("manifests") == 0
    command = [sys.executable, "-m", "etl", "explain", "hf/medium", "--data", str(shipped.data.root)]
    command += ["--filters", str(shipped.filters)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"hf/medium: Medium (7B\\u201313B)\n")


def test_an_unknown_source_is_told_with_the_known_ones(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace.run("transform", "--source", "elsewhere") == 2
    assert f"unknown source; choose from {', '.join(source_names())}" in capsys.readouterr().err


def test_what_a_user_edits_or_builds_again_changes_no_test() -> None:
    texts = {path.relative_to(PROJECT).as_posix(): path.read_text() for path in (PROJECT / "tests").rglob("*.py")}
    assert len(texts) > 30
    assert {name for name, text in texts.items() if re.search(r'PROJECT\s*/\s*"filters\.toml"', text)} == LOOK_AT_SHIPPED
    assert {name for name, text in texts.items() if re.search(r'PROJECT\s*/\s*"data"\s*/\s*"manifests"', text)} == set()
    # Whoever starts the command line, make or the nightly job says with which filters, since the default is the shipped file.
    starts = re.compile(r'\bmain\(\[|"-m",\s*"etl"|\["make"|"nightly\.sh"')
    functions = [
        (name, ast.get_source_segment(text, node) or "")
        for name, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    ]
    starting = [(name, code) for name, code in functions if starts.search(code)]
    assert len(starting) >= 8
    assert {name for name, code in starting if "--filters" not in code and "FILTERS" not in code} == HAVE_THEIR_OWN


def test_a_ledger_that_tests_put_there_has_the_request_of_the_filters(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "likes", [hf("o/a")], [hf("o/b")], fetched_at="2026-01-02T00:00:00.000Z")
    first, second = read_ledger(workspace.data, "huggingface", "likes").pages
    assert first.url == get_source("huggingface").first_request({"sort": "likes", "limit": 2})
    assert (first.next, second.next, second.fetched_at) == (second.url, None, "2026-01-02T00:00:00.000Z")
    workspace.write_stream("huggingface", "likes", [hf("o/a")], asks={"sort": "lastModified"}, exhausted=False)
    (page,) = read_ledger(workspace.data, "huggingface", "likes").pages
    assert page.url == "/api/models?sort=lastModified&limit=2"
    assert page.next == f"{page.url}&cursor=after-1"
    workspace.filters.write_text("")
    workspace.write_stream("civitai", "sdxl", [civitai(1)], asks={"baseModels": ["SDXL 1.0"]})
    (page,) = read_ledger(workspace.data, "civitai", "sdxl").pages
    assert page.url == "/api/v1/models?baseModels=SDXL+1.0"


def test_no_code_outside_its_folder_names_a_source() -> None:
    paths = [path for path in (PROJECT / "etl").rglob("*.py") if path.parent.parent.name != "sources"]
    assert len(paths) > 60
    named = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in source_names()
    ]
    assert named == []
