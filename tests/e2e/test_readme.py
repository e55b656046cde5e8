"""The examples in README.md and docs/ are what the project does."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from etl.core import errors
from etl.core.layout import PROJECT, source_names
from etl.sources.source import get_source
from tests.conftest import Workspace
from tests.support.project_copy import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README, FILTERS, FILES, OPERATIONS = (
    (PROJECT / page).read_text() for page in ("README.md", "docs/filters.md", "docs/published-files.md", "docs/operations.md")
)
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
OPTION = re.compile(r"`(llama = .*?(keeps = \[.*?\]) })`")
FIXED = re.compile(r"With\n`(keeps = .*?)` the manifest has (\d+) models")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    text: str
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    return text


def first_column(table: str) -> list[str]:
    return re.findall(r"^\| (.+?) \|", table, flags=re.MULTILINE)[2:]


def test_the_example_axis_needs_no_code(shipped: Workspace, tmp_path: Path) -> None:
    (axis,) = blocks(section(FILTERS, "Adding a filter"), "toml")
    text = shipped.filters.read_text() + axis
    (tmp_path / "filters.toml").write_text(text.replace('"likes/small"]', '"likes/small", "speech", "likes/speech"]'))
    workspace = Workspace(shipped.data, tmp_path / "filters.toml")
    assert workspace.run("manifests") == 0
    assert "openai/whisper-large-v3" in workspace.ids("hf-filter-speech.json")
    assert workspace.entry("hf-filter-likes-speech.json")["label"] == "Most liked · Speech recognition"
    assert workspace.run("verify") == 0


def test_the_example_session_is_the_output_of_explain(
    shipped: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    option, fixed = OPTION.search(FILTERS), FIXED.search(FILTERS)
    assert option
    assert fixed
    mit = 'mit = { label = "MIT", keeps = ["mit"] }'
    text = shipped.filters.read_text().replace('"likes/small"]', '"likes/small", "llama"]')
    workspace = Workspace(shipped.data, tmp_path / "filters.toml")
    workspace.filters.write_text(text.replace(mit, f"{mit}\n{option[1]}"))
    assert workspace.run("manifests") == 0
    assert workspace.ids("hf-filter-llama.json") == []
    capsys.readouterr()
    assert workspace.run("explain", "hf/llama") == 0
    of_this_run = f" DATA={workspace.data.root} FILTERS={workspace.filters}"  # the documented commands use the defaults
    output = capsys.readouterr().out.replace(of_this_run, "").splitlines()
    (session,) = blocks(FILTERS, "console")
    prompt, *shown = session.splitlines()
    assert prompt == "$ make explain FILTER=hf/llama"
    assert len(shown) == 13
    for line in shown:
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert any(re.match(pattern, output_line) for output_line in output), line
    workspace.filters.write_text(text.replace(mit, f"{mit}\n{option[1].replace(option[2], fixed[1])}"))
    assert workspace.run("manifests") == 0
    assert len(workspace.ids("hf-filter-llama.json")) == int(fixed[2])


def test_the_example_files_are_the_files_on_disk(shipped: Workspace) -> None:
    assert shipped.run("manifests") == 0
    (start,) = blocks(README, "json")
    beginning, entry, model = blocks(FILES, "json")
    assert (shipped.data.manifests / "hf-filter-likes-small.json").read_text().startswith(beginning)
    assert start == beginning
    assert shipped.entry("hf-filter-medium.json") == json.loads(entry)
    page = json.loads((shipped.data.models("huggingface", "default") / "page-0001.json").read_text())
    assert json.loads(model) in page


def test_the_example_plan_is_the_output_of_plan(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^    huggingface/default.*?\n\n", OPERATIONS, flags=re.MULTILINE | re.DOTALL)
    first, _, last = (line.strip() for line in block.strip().splitlines())
    assert shipped.run("plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert first in lines
    assert last in lines


def test_the_example_values_are_the_output_of_values(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.run("transform", "--source", "huggingface") == 0
    (session,) = blocks(section(OPERATIONS, "Finding values"), "console")
    prompt, *shown, rest = session.splitlines()
    assert (prompt, rest) == ("$ make values FIELD=license SOURCE=huggingface", "…")
    capsys.readouterr()
    assert shipped.run("values", "--field", "license", "--source", "huggingface") == 0
    assert capsys.readouterr().out.splitlines()[: len(shown)] == shown
    assert len(shown) == 8


def test_the_example_reader_reads_a_consistent_set(shipped: Workspace, tmp_path: Path) -> None:
    (program,) = blocks(FILES, "python")
    assert shipped.run("manifests") == 0
    namespace: dict[str, Any] = {}
    with contextlib.chdir(tmp_path):
        exec(program, namespace)  # noqa: S102 -- the documented program is what is tested
        assert len(namespace["listings"]["hf-filter-likes-small.json"]) == 100
        manifest = shipped.data.manifests / "hf-filter-small.json"
        manifest.write_bytes(manifest.read_bytes().replace(b"filter/small", b"filter/other"))
        with pytest.raises(RuntimeError, match="does not match"):
            exec(program, {})  # noqa: S102 -- as above
        manifest.unlink()
        with pytest.raises(RuntimeError, match="does not match"):
            exec(program, {})  # noqa: S102 -- as above


@pytest.mark.skipif(shutil.which("jq") is None, reason="the commands are those of jq")
def test_the_jq_commands_print_something(shipped: Workspace, tmp_path: Path) -> None:
    assert shipped.run("manifests") == 0
    (tmp_path / "etl").symlink_to(PROJECT / "etl")
    (commands,) = blocks(FILTERS, "sh")
    results = [
        subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        for line in commands.splitlines()
    ]
    assert [(done.returncode, done.stderr) for done in results] == [(0, "")] * 4
    assert [bool(done.stdout) for done in results] == [True, True, False, True]  # the snapshot has no rejected record


def commands() -> Iterator[tuple[str, str]]:
    """Yield the page and each indented line, or line of an example, that starts with make or python -m etl."""
    for page in PAGES:
        for line in re.findall(r"^(?:    |\$ )((?:make|python -m etl) .*)$", page.read_text(), flags=re.MULTILINE):
            yield page.name, line.split(" #")[0].rstrip()


def test_make_has_the_targets_and_variables_of_the_documentation() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    lines = [(page, words) for page, line in commands() if (words := line.split())[0] == "make"]
    assert len(lines) > 12
    for page, (_, *words) in lines:
        names = [word for word in words if "=" not in word]
        variables = [word.split("=")[0] for word in words if "=" in word]
        assert names, page
        assert set(names) <= targets, page
        assert set(variables) <= set(VARIABLES), page


def test_operations_list_each_variable_of_make() -> None:
    table = first_column(section(OPERATIONS, "Variables of make"))
    assert sorted(re.findall(r"`(\w+)`", " ".join(table))) == sorted(VARIABLES)


def test_operations_list_the_environment_of_each_source() -> None:
    table = " ".join(first_column(section(OPERATIONS, "Environment")))
    expected = {"SOURCE_DATE_EPOCH"}
    for name in source_names():
        source = get_source(name)
        expected |= {source.endpoint_variable, *source.token_variables}
    assert set(re.findall(r"`(\w+)`", table)) == expected


def test_operations_list_each_exit_code() -> None:
    codes = {value.code for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.EtlError)}
    table = first_column(section(OPERATIONS, "Exit codes"))
    assert {int(code) for code in table} == codes | {0, 130}


def test_every_test_that_error_handling_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (PROJECT / "docs" / "error-handling.md").read_text()))
    sources = "\n".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    assert len(named) > 12
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []
