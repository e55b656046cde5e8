"""The complete streams of a source as data/raw and data/models have them: their models, and what all of them say of each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import InvalidDataError, MissingInputError
from etl.core.ids import model_key
from etl.core.schemas import load_schema
from etl.core.urls import encode_query
from etl.selection.safety import RejectedRecord, Safety
from etl.selection.selection import Selection
from etl.sources.source import get_source
from etl.storage.json_files import read_json
from etl.storage.ledger import list_streams, read_ledger, request_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config.model import SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.selection import ModelRef
    from etl.storage.ledger import Ledger


class StoredStream(NamedTuple):
    """A complete stream on disk: its ledger, its models, and how many records they were made of."""

    ledger: Ledger
    selection: Selection
    records: int


class _Loaded(NamedTuple):
    streams: dict[str, StoredStream]
    safety: Safety
    respelled: dict[str, Mapping[str, Any]]


class StoredStreams:
    """The complete streams of a source, read when they are first asked for; the ledgers at once.

    Every stream counts for what its records say of the safety of a model, also one that no filter reads any more.

    Raises:
        BadAnswer: a ledger violates its schema.
    """

    def __init__(self, data: DataDir, source: SourceConfig) -> None:
        self._data, self._source = data, source
        self._missing: dict[str, str | None] = {}
        self._renewed = {each.name for each in source.streams}
        ledgers = {name: read_ledger(data, source.name, name) for name in list_streams(data, source.name)}
        self.ledgers: dict[str, Ledger] = {name: ledger for name, ledger in ledgers.items() if ledger.complete}

    def get(self, stream: str) -> StoredStream | None:
        """Return a stream; None where no complete one is on disk, or one of another request: see `missing_reason`.

        Raises:
            Missing: models were not made yet.
            BadAnswer: the summary or models violate their schemas.
        """
        return None if self.missing_reason(stream) else self._loaded.streams[stream]

    def every(self) -> dict[str, StoredStream]:
        """Return all of them by name, also those of which the request is another by now."""
        return self._loaded.streams

    def selections(self) -> list[Selection]:
        """Return the models of all of them."""
        return [stored.selection for stored in self._loaded.streams.values()]

    def missing_reason(self, stream: str) -> str | None:
        """Return why a stream is as good as missing; None where it is not.

        That is where the request of its ledger selects or orders other records than filters.toml asks for.
        """
        if stream not in self._missing:
            self._missing[stream] = self._difference(stream)
        return self._missing[stream]

    def _difference(self, stream: str) -> str | None:
        if stream not in self.ledgers:
            return f"no stream {stream} on disk"
        gone, new = request_differences(
            self.ledgers[stream], encode_query(self._source.requests[stream]), get_source(self._source.name).neutral_params
        )
        if gone == new == "":
            return None
        asked, asks = gone or "nothing more", new or "nothing more"
        return f"stream {stream} is of another request: it asked {asked}, and filters.toml asks {asks}"

    def is_read(self, stream: str) -> bool:
        """Return whether a filter of filters.toml reads a stream, so that extract renews it."""
        return stream in self._renewed

    @property
    def safety(self) -> Safety:
        """What all streams say of each model; of those that say the same, one that filters read decides."""
        return self._loaded.safety

    @property
    def respelled(self) -> dict[str, Mapping[str, Any]]:
        """The models whose ids are spelled in several ways, by key: of each the record that was fetched last."""
        return self._loaded.respelled

    @cached_property
    def _loaded(self) -> _Loaded:
        """The streams, each read by itself, and then every model by what all of them say."""
        read, safety = {}, Safety(get_source(self._source.name).never_published)
        for name in sorted(self.ledgers, key=lambda name: (not self.is_read(name), name)):
            read[name] = self._load(name, safety)
        respelled = self._respelled(read)
        for stored in read.values():
            stored.selection.spell(respelled)
            stored.selection.apply(safety)
        return _Loaded(dict(sorted(read.items())), safety, respelled)

    def _load(self, name: str, safety: Safety) -> StoredStream:
        """Return a stream by itself, and add what it says to `safety`."""
        ledger = self.ledgers[name]
        selection, records = Selection(self._source, name), 0
        for file, models, about in self._pages(name):
            rejected = [RejectedRecord(record["id"], record["reason"], record.get("levels")) for record in about["set_aside"]]
            path = self._data.models(self._source.name, name) / file
            try:
                selection.add_page(models, file)
                safety.add(
                    name, models, rejected, is_partial=get_source(self._source.name).has_partial_records(ledger.param_names)
                )
            except (TypeError, LookupError, AttributeError, ValueError) as error:
                told = f"{path}: holds what the transform does not make"
                raise InvalidDataError(f"{told}; make it again: make transform") from error
            if len(models) + len(rejected) != about["records"]:
                told = f"{path}: {about['records']} records became {len(models)} models and {len(rejected)} set aside"
                raise InvalidDataError(f"{told}; make it again: make transform")
            records += about["records"]
        return StoredStream(ledger, selection, records)

    def _respelled(self, read: Mapping[str, StoredStream]) -> dict[str, Mapping[str, Any]]:
        newest: dict[str, tuple[tuple[str, str, int], ModelRef]] = {}
        several = set()
        for name, stored in read.items():
            fetched = {page.file: page.fetched_at for page in stored.ledger.pages}
            for rank, model in enumerate((*stored.selection.models, *stored.selection.duplicates)):
                key, order = model_key(model.id), (fetched[model.file], name, rank)
                known = newest.setdefault(key, (order, model))
                if known[1].id != model.id:
                    several.add(key)
                if order > known[0]:
                    newest[key] = (order, model)
        found = {}
        for key in several:
            (_, name, _), model = newest[key]
            found[key] = read_json(self._data.models(self._source.name, name) / model.file)[model.place]
        return found

    def _pages(self, stream: str) -> Iterator[tuple[str, list[Mapping[str, Any]], dict[str, Any]]]:
        """Yield the file of each page, its models, and what the summary says of it."""
        told = {page["file"]: page for page in self._summary["streams"].get(stream, [])}
        for page in self.ledgers[stream].pages:
            path = self._data.models(self._source.name, stream) / page.file
            if page.file not in told or not path.is_file():
                raise MissingInputError(f"{path}: is not there; make the models first: make manifests")
            if told[page.file].get("raw_sha256", page.sha256) != page.sha256:
                raise MissingInputError(f"{path}: is of another page than data/raw has now; make it again: make manifests")
            yield page.file, read_json(path), told[page.file]

    @cached_property
    def _summary(self) -> dict[str, Any]:
        return read_summary(self._data, self._source.name)


def read_summary(data: DataDir, source: str) -> dict[str, Any]:
    """Return what the transform tells of a source.

    Raises:
        Missing: it was not made yet.
        BadAnswer: it violates its schema.
    """
    path = data.summary(source)
    if not path.is_file():
        raise MissingInputError(f"{path}: is not there; make the models first: make manifests")
    summary: dict[str, Any] = read_json(path)
    if violations := load_schema("summary").violations(summary):
        raise InvalidDataError(f"{path}: {violations[0]}; make it again: make transform")
    return summary
