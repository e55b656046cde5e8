"""What a command works with, and how it reports an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.cli import output
from etl.core.layout import DataDir
from etl.storage.locks import Locks

if TYPE_CHECKING:
    import argparse

    from etl.cli.refresh_summary import RefreshSummary
    from etl.config.source_config import Config, SourceConfig
    from etl.core.errors import EtlError
    from etl.storage.snapshot import Snapshot


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

    def snapshot(self, ref: str | None, *, with_models: bool = True) -> Snapshot | None:
        """Return the snapshot that a folder or revision names, under the locks of its own data folder."""
        from etl.storage.snapshot import resolve_snapshot

        other = DataDir(Path(ref)) if ref else self.data
        if other.root.resolve() == self.data.root.resolve() or not other.manifests.is_dir():
            return resolve_snapshot(self.data, ref, with_models=with_models)
        reads = [other.manifests, *(other.models(source.name) for source in self.config.sources)]
        with Locks(other.root, f"etl {self.args.command}", output.print_error).hold(reads=reads):
            return resolve_snapshot(self.data, ref, with_models=with_models)


def report_error(error: EtlError, summary: RefreshSummary) -> int:
    """Print an error and record it for the end of a refresh; return its exit code."""
    output.print_error(error)
    summary.errors.append(str(error).partition("\n")[0])
    return error.code
