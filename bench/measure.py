"""Seconds and memory of a command."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from etl.core.layout import PROJECT

# A process of its own: the system counts to a process the memory of the one that started it, and this one's is large.
RUN = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def spend(command: list[str], **variables: str) -> tuple[float, float]:
    """Run a command, with variables of the environment; return its seconds and the peak memory of its largest process in MB."""
    done = subprocess.run(
        [sys.executable, "-ISc", RUN, *command], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, **variables},
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(command)}: ended with {done.returncode}")
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak / (1e6 if sys.platform == "darwin" else 1e3)  # macOS counts bytes, Linux kilobytes


def every_combination() -> str:
    """Return the shipped filters with all 208 combinations published."""
    text = (PROJECT / "filters.toml").read_text(encoding="utf-8")
    return re.sub(r"manifests = \[.*?\]", 'manifests = "all"', text, flags=re.DOTALL)
