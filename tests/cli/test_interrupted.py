"""What an interrupted command says about its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.cli.parser import COMMANDS

if TYPE_CHECKING:
    from tests.conftest import Workspace

ARGUMENTS = {"explain": ["hf/likes"], "keygen": ["key.json"]}
RESUMED = {"extract", "refresh"}  # by what they have fetched
WRITING = {"transform", "load", "manifests", "publish", "keygen"}
READ_ONLY = "interrupted; existing data is unchanged. Rerun the same command.\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interrupted_command_says_what_holds_for_its_files(
    workspace: Workspace, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("etl.cli.main.run_command", interrupt)
    assert workspace.run(command, *ARGUMENTS.get(command, [])) == 130
    message = capsys.readouterr().err
    assert message.startswith("interrupted; ")
    assert ("within 6 hours to resume" in message) == (command in RESUMED)
    assert (message == READ_ONLY) == (command not in RESUMED | WRITING)
    assert ("publication" in message) == (command == "publish")
