"""The command report: the checks of verify, unless they last ran with the same inputs, then the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.cli.run import Run
    from etl.verify.inputs import RecordedChecks
    from etl.verify.stage import VerifyOptions


def report(run: Run, options: VerifyOptions, verify: Callable[[], RecordedChecks]) -> int:
    """Write the page with the checks of the last verify or, if its inputs changed, of `verify`; return 0, also if some failed.

    The base of `options` has models, which verify does not need.
    """
    from etl.report.stage import ReportOptions, write_report
    from etl.verify.inputs import input_fingerprint, recorded_checks

    recorded = recorded_checks(run.data, input_fingerprint(run.data, run.args.filters, options.base)) or verify()
    with output.progress_note(f"report: {run.data.report}"):
        shown = ReportOptions(recorded.checks, recorded.time, options.base, options.now, output.with_commands)
        page = write_report(run.data, run.config, shown)
    failed = sum(bool(check.problems) for check in recorded.checks)
    checks = f"{len(recorded.checks)} checks, {failed} failed"
    output.print_result(f"{page}: {page.stat().st_size / 1e6:.1f} MB; {checks}")
    return 0
