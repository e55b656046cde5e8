"""The whole pipeline through Make: the responses of the local servers give the golden manifests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from etl.core.layout import PROJECT
from tests.support.builders import SMALL_FILTERS
from tests.support.goldens import GOLDEN, both, environment

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path, variables: dict[str, str], *targets: str) -> None:
    inherited = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "HF_TOKEN")}
    command = ["make", "-j2", "-C", str(PROJECT), f"python={sys.executable}", f"DATA={folder / 'data'}", *targets]
    command.append(f"FILTERS={folder / 'filters.toml'}")
    done = subprocess.run(command, env=inherited | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_and_its_repetition_give_the_golden_manifests(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(SMALL_FILTERS)
    golden = content(GOLDEN)
    assert len(golden) == 27
    with both() as (hub, civitai):
        variables = environment(hub, civitai)
        # In one make with two jobs: the targets after extract see its files.
        make(tmp_path, variables, "extract", "manifests", "verify")
        assert content(tmp_path / "data" / "manifests") == golden
        first = len(hub.calls), len(civitai.calls)
        pages = {path: path.stat().st_mtime_ns for path in (tmp_path / "data" / "raw").glob("*/*/page-*.json")}
        make(tmp_path, {**variables, "SOURCE_DATE_EPOCH": "1800000000"}, "refresh")
        assert content(tmp_path / "data" / "manifests") == golden
        assert {path: path.stat().st_mtime_ns for path in pages} == pages
        assert (len(hub.calls), len(civitai.calls)) == tuple(2 * count for count in first)
        assert hub.ignored | civitai.ignored == set()
        assert {call.status for call in hub.calls + civitai.calls} == {200}
        shutil.rmtree(tmp_path / "data" / "raw" / "civitai")
        make(tmp_path, variables, "extract", "SOURCE=civitai")
        make(tmp_path, variables, "manifests")
        assert content(tmp_path / "data" / "manifests") == golden
        assert len(hub.calls) == 2 * first[0]
