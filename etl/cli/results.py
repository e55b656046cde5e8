"""The results that commands print, a function per command."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from etl.cli.hints import find_commands
from etl.cli.output import print_error, print_result, printable, with_commands
from etl.core.text import sanitize
from etl.sources.source import get_source
from etl.storage.ledger import age_s, request_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.cli.refresh_summary import RefreshSummary
    from etl.core.layout import DataDir
    from etl.extract.plan import StreamPlan
    from etl.load.result import LoadResult
    from etl.verify.published import Check


def print_plan(plans: Sequence[StreamPlan]) -> None:
    """Print the requests, the manifests and the pages on disk of each stream; then how long each source takes."""
    from etl.extract.plan import rate_limit_delay_s

    for plan in plans:
        least, most = plan.min_requests, plan.max_requests
        requests = "no" if plan.is_fresh else f"{least}" if least == most else f"{least} to {most}"
        print(f"{plan.source.name}/{plan.stream.name}: {requests} requests; on disk: {_on_disk(plan)}")
        print(f"    {plan.request}")
        print(f"    {', '.join(filter_.file for filter_ in plan.stream.filters)}")
    for source in dict.fromkeys(plan.source for plan in plans):
        least, most = (
            sum(getattr(plan, key) for plan in plans if plan.source is source) for key in ("min_requests", "max_requests")
        )
        rate = source.rate
        delays_s = rate_limit_delay_s(least, rate), rate_limit_delay_s(most, rate)
        print(
            f"{source.name}: {least} to {most} requests, {rate.in_flight} at once: "
            f"{-(-least // rate.in_flight)} to {-(-most // rate.in_flight)} response times; "
            f"the rate of {rate.requests} in {rate.seconds:g} s adds {delays_s[0]:g} to {delays_s[1]:g} s"
        )


def _on_disk(plan: StreamPlan) -> str:
    ledger = plan.on_disk
    if ledger is None:
        return "nothing"
    pages = f"{len(ledger.pages)} pages, {ledger.records:,} records, checked {ledger.checked_at}"
    if ledger.failed_at:
        pages += f", failing since {ledger.failed_at}"
    neutral_params = get_source(plan.source.name).neutral_params
    is_same = request_differences(ledger, plan.request.partition("?")[2], neutral_params) == ("", "")
    return pages if is_same else f"{pages}, of another request"


def print_transform(data: DataDir, source: str, summary: Mapping[str, Any]) -> None:
    """Print the counts of models and records, of rejected records and dropped values, and the source's warnings."""
    pages = [page for stream in summary["streams"].values() for page in stream]
    rejected = sum(len(page["set_aside"]) for page in pages)
    unknown_sizes = sum(page["unsized"] for page in pages)
    models, records = (sum(page[key] for page in pages) for key in ("models", "records"))
    print(
        f"{source}: {models} models of {records} records in {len(pages)} pages"
        + (f"; {unknown_sizes} of unknown size" if unknown_sizes else "")
        + (f"; {rejected} rejected, see {data.summary(source)}" if rejected else "")
    )
    for kind, counts in _losses(pages).items():
        print(f"{source}: {kind}: {counts}", file=sys.stderr)
    for warning in get_source(source).load_rules().warnings(summary["families"]):
        print(f"{source}: {warning}", file=sys.stderr)


def _losses(pages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the counts of rejected records and of dropped values by reason, each with its first id; only if there are any."""
    rejected: dict[str, list[Any]] = {}
    dropped: dict[str, list[Any]] = {}
    for page in pages:
        for record in page["set_aside"]:
            first = f"record {record['record']} of {page['file']}" if record["id"] in (None, "") else record["id"]
            rejected.setdefault(record["reason"], [0, first])[0] += 1
        for row in page["dropped"]:
            dropped.setdefault(f"{row['field']} ({row['reason']})", [0, row["first"]])[0] += row["models"]
    return {
        kind: ", ".join(f"{key} {count}, such as {sanitize(str(first), 60)}" for key, (count, first) in sorted(counts.items()))
        for kind, counts in {"rejected records": rejected, "dropped values": dropped}.items()
        if counts
    }


def print_load(data: DataDir, result: LoadResult, now: str) -> None:
    """Print the published manifests, those short or missing, and streams that withhold models but are not fetched any more."""
    manifests, missing = result.index["manifests"], result.index["missing"]
    short = sum(entry["short"] is not None for entry in manifests)
    models = result.index["all_models"]["count"]
    print(f"{data.manifests}: {len(manifests)} manifests of {models} models, {short} short, {len(missing)} missing")
    width = max(len(entry["file"]) for entry in manifests)
    for entry in manifests:
        notes = [f"stale since {entry['stale']}" if entry["stale"] else None, entry["short"]]
        print(f"  {entry['file']:{width}} {entry['count']:4}  {', '.join(filter(None, notes))}".rstrip())
    if empty := [entry for entry in manifests if not entry["count"]]:
        path = f"{empty[0]['file'].partition('-')[0]}/{empty[0]['filter'].removeprefix('filter/')}"
        print(with_commands(f"{len(empty)} empty; see why: make explain FILTER={path}"))
    if result.removed:
        print(f"removed: {', '.join(result.removed)} (no longer in filters.toml)")
    if result.kept:
        print(f"{data.root}: not written by load, kept: {', '.join(sanitize(name) for name in result.kept)}")
    if result.non_atomic_reason:
        print(f"{data.manifests}: files were replaced one by one, not atomically: {result.non_atomic_reason}", file=sys.stderr)
    for warning in result.warnings:
        print_error(f"warning: {warning}")
    for entry in missing:
        print_error(f"{entry['file']}: not published: {entry['reason']}; fetch with: {entry['command']}")
    _print_withholding(data, result, now)
    for source, ids in result.respelled.items():
        if ids:
            note = f"{source}: ids spelled in several ways, {len(ids)}, published as fetched last"
            print(f"{note}: {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}", file=sys.stderr)


def _print_withholding(data: DataDir, result: LoadResult, now: str) -> None:
    """Print the streams that withhold models although no filter reads them, and how to remove them."""
    for stream in result.withholding:
        age = f"fetched {stream.timestamp}, {age_s(stream.timestamp, now) / 86400:.1f} days ago"
        remove = shlex.join(["rm", "-r", str(data.raw(stream.source, stream.stream))])
        models = f"{stream.models} model{'s' * (stream.models != 1)}"
        print(
            f"{stream.source}: stream {stream.stream} ({age}) withholds {models}; no filter reads it, so extract does not "
            f"fetch it; to remove it: {remove}",
            file=sys.stderr,
        )


def print_refresh(summary: RefreshSummary, code: int) -> None:
    """Print the last line of a refresh."""
    print(printable(summary.line(code)))


def _names_fix(check: Check) -> bool:
    """Return whether a problem of a check names a command of its fix."""
    return any(command in problem for command in find_commands(check.fix) for problem in check.problems)


def print_verify(checks: Sequence[Check], changes: str | None, *, is_json: bool) -> None:
    """Print each check with its problems, and a line on the changes since the baseline."""
    failed = sum(bool(check.problems) for check in checks)
    if is_json:
        print_result(json.dumps({"failed": failed, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False))
        return
    for check in checks:
        print(f"{'FAIL' if check.problems else 'ok':4} {check.name} ({check.looked_at})")
        for note in check.notes:
            print(f"       {printable(note)}")
        for warning in check.warnings:
            print(f"     warning: {printable(warning)}")
        for problem in check.problems:
            print(f"     {printable(problem)}")
        if check.problems and not _names_fix(check):
            print(f"     fix: {printable(check.fix)}")
    if changes:
        print(with_commands(changes))
    print(f"{len(checks)} checks, {failed} failed")
