"""What a transform lost, by distinct ids: verify fails if one reason costs too much. No I/O."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.transform.hashes import HashSet, distinct_hashes

if TYPE_CHECKING:
    from etl.transform.page import PageResult


class PageLosses(NamedTuple):
    """What one page lost.

    Attributes:
        ids: The hash of the id of each record, in any spelling; of its position if it has none.
        lost: `rejected` or `dropped`, the reason or field, and the id.
    """

    ids: bytes
    lost: list[tuple[str, str, str]]


def page_losses(stream: str, file: str, page: PageResult) -> PageLosses:
    """Return what a page of a stream lost."""
    names = [model["id"] for model in page.models]
    for record in page.set_aside:  # in page order
        names.insert(record.record, str(record.id or f"record {record.record} of {stream}/{file}"))
    lost = [("rejected", record.reason, names[record.record]) for record in page.set_aside]
    lost += [("dropped", value.field, names[value.record]) for value in page.dropped]
    return PageLosses(_hashes(names), lost)


class _Lost(NamedTuple):
    """The ids of the records that were lost for one reason, and the first of them."""

    first: str
    ids: HashSet


class Losses:
    """Counts the records of a source that were rejected, and the fields that models lost, page by page.

    An id counts once in a stream and once in its source, in any spelling; a record without one counts for itself.
    """

    def __init__(self) -> None:
        self._ids = defaultdict[str, HashSet](HashSet)
        self._lost: dict[str | None, dict[tuple[str, str], _Lost]] = {None: {}}

    def add(self, stream: str, page: PageLosses) -> None:
        """Count the records of the next page of a stream."""
        self._ids[stream].add(page.ids)
        for lost in (self._lost[None], self._lost.setdefault(stream, {})):
            for what, reason, name in page.lost:
                if (what, reason) not in lost:
                    lost[what, reason] = _Lost(name, HashSet())
                lost[what, reason].ids.add(_hashes([name]))

    def report(self) -> list[dict[str, Any]]:
        """Return a row for each loss: of a stream, or of the whole source (null), how many of how many ids, and the first."""
        rows: list[dict[str, Any]] = []
        for stream, losses in self._lost.items():
            records = HashSet.count([self._ids[stream]] if stream else [*self._ids.values()]) if losses else 0
            rows += [
                {
                    "stream": stream,
                    "what": what,
                    "reason": reason,
                    "ids": HashSet.count([lost.ids]),
                    "of": records,
                    "first": lost.first,
                }
                for (what, reason), lost in sorted(losses.items())
            ]
        return rows


def _hashes(names: list[str]) -> bytes:
    return distinct_hashes(name.casefold() for name in names)
