"""stub."""

from etl.report.content import Report


def render(report: Report) -> str:
    return ""
