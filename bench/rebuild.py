"""Seconds and memory of a rebuild from the snapshot, beside a plain baseline, in turn in one run; medians of RUNS."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import EVERY, spend, with_expressions
from etl.core.layout import PROJECT, DataDir, source_names
from etl.sources.huggingface.rules import read_size_evidence
from etl.sources.huggingface.size import SizeEstimator
from etl.sources.source import get_source
from etl.transform.page import transform_page

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 7
# What a script without stages would do at least: read every page, write the ids of each.
BASELINE = """
import json, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("raw/*/*/page-*.json")):
    page = json.loads(path.read_bytes())
    records = page if isinstance(page, list) else page["items"]
    pathlib.Path(sys.argv[2], "-".join(path.parts[-3:])).write_text(json.dumps([record["id"] for record in records], indent=2))
"""


def rates(data: DataDir) -> dict[str, float]:
    """Return records transformed per second on one core, by source, without reading and writing."""
    rates_by_source = {}
    for source in source_names():
        pages = [(path, path.read_bytes()) for path in sorted(data.raw(source).glob("*/page-*.json"))]
        transform_page(get_source(source), pages[0][1], pages[0][0])  # the program is compiled once
        start = time.perf_counter()
        records = sum(transform_page(get_source(source), body, path).records for path, body in pages)
        rates_by_source[source] = records / (time.perf_counter() - start)
    return rates_by_source


def sizer_rate(data: DataDir) -> tuple[float, float]:
    """Return sizes decided per second on one core, of evidence that is at hand, and their share of the transform's time."""
    pages = [(path, path.read_bytes()) for path in sorted(data.raw("huggingface").glob("*/page-*.json"))]
    records = [record for _, body in pages for record in json.loads(body)]
    seen = []
    for record in records:
        counts = record.get("safetensors"), record.get("gguf")
        seen.append(read_size_evidence(record["id"].rpartition("/")[2], record["tags"], *counts)[0])
    decide, seconds, whole = SizeEstimator().estimate, [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        for evidence in seen:
            decide(evidence)
        middle = time.perf_counter()
        for path, body in pages:
            transform_page(get_source("huggingface"), body, path)
        seconds.append(middle - start)
        whole.append(time.perf_counter() - middle)
    return len(seen) / statistics.median(seconds), statistics.median(seconds) / statistics.median(whole)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data, every, expressions = DataDir(root / "data"), EVERY, root / "expressions.toml"
        shutil.copytree(PROJECT / "data" / "raw", data.root / "raw")
        expressions.write_text(with_expressions(), encoding="utf-8")
        shipped = ["make", "-s", "-j2", "manifests", f"DATA={data.root}"]
        more = DataDir(root / "more")
        for stream in data.raw_root.glob("*/*/"):
            for copy in ("", "-a", "-b", "-c"):
                shutil.copytree(stream, more.raw(stream.parent.name, stream.name + copy))

        other = DataDir(root / "other")  # every page in reverse, so that every list differs
        shutil.copytree(data.raw_root, other.raw_root)
        for path in other.raw_root.glob("*/*/page-*.json"):
            page = json.loads(path.read_bytes())
            (page if isinstance(page, list) else page["items"]).reverse()
            path.write_text(json.dumps(page))
        spend([sys.executable, "-m", "etl", "manifests", "--data", str(other.root), "--filters", str(every)])

        def cold() -> None:
            for folder_ in (data, more):
                shutil.rmtree(folder_.root / "models", ignore_errors=True)
                shutil.rmtree(folder_.manifests, ignore_errors=True)

        (root / "ids").mkdir()
        cases: list[tuple[str, Callable[[], None], list[str]]] = [
            (
                "baseline: read pages, write ids",
                lambda: None,
                [sys.executable, "-c", BASELINE, str(data.root), str(root / "ids")],
            ),
            ("25 manifests, cold", cold, shipped),
            ("25 manifests, nothing to do", lambda: None, shipped),
            ("25 manifests, cold, 4 times the records", cold, ["make", "-s", "-j2", "manifests", f"DATA={more.root}"]),
            ("208 and ten of expressions, cold", cold, [*shipped, f"FILTERS={expressions}"]),
            ("208 manifests, cold", cold, [*shipped, f"FILTERS={every}"]),
            (
                "explain a page, of the 208",
                lambda: None,
                [
                    sys.executable,
                    "-m",
                    "etl",
                    "explain",
                    "civitai/week/checkpoints/sdxl",
                    "--data",
                    str(data.root),
                    "--filters",
                    str(every),
                ],
            ),
            (
                "explain a model, of the 208",
                lambda: None,
                [sys.executable, "-m", "etl", "explain", "civitai:4398", "--data", str(data.root), "--filters", str(every)],
            ),
            (
                "diff of the 208, every list differs",
                lambda: None,
                [sys.executable, "-m", "etl", "diff", str(other.root), "--data", str(data.root), "--filters", str(every)],
            ),
            (
                "verify of the 208",
                lambda: None,
                [
                    sys.executable,
                    "-m",
                    "etl",
                    "verify",
                    "--base",
                    str(other.root),
                    "--data",
                    str(data.root),
                    "--filters",
                    str(every),
                ],
            ),
        ]
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name, *_ in cases}
        for _ in range(RUNS):
            for name, before, command in cases:
                before()
                spent[name].append(spend(command))
        base = statistics.median(seconds for seconds, _ in spent[cases[0][0]])
        print(f"{'':41}{'seconds':>9}{'ratio':>8}{'peak MB':>9}   median of {RUNS}")
        for name, runs in spent.items():
            seconds = statistics.median(duration for duration, _ in runs)
            print(f"{name:41}{seconds:9.3f}{seconds / base:8.1f}{max(peak for _, peak in runs):9.0f}")
        for source, rate in rates(data).items():
            print(f"transform of {source}: {rate:,.0f} records a second on one core")
        rate, share = sizer_rate(data)
        print(f"sizes alone: {rate:,.0f} a second on one core, {share:.0%} of the transform of huggingface")
