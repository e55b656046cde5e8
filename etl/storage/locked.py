"""Run a command while nobody else uses parts of a data folder, for Make: `DATA PART... -- COMMAND...`.

It needs no package and no newer Python than 3.9, so that it runs where there is no .venv.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from etl.core.errors import EtlError
from etl.storage.locks import Locks, acquire


def main(arguments: list[str]) -> int:
    """Hold the locks that exist while the command runs; return the exit code.

    They are those of the parts, of bootstrap.py, and of the commands that run in .venv.
    """
    end = arguments.index("--")
    root, *parts = map(Path, arguments[:end])
    try:
        with ExitStack() as stack:
            for path, holder in ((Path(".venv.lock"), "another make"), (Path(".venv/made-by-make"), "a command that runs in it")):
                if path.is_file():
                    acquire(stack.enter_context(path.open("r+")), ".venv to remove", _tell, holder=holder)
            if (root / ".locks").is_dir():
                stack.enter_context(Locks(root, "make clean", _tell).hold(writes=[root / part for part in parts]))
            return subprocess.call(arguments[end + 1 :])  # noqa: S603 -- the Makefile names it
    except EtlError as error:
        _tell(str(error))
        return error.code
    except KeyboardInterrupt:
        return 130


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
