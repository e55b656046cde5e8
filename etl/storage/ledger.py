"""The ledger of a stream: which pages it has, and how its reading ended. Extraction writes it, the other stages follow it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from etl.core.errors import InvalidDataError
from etl.core.schemas import load_schema
from etl.storage.json_files import dump_json, read_json, write_atomic

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from etl.core.layout import DataDir


@dataclass(frozen=True)
class PageEntry:
    """One answer of the API. `url` and `next` are path and query; times are UTC."""

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
    """What a stream has read; `failed_at` is the first failure since the last good reading.

    `duplicates` counts models that came again, `strangers` those that the asked options should have kept out.
    """

    pages: tuple[PageEntry, ...]
    checked_at: str
    complete: bool
    exhausted: bool
    failed_at: str | None = None
    failed: str | None = None
    duplicates: int = 0
    strangers: int = 0

    @property
    def timestamp(self) -> str:
        """When the newest of its bytes first came."""
        return max(page.fetched_at for page in self.pages)

    @property
    def param_names(self) -> list[str]:
        """The names of the parameters of its request."""
        return [key for key, _ in parse_qsl(self.pages[0].url.partition("?")[2], keep_blank_values=True)]

    @property
    def records(self) -> int:
        return sum(page.records for page in self.pages)


def list_streams(data: DataDir, source: str) -> list[str]:
    """Return the names of the streams on disk that have a ledger, sorted."""
    return sorted(path.parent.name for path in data.raw(source).glob("[!.]*/stream.json"))


def read_ledger(data: DataDir, source: str, stream: str) -> Ledger:
    """Return a stream's ledger.

    Raises:
        InvalidDataError: it does not keep its contract; the message says how it comes again.
    """
    try:
        return parse_ledger(data.ledger(source, stream))
    except InvalidDataError as error:
        raise InvalidDataError(f"{error}; ask again: make extract SOURCE={source}") from error


def parse_ledger(path: Path) -> Ledger:
    """Return the ledger in a file, in place or of a stream being read.

    Raises:
        InvalidDataError: it does not keep its contract.
    """
    value = read_json(path)
    if violations := load_schema("ledger").violations(value):
        raise InvalidDataError(f"{path}: {violations[0]}")
    pages = tuple(PageEntry(**page) for page in value.pop("pages"))
    return Ledger(pages, **value)


def read_ledger_or_none(path: Path) -> Ledger | None:
    """Return the ledger in a file; null when there is none that keeps its contract, so that all is read anew.

    Raises:
        DiskRefused: it cannot be read.
    """
    try:
        return parse_ledger(path) if path.is_file() else None
    except InvalidDataError:
        return None


def read_verified_body(folder: Path, page: PageEntry) -> bytes | None:
    """Return the bytes of a page; null when they are not there or not those of its ledger."""
    try:
        body = (folder / page.file).read_bytes()
    except FileNotFoundError:
        return None
    return body if hashlib.sha256(body).hexdigest() == page.sha256 else None


def request_differences(ledger: Ledger, query: str, neutral_params: Container[str]) -> tuple[str, str]:
    """Return the parameters that only the request of a ledger has, and those that only a query has, both as in a query.

    `neutral_params`, which neither select nor order records, do not count: both are empty where the requests give the same.
    """
    asked, asks = (
        {pair for pair in parse_qsl(text, keep_blank_values=True) if pair[0] not in neutral_params}
        for text in (ledger.pages[0].url.partition("?")[2], query)
    )
    return urlencode(sorted(asked - asks)), urlencode(sorted(asks - asked))


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write a ledger, whole or not at all.

    Raises:
        DiskRefused: there is no space or no permission.
    """
    write_atomic(path, dump_json({key: value for key, value in asdict(ledger).items() if value is not None}))


def age_s(then: str, now: str) -> float:
    """Return the seconds from one time to another, both as ledgers hold them; without end where the first is none."""
    try:
        return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()
    except (ValueError, TypeError):  # a person wrote it
        return inf
