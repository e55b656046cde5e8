"""A copy of the project with its own data folder, and Make run in it without the variables of this run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from etl.core.layout import PROJECT, TYPES, DataDir
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
_LINE = re.search(r"^override variables := (.*)$", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE)
VARIABLES = _LINE[1].split() if _LINE else []


def environment(**variables: str) -> dict[str, str]:
    """Return this run's environment without the variables that Make reads, and with the given ones."""
    excluded = {*VARIABLES, "python", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    return {key: value for key, value in os.environ.items() if key not in excluded} | variables


class ProjectCopy(Workspace):
    """A copy of the project with small filters for two sources; Make uses the Python environment of this run."""

    @property
    def root(self) -> Path:
        return self.filters.parent

    def make(self, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run make with targets, options and variables (`NAME=value`), and with the environment variables `env`."""
        command = ["make", f"python={sys.executable}", *args]
        return subprocess.run(command, cwd=self.root, env=environment(**(env or {})), capture_output=True, text=True, check=False)

    def outdated(self, *args: str) -> set[str]:
        """Return what make would rebuild: the names of sources to transform, and `manifests`."""
        planned = self.make("-n", "manifests", *args).stdout
        return {source or manifests for source, manifests in re.findall(r"etl transform --source=(\w+)|etl (manifests)", planned)}

    def touch(self, path: str) -> None:
        later = time.time() + 5
        os.utime(self.root / path, (later, later))


def copy(root: Path) -> ProjectCopy:
    """Copy the project to `root`, without data."""
    for name in ("etl", "schemas"):
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / TYPES.relative_to(PROJECT)).parent.mkdir(parents=True)
    for name in (str(TYPES.relative_to(PROJECT)), "Makefile", "bootstrap.py", "requirements.txt", "requirements-dev.txt"):
        shutil.copy2(PROJECT / name, root / name)
    (root / "filters.toml").write_text(FILTERS + CIVITAI)
    return ProjectCopy(DataDir(root / "data"), root / "filters.toml")


def script(path: Path, commands: str) -> Path:
    """Write an executable shell script."""
    path.write_text(f"#!/usr/bin/env bash\n{commands}\n")
    path.chmod(0o755)
    return path
