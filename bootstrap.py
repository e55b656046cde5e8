"""Make .venv and install what the requirements pin, for Make: `python3 -I bootstrap.py ok|dev CANDIDATE...`.

It uses the standard library alone, and no syntax newer than Python 3.6, so that an old Python, too, gets as far as saying which
one is needed. It is no part of etl, which needs what it installs. The stamps `ok` and `dev` in .venv say what it was made with;
they are written last.

Exit codes: 0 good; 1 pip or venv failed; 2 no Python is new enough, or .venv is something else; 74 the disk refused; 75 another
process has been at it for ten minutes.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
MARKER = VENV / "made-by-make"  # holds where the folder was made; `make clean` removes no folder without it
REQUIREMENTS = {"ok": ("requirements.txt",), "dev": ("requirements-dev.txt", "requirements.txt")}
NEEDED = (3, 11)
PATIENCE_S = 600.0
SECRETS = ("HF_TOKEN", "CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
PROBE = (
    "import sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], sys.executable, sep='\\n');"
    "print(*(name for name in ('venv', 'ensurepip', 'pip') if u.find_spec(name)))"
)


class BootstrapError(Exception):
    """What stops the making of .venv, with the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Interpreter:
    """A Python that runs: its version as text and as numbers, where it is, and which of venv, ensurepip and pip it has."""

    def __init__(self, answer: str) -> None:
        self.version, self.path, modules = answer.split("\n")[:3]
        self.numbers = tuple(int(number) for number in self.version.split("."))
        self.modules = modules.split()


def main(arguments: "list[str]") -> int:
    """Make .venv fit for `ok`, what runs, or `dev`, what tests too; return the exit code."""
    stamp, *candidates = arguments
    try:
        with lock(PROJECT / ".venv.lock") as descriptor:
            make(stamp, candidates, descriptor)
    except BootstrapError as error:
        tell(str(error))
        return error.code
    except OSError as error:
        tell(f"{error.filename or VENV}: the system refused: {error.strerror}")
        return 74
    except KeyboardInterrupt:
        tell(".venv: stopped; the next run makes it anew")
        return 130
    return 0


def tell(message: str) -> None:
    """Print a line for people."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def lock(path: Path) -> "Iterator[int]":
    """Hold a lock on a file, and yield its descriptor; processes that inherit it hold the lock too.

    Raises:
        BootstrapError: another process has kept it for ten minutes.
    """
    descriptor = os.open(str(path), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = None
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline is None:
                    deadline = time.monotonic() + PATIENCE_S
                    tell(".venv: another make is making it; waiting for that, up to 10 minutes")
                elif time.monotonic() > deadline:
                    raise BootstrapError(".venv: another make has been making it for 10 minutes; try again later", 75) from None
            time.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def make(stamp: str, candidates: "list[str]", descriptor: int) -> None:
    """Make .venv, if it is not there or unfit, and install what is pinned, if that was not done.

    Raises:
        BootstrapError: that failed, and nothing counts as done.
    """
    path = VENV / stamp
    if PYTHON.exists() and text_of(path) == made_of(stamp):
        os.utime(str(path), None)
        return
    remove_unfit()
    if not VENV.exists():
        create(find(candidates), descriptor)
    for name in REQUIREMENTS if stamp == "ok" else ("dev",):
        with contextlib.suppress(FileNotFoundError):
            (VENV / name).unlink()
    interpreter = ask(str(PYTHON))
    if interpreter and "pip" not in interpreter.modules:
        run([str(PYTHON), "-I", "-m", "ensurepip"], descriptor, ".venv: has no pip, and ensurepip failed; remove .venv")
    file = REQUIREMENTS[stamp][0]
    pip = [str(PYTHON), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    failed = f"{file}: pip could not install it, for the reason above; the same command tries again"
    run([*pip, "-r", str(PROJECT / file)], descriptor, failed)
    write(path, made_of(stamp))


def made_of(stamp: str) -> str:
    """Return where .venv and its Python are (two lines that the Makefile compares), and hashes of what is installed."""
    hashes = [hashlib.sha256((PROJECT / name).read_bytes()).hexdigest() for name in REQUIREMENTS[stamp]]
    return "\n".join([str(VENV.resolve()), str(PYTHON.resolve()), *hashes, ""])


def remove_unfit() -> None:
    """Remove a .venv that was not made whole, was moved, or whose Python is missing or too old.

    Raises:
        BootstrapError: it is not a virtual environment, or a link to one that is unfit; it is left alone.
    """
    if VENV.is_symlink() and not VENV.exists():
        VENV.unlink()
    why = unfit() if VENV.exists() else None
    if why is None:
        return
    if VENV.is_symlink():
        raise BootstrapError(f".venv: links to {VENV.resolve()}, which {why}; remove the link", 2)
    if not is_environment():
        raise BootstrapError(f".venv: {why}; move it away, and it is made anew", 2)
    tell(f".venv: {why}; it is made anew")
    shutil.rmtree(str(VENV))


def is_environment() -> bool:
    """Return whether .venv is a virtual environment, or was to become one."""
    return (VENV / "pyvenv.cfg").exists() or MARKER.exists()


def unfit() -> "str | None":
    """Return why the .venv that is there cannot be used; None if it can."""
    interpreter = ask(str(PYTHON))
    if not is_environment():
        return "is not a virtual environment"
    if interpreter is None:
        return "its Python does not run"
    if interpreter.numbers < NEEDED:
        return "has Python {} (needed: {}.{} or newer)".format(interpreter.version, *NEEDED)
    return changed() if MARKER.exists() else None


def changed() -> "str | None":
    """Return why the .venv that Make made is not what it was; None if it is."""
    if text_of(MARKER) != f"{VENV.resolve()}\n":
        return "was moved or copied here"
    made = text_of(VENV / "ok").split("\n")
    if len(made) == 1:
        return "was not made to its end"
    return None if made[1] == str(PYTHON.resolve()) else "was made with another Python"


def find(candidates: "list[str]") -> str:
    """Return the path of the first interpreter that is new enough and can make virtual environments.

    Raises:
        BootstrapError: there is none; the message says what was found.
    """
    found = []
    for name in candidates:
        interpreter = ask(name)
        if interpreter is None:
            continue
        is_new = interpreter.numbers >= NEEDED
        if is_new and {"venv", "ensurepip"} <= set(interpreter.modules):
            return interpreter.path
        lack = " without venv or ensurepip (on Debian in the package python3-venv)" if is_new else ""
        found.append(f"{name} is Python {interpreter.version}{lack}")
    told = ", ".join(found) or "not found: {}".format(" ".join(candidates))
    needed = "Python {}.{} or newer is needed".format(*NEEDED)
    raise BootstrapError(f"{needed} ({told}); name one: make PYTHON=/path/to/python3.12", 2)


def ask(name: str) -> "Interpreter | None":
    """Return what an interpreter says of itself; None if it does not run."""
    command = [name, "-I", "-c", PROBE]
    try:
        answer = subprocess.check_output(command, stderr=subprocess.DEVNULL, env=environment())  # noqa: S603 -- the user names it
        return Interpreter(os.fsdecode(answer))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def create(python: str, descriptor: int) -> None:
    """Make an empty .venv; the marker comes first, so that what was not made to its end is known as ours."""
    VENV.mkdir()
    write(MARKER, f"{VENV.resolve()}\n")
    run([python, "-I", "-m", "venv", str(VENV)], descriptor, f".venv: {python} cannot make it, for the reason above")


def run(command: "list[str]", descriptor: int, failed: str) -> None:
    """Run a command that inherits the lock, and no token.

    Raises:
        BootstrapError: it failed.
    """
    if subprocess.call(command, env=environment(), pass_fds=(descriptor,)):  # noqa: S603 -- a Python that was asked, and its pip
        raise BootstrapError(failed)


def environment() -> "dict[str, str]":
    """Return the environment without tokens, which no package index is to see."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def text_of(path: Path) -> str:
    """Return the text of a small file of ours; empty where there is none."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""


def write(path: Path, text: str) -> None:
    """Write a file under another name, then rename it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(os.fsencode(text))
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
