"""Serve both fake APIs over the snapshot: `make serve`, then `make extract` with the variables that it prints."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from etl.core.layout import PROJECT, DataDir
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Server

RAW = DataDir(PROJECT / "data")
# The time of the snapshot's CivitAI records, so that its weeks and months are not empty.
SNAPSHOT_TIME = datetime(2023, 7, 4, tzinfo=UTC)


def catalogue(source: str) -> list[dict[str, Any]]:
    """Return the records of a source in the snapshot; of duplicates, the one with most versions."""
    records: dict[Any, dict[str, Any]] = {}
    for path in sorted(RAW.raw(source).glob("*/page-*.json")):
        page = json.loads(path.read_bytes())
        for record in page if isinstance(page, list) else page["items"]:
            fullest = records.setdefault(record["id"], record)
            if len(record.get("modelVersions", ())) > len(fullest.get("modelVersions", ())):
                records[record["id"]] = record
    return list(records.values())


def main() -> None:
    """Serve until interrupted; print a line for each request."""
    latency_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    with (
        Server(Hub(catalogue("huggingface")), latency_s=latency_s) as hub,
        Server(Civitai(catalogue("civitai"), SNAPSHOT_TIME), latency_s=latency_s) as civitai,
    ):
        print(f"HF_ENDPOINT={hub.url} CIVITAI_ENDPOINT={civitai.url} make extract DATA=/tmp/catalogue", flush=True)
        printed = [0, 0]
        while True:
            time.sleep(0.1)
            for index, server in enumerate((hub, civitai)):
                for call in server.calls[printed[index] :]:
                    printed[index] += 1
                    ignored = f" ignored: {', '.join(call.ignored)}" if call.ignored else ""
                    print(f"{call.status} {call.bytes:8} {call.target}{ignored}", flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
