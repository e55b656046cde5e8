"""When a stream is complete enough: its manifests are full, counting only models that no complete stream on disk withholds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

from etl.core.errors import EtlError
from etl.expressions.evaluator import Evaluator
from etl.selection.record_tally import RecordTally
from etl.selection.safety import RejectedRecord, Safety
from etl.selection.stored import StoredStreams
from etl.selection.tally import Tally
from etl.sources.source import get_source
from etl.storage.json_files import read_bytes
from etl.storage.ledger import list_streams, read_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.config.filters import Stream
    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.storage.json_files import JsonBody
    from etl.storage.ledger import Ledger
    from etl.storage.locks import Locks


class _Rejected(Protocol):
    @property
    def id(self) -> object: ...
    @property
    def reason(self) -> str: ...
    @property
    def levels(self) -> Mapping[str, Any] | None: ...


class TransformedPage(Protocol):
    """What the transform makes of a page, as far as it matters here."""

    @property
    def models(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def set_aside(self) -> Sequence[_Rejected]: ...


@dataclass(frozen=True)
class Progress:
    """What the pages of a stream contain so far.

    Attributes:
        is_sufficient: Whether every manifest of the stream is full.
        models: How many distinct models.
        duplicates: How many records of models that were there already.
        unrequested: How many models the request should have excluded.
    """

    is_sufficient: bool
    models: int = 0
    duplicates: int = 0
    unrequested: int = 0


class SufficiencyCheck:
    """Assesses the streams of a source as their pages arrive; a context, since a process evaluates the expressions.

    `transform` turns the body of a page, parsed or not, into models; its second argument is only named in messages.
    `has_current_models` returns whether data/models was made from the pages on disk.

    Attributes:
        tallies: The models of each stream, by its name, except for those whose pages are not transformed.
    """

    def __init__(
        self, data: DataDir, source: SourceConfig, locks: Locks,
        transform: Callable[[JsonBody | bytes, object], TransformedPage], has_current_models: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._data, self._source, self._locks = data, source, locks
        self._evaluator = Evaluator(source.expressions)
        self._transform, self._has_current_models = transform, has_current_models
        self._api = get_source(source.name)
        self.tallies: dict[str, Tally] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._evaluator.close()

    def assess(self, stream: Stream) -> Callable[[JsonBody, str], Progress]:
        """Return a function that takes the pages of a stream in order with their times, and returns what they contain so far.

        Pages are transformed only where models decide whether the stream is complete enough or was requested.
        """
        if not stream.is_judged_by_models:
            return self._count_records(stream)
        tally = self.tallies[stream.name] = Tally(self._source, self._evaluator, stream.name)
        is_partial = self._api.has_partial_records(stream.params)

        def assess_page(body: JsonBody, fetched_at: str) -> Progress:
            page = self._transform(body, "the response")
            tally.add_page(page.models, fetched_at)
            self._safety.add(stream.name, page.models, _rejected(page), is_partial=is_partial)
            is_full = tally.is_full(stream.filters)
            if is_full:  # withheld models are looked up only where that decides
                tally.apply(self._safety)
                is_full = tally.is_full(stream.filters)
            return Progress(is_full, tally.models, tally.duplicates, tally.models - tally.count_own(stream.was_requested))

        return assess_page

    def _count_records(self, stream: Stream) -> Callable[[JsonBody, str], Progress]:
        """Return the function for a stream that is read to its end: its records only say what other streams withhold."""
        tally = RecordTally(self._source)
        is_partial = self._api.has_partial_records(stream.params)
        is_withholding = any(other.is_judged_by_models for other in self._source.streams)

        def count_page(body: JsonBody, _fetched_at: str) -> Progress:
            page = tally.add_page(body)
            if is_withholding:
                self._safety.add(stream.name, page.models, page.set_aside, is_partial=is_partial)
            return Progress(is_sufficient=False, models=tally.models, duplicates=tally.duplicates)

        return count_page

    def withhold(self) -> None:
        """Withhold models from all streams read so far, by what their other records say."""
        for tally in self.tallies.values():
            tally.apply(self._safety)

    @cached_property
    def _safety(self) -> Safety:
        """What the complete streams on disk say, then the pages of this run; what cannot be read says nothing."""
        with suppress(EtlError), self._locks.hold(reads=[self._data.models(self._source.name)]):
            if self._has_current_models():
                return StoredStreams(self._data, self._source).safety
        safety = Safety(self._api.never_published)
        for name in list_streams(self._data, self._source.name):
            with suppress(EtlError):
                self._add(safety, name, read_ledger(self._data, self._source.name, name))
        return safety

    def _add(self, safety: Safety, stream: str, ledger: Ledger) -> None:
        """Add the pages of a stream on disk that has no models yet."""
        for raw in ledger.pages if ledger.complete else ():
            path = self._data.raw(self._source.name, stream) / raw.file
            page = self._transform(read_bytes(path), path)
            safety.add(stream, page.models, _rejected(page), is_partial=self._api.has_partial_records(ledger.param_names))


def _rejected(page: TransformedPage) -> list[RejectedRecord]:
    return [RejectedRecord(record.id, record.reason, record.levels) for record in page.set_aside]
