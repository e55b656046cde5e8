"""The complete streams of a source as data/raw and data/models have them: their models, and what all of them say of each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from etl.contracts import contract
from etl.errors import BadAnswer, Missing
from etl.files import read_json
from etl.filters import query
from etl.ledger import read_ledger, streams
from etl.safety import Safety, key_of
from etl.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.files import Data
    from etl.filters import Source
    from etl.ledger import Ledger

_NOT_SELECTING = {"limit", "expand"}  # parameters that neither select nor order records


class OnDisk(NamedTuple):
    """A complete stream on disk: its ledger, its models, and how many records they were made of."""

    ledger: Ledger
    selection: Selection
    records: int


class Streams:
    """The complete streams of a source, read when they are first asked for; the ledgers at once.

    Every stream counts for what its records say of the safety of a model, also one that no filter reads any more.

    Raises:
        BadAnswer: a ledger violates its schema.
    """

    def __init__(self, data: Data, source: Source) -> None:
        self._data, self._source = data, source
        ledgers = {name: read_ledger(data, source.name, name) for name in streams(data, source.name)}
        self.ledgers: dict[str, Ledger] = {name: ledger for name, ledger in ledgers.items() if ledger.complete}

    def get(self, stream: str) -> OnDisk | None:
        """Return a stream; None where no complete one is on disk, or one of another request: see `missing_reason`.

        Raises:
            Missing: models were not made yet.
            BadAnswer: the summary or models violate their schemas.
        """
        return None if self.missing_reason(stream) else self._read[stream]

    def every(self) -> dict[str, OnDisk]:
        """Return all of them by name, also those of which the request is another by now."""
        return self._read

    def selections(self) -> list[Selection]:
        """Return the models of all of them."""
        return [stored.selection for stored in self._read.values()]

    def missing_reason(self, stream: str) -> str | None:
        """Return why a stream is as good as missing; None where it is not.

        That is where the request of its ledger selects or orders other records than filters.toml asks for.
        """
        if stream not in self.ledgers:
            return f"no stream {stream} on disk"
        asked = _selecting(parse_qsl(self.ledgers[stream].pages[0].url.partition("?")[2], keep_blank_values=True))
        asks = _selecting(parse_qsl(query(self._source.requests[stream]), keep_blank_values=True))
        if asked == asks:
            return None
        gone, new = (urlencode(sorted(pairs)) or "nothing more" for pairs in (asked - asks, asks - asked))
        return f"stream {stream} is of another request: it asked {gone}, and filters.toml asks {new}"

    def is_read(self, stream: str) -> bool:
        """Return whether a filter of filters.toml reads a stream, so that extract renews it."""
        return any(each.name == stream for each in self._source.streams)

    @cached_property
    def respelled(self) -> dict[str, tuple[str, str, str]]:
        """The id, slug and name that models have whose id is spelled in several ways: those of the record fetched last."""
        newest: dict[str, tuple[tuple[str, str, int], tuple[str, str, str]]] = {}
        several = set()
        for name, ledger in self.ledgers.items():
            fetched = {page.file: page.fetched_at for page in ledger.pages}
            selection = self._raw[name].selection
            for rank, model in enumerate((*selection.models, *selection.duplicates)):
                key = key_of(model.id)
                order = (fetched[model.file], name, rank)
                known = newest.get(key)
                if known and known[1][0] != model.id:
                    several.add(key)
                if known is None or order > known[0]:
                    newest[key] = (order, (model.id, model.slug, model.name))
        return {key: newest[key][1] for key in several}

    @cached_property
    def _read(self) -> dict[str, OnDisk]:
        """The streams, their models by what all streams say."""
        for stored in self._raw.values():
            stored.selection.spell(self.respelled)
            stored.selection.apply(self.safety)
        return self._raw

    @property
    def safety(self) -> Safety:
        """What all streams say of each model; of those that say the same, one that filters read decides."""
        return self._each[1]

    @property
    def _raw(self) -> dict[str, OnDisk]:
        return self._each[0]

    @cached_property
    def _each(self) -> tuple[dict[str, OnDisk], Safety]:
        """The streams, each by itself, and what all of them say."""
        read, safety = {}, Safety()
        for name in sorted(self.ledgers, key=lambda name: (not self.is_read(name), name)):
            ledger = self.ledgers[name]
            selection, records = Selection(self._source, name), 0
            for file, models, about in self._pages(name):
                rejected = [(record["id"], record["reason"]) for record in about["set_aside"]]
                path = self._data.models(self._source.name, name) / file
                try:
                    selection.feed(models, file)
                    safety.add(name, models, rejected, is_partial=asks_for_a_part(ledger))
                except (TypeError, LookupError, AttributeError, ValueError) as error:
                    told = f"{path}: holds what the transform does not make"
                    raise BadAnswer(f"{told}; make it again: make transform") from error
                if len(models) + len(rejected) != about["records"]:
                    told = f"{path}: {about['records']} records became {len(models)} models and {len(rejected)} set aside"
                    raise BadAnswer(f"{told}; make it again: make transform")
                records += about["records"]
            read[name] = OnDisk(ledger, selection, records)
        return dict(sorted(read.items())), safety

    def _pages(self, stream: str) -> Iterator[tuple[str, list[Mapping[str, Any]], dict[str, Any]]]:
        """Yield the file of each page, its models, and what the summary says of it."""
        told = {page["file"]: page for page in self._summary["streams"].get(stream, [])}
        for page in self.ledgers[stream].pages:
            path = self._data.models(self._source.name, stream) / page.file
            if page.file not in told or not path.is_file():
                raise Missing(f"{path}: is not there; make the models first: make manifests")
            yield page.file, read_json(path), told[page.file]

    @cached_property
    def _summary(self) -> dict[str, Any]:
        return read_summary(self._data, self._source.name)


def asks_for_a_part(ledger: Ledger) -> bool:
    """Return whether the records of a stream show only a part of each model: CivitAI leaves out versions of other base models."""
    return any(key == "baseModels" for key, _ in parse_qsl(ledger.pages[0].url.partition("?")[2]))


def read_summary(data: Data, source: str) -> dict[str, Any]:
    """Return what the transform tells of a source.

    Raises:
        Missing: it was not made yet.
        BadAnswer: it violates its schema.
    """
    path = data.summary(source)
    if not path.is_file():
        raise Missing(f"{path}: is not there; make the models first: make manifests")
    summary: dict[str, Any] = read_json(path)
    if violations := contract("summary").violations(summary):
        raise BadAnswer(f"{path}: {violations[0]}; make it again: make transform")
    return summary


def _selecting(pairs: list[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(key, value) for key, value in pairs if key not in _NOT_SELECTING}
