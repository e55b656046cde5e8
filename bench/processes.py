"""The transform of 40,000 records in one process and in two, in turn; medians of RUNS."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from etl.core.layout import PROJECT, DataDir
from etl.sources.source import get_source
from etl.storage.json_files import dump_json, sha256
from etl.transform.stage import transform
from etl.transform.workers import START_METHOD, WorkerOptions

RUNS = 3
PAGES, RECORDS = 80, 500


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        data = DataDir(Path(folder))
        write_stream(data)
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(RUNS):
            for jobs, durations in seconds.items():
                shutil.rmtree(data.root / "models", ignore_errors=True)
                shutil.rmtree(data.outcomes("huggingface"), ignore_errors=True)
                start = time.perf_counter()
                transform(data, get_source("huggingface"), workers=WorkerOptions(jobs))
                durations.append(time.perf_counter() - start)
    serial, parallel = (statistics.median(durations) for durations in seconds.values())
    records = PAGES * RECORDS
    print(f"transform of {records:,} records   median of {RUNS}")
    print(f"  in one process: {serial:.2f} s, {records / serial:,.0f} a second")
    print(f"  in two ({START_METHOD}): {parallel:.2f} s, {serial / parallel:.2f} times as fast")


def write_stream(data: DataDir) -> None:
    """Write a stream of PAGES pages, each of RECORDS records of the snapshot, with ids of their own."""
    snapshot = sorted((PROJECT / "data" / "raw" / "huggingface").glob("*/page-*.json"))
    records = cycle(record for path in snapshot for record in json.loads(path.read_bytes()))
    entries: list[dict[str, Any]] = []
    folder = data.raw("huggingface", "default")
    folder.mkdir(parents=True)
    for number in range(1, PAGES + 1):
        page = [record | {"id": f"{record['id']}-{number}"} for record in islice(records, RECORDS)]
        body = json.dumps(page).encode()
        file = f"page-{number:04}.json"
        (folder / file).write_bytes(body)
        entries.append({
            "url": f"/api/models?cursor={number}", "file": file, "sha256": sha256(body), "bytes": len(body), "etag": None,
            "fetched_at": "2026-01-01T00:00:00.000Z", "records": RECORDS,
            "next": f"/api/models?cursor={number + 1}" if number < PAGES else None,
        })  # fmt: skip
    ledger = {"pages": entries, "checked_at": "2026-01-01T00:00:00.000Z", "complete": True, "exhausted": True}
    data.ledger("huggingface", "default").write_bytes(dump_json(ledger))
