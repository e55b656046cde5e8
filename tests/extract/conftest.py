"""A workspace whose sources are two local servers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from etl.extract import http_client
from tests.conftest import Workspace
from tests.support.builders import SMALL_FILTERS
from tests.support.goldens import both, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_api.server import Server


class LiveWorkspace(Workspace):
    """A workspace whose sources are two local servers."""

    hub: Server
    civitai: Server

    def on_disk(self) -> list[tuple[str, str]]:
        return [(path.parent.parent.name, path.parent.name) for path in self.data.raw_root.glob("*/*/stream.json")]

    def stream(self, source: str, stream: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.data.raw(source, stream).iterdir()}


@pytest.fixture
def live(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveWorkspace]:
    workspace.filters.write_text(SMALL_FILTERS)
    live = LiveWorkspace(workspace.data, workspace.filters)
    with both() as (hub, civitai):
        object.__setattr__(live, "hub", hub)
        object.__setattr__(live, "civitai", civitai)
        for name, value in environment(hub, civitai).items():
            monkeypatch.setenv(name, value)
        for name in ("HF_TOKEN", "CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(http_client, "INITIAL_BACKOFF_S", 0.01)
        monkeypatch.setattr(http_client, "MAX_BACKOFF_S", 0.02)
        yield live
    log = logging.getLogger("etl.extract")  # reset what --verbose changes
    log.handlers, log.propagate = [], True
    log.setLevel(logging.NOTSET)
