"""Seconds of publish, and what a client transfers, beside the same through data/manifests; medians of RUNS."""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import EVERY, spend
from etl.core.layout import PROJECT
from etl.storage.json_files import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS = 5
FILTER = "likes/small"


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        print(f"{'':46}{'seconds':>9}{'peak MB':>9}   median of {RUNS}; verify is not part of it")
        for name, filters in (("25", PROJECT / "filters.toml"), ("208", EVERY)):
            data = root / name
            shutil.copytree(PROJECT / "data" / "raw", data / "raw")
            options = ["--data", str(data), "--filters", str(filters)]
            _measure(f"publish of {name} manifests, into an empty folder", data, options, is_new=True)
            _measure(f"publish of {name} manifests, nothing changed", data, options)
        _print_transfers(root / "25")


def _measure(title: str, data: Path, options: list[str], *, is_new: bool = False) -> None:
    command = [sys.executable, "-m", "etl", "publish", *options]
    if not (data / "site").exists():
        spend([sys.executable, "-m", "etl", "manifests", *options])
        spend(command)  # verify passes and is remembered
    runs = []
    for _ in range(RUNS):
        if is_new:
            shutil.rmtree(data / "site")
            (data / ".cache" / "published").unlink()
        runs.append(spend(command))
    print(f"{title:46}{statistics.median(seconds for seconds, _ in runs):9.3f}{max(peak for _, peak in runs):9.0f}")


def _print_transfers(data: Path) -> None:
    """Print the bytes that a client transfers, compressed, before and after one stream was fetched again with other likes."""
    first = _Visits(data)
    _refresh(data)
    second = _Visits(data)
    print(f"\n{'a client that shows one manifest transfers':46}{'site':>12}{'manifests':>12}   bytes, gzip -6; 25 manifests")
    print(f"{'first visit':46}{_size(first.site):12}{_size(first.manifests):12}")
    print(f"{'second visit, nothing changed (a 304 each)':46}{0:12}{0:12}")
    site, manifests = second.news(first)
    print(f"{'after a refresh that changed this manifest':46}{_size(site):12}{_size(manifests):12}")


def _size(files: Mapping[str, bytes]) -> int:
    return sum(len(gzip.compress(content, 6, mtime=0)) for content in files.values())


class _Visits:
    """What a client reads to show one manifest: of the site, and of data/manifests, which has no cards."""

    def __init__(self, data: Path) -> None:
        site = data / "site" / "v1"
        self.site = {"entry.json": (site / "entry.json").read_bytes()}
        index = self._add(site, json.loads(self.site["entry.json"])["index"])
        self._add(site, next(entry for entry in index["manifests"] if entry["filter"] == FILTER))
        files = ("index.json", f"hf-filter-{FILTER.replace('/', '-')}.json")
        self.manifests = {file: (data / "manifests" / file).read_bytes() for file in files}

    def _add(self, site: Path, reference: Mapping[str, Any]) -> Any:
        self.site[reference["file"]] = (site / reference["file"]).read_bytes()
        return json.loads(self.site[reference["file"]])

    def news(self, before: _Visits) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return what has changed for a client that made another visit before."""
        pairs = ((self.site, before.site), (self.manifests, before.manifests))
        site, manifests = ({name: new[name] for name in new if new[name] != old.get(name)} for new, old in pairs)
        return site, manifests


def _refresh(data: Path) -> None:
    """Fetch a stream again, a day later: one model has another number of likes."""
    page, ledger = (data / "raw" / "huggingface" / "likes" / name for name in ("page-0001.json", "stream.json"))
    records = json.loads(page.read_bytes())
    records[0]["likes"] += 1
    body = json.dumps(records).encode()
    page.write_bytes(body)
    value = json.loads(ledger.read_bytes())
    value["pages"][0] |= {"sha256": sha256(body), "bytes": len(body), "fetched_at": "2026-06-21T12:00:00.000Z"}
    ledger.write_text(json.dumps(value))
    options = ["--data", str(data)]
    spend([sys.executable, "-m", "etl", "manifests", *options])
    spend([sys.executable, "-m", "etl", "publish", *options])
