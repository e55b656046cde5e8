"""The commands: the only room that prints, reads the command line or exits."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import FAILED, BadUsage, DiskRefused, EtlError, worst
from etl.files import Data, sources
from etl.filters import load_filters

if TYPE_CHECKING:
    from etl.filters import Filters

_WORDS = {
    "transform": "make models of the raw pages of a source, or of all",
    "load": "publish the manifests of the models",
    "manifests": "transform and load",
    "verify": "check what is published, and show what changed since the last commit",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one word; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        filters = load_filters(given.filters)
        data = Data(given.data)
        if given.source not in (None, *sources()):
            raise BadUsage(f"--source {given.source}: no source of that name; there are {', '.join(sources())}")
        chosen = [given.source] if given.source else [source.name for source in filters.sources]
        if given.word == "verify":
            return _verify(data, filters, given.base)
        codes = [_transform(data, source) for source in chosen] if given.word in ("transform", "manifests") else []
        if given.word in ("load", "manifests") and not any(codes):
            codes.append(_load(data, filters))
        return worst(codes)
    except EtlError as error:
        return _told(error)
    except BrokenPipeError:  # nobody read the verdict to its end, so it is not a good one
        sys.stdout = None
        return FAILED
    except OSError as error:
        return _told(DiskRefused(f"{error.filename or given.data}: the system refused: {error.strerror}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="etl", description="Manifests of AI models, for the pages of a marketplace.")
    words = parser.add_subparsers(dest="word", required=True, metavar="word")
    for word, meaning in _WORDS.items():
        each = words.add_parser(word, help=meaning, description=meaning)
        each.add_argument("--data", type=Path, default=Path("data"), help="the folder of raw, models and manifests (data)")
        each.add_argument("--filters", type=Path, default=Path("filters.toml"), help="the file of filters (filters.toml)")
        each.add_argument("--source", help="transform this source only; what is published is always everything on disk")
        if word == "verify":
            each.add_argument("--base", type=Path, help="a folder of manifests to compare with, instead of the last commit")
    return parser


def _told(error: EtlError) -> int:
    print(error, file=sys.stderr)
    return error.code


def _transform(data: Data, source: str) -> int:
    from etl.transform.stage import transform

    try:
        summary = transform(data, source)
    except EtlError as error:
        return _told(error)
    pages = [page for stream in summary["streams"].values() for page in stream]
    aside = sum(len(page["set_aside"]) for page in pages)
    unsized = sum(page["unsized"] for page in pages)
    told = f"{source}: {sum(page['models'] for page in pages)} models of {sum(page['records'] for page in pages)} records"
    print(
        f"{told} in {len(pages)} pages"
        + (f"; {unsized} of unknown size" if unsized else "")
        + (f"; {aside} set aside, see {data.summary(source)}" if aside else "")
    )
    return 0


def _load(data: Data, filters: Filters) -> int:
    from etl.load.stage import load

    done = load(data, filters)
    manifests = done.index["manifests"]
    short = [entry for entry in manifests if entry["short"]]
    print(f"{data.manifests}: {len(manifests)} manifests of {done.index['all_models']['count']} models, {len(short)} short")
    for entry in short:
        print(f"  {entry['file']}: {entry['count']} of {entry['limit']}, {entry['short']}")
    if done.one_by_one:
        print(f"{data.manifests}: files were replaced one by one, not all at once: {done.one_by_one}", file=sys.stderr)
    for each in done.index["missing"]:
        where = data.raw(each["source"], each["stream"])
        print(f"{each['file']}: not made: {where} holds no complete stream; ask with: {each['command']}", file=sys.stderr)
    return FAILED if done.index["missing"] else 0


def _verify(data: Data, filters: Filters, base: Path | None) -> int:
    from etl.load.stage import load
    from etl.transform.stage import transform
    from etl.verify.stage import changes, verify

    def rebuild(again: Data) -> None:
        for source in filters.sources:
            transform(again, source.name)
        load(again, filters)

    checks = verify(data, filters, rebuild)
    for check in checks:
        print(f"{'FAIL' if check.problems else 'ok':4} {check.name} ({check.looked_at})")
        for note in check.notes:
            print(f"       {note}")
        for problem in check.problems:
            print(f"     {problem}")
    changed = changes(data, base)
    if changed is None:
        print("no base to compare with")
    else:
        print(f"manifests that differ from {base or 'the last commit'}: {len(changed)}")
        for line in changed:
            print(f"  {line}")
    failed = sum(bool(check.problems) for check in checks)
    print(f"{len(checks)} checks, {failed} failed")
    return FAILED if failed else 0
