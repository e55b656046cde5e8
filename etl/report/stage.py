"""data/raw, data/models and data/manifests to one HTML page that needs no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from etl.core.errors import MissingInputError
from etl.core.layout import INDEX
from etl.diff.compare import compare
from etl.report.changes import describe_changes
from etl.report.content import CheckRow, Report
from etl.report.manifests import manifest_rows
from etl.report.models import HIDDEN_LEVELS, Rejected, SourceModels
from etl.report.overview import source_overview
from etl.report.redaction import Redaction
from etl.report.render import render
from etl.selection.stored import StoredStreams, read_summary
from etl.storage.json_files import write_atomic
from etl.storage.snapshot import read_published, working_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.report.content import SourceOverview
    from etl.storage.snapshot import Snapshot
    from etl.verify.published import Check

_COMMANDS = ("extract", "extract manifests", "manifests", "verify", "report")  # that the page itself names


@dataclass(frozen=True)
class ReportOptions:
    """What a report is made with.

    Attributes:
        checks: The result of verify for the files as they are.
        verified_at: When the checks ran.
        base: What changes are compared with; None if absent.
        now: The time.
        with_commands: (text): the text, its `make` commands completed for this run.
    """

    checks: Sequence[Check]
    verified_at: str
    base: Snapshot | None
    now: str
    with_commands: Callable[[str], str]


def write_report(data: DataDir, config: Config, options: ReportOptions) -> Path:
    """Write data/report/index.html; return its path.

    Raises:
        MissingInputError: manifests or models were not built, or were built with other filters.
        InvalidDataError: a file violates its schema.
        StorageError: the page cannot be written.
    """
    write_atomic(data.report, render(collect(data, config, options)).encode())
    return data.report


def collect(data: DataDir, config: Config, options: ReportOptions) -> Report:
    """Return what the page shows; see `write_report` for errors."""
    index, complete = _read_index(data, config), options.with_commands
    overviews, sources, hidden_names = [], [], set()
    for source in config.sources:
        streams, summary = StoredStreams(data, source), read_summary(data, source.name)
        models = SourceModels(data, source, streams, _rejected(summary, streams))
        overviews.append(_complete_failures(source_overview(models, summary, config.depth, options.now), complete))
        sources.append(models.to_json())
        hidden_names |= models.hidden_names
    redact = Redaction(hidden_names)
    commands = {name: complete(f"make {name}") for name in _COMMANDS}
    return Report(
        generated=options.now,
        title=str(data.root),
        sources=overviews,
        manifests=[replace(row, verdict=complete(row.verdict)) for row in manifest_rows(config, index)],
        changes=describe_changes(compare(options.base, working_tree(data))) if options.base else None,
        checks=[_check_row(check, lambda text: complete(redact(text))) for check in options.checks],
        verified_at=options.verified_at,
        commands=commands,
        data={"hidden_levels": HIDDEN_LEVELS, "commands": commands, "sources": sources},
    )


def _read_index(data: DataDir, config: Config) -> Any:
    """Return index.json, which lists the manifests of filters.toml."""
    index = read_published(data, INDEX)
    listed = {entry["file"] for entry in (*index["manifests"], *index["missing"])}
    if missing := [filter_.file for source in config.sources for filter_ in source.filters if filter_.file not in listed]:
        where = data.manifests / INDEX
        raise MissingInputError(f"{where}: {missing[0]} of filters.toml is not listed; rebuild it: make manifests")
    return index


def _rejected(summary: Mapping[str, Any], streams: StoredStreams) -> list[Rejected]:
    """Return the records of the complete streams that the transform rejected, in their order."""
    return [
        Rejected(name, str(record["id"]), record["reason"])
        for name in streams.all_streams()
        for page in summary["streams"].get(name, [])
        for record in page["set_aside"]
        if record["id"]
    ]


def _complete_failures(overview: SourceOverview, complete: Callable[[str], str]) -> SourceOverview:
    return replace(overview, streams=[replace(row, failed=row.failed and complete(row.failed)) for row in overview.streams])


def _check_row(check: Check, complete: Callable[[str], str]) -> CheckRow:
    problems, warnings, notes = ([complete(text) for text in texts] for texts in (check.problems, check.warnings, check.notes))
    state = "failed" if problems else "warning" if warnings else "ok"
    return CheckRow(check.name, state, check.looked_at, problems, warnings, notes, complete(check.fix))
