"""Which publications stay, how models are split into shards, and the time of an entry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from etl.publish.store import MAX_PREVIOUS
from tests.conftest import hf
from tests.publish.site import SMALL, Site, fill, records

if TYPE_CHECKING:
    from tests.conftest import Workspace


def test_a_publication_that_was_current_lately_stays(workspace: Workspace) -> None:
    fill(workspace, *records())
    assert workspace.run("publish") == 0
    site = Site(workspace)
    (first,) = site.folder.glob("entry.*.json")
    for path in site.folder.rglob("*.*"):
        os.utime(path, (0, 0))  # published long ago, and current until now
    for number in range(MAX_PREVIOUS + 2):
        fill(workspace, *records(), hf(f"o/new-{number}", **SMALL), fetched_at=f"2026-01-{number + 2:02}T00:00:00.000Z")
        assert workspace.run("publish") == 0
    assert first.exists()


def test_a_model_larger_than_a_shard_gives_no_other_a_shard_of_its_own(workspace: Workspace) -> None:
    huge = hf("o/huge", tags=[f"{chr(0x1F600) * 990}{number}" for number in range(20)])
    fill(workspace, huge, *[hf(f"o/m{number}") for number in range(20)])
    workspace.filters.write_text(workspace.filters.read_text().replace("limit = 3", "limit = 40"))
    assert workspace.run("manifests") == workspace.run("publish") == 0
    site = Site(workspace)
    models = site.load(site.entry["models"])
    assert (models["prefix_length"], models["count"]) == (0, 21)


def test_the_time_of_an_entry_never_decreases(workspace: Workspace) -> None:
    fill(workspace, *records())
    workspace.write_stream("huggingface", "likes", records(), fetched_at="2026-01-05T00:00:00.000Z")
    assert workspace.run("manifests") == workspace.run("publish") == 0
    site = Site(workspace)
    assert site.entry["generated"] == "2026-01-05T00:00:00.000Z"
    workspace.filters.write_text(workspace.filters.read_text().replace('"likes", "small"', '"small"'))
    assert workspace.run("manifests") == workspace.run("publish") == 0
    assert len(site.index["manifests"]) == 4
    assert site.entry["generated"] == site.changes["generated"] == "2026-01-05T00:00:00.000Z"
