"""The words of the command line and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

_WORDS = {
    "plan": "what extract would ask, and what is on disk",
    "extract": "ask the APIs for today's answers",
    "transform": "make models of the raw pages of a source, or of all",
    "load": "publish the manifests of the models",
    "manifests": "transform and load",
    "explain": "why a page is what it is, where a model is, or what tells two pages apart",
    "diff": "what changed since the last commit, or between two folders or revisions",
    "verify": "check what is published",
    "refresh": "extract, manifests and verify; a stream that failed stops none of them",
}


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog="etl", description="Manifests of AI models, for the pages of a marketplace.")
    words = made.add_subparsers(dest="word", required=True, metavar="word")
    for word, meaning in _WORDS.items():
        each = words.add_parser(word, help=meaning, description=meaning)
        each.add_argument("--data", type=Path, default=Path("data"), help="the folder of raw, models and manifests (data)")
        each.add_argument("--filters", type=Path, default=Path("filters.toml"), help="the file of filters (filters.toml)")
        each.add_argument("--source", help="this source only; what is published is always everything on disk")
        if word == "explain":
            each.add_argument("target", help="hf/likes/small, the name of a manifest, or a model: huggingface:Qwen/Qwen3-0.6B")
            each.add_argument("--against", metavar="FILTER", help="another filter, to tell the two apart")
        if word in ("plan", "extract", "refresh"):
            each.add_argument("--max-age", type=_seconds, help="leave out what was read less long ago: 90m, 6h, 2d")
        if word in ("extract", "refresh"):
            each.add_argument("--verbose", action="store_true", help="a line for each attempt at a request")
        if word == "diff":
            base = "a folder of data or manifests, or a revision of the repository that holds the data"
            each.add_argument("base", nargs="?", help=f"{base} (the last commit)")
            each.add_argument("new", nargs="?", help="the same (what lies in the data folder)")
            ways = each.add_mutually_exclusive_group()
            ways.add_argument("--markdown", action="store_true", help="for a pull request")
            ways.add_argument("--json", action="store_true", help="the same as data")
        if word in ("verify", "refresh"):
            each.add_argument("--base", help="what to compare with, as diff takes it (the last commit)")
            each.add_argument(
                "--allow-shrink", metavar="FILTER", action="append", default=[], help="it may have lost models; again for more"
            )
            each.add_argument(
                "--allow-rejected", metavar="SOURCE/REASON", action="append", default=[],
                help="allow a source to lose many records for a reason, or many values of a field: civitai/poi (repeatable)",
            )  # fmt: skip
        if word == "verify":
            each.add_argument("--max-age", type=_seconds, help="fail where a stream was checked longer ago: 36h, 2d")
        if word in ("explain", "verify"):
            each.add_argument("--json", action="store_true", help="the same as data")
    return made


def _seconds(age: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if not age[:-1].isdecimal() or age[-1:] not in units:
        raise argparse.ArgumentTypeError(f"{age}: is no age such as 90m, 6h or 2d")
    return float(age[:-1]) * units[age[-1]]
