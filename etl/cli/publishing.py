"""The commands publish (verify, unless its inputs last passed, then write what clients download) and keygen."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output, results
from etl.core.errors import highest_priority
from etl.core.layout import PROJECT
from etl.storage.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.cli.run import Run
    from etl.publish.stage import PublishOptions, PublishResult


def publish(run: Run, verify: Callable[[], int]) -> int:
    """Publish what `verify` passes; return the exit code of what failed, else 0."""
    args = run.args
    options = pipeline.publish_options(args.site or run.data.site, args.filters, args.keep, args.sign_key)
    if options.signing_key and options.signing_key.warning:
        output.print_error(f"warning: {options.signing_key.warning}")
    if code := verify():
        output.print_error(f"{options.site}: not published, since verify failed; see above")
        return code
    folder = options.site.resolve()
    with Locks(folder.parent, f"etl {run.args.command}", output.print_error).hold(writes=[folder]):
        result = pipeline.publish(run.data, run.config, options)
    _print_result(result, options)
    return 0


def verify_site(run: Run) -> int:
    """Check what clients download; return the exit code."""
    from etl.verify.site.stage import verify_site

    site = Path(run.args.site).resolve()
    locks = Locks(site.parent, f"etl {run.args.command}", output.print_error)
    with locks.hold(reads=[site] if site.is_dir() else []), output.progress_note(f"verify: {run.args.site}"):
        checks = verify_site(run.data, run.config, run.args.site, run.args.key)
    results.print_verify(checks, None, is_json=run.args.json)
    code = highest_priority([check.code for check in checks if check.problems])
    if code:
        pipeline.forget_publication(run.data)
    return code


def keygen(run: Run) -> int:
    """Write a key pair; print the public key."""
    from etl.publish.signature import write_key_pair

    path = run.args.file
    public = write_key_pair(path)
    output.print_result(json.dumps(public, sort_keys=True))
    output.print_error(
        f"{path}: the private key for SIGN_KEY: keep it secret, and a copy of it; {path}.pub: the public key, above"
    )
    return 0


def _print_result(result: PublishResult, options: PublishOptions) -> None:
    if not result.new_files:
        output.print_result(f"{result.folder}: nothing changed since {result.generated}")
    else:
        counts = f"{result.pages} manifests, {result.models} models"
        output.print_result(f"{result.folder}: {counts}; {result.new_files} new files; data of {result.generated}")
    if result.warning:
        output.print_error(f"warning: {result.folder}: {result.warning}")
    if result.removed:
        output.print_result(f"{options.site}: removed {result.removed} files of old publications")
    if not result.has_parquet:
        install = [sys.executable, "-m", "pip", "install", "--require-hashes", "-r", str(PROJECT / "requirements-tables.txt")]
        output.print_result(f"{options.site}: no tables in Parquet, which need DuckDB; install it: {shlex.join(install)}")
