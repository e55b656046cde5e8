"""The commands by name, and running one of them under its locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import building, checking, looking, output, publishing, reporting
from etl.cli.run import Run
from etl.storage.locks import Locks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from etl.cli.refresh_summary import RefreshSummary
    from etl.config.source_config import Config
    from etl.core.layout import DataDir

_COMMANDS: dict[str, Callable[[Run], int]] = {
    "plan": looking.plan,
    "extract": building.extract,
    "transform": building.transform,
    "load": building.load,
    "manifests": building.manifests,
    "explain": looking.explain,
    "values": looking.values,
    "diff": looking.diff,
    "verify": checking.verify,
    "publish": publishing.publish,
    "report": reporting.report,
    "keygen": publishing.keygen,
    "refresh": building.refresh,
}


def run_command(args: argparse.Namespace, data: DataDir, config: Config, summary: RefreshSummary) -> int:
    """Run a command under its locks; return the exit code.

    Raises:
        EtlError: it could not do its work.
    """
    selected = [source for source in config.sources if args.source in (None, source.name)]
    run = Run(data, config, selected, args, summary, Locks(data.root, f"etl {args.command}", output.print_error))
    folders = pipeline.folders(args.command, data, config, selected)
    with run.locks.hold(reads=folders.reads, writes=folders.writes):
        return _COMMANDS[args.command](run)
