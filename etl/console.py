"""What people see: the only room that prints."""

from __future__ import annotations

import json
import logging
import shlex
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from etl.commands import pasteable
from etl.inert import inert, printable
from etl.ledger import age_s, differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from _typeshed import DataclassInstance
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

    from etl.extract.http import Wait
    from etl.extract.plan import Planned
    from etl.extract.reading import Reading
    from etl.files import Data
    from etl.filters import Filters, Source
    from etl.ledger import Ledger
    from etl.load.stage import Published
    from etl.outcome import Outcome
    from etl.selection import Selection
    from etl.verify.published import Check


_LONG_S = 2  # from which on a wait is told where there is no terminal
_used = {"data": Path("data"), "filters": Path("filters.toml")}  # by this run


def use(data: Path, filters: Path) -> None:
    """Name these in the commands of all messages that follow."""
    _used.update(data=data, filters=filters)


def typed(text: str) -> str:
    """Return a message with its commands as they must be typed."""
    return pasteable(text, _used["data"], _used["filters"])


def tell(what: object) -> None:
    """Print what stops a command."""
    for line in str(what).split("\n"):
        sys.stderr.write(f"{printable(typed(line))}\n")  # at once, since requests tell of their waits in threads


@contextmanager
def busy(what: str, after_s: float = 1) -> Iterator[None]:
    """Print what is being done, on a terminal and if it takes longer than so many seconds."""
    timer = threading.Timer(after_s, tell, [f"{what} …"])
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def say(what: str) -> None:
    """Print what was asked for."""
    print(what.rstrip("\n"))


def show_log(name: str) -> None:
    """Print what a package logs, a line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class Watch:
    """An extraction as it goes: a bar a source on a terminal, elsewhere a line for each stream that ends."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._start = time.monotonic()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._asked: dict[str, int] = {}
        self._waited: set[tuple[str, str]] = set()
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=16),
                MofNCompleteColumn(),
                TextColumn("streams, {task.fields[state]}"),
            )
            self._bars = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
            state = "waiting for the first answer"
            self._tasks = {each.name: self._bars.add_task(each.name, total=len(each.streams), state=state) for each in sources}
            self._bars.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def told(self, reading: Reading) -> None:
        """Show an answer, and the end of its stream."""
        name = reading.source.name
        self._asked[name] = self._asked.get(name, 0) + reading.is_asked
        if self._bars:
            self._bars.update(self._tasks[name], state=f"{self._asked[name]} requests", advance=reading.target is None)
        elif reading.target is None and not reading.failed:
            print(f"{_where(reading)}: {_count(reading)}; {_ending(reading)}", flush=True)

    def waits(self, source: str, wait: Wait) -> None:
        """Show what a request waits for, each reason once; elsewhere than on a terminal only where it takes long."""
        state = f"attempt {wait.attempt} of {wait.attempts} in {wait.seconds:.0f} s" if wait.seconds else "waiting for a turn"
        if self._bars:
            self._bars.update(self._tasks[source], state=state)
        elif wait.seconds is not None and wait.seconds < _LONG_S:
            return
        if (source, wait.reason) not in self._waited:
            self._waited.add((source, wait.reason))
            tell(f"{source}: {wait.reason}; {state}")

    def ended(self, readings: Sequence[Reading], selections: Mapping[str, Mapping[str, Selection]], filters: Filters) -> None:
        """Tell what was read, which manifests will be short, and what failed; `selections` are by source and stream."""
        for reading in (each for each in readings if not each.failed and not each.is_fresh):
            selection = selections[reading.source.name][reading.stream.name]
            for each in reading.stream.filters:
                if (count := len(selection.places(each.keeps))) < filters.limit:
                    print(f"short: {each.file}: {count} of {filters.limit}; {_ending(reading)}")
        pages = [page for reading in readings for page in reading.pages]
        failed = [reading for reading in readings if reading.failed]
        print(
            f"{len(readings)} streams, {len(failed)} failed; {sum(self._asked.values())} requests; "
            f"{sum(page.records for page in pages):,} records in {len(pages)} pages, "
            f"{sum(reading.changed for reading in readings)} of them new; {sum(page.bytes for page in pages) / 1e6:.1f} MB; "
            f"{time.monotonic() - self._start:.1f} s"
        )
        told: dict[str, list[str]] = {}
        for reading in failed:
            told.setdefault(f"page {len(reading.pages) + 1}: {reading.failed}", []).append(_where(reading))
        for why, where in told.items():
            print(f"failed: {', '.join(where)}: {why}", file=sys.stderr)


def _where(reading: Reading) -> str:
    return f"{reading.source.name}/{reading.stream.name}"


def _count(reading: Reading) -> str:
    pages, judged = len(reading.pages), reading.judged
    told = (
        f"{pages} page{'s' * (pages != 1)}, {reading.changed} new, {reading.records:,} records, {reading.size_bytes / 1e6:.2f} MB"
    )
    told += f", {judged.duplicates} came twice" if judged.duplicates else ""
    return told + (f", {judged.strangers} not asked for" if judged.strangers else "")


def _ending(reading: Reading) -> str:
    if reading.is_fresh:
        return "checked not long ago, not asked"
    if reading.exhausted:
        return "the API has no more"
    return "its manifests are full" if reading.judged.suffices else "as deep as filters.toml allows"


def tell_plan(planned: Sequence[Planned]) -> None:
    """Print each stream with its requests, its manifests, and what is on disk; then the time that the rates take."""
    from etl.extract.plan import held_s

    for each in planned:
        least, most = each.at_least, each.at_most
        requests = "no" if each.is_fresh else f"{least}" if least == most else f"{least} to {most}"
        print(f"{each.source.name}/{each.stream.name}: {requests} requests; on disk: {_on_disk(each.on_disk, each.request)}")
        print(f"    {each.request}")
        print(f"    {', '.join(drawing.file for drawing in each.stream.filters)}")
    for source in dict.fromkeys(each.source for each in planned):
        least, most = (sum(getattr(each, key) for each in planned if each.source is source) for key in ("at_least", "at_most"))
        rate = source.rate
        print(
            f"{source.name}: {least} to {most} requests, {rate.in_flight} at once: "
            f"{-(-least // rate.in_flight)} to {-(-most // rate.in_flight)} times the time of an answer; "
            f"the rate of {rate.requests} in {rate.seconds:g} s adds {held_s(least, rate):g} to {held_s(most, rate):g} s"
        )


def _on_disk(ledger: Ledger | None, request: str) -> str:
    if ledger is None:
        return "nothing"
    told = f"{len(ledger.pages)} pages, {ledger.records:,} records, read {ledger.checked_at}"
    if ledger.failed_at:
        told += f", failing since {ledger.failed_at}"
    return told if differences(ledger, request.partition("?")[2]) == ("", "") else f"{told}, of another request"


def tell_transform(data: Data, source: str, summary: dict[str, Any]) -> None:
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
    for words, each in summary["families"].items():
        if each["against"] > max(1, each["borne_out"]):  # one count may be the one that is wrong
            print(
                f"{source}: {each['against']} of {sum(each.values())} counted models of {words} have other parameters than "
                "etl/transform/families.toml says: is the row wrong?",
                file=sys.stderr,
            )


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
        what: ", ".join(f"{word} {count}, such as {inert(str(first), 60)}" for word, (count, first) in sorted(counts.items()))
        for what, counts in lines.items()
        if counts
    }


def tell_load(data: Data, done: Published, now: str) -> None:
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
        print(f"{data.root}: not ours, kept: {', '.join(inert(name) for name in done.kept)}")
    if done.one_by_one:
        print(f"{data.manifests}: files were replaced one by one, not all at once: {done.one_by_one}", file=sys.stderr)
    for warning in done.warnings:
        tell(f"warning: {warning}")
    for each in done.index["missing"]:
        tell(f"{each['file']}: not made: {each['reason']}; ask with: {each['command']}")
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


def show(told: DataclassInstance, laid_out: Sequence[RenderableType], *, is_json: bool) -> None:
    """Print what was found: as data, or laid out for a terminal, with colours where it can, and plain in a pipe."""
    if is_json:
        say(json.dumps(asdict(told), indent=2, ensure_ascii=False))
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


def tell_refresh(outcome: Outcome, code: int) -> None:
    """Print the last line of a refresh."""
    print(printable(typed(outcome.line(code))))


def tell_verify(checks: Sequence[Check], changed: str | None, *, is_json: bool) -> None:
    """Print every check with its problems, and the line on what changed since the base."""
    failed = sum(bool(check.problems) for check in checks)
    if is_json:
        say(json.dumps({"failed": failed, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False))
        return
    for check in checks:
        print(f"{'FAIL' if check.problems else 'ok':4} {check.name} ({check.looked_at})")
        for note in check.notes:
            print(f"       {printable(typed(note))}")
        for warning in check.warnings:
            print(f"     warning: {printable(typed(warning))}")
        for problem in check.problems:
            print(f"     {printable(typed(problem))}")
    if changed:
        print(typed(changed))
    print(f"{len(checks)} checks, {failed} failed")
