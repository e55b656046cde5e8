"""Run a command with exclusive locks on folders of a data folder, for Make: `DATA FOLDER... -- COMMAND...`.

It runs without .venv: on Python 3.9 or newer, with the standard library only.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from etl.core.errors import EtlError
from etl.storage.locks import Locks, acquire


def main(arguments: list[str]) -> int:
    """Run the command while holding the locks of the folders and of .venv; return its exit code.

    The locks of .venv are those of bootstrap.py and of the commands that run in it. Locks without a file are not needed.
    """
    end = arguments.index("--")
    root, *folders = map(Path, arguments[:end])
    try:
        with ExitStack() as stack:
            for path, holder in ((Path(".venv.lock"), "another make"), (Path(".venv/made-by-make"), "a command that runs in it")):
                if path.is_file():
                    acquire(stack.enter_context(path.open("r+")), "removing .venv", _print_error, holder=holder)
            if (root / ".locks").is_dir():
                stack.enter_context(Locks(root, "make clean", _print_error).hold(writes=[root / folder for folder in folders]))
            return subprocess.call(arguments[end + 1 :])  # noqa: S603 -- the Makefile passes it
    except EtlError as error:
        _print_error(str(error))
        return error.code
    except KeyboardInterrupt:
        return 130


def _print_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
