"""What people see: the only room that prints."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.cli.hints import complete_commands
from etl.core.text import replace_unprintable, sanitize
from etl.sources.source import get_source
from etl.storage.ledger import age_s, request_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from _typeshed import DataclassInstance
    from rich.console import RenderableType

    from etl.cli.refresh_summary import RefreshSummary
    from etl.core.layout import DataDir
    from etl.extract.plan import StreamPlan
    from etl.load.stage import LoadResult
    from etl.verify.published import Check


_LONG_S = 2  # from which on a wait is told where there is no terminal
_used = {"data": Path("data"), "filters": Path("filters.toml")}  # by this run


def set_paths(data: Path, filters: Path) -> None:
    """Name these in the commands of all messages that follow."""
    _used.update(data=data, filters=filters)


def with_commands(text: str) -> str:
    """Return a message with its commands as they must be typed."""
    return complete_commands(text, _used["data"], _used["filters"])


def print_error(what: object) -> None:
    """Print what stops a command."""
    for line in str(what).split("\n"):
        sys.stderr.write(
            f"{replace_unprintable(with_commands(line))}\n"
        )  # at once, since requests tell of their waits in threads


@contextmanager
def progress_note(what: str, after_s: float = 1) -> Iterator[None]:
    """Print what is being done, on a terminal and if it takes longer than so many seconds."""
    timer = threading.Timer(after_s, print_error, [f"{what} …"])
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_result(what: str) -> None:
    """Print what was asked for."""
    print(what.rstrip("\n"))


def print_plan(planned: Sequence[StreamPlan]) -> None:
    """Print each stream with its requests, its manifests, and what is on disk; then the time that the rates take."""
    from etl.extract.plan import rate_limit_delay_s

    for each in planned:
        least, most = each.at_least, each.at_most
        requests = "no" if each.is_fresh else f"{least}" if least == most else f"{least} to {most}"
        print(f"{each.source.name}/{each.stream.name}: {requests} requests; on disk: {_on_disk(each)}")
        print(f"    {each.request}")
        print(f"    {', '.join(drawing.file for drawing in each.stream.filters)}")
    for source in dict.fromkeys(each.source for each in planned):
        least, most = (sum(getattr(each, key) for each in planned if each.source is source) for key in ("at_least", "at_most"))
        rate = source.rate
        delays_s = rate_limit_delay_s(least, rate), rate_limit_delay_s(most, rate)
        print(
            f"{source.name}: {least} to {most} requests, {rate.in_flight} at once: "
            f"{-(-least // rate.in_flight)} to {-(-most // rate.in_flight)} times the time of an answer; "
            f"the rate of {rate.requests} in {rate.seconds:g} s adds {delays_s[0]:g} to {delays_s[1]:g} s"
        )


def _on_disk(plan: StreamPlan) -> str:
    ledger = plan.on_disk
    if ledger is None:
        return "nothing"
    told = f"{len(ledger.pages)} pages, {ledger.records:,} records, read {ledger.checked_at}"
    if ledger.failed_at:
        told += f", failing since {ledger.failed_at}"
    neutral_params = get_source(plan.source.name).neutral_params
    is_same = request_differences(ledger, plan.request.partition("?")[2], neutral_params) == ("", "")
    return told if is_same else f"{told}, of another request"


def print_transform(data: DataDir, source: str, summary: dict[str, Any]) -> None:
    """Print how many models were made."""
    pages = [page for stream in summary["streams"].values() for page in stream]
    aside = sum(len(page["set_aside"]) for page in pages)
    unsized = sum(page["unsized"] for page in pages)
    told = f"{source}: {sum(page['models'] for page in pages)} models of {sum(page['records'] for page in pages)} records"
    print(
        f"{told} in {len(pages)} pages"
        + (f"; {unsized} of unknown size" if unsized else "")
        + (f"; {aside} set aside, see {data.summary(source)}" if aside else "")
    )
    for what, rows in _lost(pages).items():
        print(f"{source}: {what}: {rows}", file=sys.stderr)
    for warning in get_source(source).load_rules().warnings(summary["families"]):
        print(f"{source}: {warning}", file=sys.stderr)


def _lost(pages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a line for what was rejected and one for what was dropped, each with the first id; none where nothing was."""
    rejected: dict[str, list[Any]] = {}
    dropped: dict[str, list[Any]] = {}
    for page in pages:
        for record in page["set_aside"]:
            first = f"record {record['record']} of {page['file']}" if record["id"] in (None, "") else record["id"]
            rejected.setdefault(record["reason"], [0, first])[0] += 1
        for row in page["dropped"]:
            dropped.setdefault(f"{row['field']} ({row['reason']})", [0, row["first"]])[0] += row["models"]
    lines = {"rejected records": rejected, "dropped values": dropped}
    return {
        what: ", ".join(f"{word} {count}, such as {sanitize(str(first), 60)}" for word, (count, first) in sorted(counts.items()))
        for what, counts in lines.items()
        if counts
    }


def print_load(data: DataDir, done: LoadResult, now: str) -> None:
    """Print what was published, which manifests are short, which are missing, and what withholds models for good."""
    manifests = done.index["manifests"]
    short, missing = sum(entry["short"] is not None for entry in manifests), len(done.index["missing"])
    models = done.index["all_models"]["count"]
    print(f"{data.manifests}: {len(manifests)} manifests of {models} models, {short} short, {missing} missing")
    width = max(len(entry["file"]) for entry in manifests)
    for entry in manifests:
        words = [f"stale since {entry['stale']}" if entry["stale"] else None, entry["short"]]
        print(f"  {entry['file']:{width}} {entry['count']:4}  {', '.join(filter(None, words))}".rstrip())
    if done.kept:
        print(f"{data.root}: not ours, kept: {', '.join(sanitize(name) for name in done.kept)}")
    if done.non_atomic_reason:
        print(f"{data.manifests}: files were replaced one by one, not all at once: {done.non_atomic_reason}", file=sys.stderr)
    for warning in done.warnings:
        print_error(f"warning: {warning}")
    for each in done.index["missing"]:
        print_error(f"{each['file']}: not made: {each['reason']}; ask with: {each['command']}")
    for each in done.withholding:
        age = f"fetched {each.timestamp}, {age_s(each.timestamp, now) / 86400:.1f} days ago"
        remove = shlex.join(["rm", "-r", str(data.raw(each.source, each.stream))])
        models = f"{each.models} model{'s' * (each.models != 1)}"
        print(
            f"{each.source}: stream {each.stream} ({age}) withholds {models}; no filter reads it, so that extract does not "
            f"renew it; to remove it: {remove}",
            file=sys.stderr,
        )
    for source, ids in done.respelled.items():
        if ids:
            told = f"{source}: ids spelled in several ways, {len(ids)}, published as fetched last"
            print(f"{told}: {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}", file=sys.stderr)


def print_report(told: DataclassInstance, laid_out: Sequence[RenderableType], *, is_json: bool) -> None:
    """Print what was found: as data, or laid out for a terminal, with colours where it can, and plain in a pipe."""
    if is_json:
        print_result(json.dumps(asdict(told), indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.text import Text

    terminal = Console(highlight=False, markup=False, emoji=False)
    if not terminal.is_terminal:
        terminal.width = 100_000  # a pipe has lines of any length
    with terminal.capture() as captured:
        for part in laid_out:
            terminal.print(part, soft_wrap=isinstance(part, Text))  # commands are for copying
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def print_refresh(outcome: RefreshSummary, code: int) -> None:
    """Print the last line of a refresh."""
    print(replace_unprintable(with_commands(outcome.line(code))))


def print_verify(checks: Sequence[Check], changed: str | None, *, is_json: bool) -> None:
    """Print every check with its problems, and the line on what changed since the base."""
    failed = sum(bool(check.problems) for check in checks)
    if is_json:
        print_result(json.dumps({"failed": failed, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False))
        return
    for check in checks:
        print(f"{'FAIL' if check.problems else 'ok':4} {check.name} ({check.looked_at})")
        for note in check.notes:
            print(f"       {replace_unprintable(with_commands(note))}")
        for warning in check.warnings:
            print(f"     warning: {replace_unprintable(with_commands(warning))}")
        for problem in check.problems:
            print(f"     {replace_unprintable(with_commands(problem))}")
    if changed:
        print(with_commands(changed))
    print(f"{len(checks)} checks, {failed} failed")
