"""What a transform lost, by distinct ids: verify fails if one reason costs too much. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etl.transform.page import PageResult


@dataclass(frozen=True)
class PageLosses:
    """What one page lost; JSON values.

    Attributes:
        names: The id of each record, in page order; its position if it has none.
        lost: `rejected` or `dropped`, the reason or field, and the index of the record.
    """

    names: list[str]
    lost: list[tuple[str, str, int]]


def page_losses(stream: str, file: str, page: PageResult) -> PageLosses:
    """Return what a page of a stream lost."""
    rejected = {record.record: record for record in page.set_aside}
    ids = iter(model["id"] for model in page.models)
    names = [
        str(rejected[index].id or f"record {index} of {stream}/{file}") if index in rejected else next(ids)
        for index in range(page.records)
    ]
    lost = [("rejected", record.reason, record.record) for record in page.set_aside]
    return PageLosses(names, lost + [("dropped", value.field, value.record) for value in page.dropped])


@dataclass
class _Count:
    """Distinct ids, and those of them that were lost, by what and reason, each with the name of the record."""

    ids: set[str] = field(default_factory=set)
    lost: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)


class Losses:
    """Counts the records of a source that were rejected, and the fields that models lost, page by page.

    An id counts once in a stream and once in its source, in any spelling; a record without one counts for itself.
    """

    def __init__(self) -> None:
        self._counts: dict[str | None, _Count] = {None: _Count()}

    def add(self, stream: str, page: PageLosses) -> None:
        """Count the records of the next page of a stream."""
        keys = [name.casefold() for name in page.names]
        for count in (self._counts[None], self._counts.setdefault(stream, _Count())):
            count.ids.update(keys)
            for what, reason, index in page.lost:
                count.lost.setdefault((what, reason), {}).setdefault(keys[index], page.names[index])

    def report(self) -> list[dict[str, Any]]:
        """Return a row for each loss: of a stream, or of the whole source (null), how many of how many ids, and the first."""
        return [
            {
                "stream": stream,
                "what": what,
                "reason": reason,
                "ids": len(ids),
                "of": len(count.ids),
                "first": next(iter(ids.values())),
            }
            for stream, count in self._counts.items()
            for (what, reason), ids in sorted(count.lost.items())
        ]
