"""The whole Hub in one stream: seconds and peak memory of each stage by the number of records; `RECORDS="30000 300000"`.

Records are like those of the snapshot, with ids of their own; 5 % have a chat template of 4 KB, as the list API sends it.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.catalogue import Generator, pages_of, write_stream
from bench.measure import spend
from etl.config.load import load_config
from etl.core.layout import DataDir
from etl.core.urls import encode_query

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = (30_000, 100_000)
PAGE = 500
_START = datetime(2026, 6, 20, 12, tzinfo=UTC)
_TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}{% endfor %}" * 50
_FILTERS = """
limit = 100
depth = 3000000
[huggingface]
prefix = "hf"
page = 500
rate = { requests = 500, seconds = 300, in_flight = 3 }
asks = { sort = "createdAt", expand = [
    "author", "createdAt", "lastModified", "downloads", "likes", "tags", "pipeline_tag", "library_name",
    "gated", "private", "disabled", "safetensors", "gguf",
] }
manifests = "all"
[huggingface.axes.size]
all = { label = "All sizes" }
small = { label = "Small", keeps = ["small"] }
medium = { label = "Medium", keeps = ["medium"] }
large = { label = "Large", keeps = ["large"] }
[huggingface.axes.license]
all = { label = "All licences" }
apache = { label = "Apache 2.0", keeps = ["apache-2.0"] }
mit = { label = "MIT", keeps = ["mit"] }
other = { label = "Other", drops = ["apache-2.0", "mit"] }
"""


def main() -> None:
    """Print the table."""
    counts = [int(count) for count in os.environ.get("BENCH_RECORDS", "").split()] or RECORDS
    print(f"{'':38}" + "".join(f"{count:>16,}" for count in counts) + "   records")
    columns = [_measure(count) for count in counts]
    for title in columns[0]:
        print(f"{title:38}" + "".join(f"{column[title]:>16}" for column in columns))


def _measure(count: int) -> dict[str, str]:
    """Return seconds and peak MB of each command on so many records."""
    with tempfile.TemporaryDirectory() as folder:
        data, filters = DataDir(Path(folder) / "data"), Path(folder) / "filters.toml"
        filters.write_text(_FILTERS, encoding="utf-8")
        (source,) = load_config(filters).sources
        request = f"/api/models?{encode_query(source.request_params(source.filters[0]))}"
        write_stream(data, source.name, "default", request, pages_of(_records(count), PAGE))
        size = sum(path.stat().st_size for path in data.raw_root.rglob("*.json"))
        result = {"raw files": f"{size / 1e6:,.0f} MB"}

        def run(title: str, *command: str) -> None:
            seconds, peak = spend([sys.executable, "-m", "etl", *command, "--data", str(data.root), "--filters", str(filters)])
            result[title] = f"{seconds:.1f} s {peak:.0f} MB"

        run("transform", "transform")
        run("load", "load")
        run("manifests, nothing changed", "manifests")
        run("verify, with its own rebuild", "verify")
        run("explain a model", "explain", f"{source.name}:{next(iter(_records(1)))['id']}")
        return result


def _records(count: int) -> Iterator[dict[str, Any]]:
    """Yield records, newest first, of which every twentieth has a chat template."""
    rng = random.Random("hub")  # noqa: S311 -- the same catalogue in every run
    generator = Generator("huggingface", rng)
    for number in range(count):
        record = generator.record()
        gguf = {"gguf": {**(record.get("gguf") or {}), "chat_template": _TEMPLATE}} if number % 20 == 0 else {}
        created = (_START - timedelta(seconds=20 * number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        yield {**record, "id": f"{record['id']}-{number:x}", "createdAt": created, **gguf}


if __name__ == "__main__":
    main()
