"""Node, the packages of examples/ and Chromium: where they are, and how `make test-browser` installs what is missing.

`python -m tests.browser.toolchain` installs. What cannot be had is the reason why tests are skipped; it fails only if the browser
that TEST_CHROMIUM names does not start.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bootstrap import environment
from etl.core.layout import PROJECT

EXAMPLES = PROJECT / "examples"
MODULES = EXAMPLES / "node_modules"
_LOCK, _INSTALLED = EXAMPLES / "package-lock.json", MODULES / ".installed"
_UNPACKED = MODULES / ".chromium"
_MIN_NODE = 20
_SYSTEM_CHROMIUM = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# The package unpacks to TMPDIR; where it believes to be on Amazon Linux also the libraries that a small system lacks.
_UNPACK = "await (await import('@sparticuz/chromium')).default.executablePath()"
_UNPACK_ENV = {"AWS_EXECUTION_ENV": "nodejs20.x"}


class ToolchainError(Exception):
    """Why node, a package or Chromium cannot be had."""


@dataclass(frozen=True)
class Chromium:
    """A browser that starts, and the environment variables that it needs for that."""

    path: str
    env: dict[str, str] = field(default_factory=dict)


def find_node() -> Path:
    """Return node of the system or, if that is missing or old, of .venv; npm is beside it or on the path.

    Raises:
        ToolchainError: there is none that is new enough.
    """
    paths = [shutil.which("node"), str(Path(sys.prefix) / "bin" / "node")]
    for path in [Path(path) for path in paths if path and Path(path).exists()]:
        version = _output([str(path), "--version"])
        if int((re.match(r"v(\d+)", version) or [0, 0])[1]) >= _MIN_NODE and _npm(path):
            return path
    raise ToolchainError(f"node {_MIN_NODE} or newer and npm were not found")


def find_chromium() -> Chromium:
    """Return the browser that CHROMIUM names, else the system's, else the one of the npm package.

    Raises:
        ToolchainError: none starts.
    """
    wanted = os.environ.get("TEST_CHROMIUM")
    libraries = {"LD_LIBRARY_PATH": str(_UNPACKED / "al2023" / "lib")}
    for path in [wanted] if wanted else [*map(shutil.which, _SYSTEM_CHROMIUM), str(_UNPACKED / "chromium")]:
        for env in ({}, libraries):
            if path and _output([path, "--version"], env):
                return Chromium(path, env)
    raise ToolchainError(f"CHROMIUM={wanted}: does not start" if wanted else "no Chromium that starts was found")


def find() -> tuple[Path, Chromium]:
    """Return node and Chromium, if the packages of examples/ are installed.

    Raises:
        ToolchainError: something is missing.
    """
    node = find_node()
    if not _is_installed():
        raise ToolchainError("the packages of examples/ are not installed")
    return node, find_chromium()


def install() -> None:
    """Install what is missing.

    Raises:
        ToolchainError: it cannot be had.
    """
    try:
        node = find_node()
    except ToolchainError:
        requirements = str(PROJECT / "requirements-node.txt")
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes", "-r", requirements])
        node = find_node()
    path = os.pathsep.join([str(node.parent), os.environ["PATH"]])
    if not _is_installed():
        _run([_npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=EXAMPLES, PATH=path)
        shutil.copyfile(_LOCK, _INSTALLED)
    try:
        find_chromium()
    except ToolchainError:
        if os.environ.get("TEST_CHROMIUM"):
            raise
        _unpack_chromium(node)
        find_chromium()


def _unpack_chromium(node: Path) -> None:
    with TemporaryDirectory(dir=MODULES, prefix=".chromium", ignore_cleanup_errors=True) as partial:
        _run([str(node), "--input-type=module", "--eval", _UNPACK], cwd=EXAMPLES, TMPDIR=partial, **_UNPACK_ENV)
        shutil.rmtree(_UNPACKED, ignore_errors=True)
        Path(partial).rename(_UNPACKED)


def _is_installed() -> bool:
    return _INSTALLED.is_file() and _INSTALLED.read_bytes() == _LOCK.read_bytes()


def _npm(node: Path) -> str:
    """Return the path of npm; empty if it is not installed."""
    return shutil.which("npm", path=str(node.parent)) or shutil.which("npm") or ""


def _output(command: list[str], env: dict[str, str] | None = None) -> str:
    """Return what a command prints; empty if it fails."""
    try:
        done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout


def _run(command: list[str], cwd: Path = PROJECT, **env: str) -> None:
    done = subprocess.run(command, cwd=cwd, env={**environment(), **env}, check=False)
    if done.returncode:
        raise ToolchainError(f"{' '.join(command[:4])} … failed, see above")


if __name__ == "__main__":
    try:
        install()
    except (ToolchainError, OSError) as error:
        if os.environ.get("TEST_CHROMIUM"):
            sys.exit(str(error))
        sys.stderr.write(f"tests/browser: tests will be skipped: {error}\n")
