"""30,000 records like the Hub's: each manifest has the ids, in their order, that DuckDB selects from data/models."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bench.catalogue import write_stream
from bench.hub_stream import SOURCE, STREAM, first_request, hub_filters, hub_page
from etl.core.layout import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Workspace

PAGES = 60  # of 500 records
FILTERS = 30
NULLABLE = ("likes", "downloads", "lastModified", "pipeline_tag", "tags")


def pages() -> Iterator[list[dict[str, Any]]]:
    """Yield pages with what the Hub has less often: absent values, equal values, time zones, duplicates, an excluded id."""
    previous = hub_page(PAGES + 1)
    for number in range(1, PAGES + 1):
        records = hub_page(number)
        for index, record in enumerate(records):
            if index % 12 == 0:
                record[NULLABLE[index // 12 % len(NULLABLE)]] = None
            if index % 50 == 3:
                record |= {"likes": 5000, "downloads": 10**6, "lastModified": "2026-06-01T12:00:00.000Z"}
            if index % 50 == 4:  # an hour later than the one before, and the same as it
                record["lastModified"] = "2026-06-01T11:00:00.000-02:00" if index % 100 == 4 else "2026-06-01T12:00:00"
            if index % 50 == 5:
                record["downloads"] = 1000  # just enough to be popular
        records[10] = previous[20] | {"likes": 10**7, "lastModified": None}  # the first record counts
        records[11] = previous[21] | {"likes": number * 1000, "id": previous[21]["id"].upper()}  # this spelling counts
        records[12] |= {"id": f"o/excluded-{number}", "likes": 10**8, "downloads": 10**9}
        yield records
        previous = records


def test_manifests_are_what_duckdb_selects(workspace: Workspace) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed: see docs/tables.md")
    from bench.sql import top_ids

    workspace.filters.write_text(hub_filters(FILTERS, skip=tuple(f"O/Excluded-{number}" for number in range(1, PAGES + 1))))
    write_stream(workspace.data, SOURCE, STREAM, first_request(workspace.filters), pages())
    options = ["--data", str(workspace.data.root), "--filters", str(workspace.filters)]
    subprocess.run([sys.executable, "-m", "etl", "manifests", *options], cwd=PROJECT, capture_output=True, check=True)
    expected = top_ids(workspace.data.models(SOURCE, STREAM), workspace.filters)
    manifests = {path: workspace.ids(f"hf-filter-{path.replace('/', '-')}.json") for path in expected}
    assert sum(len(ids) == 100 for ids in manifests.values()) > FILTERS // 2
    assert sum(0 < len(ids) < 100 for ids in manifests.values()) > 2
    assert {path for path, ids in manifests.items() if ids != expected[path]} == set()
