"""The commands that messages name, as they must be typed to act on the files of this run."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from etl.core.layout import PROJECT

_WORDS = "plan|extract|refresh|manifests|transform|verify|diff|explain"
_ARGUMENT = r"""[A-Z_]+=(?:'[^']*'|"[^"]*"|[^\s;,'"])+"""
_COMMAND = re.compile(rf"\bmake ((?:{_WORDS})\b(?: {_ARGUMENT})*)")


def complete_commands(text: str, data: Path, filters: Path) -> str:
    """Return a message whose `make` commands name the DATA and FILTERS of this run where these are not the defaults.

    Outside of the project's folder commands say where that is, and paths are absolute. Whatever else looks like such a command,
    as a remote name may, gets the same words, which stand for no command of theirs.
    """
    is_here = Path.cwd() == PROJECT
    make = "make" if is_here else f"make -C {shlex.quote(str(PROJECT))}"
    more = "".join(
        f" {name}={shlex.quote(str(value) if is_here else os.path.realpath(value))}"
        for name, value, default in (("DATA", data, "data"), ("FILTERS", filters, "filters.toml"))
        if os.path.realpath(value) != str(PROJECT / default)
    )
    return _COMMAND.sub(lambda found: f"{make} {found[1]}{more}", text)
