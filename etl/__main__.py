"""Entry point of `python -m etl`."""

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path

with suppress(OSError):  # `make clean` waits for whatever runs in the .venv that it would remove; others have no such file
    in_use = Path(sys.prefix, "made-by-make").open(encoding="utf-8")  # noqa: SIM115 -- held until the process ends
    fcntl.flock(in_use, fcntl.LOCK_SH | fcntl.LOCK_NB)

try:
    from etl.cli.main import EXIT_INTERRUPTED, main

    code = main()
except KeyboardInterrupt:  # while libraries are loaded, or a second time
    EXIT_INTERRUPTED = code = 130
if code == EXIT_INTERRUPTED:  # an ordinary end would wait for the threads whose requests nobody wants any more
    sys.stdout.flush()
    os._exit(code)
sys.exit(code)
