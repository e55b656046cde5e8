"""What raw pages say of their records, read a second time: what levels and flags mean is written here again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from etl.errors import EtlError
from etl.files import parse_answer, read

if TYPE_CHECKING:
    from etl.files import Data
    from etl.ledger import Ledger, RawPage

LEVELS = ("pg", "pg13", "r", "x", "xxx")
# What an order of the request sorts by, the greatest first; of other orders the answers do not tell.
_SORTED_BY = {
    "downloads": "downloads", "likes": "likes", "lastModified": "lastModified", "createdAt": "createdAt",
    "Most Downloaded": "downloadCount", "Most Liked": "thumbsUpCount", "Most Discussed": "commentCount",
}  # fmt: skip


class Said(NamedTuple):
    """What one record says.

    Attributes:
        where: Its file and JSON path.
        barred: Why it must never be published; null where nothing forbids it.
        level: Its content level, of CivitAI.
        rank: What the order that was asked sorts by; null where it is not told.
    """

    where: str
    id: str
    barred: str | None
    level: str
    type: object
    bases: frozenset[str]
    rank: float | str | None


@dataclass(frozen=True)
class SaidPage:
    """A page of a stream: what its ledger says of it, and what it is and says itself."""

    told: RawPage
    bytes: int
    sha256: str
    records: int
    said: list[Said]  # of records that are objects
    unread: str | None = None  # why it could not be read


@dataclass(frozen=True)
class SaidStream:
    """A stream on disk; `asked` are the parameters of its request."""

    source: str
    name: str
    ledger: Ledger
    asked: dict[str, list[str]]
    pages: list[SaidPage]
    where: str  # its ledger

    @property
    def is_unread(self) -> bool:
        return any(page.unread for page in self.pages)

    @cached_property
    def by_id(self) -> dict[str, list[Said]]:
        records: dict[str, list[Said]] = {}
        for said in self.said:
            records.setdefault(said.id, []).append(said)
        return records

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The place of each id, where it stands first."""
        return {identity: rank for rank, identity in enumerate(self.by_id)}

    @cached_property
    def said(self) -> list[Said]:
        """All records in their order."""
        return [each for page in self.pages for each in page.said]


def said(data: Data, source: str, stream: str, ledger: Ledger) -> SaidStream:
    """Read the pages of a stream."""
    asked = parse_qs(ledger.pages[0].url.partition("?")[2])
    key = _SORTED_BY.get(asked.get("sort", [""])[0], "")
    pages = []
    for page in ledger.pages:
        path = data.raw(source, stream) / page.file
        try:
            body = read(path)
            value = parse_answer(body, path)[1]
            records = list(value["items"] if source == "civitai" else value)
        except (EtlError, TypeError, KeyError) as error:
            pages.append(SaidPage(page, 0, "", 0, [], str(error) if isinstance(error, EtlError) else f"{page.file} is no page"))
            continue
        place = f"{path}: $.items" if source == "civitai" else f"{path}: $"
        read_record = _civitai if source == "civitai" else _hub
        found = [read_record(f"{place}[{n}]", each, key) for n, each in enumerate(records) if isinstance(each, dict)]
        pages.append(SaidPage(page, len(body), hashlib.sha256(body).hexdigest(), len(records), found))
    return SaidStream(source, stream, ledger, asked, pages, str(data.ledger(source, stream)))


def _hub(where: str, record: dict[str, Any], key: str) -> Said:
    barred = next((word for word in ("private", "disabled") if record.get(word)), None)
    return Said(where, str(record.get("id")), barred, "", None, frozenset(), _rank(record.get(key)))


def _civitai(where: str, record: dict[str, Any], key: str) -> Said:
    stats = record.get("stats")
    versions = record.get("modelVersions")
    bases = [each.get("baseModel") for each in versions if isinstance(each, dict)] if isinstance(versions, list) else []
    return Said(
        where, str(record.get("id")), _barred(record), _level(record), record.get("type"),
        frozenset(base for base in bases if isinstance(base, str)),
        _rank(stats.get(key)) if isinstance(stats, dict) else None,
    )  # fmt: skip


def _rank(value: object) -> float | str | None:
    return value if isinstance(value, int | float | str) else None


def _barred(record: dict[str, Any]) -> str | None:
    """Return why a model of CivitAI must never be published: what is neither false nor null counts as said."""
    for word in ("poi", "minor"):
        if record.get(word) is not None and record[word] is not False:
            return word
    if record.get("mode") == "TakenDown":
        return "taken down"
    return "blocked" if int(_number(record)) & 32 else None


def _level(record: dict[str, Any]) -> str:
    """Return the first level whose bit is set, not below r where the model is flagged; xxx of none."""
    number = _number(record)
    bits = 0 if number % 1 else int(number)
    lowest = next((place for place in range(bits.bit_length()) if bits >> place & 1), len(LEVELS))
    if record.get("nsfw") is not None and record["nsfw"] is not False:
        lowest = max(lowest, LEVELS.index("r"))
    return LEVELS[min(lowest, len(LEVELS) - 1)]


def _number(record: dict[str, Any]) -> float:
    """Return the level's bits; 0 of what is no positive number."""
    value = record.get("nsfwLevel")
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0
