"""What docs/ shows is what the project does, and its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from etl.core.layout import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workspace

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


def test_the_example_of_clients_finds_a_model(shipped: Workspace, tmp_path: Path) -> None:
    assert shipped.run("manifests") == shipped.run("publish") == 0
    (program,) = re.findall(r"^```python\n(.*?)^```", (PROJECT / "docs" / "clients.md").read_text(), re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[{'filter': '")
