"""Cards against data/models: the record of the page's own stream, with what all raw records decide of safety."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.errors import EtlError
from etl.core.levels import LEVELS
from etl.sources.source import get_source
from etl.storage.json_files import read_json
from etl.verify.evidence import decide, gather
from etl.verify.published import Check
from etl.verify.raw_records import model_key
from etl.verify.site.images import most_explicit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.verify.evidence import Evidence
    from etl.verify.raw_records import RawStream
    from etl.verify.site.files import Site
    from etl.verify.site.images import Images
    from etl.verify.site.pages import Page

    Model = Mapping[str, Any]
    Streams = Mapping[tuple[str, str], RawStream]

MAX_TAGS = 20
_REBUILD = "rebuild it: make manifests"


class _Difference(NamedTuple):
    key: str
    expected: object


class LocalModels:
    """The models of one source on disk, as cards must show them."""

    def __init__(self, data: DataDir, source: str, streams: Streams, images: Images) -> None:
        self._data, self._source, self._images = data, source, images
        self._streams = {name: stream for (owner, name), stream in streams.items() if owner == source}
        self._by_stream: dict[str, dict[str, Model]] = {}

    @cached_property
    def _evidence(self) -> dict[str, Evidence]:
        return gather(self._streams.values())

    def model(self, stream_name: str, identity: str) -> Model | None:
        """Return a model as the manifests of a stream have it; None if the stream does not have it.

        Raises:
            EtlError: a file cannot be read.
        """
        key, stream = model_key(identity), self._streams.get(stream_name)
        if stream is None:
            return None
        model, own = self._models(stream).get(key), stream.records_of(key)
        evidence = self._evidence.get(key)
        if evidence and len(evidence.spellings) > 1:
            model = self._latest(evidence) or model
        if model is None or not own:
            return None
        decided: dict[str, Any] = {name: finding.value for name, finding in decide(own, evidence).fields.items() if name in model}
        if url := get_source(self._source).load_audit().url:
            decided["url"] = url(model["id"], decided)
        if model.get("images"):
            levels = self._images.get((self._source, key), {})
            allowed = ((image, levels.get(image["url"])) for image in model["images"])
            decided["images"] = [{**image, "level": LEVELS[level]} for image, level in allowed if level is not None]
        return {**model, **decided}

    def _models(self, stream: RawStream) -> dict[str, Model]:
        """Return the first record of each model of a stream by its key."""
        if stream.name not in self._by_stream:
            models: dict[str, Model] = {}
            for page in stream.pages:
                for model in read_json(self._data.models(self._source, stream.name) / page.entry.file):
                    models.setdefault(model_key(model["id"]), model)
            self._by_stream[stream.name] = models
        return self._by_stream[stream.name]

    def _latest(self, evidence: Evidence) -> Model | None:
        """Return a model as its record fetched last has it, whose spelling of the id counts."""
        record = evidence.latest
        file = Path(record.where.rpartition(": $")[0]).name
        models = read_json(self._data.models(self._source, record.stream) / file)
        return next((model for model in reversed(models) if model["id"] == record.id), None)


def check_cards(
    site: Site,
    pages: Sequence[Page],
    streams_of: Mapping[tuple[str, str], str],
    config: Config,
    models: Mapping[str, LocalModels],
) -> Check:
    """Every card of a page shows what data/models has; `streams_of` names the stream of each manifest by source and path."""
    check, failed = Check("cards against data/models", fix=site.fix), set()
    for page in pages:
        source, path = page.value["source"], page.value["filter"]
        stream = streams_of.get((source, path))
        if stream is None or source not in models or (source, stream) in failed:
            continue
        try:
            most = most_explicit(config, source, path)
            for number, card in enumerate(page.value["models"]):
                check.looked_at += 1
                where = f"$.models[{number}]"
                model = models[source].model(stream, card["id"])
                if model is None:
                    text = f"{card['id']} is not in stream {stream} of data/models and data/raw"
                    site.problem(check, page.file, f"{where}.id", text)
                    continue
                for key, expected in _differences(card, model, most):
                    text = f"{card['id']}: is {_short(card.get(key))}, but data/models has {_short(expected)}"
                    site.problem(check, page.file, f"{where}.{key}", text)
        except EtlError as error:
            failed.add((source, stream))
            check.problems.append(f"{error}; {_REBUILD}")
    return check


def _differences(card: Mapping[str, Any], model: Model, most: str | None) -> list[_Difference]:
    """Return what a card shows otherwise than a model on a page that shows levels up to `most`."""
    expected = {key: model.get(key) for key in card if key not in {"image", "variants"}}
    expected["tags"] = None if model["tags"] is None else model["tags"][:MAX_TAGS]
    expected["image"] = _image(model, most)
    return [_Difference(key, value) for key, value in expected.items() if not _is_equal(card.get(key), value)]


def _image(model: Model, most: str | None) -> Mapping[str, Any] | None:
    """Return the mildest image of a model within a level."""
    limit = LEVELS if most is None else LEVELS[: LEVELS.index(most) + 1]
    images: list[Mapping[str, Any]] = [image for image in model.get("images") or () if image["level"] in limit]
    return min(images, key=lambda image: LEVELS.index(image["level"]), default=None)


def _is_equal(left: object, right: object) -> bool:
    """Return whether two JSON values are the same; unlike in Python, true is not 1."""
    return left == right and orjson.dumps(left, option=orjson.OPT_SORT_KEYS) == orjson.dumps(right, option=orjson.OPT_SORT_KEYS)


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 100 else f"{text[:97]}…"
