"""What docs/ shows is what the project does, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.fields import model_fields
from etl.core.layout import PROJECT, SCHEMAS, DataDir
from etl.expressions.evaluator import Evaluator
from etl.expressions.expression import parse_expression
from etl.sources.source import DEFAULT_SIZE_CLASSES
from tests.conftest import TIME, Workspace
from tests.support.builders import NOW
from tests.support.catalogue_2026 import civitai_records, hub_records
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Server
from tests.support.goldens import environment

if TYPE_CHECKING:
    from pathlib import Path

FILTERS = (PROJECT / "docs" / "filters.md").read_text()
PAGES = [*sorted((PROJECT / "docs").rglob("*.md")), *sorted(PROJECT.glob("*.md"))]


@pytest.mark.skipif(shutil.which("jq") is None, reason="the commands of docs/architecture.md are those of jq")
def test_commands_of_the_architecture_print_what_it_shows(shipped: Workspace, tmp_path: Path) -> None:
    assert shipped.run("manifests") == 0
    (tmp_path / "etl").symlink_to(PROJECT / "etl")
    sessions = re.findall(r"^```console\n(.*?)^```", (PROJECT / "docs" / "architecture.md").read_text(), re.MULTILINE | re.DOTALL)
    commands = [command for session in sessions for command in session.split("$ ")[1:]]
    assert len(commands) == 8
    for command in commands:
        line, _, output = command.partition("\n")
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (output, ""), line


def test_links_of_the_documentation_exist() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()) if "://" not in link]
    assert len(links) > 10
    missing = {(page.parent / link).relative_to(PROJECT).as_posix() for page, link in links if not (page.parent / link).exists()}
    assert missing == set()


def chapter(title: str) -> str:
    return FILTERS.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def example() -> str:
    """Return the blocks of the chapter about keys, which are one file."""
    return "\n".join(re.findall(r"^```toml\n(.*?)^```", chapter("The keys"), re.MULTILINE | re.DOTALL))


def rows(text: str) -> list[list[str]]:
    """Return the cells of the table in a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_the_examples_of_the_keys_are_a_file_that_builds_and_passes_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(DataDir(tmp_path / "data"), tmp_path / "filters.toml")
    workspace.filters.write_text(example())
    with Server(Hub(hub_records())) as hub, Server(Civitai(civitai_records(), NOW)) as civitai:
        for name, value in environment(hub, civitai).items():
            monkeypatch.setenv(name, value)
        assert [workspace.run(command) for command in ("plan", "extract", "manifests", "verify")] == [0, 0, 0, 0]
    assert "warning" not in capsys.readouterr().err
    entries = workspace.manifest("index.json")["manifests"]
    assert len(entries) == 13
    assert [entry["file"] for entry in entries if not entry["count"]] == []
    for filter_, file, name in rows(chapter("The keys").partition("### `manifests`")[2].partition("### `axes`")[0]):
        assert workspace.manifest(file.strip("`"))["filter"] == name.strip("`")
        assert filter_.strip('`"') == name.strip("`").removeprefix("filter/")
    assert workspace.entry("hf-filter-likes-laptop.json")["label"] == "Favourites that run on a laptop"


def test_the_examples_have_every_key_of_the_schema() -> None:
    schema = json.loads((SCHEMAS / "filters.schema.json").read_text())
    definitions = schema["$defs"]
    expected = {*schema["properties"], *definitions["source"]["properties"], *definitions["axis"]["properties"]}
    expected |= {*definitions["manifest"]["then"]["properties"], *definitions["option"]["properties"]}
    assert len(expected) > 15
    assert expected - keys(tomllib.loads(example())) == set()


def keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(keys, value))
    return set(value).union(*map(keys, value.values())) if isinstance(value, dict) else set()


def test_the_examples_of_where_do_with_null_what_the_table_says() -> None:
    table = rows(chapter("The keys").partition("More examples:")[2])
    assert len(table) > 10
    names = dict.fromkeys([*model_fields("huggingface", DEFAULT_SIZE_CLASSES), *model_fields("civitai", DEFAULT_SIZE_CLASSES)])
    expressions = [parse_expression(kept, where.strip("`"), [*names]) for kept, where, _ in table]
    with Evaluator(expressions) as evaluator:
        (outcomes,) = evaluator.evaluate([names], TIME)
    results = ["error" if outcome.error else str(outcome.is_match).lower() for outcome in outcomes]
    assert results == [re.split(r"\W", result)[0] for *_, result in table]


def test_the_wrong_lines_have_the_messages_of_the_table() -> None:
    wrong = tomllib.loads((PROJECT / "tests" / "config" / "messages.toml").read_text())["wrong"]
    messages = {(entry["becomes"], entry["message"]) for entry in wrong}
    table = [(line.strip("`"), message.strip("`")) for line, message in rows(chapter("Warnings and errors"))]
    assert len(table) == 6
    assert set(table) <= messages


def test_the_example_of_clients_finds_a_model(shipped: Workspace, tmp_path: Path) -> None:
    assert shipped.run("manifests") == shipped.run("publish") == 0
    (program,) = re.findall(r"^```python\n(.*?)^```", (PROJECT / "docs" / "clients.md").read_text(), re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[{'filter': '")
