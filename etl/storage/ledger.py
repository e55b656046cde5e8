"""The ledger of a stream: its pages and how fetching ended. Extract writes it, the later stages read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from etl.core.errors import InvalidDataError
from etl.core.schemas import load_schema
from etl.storage.json_files import dump_json, read_json, sha256, write_atomic

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from etl.core.layout import DataDir


@dataclass(frozen=True)
class PageEntry:
    """One response of the API. `url` and `next` are path and query; times are UTC."""

    url: str
    file: str
    sha256: str
    bytes: int
    etag: str | None
    fetched_at: str
    records: int
    next: str | None


@dataclass(frozen=True)
class Ledger:
    """The pages of a stream and how fetching ended; `failed_at` is the first failure since the last good fetch.

    `duplicates` counts repeated models, `strangers` the unrequested ones: those the request parameters should have excluded.
    """

    pages: tuple[PageEntry, ...]
    checked_at: str
    complete: bool
    exhausted: bool
    failed_at: str | None = None
    failed: str | None = None
    duplicates: int = 0
    strangers: int = 0

    @cached_property  # for each page, in loops over pages
    def timestamp(self) -> str:
        """The latest `fetched_at` of the pages."""
        return max(page.fetched_at for page in self.pages)

    @property
    def param_names(self) -> list[str]:
        """The names of the request parameters."""
        return [key for key, _ in parse_qsl(self.pages[0].url.partition("?")[2], keep_blank_values=True)]

    @property
    def records(self) -> int:
        return sum(page.records for page in self.pages)


def page_file(number: int) -> str:
    """Return the name of the file of a stream's page, counted from 1."""
    return f"page-{number:04}.json"


def list_streams(data: DataDir, source: str) -> list[str]:
    """Return the names of the streams on disk that have a ledger, sorted."""
    return sorted(path.parent.name for path in data.raw(source).glob("[!.]*/stream.json"))


def read_ledger(data: DataDir, source: str, stream: str) -> Ledger:
    """Return a stream's ledger.

    Raises:
        InvalidDataError: it is missing or violates its schema; the message says how to fetch the stream again.
        StorageError: it cannot be read.
    """
    try:
        return parse_ledger(data.ledger(source, stream))
    except InvalidDataError as error:
        raise InvalidDataError(f"{error}; fetch it again: make extract SOURCE={source}") from error


def parse_ledger(path: Path) -> Ledger:
    """Return the ledger in a file, which may be that of a partial stream.

    Raises:
        InvalidDataError: it is missing or violates its schema.
        StorageError: it cannot be read.
    """
    return ledger_of(read_json(path), path)


def ledger_of(value: Any, where: object) -> Ledger:
    """Return the ledger that a JSON value is; messages begin with `where`.

    Raises:
        InvalidDataError: it violates its schema.
    """
    if violations := load_schema("ledger").violations(value):
        raise InvalidDataError(f"{where}: {violations[0]}")
    pages = tuple(PageEntry(**page) for page in value.pop("pages"))
    return Ledger(pages, **value)


def read_ledger_or_none(path: Path) -> Ledger | None:
    """Return the ledger in a file; None if it is absent or invalid, so that the stream is fetched from the start.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        return parse_ledger(path) if path.is_file() else None
    except InvalidDataError:
        return None


def read_verified_body(folder: Path, page: PageEntry) -> bytes | None:
    """Return the bytes of a page; None if the file is absent or differs from the ledger's hash."""
    try:
        body = (folder / page.file).read_bytes()
    except FileNotFoundError:
        return None
    return body if sha256(body) == page.sha256 else None


def request_differences(ledger: Ledger, query: str, neutral_params: Container[str]) -> tuple[str, str]:
    """Return two query strings: the parameters that only a ledger's request has, and those that only `query` has.

    `neutral_params`, which neither select nor order records, are ignored: both are empty if the requests are equivalent.
    """
    left, right = (
        {pair for pair in parse_qsl(text, keep_blank_values=True) if pair[0] not in neutral_params}
        for text in (ledger.pages[0].url.partition("?")[2], query)
    )
    return urlencode(sorted(left - right)), urlencode(sorted(right - left))


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write a ledger, completely or not at all.

    Raises:
        StorageError: the disk is full, or a permission is missing.
    """
    write_atomic(path, dump_json({key: value for key, value in asdict(ledger).items() if value is not None}))


def age_s(then: str, now: str) -> float:
    """Return the seconds between two ISO 8601 times; infinity if one is invalid."""
    try:
        return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()
    except (ValueError, TypeError):  # the file was edited by hand
        return inf
