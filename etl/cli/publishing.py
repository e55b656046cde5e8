"""The commands publish (verify, unless its inputs last passed, then write what clients download) and keygen."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output
from etl.cli.checking import verify_manifests, verify_options
from etl.core.layout import PROJECT
from etl.storage.locks import Locks

if TYPE_CHECKING:
    from etl.cli.run import Run
    from etl.publish.stage import PublishOptions, PublishResult


def publish(run: Run) -> int:
    """Publish what verify passes; return the exit code of what failed, else 0."""
    args = run.args
    options = pipeline.publish_options(args.site or run.data.site, args.filters, args.keep, args.sign_key)
    if options.signing_key and options.signing_key.warning:
        output.print_error(f"warning: {options.signing_key.warning}")
    if code := _verify(run):
        output.print_error(f"{options.site}: not published, since verify failed; see above")
        return code
    folder = options.site.resolve()
    with Locks(folder.parent, f"etl {run.args.command}", output.print_error).hold(writes=[folder]):
        result = pipeline.publish(run.data, run.config, options)
    _print_result(result, options)
    return 0


def _verify(run: Run) -> int:
    """Verify the manifests, unless nothing changed since they last passed; return the exit code."""
    from etl.verify.inputs import has_passed, input_fingerprint

    options = verify_options(run)
    is_verified = has_passed(run.data, input_fingerprint(run.data, run.args.filters, options.base))
    return 0 if is_verified else verify_manifests(run, options)


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
