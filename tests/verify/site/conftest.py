"""A published site, built once, and a copy of it to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.core.layout import DataDir
from tests.conftest import Workspace
from tests.verify.site.tampering import TamperedSite, build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace with a site; for copying only."""
    root = tmp_path_factory.mktemp("published")
    workspace = Workspace(DataDir(root / "data"), root / "filters.toml")
    build(workspace)
    return workspace


@pytest.fixture
def site(published: Workspace, tmp_path: Path) -> TamperedSite:
    return TamperedSite(published, tmp_path)
