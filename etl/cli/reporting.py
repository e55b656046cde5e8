"""The command report: a page about what is on disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from etl.cli import output
from etl.cli.checking import run_checks, verify_options

if TYPE_CHECKING:
    from etl.cli.run import Run


def report(run: Run) -> int:
    """Write the page, with the checks of the last verify or, if its inputs changed, of a new one; return 0 whatever they say."""
    from etl.report.stage import ReportOptions, write_report
    from etl.verify.inputs import input_fingerprint, recorded_checks

    options = replace(verify_options(run), base=run.snapshot(run.args.base))
    recorded = recorded_checks(run.data, input_fingerprint(run.data, run.args.filters, options.base))
    verified = recorded or run_checks(run, options)
    with output.progress_note(f"report: {run.data.report}"):
        shown = ReportOptions(verified.checks, verified.time, options.base, options.now, output.with_commands)
        page = write_report(run.data, run.config, shown)
    failed = sum(bool(check.problems) for check in verified.checks)
    output.print_result(f"{page}: {page.stat().st_size / 1e6:.1f} MB; {len(verified.checks)} checks, {failed} failed")
    return 0
