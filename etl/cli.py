"""The commands: the only room that reads the command line and the environment, and that composes the stages."""

from __future__ import annotations

import io
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from etl import console
from etl.errors import FAILED, BadUsage, DiskRefused, EtlError, worst
from etl.files import Data, sources
from etl.filters import find_filter
from etl.settings import load_filters
from etl.usage import parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from etl.extract.api import Access, Api
    from etl.filters import Filter, Filters, Source
    from etl.sides import Side

STOPPED = 130  # as a shell says of Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Run one word; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know no letters but ASCII's
    given = parser().parse_args(arguments)
    try:
        filters = load_filters(given.filters)
        if given.source not in (None, *sources()):
            raise BadUsage(f"--source {given.source}: no source of that name; there are {', '.join(sources())}")
        return _run(given, Data(given.data), filters)
    except EtlError as error:
        return _told(error)
    except BrokenPipeError:  # nobody read the verdict to its end, so it is not a good one
        sys.stdout = None
        return FAILED
    except OSError as error:
        return _told(DiskRefused(f"{error.filename or given.data}: the system refused: {error.strerror or error}"))
    except KeyboardInterrupt:
        console.tell("stopped; what was on disk before is kept, and the same command goes on with what was read, within 6 hours")
        return STOPPED


def _told(error: EtlError) -> int:
    console.tell(error)
    return error.code


def _run(given: argparse.Namespace, data: Data, filters: Filters) -> int:
    chosen = [source for source in filters.sources if given.source in (None, source.name)]
    run: dict[str, Callable[[], int]] = {
        "plan": lambda: _plan(data, filters, chosen, given.max_age),
        "extract": lambda: _extract(data, filters, chosen, given),
        "transform": lambda: worst([_transform(data, source) for source in chosen]),
        "load": lambda: _load(data, filters),
        "manifests": lambda: _manifests(data, filters, chosen),
        "explain": lambda: _explain(data, filters, given),
        "diff": lambda: _diff(data, given),
        "verify": lambda: _verify(data, filters, _held_against(data, filters, given), given.max_age, is_json=given.json),
        "refresh": lambda: _refresh(data, filters, chosen, given),
    }
    return run[given.word]()


def _plan(data: Data, filters: Filters, chosen: list[Source], max_age_s: float | None) -> int:
    from etl.extract.plan import plan
    from etl.extract.reading import Judged, Terms

    terms = Terms(lambda _source, _stream: lambda _body: Judged(suffices=True), filters.depth, _clock(), max_age_s)
    console.tell_plan(plan(data, filters, chosen, terms))
    return 0


def _extract(data: Data, filters: Filters, chosen: list[Source], given: argparse.Namespace) -> int:
    from etl.enough import Enough
    from etl.extract.reading import Terms
    from etl.extract.stage import APIS, extract

    enough = {source.name: Enough(data, source, filters.limit) for source in chosen}
    access = {source.name: _access(APIS[source.name]) for source in chosen}
    terms = Terms(lambda source, stream: enough[source.name].judge(stream), filters.depth, _clock(), given.max_age)
    if given.verbose:
        console.show_log("etl.extract")
    with console.Watch(chosen) as watch:
        readings = extract(data, chosen, access, terms, watch.told, watch.waits)
    watch.ended(readings, {name: judge.selections for name, judge in enough.items()}, filters)
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


def _transform(data: Data, source: Source) -> int:
    from etl.transform.stage import transform

    try:
        console.tell_transform(data, source.name, transform(data, source.name, source.sizes))
    except EtlError as error:
        return _told(error)
    return 0


def _load(data: Data, filters: Filters) -> int:
    from etl.load.stage import load

    done = load(data, filters)
    console.tell_load(data, done, _clock()())
    return FAILED if done.index["missing"] else 0


def _manifests(data: Data, filters: Filters, chosen: list[Source]) -> int:
    codes = [_transform(data, source) for source in chosen]
    return worst(codes) or _load(data, filters)


def _explain(data: Data, filters: Filters, given: argparse.Namespace) -> int:
    from etl.explain import text
    from etl.explain.desk import Desk
    from etl.explain.model import explain_model
    from etl.explain.page import explain_page
    from etl.explain.pair import explain_pair

    def describe(source: Source, body: bytes, where: Path, key: str) -> list[str]:
        from etl.transform.evidence import describe

        return describe(source.name, body, where, key, source.sizes)

    desk = Desk(data, filters, describe)
    name, colon, identity = given.target.partition(":")
    source = next((source for source in filters.sources if colon and name in (source.name, source.prefix)), None)
    if given.against:
        pair = explain_pair(desk, (given.target, given.against))
        console.show(pair, text.pair(pair), is_json=given.json)
    elif source:
        model = explain_model(desk, source, identity)
        console.show(model, text.model(model), is_json=given.json)
    else:
        page = explain_page(desk, given.target)
        console.show(page, text.page(page), is_json=given.json)
    return 0


def _diff(data: Data, given: argparse.Namespace) -> int:
    from etl.diff import words
    from etl.diff.compare import compare
    from etl.sides import now, side

    base = side(data, given.base)
    if base is None:
        console.say("null" if given.json else "no base to compare with: commit data/manifests, or name one with BASE")
        return 0
    new = (side(data, given.new) if given.new else None) or now(data)
    told = compare(base, new)
    if given.markdown:
        console.say(words.markdown(told))
    else:
        console.show(told, words.text(told), is_json=given.json)
    return 0


def _held_against(
    data: Data, filters: Filters, given: argparse.Namespace
) -> tuple[Side | None, frozenset[Filter], frozenset[str]]:
    """Return the base of verify, the filters that may have lost models since, and the losses that are allowed."""
    from etl.sides import side
    from etl.verify.losses import parse_allowed

    allowed = frozenset(find_filter(filters, each) for each in given.allow_shrink)
    return side(data, given.base, with_models=False), allowed, parse_allowed(given.allow_rejected, filters)


def _verify(
    data: Data, filters: Filters, against: tuple[Side | None, frozenset[Filter], frozenset[str]],
    max_age_s: float | None = None, *, is_json: bool = False,
) -> int:  # fmt: skip
    from etl.diff.compare import compare
    from etl.diff.words import headline
    from etl.load.stage import load
    from etl.sides import Side, contents
    from etl.transform.stage import transform
    from etl.verify.stage import Terms, verify

    def rebuild(again: Data) -> None:
        for source in filters.sources:
            transform(again, source.name, source.sizes)
        load(again, filters)

    base, allowed, allowed_losses = against
    checks = verify(data, filters, Terms(rebuild, base, allowed, allowed_losses, _clock()(), max_age_s))
    changed = headline(compare(base, Side("now", contents(data.manifests), {}))) if base else None
    console.tell_verify(checks, changed, is_json=is_json)
    return worst([check.code for check in checks if check.problems])


def _refresh(data: Data, filters: Filters, chosen: list[Source], given: argparse.Namespace) -> int:
    against = _held_against(data, filters, given)
    codes = [_extract(data, filters, chosen, given)]
    steps: list[Callable[[], int]] = [
        lambda: _manifests(data, filters, list(filters.sources)),
        lambda: _verify(data, filters, against),
    ]
    for step in steps:
        try:
            codes.append(step())
        except EtlError as error:
            codes.append(_told(error))
    return worst(codes)
