"""When a stream was read far enough: its manifests are full, of models that no complete stream on disk withholds."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from etl.errors import EtlError
from etl.extract.reading import Judged
from etl.files import read
from etl.ledger import read_ledger, streams
from etl.safety import Rejected, Safety
from etl.selection import Selection
from etl.stored import Streams, shows_a_part
from etl.transform.page import models_of
from etl.transform.stage import current_summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.files import Data
    from etl.filters import Source, Stream
    from etl.ledger import Ledger
    from etl.locks import Locks
    from etl.transform.page import Page


class Enough:
    """Judges the streams of a source as their pages come."""

    def __init__(self, data: Data, source: Source, limit: int, locks: Locks) -> None:
        self._data, self._source, self._limit, self._locks = data, source, limit, locks
        self.selections: dict[str, Selection] = {}

    def judge(self, stream: Stream) -> Callable[[bytes], Judged]:
        """Return a function to which the pages of a stream are given in order, and which tells what they contain so far."""
        selection = self.selections[stream.name] = Selection(self._source, stream.name)

        def judged(body: bytes) -> Judged:
            page = models_of(self._source.name, body, "the response", self._source.sizes)
            selection.feed(page.models)
            models = len(selection.models)
            requested = sum(len(group.places) for group in selection.groups if stream.keeps(group.own))
            self._safety.add(stream.name, page.models, _rejected(page), is_partial=shows_a_part(stream.asks))
            is_full = selection.is_full(stream.filters, self._limit)
            if is_full:  # withheld models are looked for only where that decides
                selection.apply(self._safety)
                is_full = selection.is_full(stream.filters, self._limit)
            return Judged(is_full, models, len(selection.duplicates), models - requested)

        return judged

    def withhold(self) -> None:
        """Leave out of all streams read so far what other records withhold."""
        for selection in self.selections.values():
            selection.apply(self._safety)

    @cached_property
    def _safety(self) -> Safety:
        """What the complete streams on disk say, and then the pages of this run; what cannot be read says nothing."""
        with suppress(EtlError), self._locks.hold(reads=[self._data.models(self._source.name)]):
            if current_summary(self._data, self._source.name, self._source.sizes):
                return Streams(self._data, self._source).safety
        safety = Safety()
        for name in streams(self._data, self._source.name):
            with suppress(EtlError):
                self._add(safety, name, read_ledger(self._data, self._source.name, name))
        return safety

    def _add(self, safety: Safety, stream: str, ledger: Ledger) -> None:
        """Add the pages of a stream on disk of which no models were made yet."""
        for raw in ledger.pages if ledger.complete else ():
            path = self._data.raw(self._source.name, stream) / raw.file
            page = models_of(self._source.name, read(path), path)
            safety.add(stream, page.models, _rejected(page), is_partial=shows_a_part(ledger.asks))


def _rejected(page: Page) -> list[Rejected]:
    return [Rejected(record.id, record.reason, record.levels) for record in page.set_aside]
