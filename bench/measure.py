"""Seconds and memory of a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from etl.config.load import load_config
from etl.core.layout import PROJECT

# A process of its own: the system counts to a process the memory of the one that started it, and this one's is large. The system
# counts only descendants that somebody waited for, and nobody waits for the server that starts the workers: on Linux this process
# adopts it (PR_SET_CHILD_SUBREAPER). Elsewhere, workers are not counted.
RUN = """
import ctypes, os, resource, subprocess, sys, time
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - start
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
if done.returncode:  # warnings about invented records are no news
    sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)
"""


EVERY = PROJECT / "bench" / "208.toml"  # all combinations of the shipped filters
EXPRESSIONS = {
    "huggingface": (
        '.tags | index("gguf") != null', '.tags | contains(["transformers", "conversational"])',
        '.license // "" | startswith("cc-by-nc")', "days_since(.updated) < 30", ".downloads >= 1000",
    ),
    "civitai": (
        ".file_bytes != null and .file_bytes < 8e9", '.level_most | IN("pg", "pg13")', ".downloads >= 1000 and .likes > 10",
        ".updated != null and days_since(.updated) < 30", '.tags | any(. == "anime")',
    ),
}  # fmt: skip


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


def with_expressions() -> str:
    """Return filters that publish all 208 combinations and ten manifests of expressions."""
    text = EVERY.read_text(encoding="utf-8")
    for source in load_config(EVERY).sources:
        expressions = [
            f"w{number} = {{ label = \"-\", where = '{text}' }}" for number, text in enumerate(EXPRESSIONS[source.name])
        ]
        axis = [f"[{source.name}.axes.where]", 'any = { label = "Any" }', *expressions]
        paths = [filter_.path for filter_ in source.filters] + [f"w{number}" for number, _ in enumerate(expressions)]
        before, table, after = text.partition(f"[{source.name}]\n")
        text = before + table + after.replace('manifests = "all"', f"manifests = {json.dumps(paths)}", 1)
        text += "\n" + "\n".join(axis) + "\n"
    return text
