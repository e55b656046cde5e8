"""Reading and writing JSON files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import orjson

from etl.core.errors import InvalidDataError, StorageError, describe_os_error

if TYPE_CHECKING:
    from pathlib import Path

# Matches any escape, so that the backslashes of `\\ud800` (an escaped backslash and five letters) are consumed in pairs.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Parsers disagree about so long numbers: orjson about integers beyond 64 bits, jq about those from 2^53 up and about last digits.
# A number follows a comma, a colon, a bracket, white space or its sign; the digits of a text, such as a hash, usually do not.
_INEXACT_IN_ORJSON, _INEXACT_IN_JQ = b":" + b"0" * 19, b":" + b"0" * 16
_NUMBERS = bytes.maketrans(b"0123456789.,:[ \t\r\n-", b"0" * 11 + b":" * 8)


def dump_json(value: object) -> bytes:
    """Return the JSON of a file: UTF-8, keys in the order of `value`, indented by two spaces, with a final newline."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hex."""
    return hashlib.sha256(content).hexdigest()


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        InvalidDataError: the file is missing.
        StorageError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidDataError(f"{path}: not found, although other files refer to it") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {describe_os_error(error, path)}") from error


def read_json(path: Path) -> Any:
    """Return the value of a JSON file that this project wrote.

    Raises:
        InvalidDataError: the file is missing or not JSON.
        StorageError: the file cannot be read.
    """
    try:
        return orjson.loads(read_bytes(path))
    except orjson.JSONDecodeError as error:
        raise InvalidDataError(f"{path}: is not JSON: {error}") from error


class JsonBody(NamedTuple):
    """A response body, parsed.

    Attributes:
        text: Text that every JSON parser accepts.
        value: Its value.
        content: The bytes as they came.
        is_exact: Whether a part of the value, written by orjson, is to every JSON parser what it is in the text.
    """

    text: str
    value: Any
    content: bytes
    is_exact: bool = False


def parse_json_body(body: bytes, where: object, *, unique: bool = False) -> JsonBody:
    """Return a response body, parsed; messages begin with `where`.

    Escaped lone surrogates, which are not characters, become U+FFFD in text and value. orjson parses what it and json
    read alike; it allows 1,024 levels of nesting, json about as many, depending on the stack.

    Raises:
        InvalidDataError: the body is not exactly one JSON value in UTF-8, contains NaN or Infinity, or, with `unique`, has an
            object with a duplicate key, on which parsers disagree.
    """
    content = body
    if _SURROGATE.search(body):
        body = _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)
    try:
        text = body.decode()
        numbers = (b" " + body).translate(_NUMBERS)
        is_exact = _INEXACT_IN_JQ not in numbers
        if not unique and (is_exact or _INEXACT_IN_ORJSON not in numbers):
            with suppress(
                orjson.JSONDecodeError
            ):  # also for 1e400, which json reads as infinity; of others it says what is wrong
                return JsonBody(text, orjson.loads(body), content, is_exact)
        hook = _reject_duplicate_keys if unique else None
        return JsonBody(text, json.loads(text, parse_constant=_reject_constant, object_pairs_hook=hook), content)
    except RecursionError as error:
        raise InvalidDataError(f"{where}: is nested too deeply") from error
    except ValueError as error:  # also for an integer of over 4,300 digits, where Python adds advice for programmers
        raise InvalidDataError(f"{where}: is not JSON: {str(error).partition('; use sys.')[0]}") from error


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has a duplicate key")
    return value


def ignore_in_git(folder: Path) -> Path:
    """Make git ignore a folder, which is created; return the file that says so. Several processes may do so at once.

    Raises:
        StorageError: it cannot be written.
    """
    path = folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"*\n")
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}") from error
    return path


_own_names: dict[int, str] = {}  # what the names of partial files have in them, by the process that writes them


def use_own_partial_names() -> None:
    """Give the partial files of this process names that no other process on any machine gives.

    For workers, which may outlive their run and its locks: whoever takes over their pages may be writing the same files.
    """
    _own_names.setdefault(os.getpid(), f"{secrets.token_hex(8)}.")


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file and create its parent folders; readers see the old content or the new, never a part.

    Raises:
        StorageError: the disk is full, or a permission is missing; the old content is kept.
    """
    partial = path.with_name(f".{path.name}.{_own_names.get(os.getpid(), '')}partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}; the old content is kept") from error
