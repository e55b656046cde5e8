"""Entry point of `python -m etl`."""

import os
import sys

try:
    from etl.cli import STOPPED, main

    code = main()
except KeyboardInterrupt:  # while libraries are loaded, or a second time
    STOPPED = code = 130
if code == STOPPED:  # an ordinary end would wait for the threads whose requests nobody wants any more
    sys.stdout.flush()
    os._exit(code)
sys.exit(code)
