"""Tests that commands in messages act on the files of the run that printed them."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl.cli import output
from etl.cli.hints import complete_commands
from etl.core.layout import PROJECT
from tests.conftest import hf

if TYPE_CHECKING:
    from tests.conftest import Workspace

DEFAULTS = Path("data"), Path("filters.toml")


@pytest.mark.parametrize(
    ("message", "completed"),
    [
        ("fetch with: make extract SOURCE=civitai", "fetch with: make extract SOURCE=civitai DATA=../c FILTERS=o.toml"),
        ("run: make manifests; or not", "run: make manifests DATA=../c FILTERS=o.toml; or not"),
        ("see make explain FILTER=hf/small, or", "see make explain FILTER=hf/small DATA=../c FILTERS=o.toml, or"),
        ("and make extract reads on", "and make extract DATA=../c FILTERS=o.toml reads on"),
        ("try make extract manifests, else", "try make extract manifests DATA=../c FILTERS=o.toml, else"),
        ("field: make values FIELD=tags", "field: make values FIELD=tags DATA=../c FILTERS=o.toml"),
        ("make explain FILTER='a b;c'", "make explain FILTER='a b;c' DATA=../c FILTERS=o.toml"),
        ("see make diff BASE='a'\"'\"'b, c' now", "see make diff BASE='a'\"'\"'b, c' DATA=../c FILTERS=o.toml now"),
        ("models that a person can make", "models that a person can make"),
        ("remake verify, make verified, make models", "remake verify, make verified, make models"),
    ],
)
def test_commands_name_the_data_and_filters_of_the_run(
    message: str, completed: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(PROJECT)
    assert complete_commands(message, Path("../c"), Path("o.toml")) == completed
    assert complete_commands(message, *DEFAULTS) == message
    assert complete_commands(message, *(path.absolute() for path in DEFAULTS)) == message


def test_paths_with_shell_characters_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    command = complete_commands("make verify", Path("../it's; rm -rf"), DEFAULTS[1])
    assert shlex.split(command)[1:] == ["verify", "DATA=../it's; rm -rf"]


def test_commands_outside_the_project_name_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = complete_commands("make verify", *DEFAULTS)
    make = f"make -C {shlex.quote(str(PROJECT))} verify"
    assert command == f"{make} DATA={tmp_path / 'data'} FILTERS={tmp_path / 'filters.toml'}"
    assert complete_commands("make verify", *(PROJECT / path for path in DEFAULTS)) == make


@pytest.mark.parametrize("command", ["explain", "manifests", "verify"])
def test_printed_commands_can_be_pasted(workspace: Workspace, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("manifests") == 1  # one stream is missing
    capsys.readouterr()
    targets = ["hf/likes"] if command == "explain" else []
    assert workspace.run(command, *targets) == (0 if command == "explain" else 1)
    captured = capsys.readouterr()
    (printed,) = re.findall(r"make extract SOURCE=huggingface.*", captured.out + captured.err)
    expected = ["make", "extract", "SOURCE=huggingface", f"DATA={workspace.data.root}", f"FILTERS={workspace.filters}"]
    assert shlex.split(printed) == expected


def test_published_files_contain_no_paths_of_the_run(workspace: Workspace) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")], exhausted=False)
    assert workspace.run("manifests") == 1
    index = workspace.manifest("index.json")
    assert [entry["command"] for entry in index["missing"]] == ["make extract SOURCE=huggingface"]
    assert index["manifests"][0]["verdict"].endswith("the API has more, and make extract reads on")


def test_messages_do_not_name_the_interpreter() -> None:
    texts = {path.name: path.read_text() for path in (PROJECT / "etl").rglob("*.py")}
    assert len(texts) > 50
    assert {name for name, text in texts.items() if "python -m etl" in text} == {"__main__.py"}  # its own usage


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_long_activities_are_printed_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    with output.progress_note("verify: data", after_s=0):
        while not terminal.getvalue().endswith("\n"):
            time.sleep(0.01)
    with output.progress_note("short", after_s=3600):
        pass
    assert terminal.getvalue() == "verify: data …\n"
    monkeypatch.setattr(sys, "stderr", pipe)
    with output.progress_note("verify: data", after_s=0):
        time.sleep(0.05)
    assert pipe.getvalue() == ""


def test_a_base_folder_is_named_by_its_absolute_path(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, [hf("o/a")])
    assert workspace.run("manifests") == 0
    shutil.copytree(workspace.data.manifests, tmp_path / "before")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert workspace.run("verify", "--base", "before") == 0
    assert f" diff BASE={tmp_path / 'before'} DATA={workspace.data.root} " in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"{}"])
@pytest.mark.parametrize("command", ["plan", "load", "transform"])
def test_the_message_of_an_invalid_ledger_contains_the_command_that_fixes_it(
    workspace: Workspace, command: str, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.data.ledger("huggingface", "default").write_bytes(content)
    assert workspace.run(command) == 65
    (line,) = capsys.readouterr().err.splitlines()
    assert str(workspace.data.ledger("huggingface", "default")) in line
    assert line.count("make extract") == line.count(" again: make extract SOURCE=huggingface DATA=") == 1
