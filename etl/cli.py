"""The commands: the only room that reads the command line and the environment, and that composes the stages."""

from __future__ import annotations

import io
import os
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from etl import console
from etl.errors import FAILED, BadUsage, DiskRefused, EtlError, reason, worst
from etl.files import Data, sources
from etl.filters import find_filter
from etl.locks import Locks
from etl.outcome import Outcome
from etl.settings import load_filters
from etl.usage import parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from etl.extract.api import Access, Api
    from etl.filters import Filter, Filters, Source
    from etl.sides import Side

STOPPED = 130  # as a shell says of Ctrl-C
Against = tuple["Side | None", "frozenset[Filter]", "frozenset[str]"]


@dataclass(frozen=True)
class Run:
    """What one command works with: `chosen` are the sources it is about, `outcome` what it has to tell at the end."""

    data: Data
    filters: Filters
    chosen: list[Source]
    given: argparse.Namespace
    outcome: Outcome
    locks: Locks


def main(arguments: list[str] | None = None) -> int:
    """Run one word; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know no letters but ASCII's
    outcome = Outcome()
    try:
        given = parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has told why
        if stop.code and "refresh" in (sys.argv[1:] if arguments is None else arguments)[:1]:
            outcome.errors.append("the command line is not valid")
            console.tell_refresh(outcome, 2)
        raise
    console.use(given.data, given.filters)
    try:
        code = _attempt(given, outcome)
        if given.word == "refresh":
            console.tell_refresh(outcome, code)
    except BrokenPipeError:  # nobody read the verdict to its end, so it is not a good one
        sys.stdout = None
        return FAILED
    return code


def _attempt(given: argparse.Namespace, outcome: Outcome) -> int:
    """Run a word, and say what stops it; return the exit code."""
    try:
        filters = load_filters(given.filters)
        if given.source not in (None, *sources()):
            raise BadUsage(f"--source {given.source}: no source of that name; there are {', '.join(sources())}")
        return _run(given, Data(given.data), filters, outcome)
    except BrokenPipeError:
        raise
    except EtlError as error:
        return _told(error, outcome)
    except OSError as error:
        where = Path(error.filename or given.data)
        return _told(DiskRefused(f"{where}: the system refused: {reason(error, where)}"), outcome)
    except KeyboardInterrupt:
        console.tell("stopped; what was on disk before is kept, and the same command goes on with what was read, within 6 hours")
        outcome.errors.append("stopped")
        return STOPPED


def _told(error: EtlError, outcome: Outcome) -> int:
    console.tell(error)
    outcome.errors.append(str(error).partition("\n")[0])
    return error.code


def _run(given: argparse.Namespace, data: Data, filters: Filters, outcome: Outcome) -> int:
    chosen = [source for source in filters.sources if given.source in (None, source.name)]
    run = Run(data, filters, chosen, given, outcome, Locks(data.root, f"etl {given.word}", console.tell))
    commands: dict[str, Callable[[], int]] = {
        "plan": lambda: _plan(run),
        "extract": lambda: _extract(run),
        "transform": lambda: worst([_transform(run, source) for source in chosen]),
        "load": lambda: _load(run),
        "manifests": lambda: _manifests(run, chosen),
        "explain": lambda: _explain(run),
        "diff": lambda: _diff(run),
        "verify": lambda: _verify(run, _held_against(run)),
        "refresh": lambda: _refresh(run),
    }
    with run.locks.hold(**_parts(given.word, run, chosen)):
        return commands[given.word]()


def _parts(word: str, run: Run, chosen: list[Source]) -> dict[str, list[Path]]:
    """Return the folders that a command reads and writes all the time; extraction takes them for an instant only."""
    data = run.data
    raw = [data.raw(source.name) for source in run.filters.sources]
    models = [data.models(source.name) for source in run.filters.sources]
    made = [data.models(source.name) for source in chosen]
    parts: dict[str, dict[str, list[Path]]] = {
        "transform": {"reads": raw, "writes": made},
        "load": {"reads": [*raw, *models], "writes": [data.manifests]},
        "manifests": {"reads": [*raw, *models], "writes": [*made, data.manifests]},
        "explain": {"reads": [*raw, *models]},
        "diff": {"reads": [*models, data.manifests]},
        "verify": {"reads": [*raw, data.manifests]},
    }
    return parts.get(word, {})


def _plan(run: Run) -> int:
    from etl.extract.plan import plan
    from etl.extract.reading import Judged, Terms

    terms = Terms(lambda _source, _stream: lambda _body: Judged(suffices=True), run.filters.depth, _clock(), run.given.max_age)
    console.tell_plan(plan(run.data, run.filters, run.chosen, terms))
    return 0


def _extract(run: Run) -> int:
    from etl.enough import Enough
    from etl.extract.reading import Terms
    from etl.extract.stage import APIS, extract

    data, filters, chosen, locks = run.data, run.filters, run.chosen, run.locks
    enough = {source.name: Enough(data, source, filters.limit, locks) for source in chosen}
    access = {source.name: _access(APIS[source.name]) for source in chosen}
    terms = Terms(
        lambda source, stream: enough[source.name].judge(stream), filters.depth, _clock(), run.given.max_age,
        swapping=lambda source: locks.hold(writes=[data.raw(source)]), on_wait=console.tell,
    )  # fmt: skip
    if run.given.verbose:
        console.show_log("etl.extract")
    with console.Watch(chosen) as watch:
        readings = extract(data, chosen, access, terms, watch.told, watch.waits)
    for judge in enough.values():
        judge.withhold()
    watch.ended(readings, {name: judge.selections for name, judge in enough.items()}, filters)
    run.outcome.failed |= {f"{each.source.name}/{each.stream.name}": str(each.failed) for each in readings if each.failed}
    return worst([reading.failed.code for reading in readings if reading.failed])


def _access(api: Api) -> Access:
    """Return where the environment says that an API is, and as whom it is asked.

    Raises:
        BadUsage: that is no address of a server.
    """
    from etl.extract.api import Access, is_endpoint, is_loopback

    endpoint = (os.environ.get(api.endpoint_variable) or api.endpoint).rstrip("/")
    if not is_endpoint(endpoint):
        raise BadUsage(f"{api.endpoint_variable}: is no address of a server, such as {api.endpoint}")
    token = next((told for name in api.token_variables if (told := os.environ.get(name, "").strip())), None)
    if token and not (token.isascii() and token.isprintable() and set(token).isdisjoint(' "\\')):
        raise BadUsage(f"{' or '.join(api.token_variables)}: holds what no token does, such as a line break; mend or unset it")
    if token and urlsplit(endpoint).scheme == "http" and not is_loopback(endpoint):
        raise BadUsage(f"{api.endpoint_variable}={endpoint}: a token is sent over https only; unset it, or use https")
    return Access(endpoint, token)


def _clock() -> Callable[[], str]:
    """Return the clock: UTC with milliseconds; it stands still at SOURCE_DATE_EPOCH, seconds since 1970, where that is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        fixed = datetime.fromtimestamp(int(epoch), UTC) if epoch else None
    except (ValueError, OverflowError, OSError):
        raise BadUsage(f"SOURCE_DATE_EPOCH={epoch}: is no time in seconds since 1970") from None
    return lambda: (fixed or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _transform(run: Run, source: Source) -> int:
    from etl.transform.stage import transform

    try:
        with console.busy(f"transform: {run.data.raw(source.name)}"):
            summary = transform(run.data, source.name, source.sizes)
        console.tell_transform(run.data, source.name, summary)
    except EtlError as error:
        return _told(error, run.outcome)
    return 0


def _load(run: Run) -> int:
    from etl.load.stage import load

    with console.busy(f"load: {run.data.manifests}"):
        done = load(run.data, run.filters)
    run.outcome.publish(run.data, done.index)
    console.tell_load(run.data, done, _clock()())
    return FAILED if done.index["missing"] else 0


def _manifests(run: Run, chosen: Sequence[Source]) -> int:
    return worst([_transform(run, source) for source in chosen]) or _load(run)


def _explain(run: Run) -> int:
    from etl.explain import text
    from etl.explain.desk import Desk
    from etl.explain.model import explain_model
    from etl.explain.page import explain_page
    from etl.explain.pair import explain_pair

    def describe(source: Source, body: bytes, where: Path, key: str) -> list[str]:
        from etl.transform.evidence import describe

        return describe(source.name, body, where, key, source.sizes)

    given = run.given
    desk = Desk(run.data, run.filters, describe)
    name, colon, identity = given.target.partition(":")
    source = next((source for source in run.filters.sources if colon and name in (source.name, source.prefix)), None)
    if given.against:
        pair = explain_pair(desk, (given.target, given.against))
        console.show(pair, text.pair(pair, console.typed), is_json=given.json)
    elif source:
        model = explain_model(desk, source, identity)
        console.show(model, text.model(model), is_json=given.json)
    else:
        page = explain_page(desk, given.target)
        console.show(page, text.page(page, console.typed), is_json=given.json)
    return 0


def _diff(run: Run) -> int:
    from etl.diff import words
    from etl.diff.compare import compare
    from etl.sides import now

    data, given = run.data, run.given
    base = _side(run, given.base)
    if base is None:
        console.say("null" if given.json else "no base to compare with: commit data/manifests, or name one with BASE")
        return 0
    new = (_side(run, given.new) if given.new else None) or now(data)
    told = compare(base, new)
    if given.markdown:
        console.say(words.markdown(told))
    else:
        console.show(told, words.text(told), is_json=given.json)
    return 0


def _side(run: Run, told: str | None, *, with_models: bool = True) -> Side | None:
    """Return what a name stands for; nobody writes to another data folder while it is read."""
    from etl.sides import side

    other = Data(Path(told)) if told else run.data
    if other.root.resolve() == run.data.root.resolve() or not other.manifests.is_dir():
        return side(run.data, told, with_models=with_models)
    parts = [other.manifests, *(other.models(source.name) for source in run.filters.sources)]
    with Locks(other.root, f"etl {run.given.word}", console.tell).hold(reads=parts):
        return side(run.data, told, with_models=with_models)


def _held_against(run: Run) -> Against:
    """Return the base of verify, the filters that may have lost models since, and the losses that are allowed."""
    from etl.verify.losses import parse_allowed

    allowed = frozenset(find_filter(run.filters, each) for each in run.given.allow_shrink)
    base = _side(run, run.given.base, with_models=False)
    return base, allowed, parse_allowed(run.given.allow_rejected, run.filters)


def _verify(run: Run, against: Against) -> int:
    """Print and remember the checks; of a refresh the age of streams is not limited."""
    from etl.diff.compare import compare
    from etl.diff.words import headline
    from etl.load.stage import load
    from etl.sides import LAST_COMMIT, Side, contents
    from etl.transform.stage import transform
    from etl.verify.stage import Terms, verify

    data, filters, given = run.data, run.filters, run.given

    def rebuild(again: Data) -> None:
        for source in filters.sources:
            transform(again, source.name, source.sizes)
        load(again, filters)

    base, allowed, allowed_losses = against
    max_age_s = given.max_age if given.word == "verify" else None
    with console.busy(f"verify: {data.manifests}"):
        checks = verify(data, filters, Terms(rebuild, base, allowed, allowed_losses, _clock()(), max_age_s))
    changed = None
    if base:
        place = str(Path(base.name).resolve()) if Path(base.name).is_dir() else base.name  # the command may run elsewhere
        named = "" if base.name == LAST_COMMIT else f" BASE={shlex.quote(place)}"
        told = headline(compare(base, Side("now", contents(data.manifests), {})))
        changed = f"{told}; make diff{named} tells what"
    run.outcome.checks = checks
    console.tell_verify(checks, changed, is_json=given.word == "verify" and given.json)
    return worst([check.code for check in checks if check.problems])


def _refresh(run: Run) -> int:
    against = _held_against(run)
    codes = [_extract(run)]
    every = run.filters.sources
    steps: list[Callable[[], int]] = [lambda: _manifests(run, every), lambda: _verify(run, against)]
    with run.locks.hold(**_parts("manifests", run, list(every))):  # verify looks at what was made here
        for step in steps:
            try:
                codes.append(step())
            except EtlError as error:
                codes.append(_told(error, run.outcome))
    return worst(codes)
