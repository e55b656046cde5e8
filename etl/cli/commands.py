"""The commands: each runs its part of the pipeline, prints the result, and returns an exit code."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from etl import pipeline
from etl.cli import output, results
from etl.cli.environment import clock, credentials
from etl.cli.run import Run
from etl.config.lookup import resolve_filter
from etl.core.errors import EXIT_CHECK_FAILED, EtlError, UsageError, highest_priority
from etl.core.layout import DataDir
from etl.sources.source import get_source
from etl.storage.locks import Locks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from etl.cli.refresh_summary import RefreshSummary
    from etl.config.source_config import Config, SourceConfig
    from etl.storage.snapshot import Snapshot
    from etl.verify.stage import VerifyOptions


def run_command(args: argparse.Namespace, data: DataDir, config: Config, summary: RefreshSummary) -> int:
    """Run a command under its locks; return the exit code.

    Raises:
        EtlError: it could not do its work.
    """
    selected = [source for source in config.sources if args.source in (None, source.name)]
    run = Run(data, config, selected, args, summary, Locks(data.root, f"etl {args.command}", output.print_error))
    folders = pipeline.folders(args.command, data, config, selected)
    with run.locks.hold(reads=folders.reads, writes=folders.writes):
        return _COMMANDS[args.command](run)


def report_error(error: EtlError, summary: RefreshSummary) -> int:
    """Print an error and record it for the end of a refresh; return its exit code."""
    output.print_error(error)
    summary.errors.append(str(error).partition("\n")[0])
    return error.code


def _plan(run: Run) -> int:
    results.print_plan(pipeline.plan_extract(run.data, run.config, run.selected, clock(), run.args.max_age))
    return 0


def _extract(run: Run) -> int:
    from etl.cli.progress import ExtractProgress, show_log

    access = {source.name: credentials(get_source(source.name)) for source in run.selected}
    now = clock()
    if run.args.verbose:
        show_log("etl.extract")
    with ExtractProgress(run.selected) as progress:
        result = pipeline.extract_sources(
            run.data, run.config, run.selected, access, run.locks, now, run.args.max_age,
            progress.update, progress.show_wait, output.print_error,
        )  # fmt: skip
    progress.summarize(result)
    failed = [reader for reader in result.readers if reader.failed]
    run.summary.failed |= {f"{reader.source.name}/{reader.stream.name}": str(reader.failed) for reader in failed}
    return highest_priority([reader.failed.code for reader in failed if reader.failed])


def _transform(run: Run, source: SourceConfig) -> int:
    try:
        with output.progress_note(f"transform: {run.data.raw(source.name)}"):
            summary = pipeline.transform_source(run.data, source, run.args.jobs)
        results.print_transform(run.data, source.name, summary)
    except EtlError as error:
        return report_error(error, run.summary)
    return 0


def _transform_all(run: Run) -> int:
    return highest_priority([_transform(run, source) for source in run.selected])


def _load(run: Run) -> int:
    with output.progress_note(f"load: {run.data.manifests}"):
        result = pipeline.load_manifests(run.data, run.config)
    run.summary.publish(run.data, result.index)
    results.print_load(run.data, result, clock()())
    return EXIT_CHECK_FAILED if result.index["missing"] else 0


def _manifests(run: Run, sources: Sequence[SourceConfig]) -> int:
    return highest_priority([_transform(run, source) for source in sources]) or _load(run)


def _explain(run: Run) -> int:
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


def _values(run: Run) -> int:
    from etl.explain import values_render
    from etl.explain.values import list_values

    report = list_values(run.data, run.selected, run.args.field)
    parts = [] if run.args.json else values_render.values(report, run.args.field, output.with_commands)
    output.print_report(report, parts, is_json=run.args.json)
    return 0


def _diff(run: Run) -> int:
    from etl.diff import render
    from etl.diff.compare import compare
    from etl.storage.snapshot import working_tree

    data, args = run.data, run.args
    base = _snapshot(run, args.base)
    if base is None:
        output.print_result("null" if args.json else "no base to compare with: commit data/manifests, or name one with BASE")
        return 0
    new = (_snapshot(run, args.new) if args.new else None) or working_tree(data)
    diff = compare(base, new)
    if args.markdown:
        output.print_result(render.markdown(diff))
    else:
        output.print_report(diff, render.text(diff), is_json=args.json)
    return 0


def _snapshot(run: Run, ref: str | None, *, with_models: bool = True) -> Snapshot | None:
    """Return the snapshot that a folder or revision names, under the locks of its own data folder."""
    from etl.storage.snapshot import resolve_snapshot

    other = DataDir(Path(ref)) if ref else run.data
    if other.root.resolve() == run.data.root.resolve() or not other.manifests.is_dir():
        return resolve_snapshot(run.data, ref, with_models=with_models)
    reads = [other.manifests, *(other.models(source.name) for source in run.config.sources)]
    with Locks(other.root, f"etl {run.args.command}", output.print_error).hold(reads=reads):
        return resolve_snapshot(run.data, ref, with_models=with_models)


def _verify_options(run: Run) -> VerifyOptions:
    """Return the options of verify from the command line; refresh does not limit the age of streams.

    Raises:
        UsageError: a filter, a loss or the base is unknown.
    """
    from etl.verify.losses import parse_allowed
    from etl.verify.stage import VerifyOptions

    args = run.args
    return VerifyOptions(
        rebuild=pipeline.rebuilder(run.config),
        allowed=frozenset(resolve_filter(run.config, name) for name in args.allow_shrink),
        base=_snapshot(run, args.base, with_models=False),
        allowed_losses=parse_allowed(args.allow_rejected, run.config),
        now=clock()(),
        max_age_s=args.max_age if args.command == "verify" else None,
    )


def _verify(run: Run, options: VerifyOptions) -> int:
    from etl.storage.snapshot import LAST_COMMIT
    from etl.verify.inputs import input_fingerprint, record_pass
    from etl.verify.stage import verify

    with output.progress_note(f"verify: {run.data.manifests}"):
        fingerprint = input_fingerprint(run.data, run.args.filters, options.base)
        checks = verify(run.data, run.config, options)
    changes = None
    if base := options.base:
        ref = str(Path(base.name).resolve()) if Path(base.name).is_dir() else base.name  # the command may run elsewhere
        named = "" if base.name == LAST_COMMIT else f" BASE={shlex.quote(ref)}"
        changes = f"{pipeline.summarize_changes(run.data, base)}; see make diff{named}"
    run.summary.checks = checks
    results.print_verify(checks, changes, is_json=run.args.command == "verify" and run.args.json)
    code = highest_priority([check.code for check in checks if check.problems])
    if not code:
        record_pass(run.data, fingerprint)
    return code


def _verify_site(run: Run) -> int:
    from etl.cli.publishing import verify_site

    if run.args.key and not run.args.site:
        raise UsageError("--key: is for the signature of --site; name the site, too")
    return verify_site(run) if run.args.site else _verify(run, _verify_options(run))


def _keygen(run: Run) -> int:
    from etl.cli.publishing import keygen

    return keygen(run)


def _publish(run: Run) -> int:
    from etl.cli.publishing import publish
    from etl.verify.inputs import has_passed, input_fingerprint

    def verify() -> int:
        options = _verify_options(run)
        return 0 if has_passed(run.data, input_fingerprint(run.data, run.args.filters, options.base)) else _verify(run, options)

    return publish(run, verify)


def _refresh(run: Run) -> int:
    options = _verify_options(run)
    codes = [_extract(run)]
    sources = run.config.sources
    steps: list[Callable[[], int]] = [
        lambda: _manifests(run, sources),
        lambda: _verify(run, replace(options, now=clock()())),
    ]
    folders = pipeline.folders("manifests", run.data, run.config, sources)
    with run.locks.hold(reads=folders.reads, writes=folders.writes):  # so that verify checks what this run built
        for step in steps:
            try:
                codes.append(step())
            except EtlError as error:
                codes.append(report_error(error, run.summary))
    return highest_priority(codes)


_COMMANDS: dict[str, Callable[[Run], int]] = {
    "plan": _plan,
    "extract": _extract,
    "transform": _transform_all,
    "load": _load,
    "manifests": lambda run: _manifests(run, run.selected),
    "explain": _explain,
    "values": _values,
    "diff": _diff,
    "verify": _verify_site,
    "publish": _publish,
    "keygen": _keygen,
    "refresh": _refresh,
}
