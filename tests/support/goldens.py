"""The manifests of the small catalogue; `python -m tests.support.goldens` rewrites all golden files, for review."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from etl.cli.main import main
from etl.core.layout import PROJECT
from tests.diff import example
from tests.support.builders import HIDDEN, NOW, SMALL_FILTERS, civitai_catalogue, hub_catalogue
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = PROJECT / "tests" / "golden"
EPOCH = str(int(NOW.timestamp()))


@contextmanager
def both(latency_s: float = 0) -> Iterator[tuple[Server, Server]]:
    """Serve the small catalogues as a fake Hub and a fake CivitAI."""
    with (
        Server(Hub(hub_catalogue(), token="good"), latency_s=latency_s) as hub,  # noqa: S106  of the local server
        Server(Civitai(civitai_catalogue(), NOW, HIDDEN), latency_s=latency_s) as civitai,
    ):
        yield hub, civitai


def environment(hub: Server, civitai: Server) -> dict[str, str]:
    """Return the environment variables for an extraction from two servers at a fixed time."""
    return {"HF_ENDPOINT": hub.url, "CIVITAI_ENDPOINT": civitai.url, "SOURCE_DATE_EPOCH": EPOCH}


def write() -> None:
    """Extract, build and verify the manifests, and replace the golden files with them."""
    with tempfile.TemporaryDirectory() as folder, both() as (hub, civitai):
        filters = Path(folder, "filters.toml")
        filters.write_text(SMALL_FILTERS)
        os.environ |= environment(hub, civitai)
        for command in ("extract", "manifests", "verify"):
            if code := main([command, "--data", folder, "--filters", str(filters)]):
                raise SystemExit(code)
        shutil.rmtree(GOLDEN, ignore_errors=True)
        shutil.copytree(Path(folder, "manifests"), GOLDEN)


if __name__ == "__main__":
    write()
    example.write()
