"""What a transform lost, by distinct ids: verify fails where one reason costs too much. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etl.transform.page import PageResult


@dataclass
class _Count:
    """Distinct ids, and those of them that were lost, by what (`rejected` or `dropped`) and reason or field."""

    ids: set[str] = field(default_factory=set)
    lost: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)


class Losses:
    """Counts the records of a source that were rejected, and the fields that models lost, page by page.

    An id counts once in a stream and once in its source, in any spelling; a record without one counts for itself.
    """

    def __init__(self) -> None:
        self._counts: dict[str | None, _Count] = {None: _Count()}

    def add(self, stream: str, file: str, page: PageResult) -> None:
        """Count the records of a page of a stream."""
        rejected = {record.record: record for record in page.set_aside}
        names = iter(model["id"] for model in page.models)
        by_record = [
            str(rejected[place].id or f"record {place} of {stream}/{file}") if place in rejected else next(names)
            for place in range(page.records)
        ]
        lost = [("rejected", record.reason, record.record) for record in page.set_aside]
        lost += [("dropped", each.field, each.record) for each in page.dropped]
        keys = [name.casefold() for name in by_record]
        for count in (self._counts[None], self._counts.setdefault(stream, _Count())):
            count.ids.update(keys)
            for what, reason, place in lost:
                count.lost.setdefault((what, reason), {}).setdefault(keys[place], by_record[place])

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
