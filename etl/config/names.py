"""Print the names of the sources in a filters file, for Make: `python -m etl.config.names FILTERS`."""

from __future__ import annotations

import sys
from pathlib import Path

from etl.config.load import load_config

if __name__ == "__main__":
    sys.stdout.write("".join(f" {source.name}" for source in load_config(Path(sys.argv[1]), compiles=False).sources))
