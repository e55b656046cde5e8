"""The commands that look at what is on disk, and change nothing: each prints what it sees, and returns an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output, results
from etl.cli.environment import clock
from etl.sources.source import get_source

if TYPE_CHECKING:
    from pathlib import Path

    from etl.cli.run import Run
    from etl.config.source_config import SourceConfig


def plan(run: Run) -> int:
    """Show what extract would request."""
    results.print_plan(pipeline.plan_extract(run.data, run.config, run.selected, clock(), run.args.max_age))
    return 0


def explain(run: Run) -> int:
    """Explain a manifest or a model, or compare two manifests."""
    from etl.explain import render
    from etl.explain.comparison import compare_manifests
    from etl.explain.context import ExplainContext
    from etl.explain.manifest import explain_manifest
    from etl.explain.model import explain_model

    def describe(source: SourceConfig, body: bytes, where: Path, key: str) -> list[str]:
        from etl.transform.describe import describe

        return describe(get_source(source.name), body, where, key, source.transform_options)

    args = run.args
    context = ExplainContext(run.data, run.config, describe)
    name, colon, identity = args.target.partition(":")
    source = next((source for source in run.config.sources if colon and name in (source.name, source.prefix)), None)
    if args.against:
        comparison = compare_manifests(context, (args.target, args.against))
        output.print_report(comparison, render.comparison(comparison, output.with_commands), is_json=args.json)
    elif source:
        model = explain_model(context, source, identity)
        output.print_report(model, render.model(model), is_json=args.json)
    else:
        manifest = explain_manifest(context, args.target)
        output.print_report(manifest, render.manifest(manifest, output.with_commands), is_json=args.json)
    return 0


def values(run: Run) -> int:
    """List the fields of the models on disk, or the values of one."""
    from etl.explain import values_render
    from etl.explain.values import list_values

    report = list_values(run.data, run.selected, run.args.field)
    parts = [] if run.args.json else values_render.values(report, run.args.field, output.with_commands)
    output.print_report(report, parts, is_json=run.args.json)
    return 0


def diff(run: Run) -> int:
    """Show what changed between two snapshots."""
    from etl.diff import render
    from etl.diff.compare import compare
    from etl.storage.snapshot import working_tree

    data, args = run.data, run.args
    base = run.snapshot(args.base)
    if base is None:
        output.print_result("null" if args.json else "no base to compare with: commit data/manifests, or name one with BASE")
        return 0
    new = (run.snapshot(args.new) if args.new else None) or working_tree(data)
    diff = compare(base, new)
    if args.markdown:
        output.print_result(render.markdown(diff))
    else:
        output.print_report(diff, render.text(diff), is_json=args.json)
    return 0
