"""Printing: errors, results and reports, with complete commands and nothing that moves a cursor."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from etl.cli.hints import complete_commands
from etl.core.text import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from _typeshed import DataclassInstance
    from rich.console import RenderableType

_paths = {"data": Path("data"), "filters": Path("filters.toml")}  # of this run


def set_paths(data: Path, filters: Path) -> None:
    """Set the DATA and FILTERS of the commands in all messages that follow."""
    _paths.update(data=data, filters=filters)


def with_commands(text: str) -> str:
    """Return a message whose `make` commands act on the files of this run."""
    return complete_commands(text, _paths["data"], _paths["filters"])


def print_error(message: object) -> None:
    """Print what stops a command, or what a user should know, to stderr."""
    for line in str(message).split("\n"):
        sys.stderr.write(f"{printable(line)}\n")  # in one call, since threads report their waits


def printable(text: str) -> str:
    """Return a message fit for a terminal, its commands completed."""
    return replace_unprintable(with_commands(text))


@contextmanager
def progress_note(activity: str, after_s: float = 1) -> Iterator[None]:
    """Print an activity to a terminal if it takes longer than `after_s`."""
    timer = threading.Timer(after_s, print_error, [f"{activity} …"])
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_result(result: str) -> None:
    """Print the result of a command to stdout."""
    print(result.rstrip("\n"))


def print_report(
    report: DataclassInstance | Mapping[str, DataclassInstance], parts: Sequence[RenderableType], *, is_json: bool
) -> None:
    """Print a report as JSON, or its parts: with colours on a terminal that has them, plain in a pipe."""
    if is_json:
        print_result(json.dumps(report, default=asdict, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.text import Text

    terminal = Console(highlight=False, markup=False, emoji=False)
    if not terminal.is_terminal:
        terminal.width = 100_000  # a pipe has lines of any length
    with terminal.capture() as captured:
        for part in parts:
            terminal.print(part, soft_wrap=isinstance(part, Text))  # commands are for copying
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
