"""Create .venv and install the pinned requirements, for Make: `python3 -I bootstrap.py ok|dev CANDIDATE...`.

It uses the standard library only, and no syntax newer than Python 3.6, so that an old Python can still report which version is
needed. It is not part of etl, which needs the packages that it installs. The stamps `ok` and `dev` in .venv record what it was
created with; they are written last.

Exit codes: 0 success; 1 pip or venv failed; 2 no Python is new enough, or .venv is not a virtual environment; 74 I/O error;
75 another process has been creating it for ten minutes; 130 interrupted.
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
MARKER = VENV / "made-by-make"  # contains the path at which .venv was created; `make clean` removes no folder without it
REQUIREMENTS = {"ok": ("requirements.txt",), "dev": ("requirements-dev.txt", "requirements.txt")}
MIN_VERSION = (3, 11)
MAX_WAIT_S = 600.0
SECRETS = ("HF_TOKEN", "CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
PROBE = (
    "import sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], sys.executable, sep='\\n');"
    "print(*(name for name in ('venv', 'ensurepip', 'pip') if u.find_spec(name)))"
)


class BootstrapError(Exception):
    """A reason why .venv cannot be created, with the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Interpreter:
    """A working Python: its version as text and as numbers, its path, and which of venv, ensurepip and pip it has."""

    def __init__(self, probe_output: str) -> None:
        self.version, self.path, modules = probe_output.split("\n")[:3]
        self.numbers = tuple(int(number) for number in self.version.split("."))
        self.modules = modules.split()


def main(arguments: "list[str]") -> int:
    """Create or update .venv for `ok` (running) or `dev` (also testing); return the exit code."""
    stamp, *candidates = arguments
    try:
        with lock(PROJECT / ".venv.lock") as descriptor:
            prepare(stamp, candidates, descriptor)
    except BootstrapError as error:
        print_error(str(error))
        return error.code
    except OSError as error:
        print_error(f"{error.filename or VENV}: I/O error: {error.strerror}")
        return 74
    except KeyboardInterrupt:
        print_error(".venv: interrupted; the next run creates it again")
        return 130
    return 0


def print_error(message: str) -> None:
    """Print a line to standard error."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def lock(path: Path) -> "Iterator[int]":
    """Lock a file while the context is open, and yield its descriptor; processes that inherit it share the lock.

    Raises:
        BootstrapError: another process has held it for ten minutes.
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
                    deadline = time.monotonic() + MAX_WAIT_S
                    print_error(".venv: another make is creating it; waiting up to 10 minutes")
                elif time.monotonic() > deadline:
                    raise BootstrapError(".venv: another make has been creating it for 10 minutes; retry later", 75) from None
            time.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def prepare(stamp: str, candidates: "list[str]", descriptor: int) -> None:
    """Create .venv unless it is usable, and install the pinned packages unless the stamp says that they are.

    Raises:
        BootstrapError: that failed, and no stamp is written.
    """
    path = VENV / stamp
    if PYTHON.exists() and read_text(path) == stamp_text(stamp):
        os.utime(str(path), None)
        return
    remove_unusable()
    if not VENV.exists():
        create(find_python(candidates), descriptor)
    for name in REQUIREMENTS if stamp == "ok" else ("dev",):
        with contextlib.suppress(FileNotFoundError):
            (VENV / name).unlink()
    interpreter = probe(str(PYTHON))
    if interpreter and "pip" not in interpreter.modules:
        run(
            [str(PYTHON), "-I", "-m", "ensurepip"],
            descriptor,
            ".venv: has no pip, and ensurepip failed; remove .venv",
        )
    file = REQUIREMENTS[stamp][0]
    pip = [str(PYTHON), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    message = f"{file}: pip could not install it (see above); run the same command again"
    run([*pip, "-r", str(PROJECT / file)], descriptor, message)
    write(path, stamp_text(stamp))


def stamp_text(stamp: str) -> str:
    """Return a stamp: the paths of .venv and its Python, which the Makefile compares, and hashes of the requirements."""
    hashes = [hashlib.sha256((PROJECT / name).read_bytes()).hexdigest() for name in REQUIREMENTS[stamp]]
    return "\n".join([str(VENV.resolve()), str(PYTHON.resolve()), *hashes, ""])


def remove_unusable() -> None:
    """Remove a .venv that is incomplete, was moved, or whose Python is missing or too old.

    Raises:
        BootstrapError: it is not a virtual environment, or a link to an unusable one; it is left unchanged.
    """
    if VENV.is_symlink() and not VENV.exists():
        VENV.unlink()
    reason = unusable_reason() if VENV.exists() else None
    if reason is None:
        return
    if VENV.is_symlink():
        raise BootstrapError(f".venv: links to {VENV.resolve()}, which {reason}; remove the link", 2)
    if not is_environment():
        raise BootstrapError(f".venv: {reason}; move it away, then run the same command again", 2)
    print_error(f".venv: {reason}; creating it again")
    shutil.rmtree(str(VENV))


def is_environment() -> bool:
    """Return whether .venv is a virtual environment, or an unfinished one."""
    return (VENV / "pyvenv.cfg").exists() or MARKER.exists()


def unusable_reason() -> "str | None":
    """Return why the existing .venv cannot be used; None if it can."""
    interpreter = probe(str(PYTHON))
    if not is_environment():
        return "is not a virtual environment"
    if interpreter is None:
        return "its Python does not run"
    if interpreter.numbers < MIN_VERSION:
        return "has Python {} (expected {}.{} or newer)".format(interpreter.version, *MIN_VERSION)
    return change_reason() if MARKER.exists() else None


def change_reason() -> "str | None":
    """Return how the .venv that Make created differs from its stamp; None if it does not."""
    if read_text(MARKER) != f"{VENV.resolve()}\n":
        return "was moved or copied here"
    lines = read_text(VENV / "ok").split("\n")
    if len(lines) == 1:
        return "is incomplete"
    return None if lines[1] == str(PYTHON.resolve()) else "was created with another Python"


def find_python(candidates: "list[str]") -> str:
    """Return the path of the first interpreter that is new enough and can create virtual environments.

    Raises:
        BootstrapError: no suitable one; the message lists the interpreters that were found.
    """
    rejected = []
    for name in candidates:
        interpreter = probe(name)
        if interpreter is None:
            continue
        is_new = interpreter.numbers >= MIN_VERSION
        if is_new and {"venv", "ensurepip"} <= set(interpreter.modules):
            return interpreter.path
        problem = " without venv or ensurepip (on Debian in the package python3-venv)" if is_new else ""
        rejected.append(f"{name} is Python {interpreter.version}{problem}")
    details = ", ".join(rejected) or "not found: {}".format(" ".join(candidates))
    needed = "Python {}.{} or newer is needed".format(*MIN_VERSION)
    raise BootstrapError(f"{needed} ({details}); name one: make PYTHON=/path/to/python3.12", 2)


def probe(name: str) -> "Interpreter | None":
    """Return the properties of an interpreter; None if it does not run."""
    command = [name, "-I", "-c", PROBE]
    try:
        output = subprocess.check_output(command, stderr=subprocess.DEVNULL, env=environment())  # noqa: S603 -- the user chooses it
        return Interpreter(os.fsdecode(output))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def create(python: str, descriptor: int) -> None:
    """Create an empty .venv; the marker is written first, so that an incomplete folder is recognized as ours."""
    VENV.mkdir()
    write(MARKER, f"{VENV.resolve()}\n")
    run([python, "-I", "-m", "venv", str(VENV)], descriptor, f".venv: {python} could not create it (see above)")


def run(command: "list[str]", descriptor: int, error_message: str) -> None:
    """Run a command that inherits the lock, but no tokens.

    Raises:
        BootstrapError: the command failed; the text is `error_message`.
    """
    if subprocess.call(command, env=environment(), pass_fds=(descriptor,)):  # noqa: S603 -- a Python that was probed
        raise BootstrapError(error_message)


def environment() -> "dict[str, str]":
    """Return the environment without tokens, which package indexes must not see."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def read_text(path: Path) -> str:
    """Return the text of a file; empty if it cannot be read."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""


def write(path: Path, text: str) -> None:
    """Write a file atomically: under a temporary name, then renamed."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(os.fsencode(text))
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
