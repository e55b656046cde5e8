"""Completes the commands in messages, so that they act on the files of this run."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from etl.core.layout import PROJECT

_TARGETS = "plan|extract|refresh|manifests|transform|verify|diff|explain|values|publish|report|keygen"
_ARGUMENT = r"""[A-Z_]+=(?:'[^']*'|"[^"]*"|[^\s;,'"])+"""
_COMMAND = re.compile(rf"\bmake ((?:{_TARGETS})\b(?: (?:{_TARGETS})\b)*(?: {_ARGUMENT})*)")


def find_commands(text: str) -> list[str]:
    """Return the `make` commands in a message, as they are in it."""
    return [match[0] for match in _COMMAND.finditer(text)]


def complete_commands(text: str, data: Path, filters: Path) -> str:
    """Return a message whose `make` commands name the DATA and FILTERS of this run unless these are the defaults.

    Outside of the project's folder commands name it with `-C`, and paths are absolute. Remote text that looks like such a
    command is completed too, which does no harm: the additions are ours.
    """
    is_here = Path.cwd() == PROJECT
    make = "make" if is_here else f"make -C {shlex.quote(str(PROJECT))}"
    variables = "".join(
        f" {name}={shlex.quote(str(value) if is_here else os.path.realpath(value))}"
        for name, value, default in (("DATA", data, "data"), ("FILTERS", filters, "filters.toml"))
        if os.path.realpath(value) != str(PROJECT / default)
    )
    return _COMMAND.sub(lambda match: f"{make} {match[1]}{variables}", text)
