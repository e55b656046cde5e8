"""Reading and writing JSON files."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from etl.core.errors import InvalidDataError, StorageError, describe_os_error

if TYPE_CHECKING:
    from pathlib import Path

# Any escape, so that the backslashes of `\\ud800` (a backslash and five letters) are taken in pairs.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def dump_json(value: object) -> bytes:
    """Return JSON as it lies on disk: UTF-8, keys as given, two spaces, one final newline."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hex."""
    return hashlib.sha256(content).hexdigest()


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        BadAnswer: there is no such file.
        DiskRefused: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidDataError(f"{path}: is not there, though other files name it") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {describe_os_error(error, path)}") from error


def read_json(path: Path) -> Any:
    """Return the value of a file that this project wrote.

    Raises:
        BadAnswer: the file is missing or not JSON.
    """
    try:
        return orjson.loads(read_bytes(path))
    except orjson.JSONDecodeError as error:
        raise InvalidDataError(f"{path}: is not JSON: {error}") from error


def parse_json_body(body: bytes, where: object, *, unique: bool = False) -> tuple[str, Any]:
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
        raise InvalidDataError(f"{where}: is nested too deeply") from error
    except ValueError as error:  # also of an integer of more than 4,300 digits, where Python goes on with advice for programs
        raise InvalidDataError(f"{where}: is not JSON: {str(error).partition('; use sys.')[0]}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has a key twice")
    return value


def write_atomic(path: Path, content: bytes) -> None:
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
        raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}; what was there is kept") from error
