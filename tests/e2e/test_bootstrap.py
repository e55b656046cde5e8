"""How .venv is made: with fake interpreters that say which version they are, and a pip that installs nothing."""

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
# It answers what bootstrap.py asks, makes the folder that `venv` would make, and lets pip wait for a file named gate, if told to.
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
    """A copy of the project, on a machine whose PATH has only these interpreters."""

    def __init__(self, root: Path) -> None:
        (root / "project").mkdir()
        self.root = copy(root / "project").root
        self.path = root / "path"
        self.path.mkdir()
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool) or "")

    def python(self, name: str, version: str, modules: str = "venv ensurepip pip") -> Path:
        """Put an interpreter on PATH."""
        real = os.path.realpath(sys.executable)
        return script(self.path / name, FAKE.format(version=version, root=self.root, modules=modules, real=real))

    def start(self, word: str = ".venv/ok", *given: str, **env: str) -> subprocess.Popen[str]:
        make = shutil.which("make") or ""
        everything = environment(PATH=str(self.path), **env)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [make, word, *given], cwd=self.root, env=everything, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def make(self, word: str = ".venv/ok", *given: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(word, *given, **env)
        out, told = process.communicate()
        return subprocess.CompletedProcess([word], process.returncode, out, told)

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
    pytest.fail("it never came")


def test_it_is_read_by_python_3_6() -> None:
    ast.parse((PROJECT / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_a_python_that_is_too_old_is_told_in_one_line(machine: Machine) -> None:
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


def test_no_python_at_all_is_told_in_one_line(machine: Machine) -> None:
    line, _ = machine.make().stderr.splitlines()
    assert line.startswith("Python 3.11 or newer is needed (not found: python3 python3.14 ")
    line, _ = machine.make("-s", ".venv/ok", PYTHON="-c 'touch PWNED'").stderr.splitlines()[-2:]
    assert line.startswith("Python 3.11 or newer is needed (not found: -c 'touch PWNED')")


def test_the_first_that_is_new_enough_is_taken(machine: Machine) -> None:
    machine.python("python3", "3.10.13")
    machine.python("python3.13", "3.13.0")
    machine.python("python3.12", "3.12.1")
    assert machine.make(".venv/dev").returncode == 0
    assert machine.installed() == [("3.13.0", "requirements.txt"), ("3.13.0", "requirements-dev.txt")]
    assert "is up to date" in machine.make(".venv/dev").stdout


def test_the_python_that_is_named_is_taken(machine: Machine) -> None:
    machine.python("python3", "3.13.0")
    other = machine.python("my python", "3.12.1")
    assert machine.make(".venv/ok", f"PYTHON={other}").returncode == 0
    assert machine.installed() == [("3.12.1", "requirements.txt")]


def test_pip_gets_no_token(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    names = ("HF_TOKEN", "CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
    assert machine.make(**dict.fromkeys(names, "secret"), OTHER="kept").returncode == 0
    told = (machine.root / "pip-environment").read_text()
    assert "secret" not in told
    assert "OTHER=kept\n" in told


def link(machine: Machine, python: Path) -> None:
    (machine.root / ".venv/bin/python").unlink()
    (machine.root / ".venv/bin/python").symlink_to(python)


def old(machine: Machine) -> None:
    link(machine, machine.python("old", "3.9.18"))


def broken(machine: Machine) -> None:
    link(machine, machine.path / "nowhere")


def moved(machine: Machine) -> None:
    machine.root = machine.root.rename(machine.root.with_name("moved"))
    machine.python("python3", "3.12.1")


def replaced(machine: Machine) -> None:
    link(machine, machine.python("other", "3.13.0"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (old, "has Python 3.9.18 (needed: 3.11 or newer)"), (broken, "its Python does not run"),
        (moved, "was moved or copied here"), (replaced, "was made with another Python"),
    ],
)  # fmt: skip
def test_a_folder_that_is_unfit_is_made_anew(machine: Machine, change: Callable[[Machine], None], why: str) -> None:
    machine.python("python3", "3.12.1")
    assert machine.make().returncode == 0
    change(machine)
    (machine.root / "pip").unlink()
    done = machine.make()
    assert (done.returncode, done.stderr) == (0, f".venv: {why}; it is made anew\n")
    assert machine.installed() == [("3.12.1", "requirements.txt")]
    assert "is up to date" in machine.make().stdout


def test_a_folder_of_someone_else_is_used_or_left_alone(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    (machine.root / ".venv").mkdir()
    (machine.root / ".venv/notes").touch()
    done = machine.make()
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, ".venv: is not a virtual environment; move it away, and it is made anew",
    )  # fmt: skip
    (machine.root / ".venv/bin").mkdir()
    (machine.root / ".venv/pyvenv.cfg").touch()
    shutil.copy2(machine.path / "python3", machine.root / ".venv/bin/python")
    assert machine.make().returncode == 0
    assert machine.make("clean").stdout == "kept: .venv, which holds what no run made\n"
    assert (machine.root / ".venv/notes").exists()


def test_a_failed_pip_counts_as_nothing_and_the_same_command_tries_again(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    (machine.root / "fail").touch()
    done = machine.make()
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, "requirements.txt: pip could not install it, for the reason above; the same command tries again",
    )  # fmt: skip
    (machine.root / "fail").unlink()
    assert machine.make().returncode == 0
    assert len(machine.installed()) == 2


def test_requirements_are_installed_again_when_their_text_changes_not_their_time(machine: Machine) -> None:
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


def test_of_two_makes_one_waits_and_a_killed_one_leaves_nothing_that_counts(machine: Machine) -> None:
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
    assert second.stderr.readline() == ".venv: another make is making it; waiting for that, up to 10 minutes\n"
    (machine.root / "gate").touch()
    assert first.communicate()[1] == ".venv: was not made to its end; it is made anew\n"
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
