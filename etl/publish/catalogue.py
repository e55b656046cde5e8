"""What is published: the manifests on disk, and the models in them as the streams of the manifests have them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import InvalidDataError, MissingInputError
from etl.core.layout import INDEX
from etl.selection.stored import StoredStreams
from etl.selection.variants import variants_of
from etl.storage.snapshot import read_published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.source_config import Config, SourceConfig
    from etl.core.layout import DataDir

    Model = Mapping[str, Any]

_REBUILD = "rebuild it: make manifests"


class ModelKey(NamedTuple):
    """A model of a source."""

    source: str
    id: str


@dataclass(frozen=True)
class Manifest:
    """A published manifest.

    Attributes:
        entry: Its entry in index.json.
        models: Its models in order, as its stream has them, with the safety that all their records decide.
    """

    filter: Filter
    entry: Mapping[str, Any]
    models: Sequence[Model]


@dataclass(frozen=True)
class Catalogue:
    """The published manifests, in the order of index.json, the sources in filters.toml, and the streams of each.

    `not_before` is the time of the newest data published earlier.
    """

    sources: Sequence[SourceConfig]
    manifests: Sequence[Manifest]
    streams: Mapping[str, StoredStreams]
    not_before: str = ""

    @property
    def generated(self) -> str:
        """When the newest data came, also where it is no longer published: clients refuse an entry older than their last."""
        return max([self.not_before, *(str(manifest.entry["timestamp"]) for manifest in self.manifests)])

    @cached_property
    def models(self) -> dict[ModelKey, Model]:
        """Every published model once, as its most recently fetched stream has it; sorted by source and id."""
        newest: dict[ModelKey, Model] = {}
        for manifest in sorted(self.manifests, key=lambda manifest: manifest.entry["timestamp"], reverse=True):
            for model in manifest.models:
                newest.setdefault(ModelKey(manifest.filter.source, model["id"]), model)
        return dict(sorted(newest.items()))

    @cached_property
    def positions(self) -> dict[ModelKey, list[dict[str, Any]]]:
        """The manifests that have each model, with its rank from 1, in the order of the index."""
        positions: dict[ModelKey, list[dict[str, Any]]] = {}
        for manifest in self.manifests:
            for rank, model in enumerate(manifest.models, 1):
                position = {"filter": manifest.filter.path, "rank": rank}
                positions.setdefault(ModelKey(manifest.filter.source, model["id"]), []).append(position)
        return positions

    @cached_property
    def variants(self) -> dict[ModelKey, list[dict[str, Any]]]:
        """The models that were made of each published one; without models of sources that know no lineage."""
        return {
            ModelKey(source, id_): rows
            for source, streams in self.streams.items()
            for id_, rows in variants_of(streams, self._models_of(source)).items()
        }

    def _models_of(self, source: str) -> list[Model]:
        return [model for key, model in self.models.items() if key.source == source]


def read_catalogue(data: DataDir, config: Config) -> Catalogue:
    """Return the manifests on disk and their models.

    Raises:
        MissingInputError: manifests or models were not built, or were built with other filters.
        InvalidDataError: a file violates its schema, or a manifest has a model that its stream does not have.
    """
    index = read_published(data, INDEX)
    filters = {filter_.file: filter_ for source in config.sources for filter_ in source.filters}
    ids: dict[str, list[str]] = {}
    for entry in index["manifests"]:
        if entry["file"] not in filters:
            raise MissingInputError(f"{data.manifests / entry['file']}: is not a manifest of filters.toml; {_REBUILD}")
        ids[entry["file"]] = [model["id"] for model in read_published(data, entry["file"])["models"]]
    models: dict[tuple[str, str], dict[str, Model]] = {}
    streams = {source.name: StoredStreams(data, source) for source in config.sources}
    for source in config.sources:
        files: dict[str, list[str]] = {}
        for entry in index["manifests"]:
            if entry["source"] == source.name:
                files.setdefault(entry["stream"], []).append(entry["file"])
        for stream, of_stream in files.items():
            wanted = {id_ for file in of_stream for id_ in ids[file]}
            selected = streams[source.name].models(stream, wanted)
            models[source.name, stream] = {model["id"]: model for model in selected if model["id"] in wanted}
    manifests = []
    for entry in index["manifests"]:
        by_id = models[entry["source"], entry["stream"]]
        if missing := [id_ for id_ in ids[entry["file"]] if id_ not in by_id]:
            where = f"{data.manifests / entry['file']}: {missing[0]}"
            raise InvalidDataError(f"{where}: not found in stream {entry['stream']} of data/models; {_REBUILD}")
        manifests.append(Manifest(filters[entry["file"]], entry, [by_id[id_] for id_ in ids[entry["file"]]]))
    return Catalogue(config.sources, manifests, streams)
