"""What a command works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from etl.cli.refresh_summary import RefreshSummary
    from etl.config.source_config import Config, SourceConfig
    from etl.core.layout import DataDir
    from etl.storage.locks import Locks


@dataclass(frozen=True)
class Run:
    """What a command works with.

    Attributes:
        data: The data folder.
        config: filters.toml.
        selected: The sources to extract and transform.
        args: The command line.
        summary: What refresh prints at the end.
        locks: The locks on the data folder.
    """

    data: DataDir
    config: Config
    selected: list[SourceConfig]
    args: argparse.Namespace
    summary: RefreshSummary
    locks: Locks
