"""The entry point of the command line: parses it, runs the command, and turns errors into messages and exit codes."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from etl.cli import output, results
from etl.cli.commands import run_command
from etl.cli.parser import build_parser
from etl.cli.refresh_summary import RefreshSummary
from etl.cli.run import report_error
from etl.config.load import load_config
from etl.core.errors import EXIT_CHECK_FAILED, EtlError, StorageError, UsageError, describe_os_error
from etl.core.layout import DataDir, source_names

if TYPE_CHECKING:
    import argparse

EXIT_INTERRUPTED = 130  # what a shell reports after Ctrl-C
_READ_ONLY = "existing data is unchanged. Rerun the same command."
# What holds for the files of a command that was interrupted, and what to do.
_INTERRUPTED = {
    "extract": "existing data is unchanged. Rerun the same command within 6 hours to resume.",
    "refresh": "streams and manifests are complete, old or new. Rerun the same command within 6 hours to resume.",
    "transform": "models may be partly rebuilt. Rerun the same command to finish.",
    "manifests": "models may be partly rebuilt; manifests are complete, old or new. Rerun the same command to finish.",
    "load": "manifests are complete, old or new. Rerun the same command to finish.",
    "publish": "clients still get a complete publication, old or new, if there was one. Rerun the same command to finish.",
    "keygen": "the key pair may be incomplete. Remove the files that this command wrote, and rerun it.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal's encoding may be ASCII
    summary = RefreshSummary()
    try:
        args = build_parser().parse_args(arguments)
    except SystemExit as error:  # argparse has printed the reason
        if error.code and "refresh" in (sys.argv[1:] if arguments is None else arguments)[:1]:
            summary.errors.append("invalid command line")
            results.print_refresh(summary, 2)
        raise
    output.set_paths(args.data, args.filters)
    try:
        code = _attempt(args, summary)
        if args.command == "refresh":
            results.print_refresh(summary, code)
    except BrokenPipeError:  # nobody read the result to its end, so it must not count as good
        sys.stdout = None
        return EXIT_CHECK_FAILED
    return code


def _attempt(args: argparse.Namespace, summary: RefreshSummary) -> int:
    """Run the command and print what stops it; return the exit code."""
    try:
        config = load_config(args.filters)
        data = DataDir(args.data)
        _check_arguments(args, data)
        return run_command(args, data, config, summary)
    except BrokenPipeError:
        raise
    except EtlError as error:
        return report_error(error, summary)
    except OSError as error:
        path = Path(error.filename or args.data)
        return report_error(StorageError(f"{path}: I/O error: {describe_os_error(error, path)}"), summary)
    except KeyboardInterrupt:
        output.print_error(f"interrupted; {_INTERRUPTED.get(args.command, _READ_ONLY)}")
        summary.errors.append("interrupted")
        return EXIT_INTERRUPTED


def _check_arguments(args: argparse.Namespace, data: DataDir) -> None:
    """Refuse an unknown source, and a site in a folder of the pipeline, whose locks publish would wait for.

    Raises:
        UsageError: an argument is not valid.
    """
    if args.source not in (None, *source_names()):
        raise UsageError(f"--source {args.source}: unknown source; choose from {', '.join(source_names())}")
    if args.command != "publish" or args.site is None:
        return
    for folder in data.working_folders:
        if args.site.resolve().is_relative_to(folder.resolve()):
            fix = f"name another folder, or none for {data.site}"
            raise UsageError(f"--site {args.site}: must not be in {folder}, which other commands rewrite; {fix}")
