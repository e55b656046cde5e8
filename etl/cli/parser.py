"""The parser of the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

COMMANDS = {
    "plan": "show what extract would request, and what is on disk",
    "extract": "fetch current data from the APIs",
    "transform": "transform the raw pages of a source, or of all, to models",
    "load": "build and publish the manifests",
    "manifests": "transform and load",
    "explain": "explain a manifest, find a model, or compare two manifests",
    "values": "list the fields of the models on disk with their most frequent values, or all values of one field",
    "diff": "show what changed since the last commit, or between two folders or revisions",
    "verify": "check the published manifests, or what clients download",
    "publish": "verify, then write the files that clients download",
    "report": "write a page about what is on disk: manifests, models, and the checks of verify",
    "keygen": "write a private key that signs what is published, and its public key",
    "refresh": "extract, manifests and verify; a stream that fails stops none of them",
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="etl", description="Static JSON manifests of AI models, for a marketplace.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, description in COMMANDS.items():
        command = commands.add_parser(name, help=description, description=description)
        command.add_argument("--data", type=Path, default=Path("data"), help="folder of raw, models and manifests (data)")
        command.add_argument("--filters", type=Path, default=Path("filters.toml"), help="the filters file (filters.toml)")
        command.add_argument("--source", help="this source only; what is published is always everything on disk")
        for add_options, names in _OPTIONS.items():
            if name in names:
                add_options(command)
    return parser


def _add_worker_options(command: argparse.ArgumentParser) -> None:
    workers = command.add_mutually_exclusive_group()
    workers.add_argument("--jobs", type=_jobs, help="processes that transform pages (the number of cores)")
    cluster = "transform pages on the Dask cluster with this scheduler, whose machines share the data folder"
    workers.add_argument("--cluster", type=_scheduler, metavar="ADDRESS", help=f"{cluster}: tcp://10.0.0.1:8786")


def _add_target(command: argparse.ArgumentParser) -> None:
    target = "hf/likes/small, the file name of a manifest, or a model: huggingface:Qwen/Qwen3-0.6B"
    command.add_argument("target", help=target)
    command.add_argument("--against", metavar="FILTER", help="another filter, to compare with")


def _add_field_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--field", help="list all values of this field, with the models of each stream that have it")


def _add_skip_age(command: argparse.ArgumentParser) -> None:
    effect = "skip streams fetched more recently than AGE: 90m, 6h, 2d"
    command.add_argument("--max-age", type=_age_s, metavar="AGE", help=effect)


def _add_failure_age(command: argparse.ArgumentParser) -> None:
    effect = "fail if a stream was checked longer ago than AGE: 90m, 6h, 2d"
    command.add_argument("--max-age", type=_age_s, metavar="AGE", help=effect)


def _add_verbose_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--verbose", action="store_true", help="print a line for each attempt at a request")


def _add_diff_options(command: argparse.ArgumentParser) -> None:
    base = "folder of data or manifests, or a revision of the repository that contains the data"
    command.add_argument("base", nargs="?", help=f"{base} (the last commit)")
    command.add_argument("new", nargs="?", help="likewise (the files in the data folder)")
    output_format = command.add_mutually_exclusive_group()
    output_format.add_argument("--markdown", action="store_true", help="print Markdown for a pull request")
    _add_json_option(output_format)


def _add_loss_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--base", help="what to compare with, as for diff (the last commit)")
    command.add_argument(
        "--allow-shrink", metavar="FILTER", action="append", default=[],
        help="allow FILTER to lose models (repeatable)",
    )  # fmt: skip
    command.add_argument(
        "--allow-rejected", metavar="SOURCE/REASON", action="append", default=[],
        help="allow a source to lose many records for a reason, or many values of a field: civitai/poi (repeatable)",
    )  # fmt: skip


def _add_json_option(command: argparse._ActionsContainer) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_publish_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--site", type=Path, help="the folder that is served (site in the folder of --data)")
    keep = "keep the files of publications of the last AGE, beside those of the last 10 (7d)"
    command.add_argument("--keep", type=_age_s, default=7 * 86400.0, metavar="AGE", help=keep)
    command.add_argument("--sign-key", type=Path, metavar="FILE", help="sign the entry with this private key; see keygen")


def _add_site_options(command: argparse.ArgumentParser) -> None:
    site = "check what clients download, in a folder or at an http(s) URL, instead of the manifests"
    command.add_argument("--site", metavar="FOLDER-or-URL", help=site)
    command.add_argument("--key", type=Path, metavar="FILE", help="the public key of the signature of --site")


def _add_key_file(command: argparse.ArgumentParser) -> None:
    file = "the private key, a new file; the public key is written to FILE.pub"
    command.add_argument("file", type=Path, metavar="FILE", help=file)


_OPTIONS = {  # what adds options, by subject, and the commands that have them
    _add_worker_options: ("transform", "manifests", "refresh"),
    _add_target: ("explain",),
    _add_field_option: ("values",),
    _add_skip_age: ("plan", "extract", "refresh"),
    _add_failure_age: ("verify",),
    _add_verbose_option: ("extract", "refresh"),
    _add_diff_options: ("diff",),
    _add_loss_options: ("verify", "refresh", "publish", "report"),
    _add_json_option: ("explain", "values", "verify"),
    _add_publish_options: ("publish",),
    _add_site_options: ("verify",),
    _add_key_file: ("keygen",),
}


def _jobs(text: str) -> int:
    """Return a number of processes."""
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text}: not a valid number of processes (expected 1 to 1024)")
    return int(text)


def _scheduler(text: str) -> str:
    """Return the address of a Dask scheduler."""
    if not re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[\w.-]+):[0-9]{1,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text}: not a valid address of a scheduler (expected such as tcp://10.0.0.1:8786)")
    return text


def _age_s(age: str) -> float:
    """Return the seconds of an age such as `90m`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if not age[:-1].isdecimal() or age[-1:] not in units:
        raise argparse.ArgumentTypeError(f"{age}: not a valid age (expected such as 90m, 6h or 2d)")
    return float(age[:-1]) * units[age[-1]]
