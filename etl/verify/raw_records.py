"""Raw pages and their records as the checks need them: read a second time, without what the transform made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from etl.core.errors import EtlError, InvalidDataError
from etl.storage.json_files import parse_json_body, read_bytes
from etl.verify.levels import LevelRange, civitai_rejections, hub_rejections, is_set, level_range, objects, whole_number
from etl.verify.order import Fetch, rank, seconds, sort_field

if TYPE_CHECKING:
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.storage.ledger import Ledger, PageEntry


class RawRecord(NamedTuple):
    """What one record says.

    Attributes:
        stream: The stream that it is in.
        where: Its file and JSON path.
        id: As spelled; empty where there is none.
        rejections: The codes of all reasons why it must never be published.
        flagged: Whether CivitAI calls it nsfw.
        levels: Its content levels, of CivitAI; pg of the Hub.
        rank: Its key in the requested order, in steps; None if it says nothing.
    """

    stream: str
    where: str
    id: str
    rejections: tuple[str, ...]
    flagged: bool
    levels: LevelRange
    type: object
    bases: frozenset[str]
    rank: float | None


@dataclass(frozen=True)
class RawPage:
    """A page of a stream: what its ledger says of it, and what it is and says itself."""

    told: PageEntry
    bytes: int
    sha256: str
    records: int
    said: list[RawRecord]  # of records that are objects
    unread: str | None = None  # why it could not be read


@dataclass(frozen=True)
class RawStream:
    """A stream on disk; `asked` are the parameters of its request."""

    source: str
    name: str
    ledger: Ledger
    asked: dict[str, list[str]]
    pages: list[RawPage]
    where: str  # its ledger

    @property
    def is_unread(self) -> bool:
        return any(page.unread for page in self.pages)

    @property
    def is_trimmed(self) -> bool:
        """Whether its records show some of their versions only: CivitAI leaves out those of other base models."""
        return "baseModels" in self.asked

    @cached_property
    def positions(self) -> dict[str, list[int]]:
        """Where in the stream the records of each model are, rising, by `model_key`."""
        positions: dict[str, list[int]] = {}
        for position, read_raw_stream in enumerate(self.said):
            positions.setdefault(model_key(read_raw_stream.id), []).append(position)
        return positions

    @cached_property
    def said(self) -> list[RawRecord]:
        """All records in their order."""
        return [each for page in self.pages for each in page.said]

    def of(self, key: str) -> list[RawRecord]:
        """Return the records of a model, by `model_key`."""
        return [self.said[position] for position in self.positions.get(key, ())]


def model_key(identity: str) -> str:
    """Return what is equal for all spellings of an id: those of the Hub are unique regardless of case."""
    return identity.casefold()


def read_raw_stream(data: DataDir, source: str, stream: str, ledger: Ledger) -> RawStream:
    """Read the pages of a stream."""
    asked = parse_qs(ledger.pages[0].url.partition("?")[2])
    field = sort_field(asked)
    first_s = seconds(ledger.pages[0].fetched_at)
    read_record = _civitai if source == "civitai" else _hub
    items = "$.items" if source == "civitai" else "$"
    pages = []
    for page in ledger.pages:
        path = data.raw(source, stream) / page.file
        try:
            body = read_bytes(path)
            records = _records(body, path, items)
        except EtlError as error:
            pages.append(RawPage(page, 0, "", 0, [], str(error)))
            continue
        fetch = Fetch(first_s, seconds(page.fetched_at))
        found = [
            read_record(stream, f"{path}: {items}[{index}]", record, field, fetch)
            for index, record in enumerate(records)
            if isinstance(record, dict)
        ]
        pages.append(RawPage(page, len(body), hashlib.sha256(body).hexdigest(), len(records), found))
    return RawStream(source, stream, ledger, asked, pages, str(data.ledger(source, stream)))


def _records(body: bytes, path: Path, items: str) -> list[Any]:
    value = parse_json_body(body, path)[1]
    if items != "$":
        value = value.get("items") if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise InvalidDataError(f"{path}: {items} must be a list of records")
    return value


def _hub(stream: str, where: str, record: dict[str, Any], field: str, fetch: Fetch) -> RawRecord:
    return RawRecord(
        stream, where, _id(record), hub_rejections(record), False, LevelRange(0, 0), None, frozenset(),  # noqa: FBT003  a field
        rank(field, record.get(field), fetch),
    )  # fmt: skip


def _civitai(stream: str, where: str, record: dict[str, Any], field: str, fetch: Fetch) -> RawRecord:
    stats = record.get("stats")
    bases = (version.get("baseModel") for version in objects(record.get("modelVersions")))
    return RawRecord(
        stream, where, _id(record), civitai_rejections(record), is_set(record.get("nsfw")), level_range(record),
        record.get("type"), frozenset(base for base in bases if isinstance(base, str)),
        rank(field, stats.get(field), fetch) if isinstance(stats, dict) else None,
    )  # fmt: skip


def _id(record: dict[str, Any]) -> str:
    identity = record.get("id")
    if isinstance(identity, str):
        return identity
    number = whole_number(identity)
    return "" if number is None else str(number)
