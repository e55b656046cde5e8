"""The whole Hub in one stream: seconds and peak memory of each command by the number of records, beside DuckDB.

`make bench-hub RECORDS="30000 300000 3000000"`. In the environment, `BENCH_ONLY="load-15 nothing"` selects rows, and BENCH_FOLDER
names a folder that keeps the records for the next run. 3,000,000 records and their models take about 8 GB.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.hub_stream import EDITS, SOURCE, STREAM, changed_page, hub_filters, hub_page, write_hub
from bench.measure import spend
from etl.core.layout import DataDir

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = (30_000, 300_000)
FILTERS = (15, 100, 1000)
# What each row measures, and what it may take at 3,000,000 records, beside 500 MB.
ROWS = {
    "raw": ("raw files", ""),
    "transform": ("transform", "200 s"),
    "load-15": ("load, 15 filters", "40 s, 8 times DuckDB"),
    "nothing": ("manifests, nothing changed", "3 s"),
    "page": ("manifests, one page changed", "10 s"),
    "where": ("manifests, a `where` edited", "45 s"),
    "keeps": ("manifests, a `keeps` edited", "45 s"),
    "verify": ("verify, with its own rebuild", "transform and load"),
    "explain": ("explain a model", "5 s"),
    "load-100": ("load, 100 filters", ""),
    "load-1000": ("load, 1000 filters", "nearly that of 15"),
}


def main() -> None:
    """Print the table; on stderr, each figure as soon as it is measured."""
    counts = [int(count) for count in os.environ.get("BENCH_RECORDS", "").split()] or RECORDS
    only = os.environ.get("BENCH_ONLY", "").split() or [*ROWS]
    if unknown := {*only} - {*ROWS}:
        sys.exit(f"BENCH_ONLY: unknown row {', '.join(sorted(unknown))} (expected {', '.join(ROWS)})")
    columns = [_measure(count, only) for count in counts]
    print(f"{'':34}" + "".join(f"{count:>18,}" for count in counts) + "   records; aims at 3,000,000, in 500 MB")
    for title in dict.fromkeys(title for column in columns for title in column):
        aim = dict(ROWS.values()).get(title, "")
        print(f"{title:34}" + "".join(f"{column.get(title, ''):>18}" for column in columns) + f"   {aim}".rstrip())


def _measure(count: int, only: list[str]) -> dict[str, str]:
    """Return the cells of a column: seconds and peak MB of each command on so many records."""
    with _folder(count) as root:
        hub = _Hub(root, only)
        hub.filter_by(FILTERS[0])
        if not hub.data.ledger(SOURCE, STREAM).is_file():
            write_hub(hub.data, hub.filters, count)
        size = sum(path.stat().st_size for path in hub.data.raw_root.rglob("*.json"))
        hub.put("raw", f"{size / 1e6:,.0f} MB")
        if "transform" in only:
            hub.remove_models()
        hub.measure("transform", "transform")
        hub.load_and_compare(FILTERS[0])
        if {"nothing", "verify", "explain", "page", *EDITS} & {*only}:
            hub.run("manifests")
        hub.measure("nothing", "manifests")
        hub.measure("verify", "verify")
        hub.measure("explain", "explain", f"{SOURCE}:{hub_page(1, 1)[0]['id']}")
        for key, (before, after) in EDITS.items():
            if key in only:
                hub.edit(before, after)
                hub.measure(key, "manifests")
        if "page" in only:
            with changed_page(hub.data, hub.filters):
                hub.measure("page", "manifests")
        for number in FILTERS[1:]:
            hub.load_and_compare(number)
        return hub.cells


@contextmanager
def _folder(count: int) -> Iterator[Path]:
    kept = os.environ.get("BENCH_FOLDER")
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(kept).absolute() / str(count) if kept else Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        yield root


class _Hub:
    """The data folder of a column, its filters, and the cells so far."""

    def __init__(self, root: Path, only: list[str]) -> None:
        self.data, self.filters = DataDir(root / "data"), root / "filters.toml"
        self.cells: dict[str, str] = {}
        self._only = only

    def filter_by(self, count: int) -> None:
        """Write filters that publish so many manifests."""
        self.filters.write_text(hub_filters(count), encoding="utf-8")

    def edit(self, before: str, after: str) -> None:
        """Replace a text of the filters that occurs once."""
        head, tail = self.filters.read_text(encoding="utf-8").split(before)
        self.filters.write_text(head + after + tail, encoding="utf-8")

    def remove_models(self) -> None:
        """Remove all that commands wrote."""
        for path in self.data.root.iterdir():
            if path != self.data.raw_root:
                shutil.rmtree(path)

    def run(self, *command: str) -> tuple[float, float]:
        """Run a command of the project; return its seconds and peak MB."""
        options = ["--data", str(self.data.root), "--filters", str(self.filters)]
        return spend([sys.executable, "-m", "etl", *command, *options])

    def measure(self, key: str, *command: str) -> float:
        """Run a command if its row is wanted, or others need its files; return its seconds."""
        if key not in self._only and key != "transform":
            return 0
        seconds, peak_mb = self.run(*command)
        self.put(key, f"{seconds:.1f} s {peak_mb:.0f} MB")
        return seconds

    def load_and_compare(self, count: int) -> None:
        """Load with so many filters, and let DuckDB select the models of the same: its time, and whether they are the same."""
        key = f"load-{count}"
        if key not in self._only:
            return
        self.filter_by(count)
        self.run("transform")
        load_s = self.measure(key, "load")
        result = self.data.root.parent / "top.json"
        stream = self.data.models(SOURCE, STREAM)
        seconds, peak_mb = spend([sys.executable, "-m", "bench.sql", str(stream), str(self.filters), str(result)])
        top = json.loads(result.read_bytes())
        different = sum(self._ids(path) != ids for path, ids in top.items())
        self.put(key, f"{seconds:.1f} s {peak_mb:.0f} MB", "  DuckDB, the same")
        self.put(key, f"{load_s / seconds:.1f}", "  load / DuckDB")
        self.put(key, f"{different} of {len(top)}", "  manifests that differ")

    def put(self, key: str, cell: str, detail: str = "") -> None:
        """Add a cell, if its row is wanted."""
        if key in self._only:
            title = ROWS[key][0] if not detail else f"{detail} {key.rpartition('-')[2]}"
            self.cells[title] = cell
            print(f"{title.strip()}: {cell}", file=sys.stderr, flush=True)

    def _ids(self, path: str) -> list[str]:
        file = self.data.manifests / f"hf-filter-{path.replace('/', '-')}.json"
        return [model["id"] for model in json.loads(file.read_bytes())["models"]]


if __name__ == "__main__":
    main()
