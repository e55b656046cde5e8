"""Entry point of `python -m etl`."""

import os
import sys

try:
    from etl.cli.main import EXIT_INTERRUPTED, main

    code = main()
except KeyboardInterrupt:  # while libraries are loaded, or a second time
    EXIT_INTERRUPTED = code = 130
if code == EXIT_INTERRUPTED:  # an ordinary end would wait for the threads whose requests nobody wants any more
    sys.stdout.flush()
    os._exit(code)
sys.exit(code)
