"""The command verify: the manifests, or what clients download, with the options of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output, results
from etl.cli.environment import clock
from etl.config.lookup import resolve_filter
from etl.core.errors import UsageError, highest_priority
from etl.storage.locks import Locks

if TYPE_CHECKING:
    from etl.cli.run import Run
    from etl.verify.inputs import RecordedChecks
    from etl.verify.stage import VerifyOptions


def verify(run: Run) -> int:
    """Check the manifests or, with --site, what clients download; return the exit code."""
    if run.args.key and not run.args.site:
        raise UsageError("--key: is for the signature of --site; name the site, too")
    return _verify_site(run) if run.args.site else verify_manifests(run, verify_options(run))


def verify_options(run: Run) -> VerifyOptions:
    """Return the options of verify from the command line; refresh does not limit the age of streams.

    Raises:
        UsageError: a filter, a loss or the base is unknown.
    """
    from etl.verify.losses import parse_allowed
    from etl.verify.stage import VerifyOptions

    args = run.args
    return VerifyOptions(
        rebuild=pipeline.rebuilder(run.data, run.config),
        start_workers=pipeline.start_readers,
        allowed=frozenset(resolve_filter(run.config, name) for name in args.allow_shrink),
        base=run.snapshot(args.base, with_models=False),
        allowed_losses=parse_allowed(args.allow_rejected, run.config),
        now=clock()(),
        max_age_s=args.max_age if args.command == "verify" else None,
    )


def run_checks(run: Run, options: VerifyOptions) -> RecordedChecks:
    """Check the manifests; return the result, which is recorded."""
    from etl.verify.inputs import RecordedChecks, input_fingerprint, record_checks
    from etl.verify.stage import verify

    with output.progress_note(f"verify: {run.data.manifests}"):
        fingerprint = input_fingerprint(run.data, run.args.filters, options.base)
        result = RecordedChecks(options.now, verify(run.data, run.config, options))
    record_checks(run.data, fingerprint, result)
    return result


def verify_manifests(run: Run, options: VerifyOptions) -> int:
    """Check the manifests; return the exit code of the checks that failed, else 0."""
    from etl.verify.shrinkage import diff_command

    checks = run_checks(run, options).checks
    changes = None
    if base := options.base:
        changes = f"{pipeline.summarize_changes(run.data, base)}; see {diff_command(base)}"
    run.summary.checks = list(checks)
    results.print_verify(checks, changes, is_json=run.args.command == "verify" and run.args.json)
    return highest_priority([check.code for check in checks if check.problems])


def _verify_site(run: Run) -> int:
    """Check what clients download; return the exit code."""
    from etl.verify.site.stage import verify_site

    site = Path(run.args.site).resolve()
    locks = Locks(site.parent, f"etl {run.args.command}", output.print_error)
    with locks.hold(reads=[site] if site.is_dir() else []), output.progress_note(f"verify: {run.args.site}"):
        checks = verify_site(run.data, run.config, run.args.site, run.args.key, pipeline.start_readers)
    results.print_verify(checks, None, is_json=run.args.json)
    code = highest_priority([check.code for check in checks if check.problems])
    if code:
        pipeline.forget_publication(run.data)
    return code
