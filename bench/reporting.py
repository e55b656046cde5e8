"""Seconds and bytes of the report, and how fast Chromium shows it; medians of RUNS."""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from bench.catalogue import write_catalogue
from bench.measure import EVERY, spend
from etl.core.layout import PROJECT, DataDir
from tests.browser.browser import Browser
from tests.browser.toolchain import ToolchainError, find

RUNS = 5
MODELS = {"huggingface": 14_000, "civitai": 6_000}
SEARCHES = ("llama", "qwen instruct", "1", "text-generation region:us", "nothing has this")
# Paint includes what the browser does before: reading and parsing the file.
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SEARCH = """((query) => {
    const input = document.getElementById("query"), start = performance.now();
    input.value = query;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.offsetHeight;
    return performance.now() - start;
})"""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        every = root / "208"
        shutil.copytree(PROJECT / "data" / "raw", every / "raw")
        many = DataDir(root / "many")
        filters = root / "filters.toml"
        filters.write_text(write_catalogue(many, MODELS), encoding="utf-8")
        print(f"{'':46}{'seconds':>9}{'peak MB':>9}   median of {RUNS}")
        _measure("report of 208 manifests", every, EVERY)
        title = f"report of {sum(MODELS.values()):,} models"
        _measure(title, many.root, filters)
        page = many.report.read_bytes()
        print(f"{title}: {len(page):,} bytes, {len(gzip.compress(page, 6, mtime=0)):,} with gzip -6")
        try:
            with Browser(*find()) as browser:
                _print_speed(browser, title, many.report)
        except ToolchainError as error:
            print(f"not shown in Chromium: {error}; make test-browser installs it")


def _measure(title: str, data: Path, filters: Path) -> None:
    options = ["--data", str(data), "--filters", str(filters)]
    command = [sys.executable, "-m", "etl", "report", *options]
    spend([sys.executable, "-m", "etl", "manifests", *options])
    for kind in (", checks of the last verify", ", with the checks"):
        runs: list[tuple[float, float]] = []
        for _ in range(RUNS):
            if kind.endswith("with the checks"):
                (data / ".cache" / "verified").unlink()
            elif not runs:
                spend(command)
            runs.append(spend(command))
        print(f"{title + kind:46}{statistics.median(seconds for seconds, _ in runs):9.3f}{max(peak for _, peak in runs):9.0f}")


def _print_speed(browser: Browser, title: str, page: Path) -> None:
    paints, searches = [], []
    for _ in range(RUNS):
        browser.call("newVisitor", {})
        browser.call("goto", page.absolute().as_uri())
        browser.wait_for("performance.getEntriesByName('first-contentful-paint').length > 0")
        paints.append(browser.evaluate(_FIRST_PAINT))
        browser.evaluate("location.hash = '#/models'")
        browser.wait_for("!document.getElementById('/models').hidden && entries !== null")
        searches.append([browser.evaluate(f"{_SEARCH}({json.dumps(query)})") for query in SEARCHES])
    print(f"{title} in Chromium: first contentful paint after {statistics.median(paints):.0f} ms")
    for query, times in zip(SEARCHES, zip(*searches, strict=True), strict=True):
        print(f"  search of {query!r}, with its results laid out: {statistics.median(times):.1f} ms")
