"""The command publish: verify, unless its inputs are those that last passed, then write what clients download."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output
from etl.core.layout import PROJECT
from etl.storage.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.cli.run import Run
    from etl.publish.stage import PublishOptions, PublishResult


def publish(run: Run, verify: Callable[[], int]) -> int:
    """Publish what `verify` passes; return the exit code of what failed, else 0."""
    options = pipeline.publish_options(run.args.site or run.data.site, run.args.filters, run.args.keep)
    if code := verify():
        output.print_error(f"{options.site}: not published, since verify failed; see above")
        return code
    with Locks(options.site.parent, f"etl {run.args.command}", output.print_error).hold(writes=[options.site]):
        result = pipeline.publish(run.data, run.config, options)
    _print_result(result, options)
    return 0


def _print_result(result: PublishResult, options: PublishOptions) -> None:
    if not result.new_files:
        output.print_result(f"{result.folder}: nothing changed since {result.generated}")
    else:
        counts = f"{result.pages} manifests, {result.models} models"
        output.print_result(f"{result.folder}: {counts}; {result.new_files} new files; data of {result.generated}")
    if result.removed:
        output.print_result(f"{options.site}: removed {result.removed} files of old publications")
    if not result.has_parquet:
        install = [sys.executable, "-m", "pip", "install", "--require-hashes", "-r", str(PROJECT / "requirements-tables.txt")]
        output.print_result(f"{options.site}: no tables in Parquet, which need DuckDB; install it: {shlex.join(install)}")
