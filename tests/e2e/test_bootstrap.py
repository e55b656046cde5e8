"""How .venv is created: with fake interpreters of given versions, and a pip that installs nothing."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from etl.core.layout import PROJECT
from tests.support.project_copy import copy, environment, script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOOLS = "bash env sed cmp cat mkdir rm find ln touch sleep head mktemp mv".split()
# An interpreter that passes the probe of bootstrap.py and creates the folder of `venv`. If `hold` exists, pip waits for `gate`.
FAKE = """
case "$*" in
  *version_info\\[:3\\]*) printf '%s\\n%s\\n%s\\n' {version} "$0" "{modules}";;
  *"-m venv "*) for folder; do :; done; mkdir -p "$folder/bin" && ln -s "$0" "$folder/bin/python" && touch "$folder/pyvenv.cfg";;
  *"-m pip "*) echo "{version} $*" >> "{root}/pip"; env >> "{root}/pip-environment"
     if [ -e "{root}/hold" ]; then while [ ! -e "{root}/gate" ]; do sleep 0.05; done; fi; [ ! -e "{root}/fail" ];;
  *) exec "{real}" "$@";;
esac
"""


class Machine:
    """A copy of the project, with a PATH that has only the interpreters of the test."""

    def __init__(self, root: Path) -> None:
        (root / "project").mkdir()
        self.root = copy(root / "project").root
        self.path = root / "path"
        self.path.mkdir()
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool) or "")

    def python(self, name: str, version: str, modules: str = "venv ensurepip pip") -> Path:
        """Add an interpreter to PATH."""
        real = os.path.realpath(sys.executable)
        return script(self.path / name, FAKE.format(version=version, root=self.root, modules=modules, real=real))

    def start(self, target: str = ".venv/ok", *args: str, **env: str) -> subprocess.Popen[str]:
        make = shutil.which("make") or ""
        variables = environment(PATH=str(self.path), **env)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [make, target, *args], cwd=self.root, env=variables, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def make(self, target: str = ".venv/ok", *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(target, *args, **env)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess([target], process.returncode, stdout, stderr)

    def installed(self) -> list[tuple[str, str]]:
        """Return the version of Python and the file of each run of pip."""
        log = self.root / "pip"
        text = log.read_text() if log.exists() else ""
        return re.findall(r"^(\S+) .*--require-hashes -r .*/(\S+)$", text, flags=re.MULTILINE)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("the condition was never met")


def test_python_3_6_can_parse_it() -> None:
    ast.parse((PROJECT / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_an_old_python_is_reported_in_one_line(machine: Machine) -> None:
    machine.python("python3", "3.10.13")
    machine.python("python3.12", "3.12.1", modules="venv")
    done = machine.make()
    assert done.returncode == 2
    line, last = done.stderr.splitlines()
    assert line == (
        "Python 3.11 or newer is needed (python3 is Python 3.10.13, python3.12 is Python 3.12.1 without venv or ensurepip "
        "(on Debian in the package python3-venv)); name one: make PYTHON=/path/to/python3.12"
    )
    assert "Error 2" in last
    assert not (machine.root / ".venv").exists()


def test_a_missing_python_is_reported_in_one_line(machine: Machine) -> None:
    line, _ = machine.make().stderr.splitlines()
    assert line.startswith("Python 3.11 or newer is needed (not found: python3 python3.14 ")
    line, _ = machine.make("-s", ".venv/ok", PYTHON="-c 'touch PWNED'").stderr.splitlines()[-2:]
    assert line.startswith("Python 3.11 or newer is needed (not found: -c 'touch PWNED')")


def test_the_first_python_that_is_new_enough_is_used(machine: Machine) -> None:
    machine.python("python3", "3.10.13")
    machine.python("python3.13", "3.13.0")
    machine.python("python3.12", "3.12.1")
    assert machine.make(".venv/dev").returncode == 0
    assert machine.installed() == [("3.13.0", "requirements.txt"), ("3.13.0", "requirements-dev.txt")]
    assert "is up to date" in machine.make(".venv/dev").stdout


def test_the_python_of_the_variable_is_used(machine: Machine) -> None:
    machine.python("python3", "3.13.0")
    other = machine.python("my python", "3.12.1")
    assert machine.make(".venv/ok", f"PYTHON={other}").returncode == 0
    assert machine.installed() == [("3.12.1", "requirements.txt")]


def test_pip_gets_no_token(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    names = ("HF_TOKEN", "CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
    assert machine.make(**dict.fromkeys(names, "secret"), OTHER="kept").returncode == 0
    variables = (machine.root / "pip-environment").read_text()
    assert "secret" not in variables
    assert "OTHER=kept\n" in variables


def link(machine: Machine, python: Path) -> None:
    (machine.root / ".venv/bin/python").unlink()
    (machine.root / ".venv/bin/python").symlink_to(python)


def use_old_python(machine: Machine) -> None:
    link(machine, machine.python("old", "3.9.18"))


def break_python(machine: Machine) -> None:
    link(machine, machine.path / "nowhere")


def move_project(machine: Machine) -> None:
    machine.root = machine.root.rename(machine.root.with_name("moved"))
    machine.python("python3", "3.12.1")


def replace_python(machine: Machine) -> None:
    link(machine, machine.python("other", "3.13.0"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (use_old_python, "has Python 3.9.18 (expected 3.11 or newer)"), (break_python, "its Python does not run"),
        (move_project, "was moved or copied here"), (replace_python, "was created with another Python"),
    ],
)  # fmt: skip
def test_an_unusable_venv_is_created_again(machine: Machine, change: Callable[[Machine], None], reason: str) -> None:
    machine.python("python3", "3.12.1")
    assert machine.make().returncode == 0
    change(machine)
    (machine.root / "pip").unlink()
    done = machine.make()
    assert (done.returncode, done.stderr) == (0, f".venv: {reason}; creating it again\n")
    assert machine.installed() == [("3.12.1", "requirements.txt")]
    assert "is up to date" in machine.make().stdout


def test_a_venv_that_make_did_not_create_is_used_or_left_unchanged(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    (machine.root / ".venv").mkdir()
    (machine.root / ".venv/notes").touch()
    done = machine.make()
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, ".venv: is not a virtual environment; move it away, then run the same command again",
    )  # fmt: skip
    (machine.root / ".venv/bin").mkdir()
    (machine.root / ".venv/pyvenv.cfg").touch()
    shutil.copy2(machine.path / "python3", machine.root / ".venv/bin/python")
    assert machine.make().returncode == 0
    assert machine.make("clean").stdout == "kept: .venv, which contains files that no run created\n"
    assert (machine.root / ".venv/notes").exists()


def test_a_failed_pip_writes_no_stamp_and_can_be_retried(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    (machine.root / "fail").touch()
    done = machine.make()
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, "requirements.txt: pip could not install it (see above); run the same command again",
    )  # fmt: skip
    (machine.root / "fail").unlink()
    assert machine.make().returncode == 0
    assert len(machine.installed()) == 2


def test_changed_requirements_are_installed_again_touched_ones_are_not(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    assert machine.make(".venv/dev").returncode == 0
    later = time.time() + 5
    os.utime(machine.root / "requirements.txt", (later, later))
    assert machine.make(".venv/dev").returncode == 0
    assert len(machine.installed()) == 2
    with (machine.root / "requirements.txt").open("a") as file:
        file.write("\n")
    assert machine.make(".venv/dev").returncode == 0
    assert len(machine.installed()) == 4


def test_concurrent_makes_wait_and_a_killed_one_leaves_no_stamp(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    (machine.root / "hold").touch()
    killed = machine.start()
    wait_for(lambda: len(machine.installed()) == 1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (machine.root / ".venv/ok").exists()

    first = machine.start()
    wait_for(lambda: len(machine.installed()) == 2)
    second = machine.start()
    assert second.stderr is not None
    assert second.stderr.readline() == ".venv: another make is creating it; waiting up to 10 minutes\n"
    (machine.root / "gate").touch()
    assert first.communicate()[1] == ".venv: is incomplete; creating it again\n"
    assert second.communicate() == ("", "")
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(machine.installed()) == 2


def test_every_requirement_has_hashes_and_both_files_agree() -> None:
    pins = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", (PROJECT / name).read_text(), flags=re.MULTILINE).strip())
        assert len(blocks) > 20
        for block in blocks:
            assert re.match(r"[\w-]+==\S+", block)
            assert block.count("--hash=sha256:") >= 2, block  # a wheel and the source at least
        pins[name] = dict(block.split()[0].split("==") for block in blocks)
    run, dev = pins.values()
    assert run.items() <= dev.items()
