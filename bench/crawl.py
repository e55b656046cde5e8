"""Cold extractions of a long stream from a local server: one manifest is never full, or all have an order."""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from bench.measure import spend
from tests.support.fake_api.long import LongHub
from tests.support.fake_api.server import Server

PAGES = (30, 300)
PAGE_SIZE = 500
FILTERS = """
limit = 100
depth = 3000000
[huggingface]
prefix = "hf"
page = 500
rate = { requests = 1000000, seconds = 1, in_flight = 1 }
manifests = ["default", "apache", "mit", "small", "large", "small/apache", "small/mit", "large/mit"]
[huggingface.axes.sort]
downloads = { label = "Most downloaded", asks = { sort = "downloads" } }
[huggingface.axes.size]
all = { label = "All" }
small = { label = "Small", keeps = ["small"] }
large = { label = "Large", keeps = ["large"] }
[huggingface.axes.license]
any = { label = "All" }
apache = { label = "Apache", keeps = ["apache-2.0"] }
mit = { label = "MIT", keeps = ["mit"] }
"""
ORDER = """
[huggingface.axes.order]
likes = { label = "Most liked", orders = "likes" }
"""


def main(counts: tuple[int, ...] = PAGES) -> None:
    """Print what a page takes, and the peak memory, by the number of pages."""
    print(f"extract, pages of {PAGE_SIZE} records")
    print(f"{'':18}{'pages':>8}{'seconds':>9}{'ms a page':>11}{'peak MB':>9}{'MB on disk':>12}")
    kinds = {"never full": FILTERS, "all with an order": FILTERS + ORDER}
    for (kind, text), pages in product(kinds.items(), counts):
        with tempfile.TemporaryDirectory() as folder, Server(LongHub(pages), quota=10**9) as server:
            filters = Path(folder, "filters.toml")
            filters.write_text(text, encoding="utf-8")
            command = [sys.executable, "-m", "etl", "extract", "--data", folder, "--filters", str(filters)]
            seconds, peak_mb = spend(command, HF_ENDPOINT=server.url)
            on_disk_mb = sum(path.stat().st_size for path in Path(folder, "raw").rglob("*") if path.is_file()) / 1e6
        print(f"{kind:18}{pages:8}{seconds:9.1f}{seconds / pages * 1000:11.0f}{peak_mb:9.0f}{on_disk_mb:12.1f}")


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or PAGES)
