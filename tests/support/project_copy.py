"""A copy of the project with a data folder of its own, and Make run in it without this run's variables."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from etl.core.layout import PROJECT, DataDir
from tests.conftest import FILTERS, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CIVITAI = """
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
manifests = ["pg"]
[civitai.axes.level]
all = { label = "All" }
pg = { label = "PG", keeps = ["pg"] }
"""
_LIST = re.search(r"^override variables := (.*)$", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE)
VARIABLES = _LIST[1].split() if _LIST else []


def environment(**more: str) -> dict[str, str]:
    """Return this run's environment without what tells Make something, and with what is given."""
    ours = {*VARIABLES, "python", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    return {key: value for key, value in os.environ.items() if key not in ours} | more


class ProjectCopy(Workspace):
    """A copy of the project with two small sources, whose installed packages are those of this run."""

    @property
    def root(self) -> Path:
        return self.filters.parent

    def make(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run make with these words and variables (`NAME=value`); `env` are variables of the environment."""
        command = ["make", f"python={sys.executable}", *words]
        return subprocess.run(command, cwd=self.root, env=environment(**(env or {})), capture_output=True, text=True, check=False)

    def todo(self, *words: str) -> set[str]:
        """Return what a run would redo: sources to transform, and `manifests`."""
        planned = self.make("-n", "manifests", *words).stdout
        return {each[0] or each[1] for each in re.findall(r"etl transform --source=(\w+)|etl (manifests)", planned)}

    def touch(self, path: str) -> None:
        later = time.time() + 5
        os.utime(self.root / path, (later, later))


def copy(root: Path) -> ProjectCopy:
    """Return a copy of the project at `root`, without any data."""
    for name in ("etl", "schemas"):
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "bootstrap.py", "requirements.txt", "requirements-dev.txt"):
        shutil.copy2(PROJECT / name, root / name)
    (root / "filters.toml").write_text(FILTERS + CIVITAI)
    return ProjectCopy(DataDir(root / "data"), root / "filters.toml")


def script(path: Path, commands: str) -> Path:
    """Write a program of the shell."""
    path.write_text(f"#!/usr/bin/env bash\n{commands}\n")
    path.chmod(0o755)
    return path
