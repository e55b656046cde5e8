"""Raw streams as the checks need them: counts of their records, and the few records of which more must be known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sources.source import StatedUse
    from etl.storage.ledger import Ledger, PageEntry


class RawRecord(NamedTuple):
    """What one record says.

    Attributes:
        page_index: Its index among the records of its page.
        id: As spelled; empty if it has none.
        rejections: The codes of all reasons why it must never be published.
        flagged: Whether it is flagged as mature.
        level: The index in LEVELS of its mildest content; 0 for a source without levels.
        level_most: The index of its most explicit content.
        is_unrequested: Whether the request of its stream should have excluded it.
        values: Its values in `value_fields` of its stream; None if it has none.
        position: Its position among the records of its page, then of its stream, that are objects.
        use: What it says of commercial use; None for a source without it.
        stream: The stream that contains it.
        page: The file of its page, and the JSON path of the records in it.
        fetched_at: When its page was fetched.
    """

    page_index: int
    id: str
    rejections: tuple[str, ...]
    flagged: bool
    level: int
    level_most: int
    is_unrequested: bool
    values: tuple[float | None, ...]
    position: int
    use: StatedUse | None = None
    stream: str = ""
    page: str = ""
    fetched_at: str = ""

    @property
    def where(self) -> str:
        """Its file and JSON path."""
        return f"{self.page}[{self.page_index}]"


class RawPage(NamedTuple):
    """A page of a stream: what its ledger says of it, and what it is itself.

    Attributes:
        entry: Its entry in the ledger.
        bytes: Its length.
        sha256: Its hash.
        record_count: How many records it has.
        read_error: Why it could not be read; None if it was.
    """

    entry: PageEntry
    bytes: int
    sha256: str
    record_count: int
    read_error: str | None = None


class RawOrder(NamedTuple):
    """How the records of a stream keep the requested order.

    Attributes:
        ranked: How many have a rank.
        out_of_order: How many are out of order; not exact where these are few enough.
        first: Where the first is whose rank is above that of the one before; empty without one.
    """

    ranked: int = 0
    out_of_order: int = 0
    first: str = ""


@dataclass
class RawStream:
    """A stream on disk: `params` are those of its request, `sort_key` what that sorts by, `where` its ledger.

    Attributes:
        value_fields: The fields of models that filters order by and whose values its records state.
        pages: Its pages, in order.
        record_count: How many of its records are objects.
        unrequested: How many of them the request should have excluded.
        first_unrequested: Where the first of these is; empty without one.
        leaks: What the API's own filters should have excluded, by reason.
        order: How they keep the requested order.
        records: All records of some models in stream order, by `model_key`: of those in manifests, and of those whose ids are
            spelled in several ways; by the position of the first.
    """

    source: str
    name: str
    ledger: Ledger
    params: dict[str, list[str]]
    sort_key: str
    has_partial_records: bool
    where: str
    value_fields: tuple[str, ...] = ()
    pages: list[RawPage] = field(default_factory=list)
    record_count: int = 0
    unrequested: int = 0
    first_unrequested: str = ""
    leaks: Counter[str] = field(default_factory=Counter)
    order: RawOrder = field(default_factory=RawOrder)
    records: dict[str, list[RawRecord]] = field(default_factory=dict)

    @property
    def has_read_errors(self) -> bool:
        return any(page.read_error for page in self.pages)

    def records_of(self, key: str) -> Sequence[RawRecord]:
        """Return the records of a model, by `model_key`, of which `records` has any."""
        return self.records.get(key, ())

    def positions_of(self, key: str) -> list[int]:
        """Return the positions of the records of a model, rising, by `model_key`."""
        return [record.position for record in self.records_of(key)]


def model_key(identity: str) -> str:
    """Return what all spellings of an id share: ids of the Hub are unique regardless of case."""
    return identity.casefold()
