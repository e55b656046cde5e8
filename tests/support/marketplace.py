"""examples/marketplace.toml, extracted from the local servers and built: 75 manifests with every feature of filters.toml."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from etl.config.load import load_config
from etl.core.layout import PROJECT, DataDir
from tests.conftest import Workspace
from tests.support.builders import NOW
from tests.support.catalogue_2026 import civitai_records, hub_records
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Server
from tests.support.goldens import environment

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config.source_config import Config

EXAMPLE = PROJECT / "examples" / "marketplace.toml"
# Short pages and manifests, so that streams have several pages; no waiting for the rate.
SMALL = (
    (r"limit = (\d+)0\b", r"limit = \1"),
    (r"depth = \d+", "depth = 400"),
    (r"page = \d+", "page = 10"),
    (r"requests = \d+", "requests = 10000"),
)

Query = frozenset[tuple[str, str]]


@dataclass
class Marketplace:
    """The example as it was built: the output of `plan` and `manifests`, and how often each query was sent."""

    workspace: Workspace
    plan: str
    errors: str
    calls: Counter[Query]
    servers: tuple[Server, Server]

    @property
    def config(self) -> Config:
        return load_config(self.workspace.filters)

    def models(self, file: str) -> list[dict[str, Any]]:
        """Return the models of a manifest, with what the API said of them."""
        source = next(source for source in self.config.sources if file.startswith(source.prefix))
        (stream,) = {filter_.stream for filter_ in source.filters if filter_.file == file}
        pages = sorted(self.workspace.data.models(source.name, stream).glob("page-*.json"))
        by_id = {model["id"]: model for page in pages for model in json.loads(page.read_text())}
        return [by_id[id_] for id_ in self.workspace.ids(file)]


def build_marketplace(folder: Path) -> Marketplace:
    """Return the example, planned, extracted and built in a folder."""
    text = EXAMPLE.read_text()
    for pattern, replacement in SMALL:
        text, count = re.subn(pattern, replacement, text)
        assert count
    (folder / "filters.toml").write_text(text)
    workspace = Workspace(DataDir(folder / "data"), folder / "filters.toml")
    plan, errors = StringIO(), StringIO()
    with (
        Server(Hub(hub_records())) as hub,
        Server(Civitai(civitai_records(), NOW)) as civitai,
        pytest.MonkeyPatch.context() as env,
    ):
        for name, value in environment(hub, civitai).items():
            env.setenv(name, value)
        with redirect_stdout(plan):
            assert workspace.run("plan") == 0
        with redirect_stdout(StringIO()), redirect_stderr(errors):
            assert workspace.run("extract") == 0, errors.getvalue()
            assert workspace.run("manifests") == 0, errors.getvalue()
    calls = Counter(query(call.target) for call in hub.calls + civitai.calls)
    return Marketplace(workspace, plan.getvalue(), errors.getvalue(), calls, (hub, civitai))


def query(target: str) -> Query:
    """Return the parameters of a request except for the cursor."""
    return frozenset(pair for pair in parse_qsl(urlsplit(target).query) if pair[0] != "cursor")
