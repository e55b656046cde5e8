"""The complete streams of a source on disk: their models, and what all their records say about each model."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import InvalidDataError, MissingInputError
from etl.core.ids import model_key
from etl.core.schemas import load_schema
from etl.core.urls import encode_query
from etl.expressions.evaluator import Evaluator
from etl.selection.conditions import Conditions, FacetSpec
from etl.selection.facet_files import FacetTask, make_facets, read_facets, read_roots
from etl.selection.respelled import find_respelled
from etl.selection.safety import RejectedRecord, Safety
from etl.selection.selection import Selection
from etl.sources.source import get_source
from etl.storage.json_files import read_json
from etl.storage.json_list import JsonList
from etl.storage.ledger import list_streams, read_ledger, request_differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from etl.config.filters import Filter
    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.roots import PageRoots
    from etl.storage.ledger import Ledger


_REBUILD = "rebuild it: make transform"


class StoredStream(NamedTuple):
    """A complete stream on disk: its ledger, its models, and the number of its records."""

    ledger: Ledger
    selection: Selection
    records: int


class _Loaded(NamedTuple):
    streams: dict[str, StoredStream]
    safety: Safety
    respelled: dict[str, Mapping[str, Any]]


class StoredStreams:
    """The complete streams of a source. Ledgers are read at once, models on first use.

    The safety of a model counts the records of every stream, including streams that no filter reads any more.

    Raises:
        InvalidDataError: a ledger violates its schema.
    """

    def __init__(self, data: DataDir, source: SourceConfig) -> None:
        self._data, self._source, self._api = data, source, get_source(source.name)
        self._page: tuple[tuple[str, str], JsonList] | None = None
        self._missing: dict[Filter, str | None] = {}
        self._renewed = {stream.name for stream in source.streams}
        ledgers = {name: read_ledger(data, source.name, name) for name in list_streams(data, source.name)}
        self.ledgers: dict[str, Ledger] = {name: ledger for name, ledger in ledgers.items() if ledger.complete}

    def get(self, filter_: Filter) -> StoredStream | None:
        """Return the stream of a filter; None if no complete one is on disk, or one of another request: see `missing_reason`.

        Raises:
            MissingInputError: models were not built yet.
            InvalidDataError: the summary or models violate their schemas.
            ExpressionError: an expression of filters.toml exceeds a limit or crashes jq.
        """
        return None if self.missing_reason(filter_) else self._loaded.streams[filter_.stream]

    def all_streams(self) -> dict[str, StoredStream]:
        """Return all complete streams by name, including those whose request differs from filters.toml."""
        return self._loaded.streams

    def selections(self) -> list[Selection]:
        """Return the models of all complete streams."""
        return [stream.selection for stream in self._loaded.streams.values()]

    def models(self, stream: str, ids: Iterable[str] | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield the distinct models of a complete stream in stream order, as all their records have them, page by page.

        Models that are excluded by id or never published are left out. With `ids`, only these models, in any spelling.
        """
        selection = self._loaded.streams[stream].selection
        wanted = None if ids is None else [position for id_ in ids if (position := selection.position_of(id_)) is not None]
        for position in selection.positions_in_order if wanted is None else sorted(set(wanted)):
            model = selection.model(position)
            key = model_key(model["id"])
            if model.get("images"):
                model = {**model, "images": self.safety.images(key, model["images"])}
            ruling = self.safety.ruling(stream, key, model)
            if ruling is None:
                yield model
            elif not ruling.forbids:
                decided = {**model, **ruling.fields}
                yield {**decided, **self._api.dependent_fields(decided)}

    def page_roots(self, stream: str) -> Iterator[tuple[int, PageRoots]]:
        """Yield of each page of a complete stream how many models it has, and those that were made of others."""
        for entry in self._entries(stream):
            yield entry["models"], read_roots(self._task(stream, entry["file"]))

    @property
    def stored_filters(self) -> list[Filter]:
        """The published filters whose stream is on disk, so that it tells which of their values no model has."""
        return [filter_ for filter_ in self._source.filters if self.missing_reason(filter_) is None]

    def missing_reason(self, filter_: Filter) -> str | None:
        """Return why the stream of a filter counts as missing; None if it does not.

        A stream whose request selects or orders other records than filters.toml requests counts as missing.
        """
        if filter_ not in self._missing:
            self._missing[filter_] = self._difference(filter_)
        return self._missing[filter_]

    def _difference(self, filter_: Filter) -> str | None:
        stream = filter_.stream
        if stream not in self.ledgers:
            return f"no stream {stream} on disk"
        query = encode_query(self._source.request_params(filter_))
        old, new = request_differences(self.ledgers[stream], query, self._api.neutral_params)
        if old == new == "":
            return None
        asked, asks = old or "nothing more", new or "nothing more"
        return f"stream {stream} is of another request: it asked {asked}, and filters.toml asks {asks}"

    def is_read(self, stream: str) -> bool:
        """Return whether a filter of filters.toml reads a stream, so that extract renews it."""
        return stream in self._renewed

    @property
    def safety(self) -> Safety:
        """What all streams say about each model; of those that say the same, a stream that filters read decides."""
        return self._loaded.safety

    @property
    def respelled(self) -> dict[str, Mapping[str, Any]]:
        """The models whose ids are spelled in several ways, by key, as the record fetched last has them."""
        return self._loaded.respelled

    @cached_property
    def _loaded(self) -> _Loaded:
        """The streams, read one by one, then corrected by what all of them say about each model."""
        streams, safety = {}, Safety(self._api.never_published)
        evaluator = Evaluator(self._source.expressions)
        try:
            conditions = Conditions(self._spec, evaluator)
            for name in sorted(self.ledgers, key=lambda name: (not self.is_read(name), name)):
                streams[name] = self._load(name, safety, conditions)
            respelled = find_respelled({name: stream[:2] for name, stream in streams.items()})
            for stream in streams.values():
                stream.selection.respell(respelled)
                stream.selection.apply(safety)
        finally:
            evaluator.close()
        return _Loaded(dict(sorted(streams.items())), safety, respelled)

    @cached_property
    def _spec(self) -> FacetSpec:
        return FacetSpec.by(self._source)

    def _load(self, name: str, safety: Safety, conditions: Conditions) -> StoredStream:
        """Return a stream by its own records, and add what they say to `safety`."""
        ledger = self.ledgers[name]
        selection = Selection(conditions, partial(self._read_page, name), name, self._source.skip)
        is_partial, records = self._api.has_partial_records(ledger.param_names), 0
        for entry in self._entries(name):
            task = self._task(name, entry["file"])
            facets = read_facets(task, selection.seen_groups) or make_facets(task, conditions)
            selection.add_page(entry["file"], facets, ledger.timestamp)
            rejected = [RejectedRecord(record["id"], record["reason"], record.get("levels")) for record in entry["set_aside"]]
            models = self._read_page(name, entry["file"]) if facets.columns.has_levels else ()
            try:
                safety.add(name, models, rejected, is_partial=is_partial)
            except (TypeError, LookupError, AttributeError, ValueError) as error:
                raise InvalidDataError(f"{task.models}: not valid output of the transform; {_REBUILD}") from error
            safety.forbid_images(entry.get("forbidden_images", {}))
            if len(facets.columns.keys) + len(rejected) != entry["records"]:
                counts = f"expected models and rejected records to add up to {entry['records']}"
                raise InvalidDataError(f"{task.models}: {counts}, got {len(facets.columns.keys)} and {len(rejected)}; {_REBUILD}")
            records += entry["records"]
        return StoredStream(ledger, selection, records)

    def _task(self, stream: str, file: str) -> FacetTask:
        return FacetTask(self._data, self._source.name, stream, file, self._spec, self.ledgers[stream].timestamp)

    def _read_page(self, stream: str, file: str) -> JsonList:
        """Return the models of a page; the last one that was read is in memory."""
        if self._page is None or self._page[0] != (stream, file):
            self._page = (stream, file), JsonList(self._data.models(self._source.name, stream, file))
        return self._page[1]

    def _entries(self, stream: str) -> Iterator[dict[str, Any]]:
        """Yield the entry of each page in the summary."""
        entries = {entry["file"]: entry for entry in self._summary["streams"].get(stream, [])}
        for page in self.ledgers[stream].pages:
            path = self._data.models(self._source.name, stream, page.file)
            if page.file not in entries or not path.is_file():
                raise MissingInputError(f"{path}: not found; build the models first: make manifests")
            if entries[page.file].get("raw_sha256", page.sha256) != page.sha256:
                raise MissingInputError(f"{path}: built from other bytes than data/raw has now; rebuild it: make manifests")
            yield entries[page.file]

    @cached_property
    def _summary(self) -> dict[str, Any]:
        return read_summary(self._data, self._source.name)


def read_summary(data: DataDir, source: str) -> dict[str, Any]:
    """Return the transform's summary of a source.

    Raises:
        MissingInputError: it was not built yet.
        InvalidDataError: it violates its schema.
    """
    path = data.summary(source)
    if not path.is_file():
        raise MissingInputError(f"{path}: not found; build the models first: make manifests")
    summary: dict[str, Any] = read_json(path)
    if violations := load_schema("summary").violations(summary):
        raise InvalidDataError(f"{path}: {violations[0]}; {_REBUILD}")
    return summary
