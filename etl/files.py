"""Where each file lies under the data folder; reading and writing JSON."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import orjson

from etl.errors import BadAnswer, DiskRefused, reason

PROJECT = Path(__file__).resolve().parent.parent
SCHEMAS = PROJECT / "schemas"
PROGRAMS = PROJECT / "etl" / "transform"
INDEX = "index.json"
ALL_MODELS = "all-models.json"

# Any escape, so that the backslashes of `\\ud800` (a backslash and five letters) are taken in pairs.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def sources() -> list[str]:
    """Return the names of the sources that there is a program for."""
    return sorted(path.stem for path in PROGRAMS.glob("*.jq"))


@dataclass(frozen=True)
class Data:
    """The data folder, by what lies in it."""

    root: Path
    raw_root: Path | None = None  # where the raw files lie, if not below `root`

    @property
    def raws(self) -> Path:
        return self.raw_root or self.root / "raw"

    def raw(self, source: str, stream: str = "") -> Path:
        """The folder of a source's streams, or of one stream."""
        return self.raws / source / stream

    def ledger(self, source: str, stream: str) -> Path:
        return self.raw(source, stream) / "stream.json"

    def models(self, source: str, stream: str = "") -> Path:
        """The folder of a source's transformed streams, or of one."""
        return self.root / "models" / source / stream

    def summary(self, source: str) -> Path:
        return self.models(source) / "summary.json"

    @property
    def manifests(self) -> Path:
        return self.root / "manifests"

    @property
    def staged(self) -> Path:
        """The folder of sets being written, of which one changes places with `manifests`, and of the set before."""
        return self.root / ".manifests"


def dumps(value: object) -> bytes:
    """Return JSON as it lies on disk: UTF-8, keys as given, two spaces, one final newline."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        BadAnswer: there is no such file.
        DiskRefused: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadAnswer(f"{path}: is not there, though other files name it") from None
    except OSError as error:
        raise DiskRefused(f"{path}: cannot be read: {reason(error, path)}") from error


def read_json(path: Path) -> Any:
    """Return the value of a file that this project wrote.

    Raises:
        BadAnswer: the file is missing or not JSON.
    """
    try:
        return orjson.loads(read(path))
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"{path}: is not JSON: {error}") from error


def parse_answer(body: bytes, where: object, *, unique: bool = False) -> tuple[str, Any]:
    """Return an API's answer as text that any JSON reader takes, and its value; `where` is named in messages.

    Escapes of lone surrogates, which are no characters, become U+FFFD in both.

    Raises:
        BadAnswer: the body is not exactly one JSON value in UTF-8, or holds NaN or Infinity, or, if keys are to be
            `unique`, one object has a key twice, so that readers may disagree.
    """
    if _SURROGATE.search(body):
        body = _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)
    try:
        text = body.decode()
        return text, json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique if unique else None)
    except RecursionError as error:
        raise BadAnswer(f"{where}: is nested too deeply") from error
    except ValueError as error:  # also of an integer of more than 4,300 digits, where Python goes on with advice for programs
        raise BadAnswer(f"{where}: is not JSON: {str(error).partition('; use sys.')[0]}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has a key twice")
    return value


def write(path: Path, content: bytes) -> None:
    """Write a file and the folders above it; whoever looks sees the old content or the new, never half.

    Raises:
        DiskRefused: there is no space or no permission.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise DiskRefused(f"{path}: cannot be written: {reason(error, path)}; what was there is kept") from error
