"""What explanations read: the streams of a data folder, each loaded once, and jq commands that show its files."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.core.ids import model_key
from etl.selection.stored import StoredStreams, read_summary
from etl.sources.source import get_source
from etl.storage.json_files import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from etl.config.source_config import Config, SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.stream_models import ModelRef

    Describe = Callable[[SourceConfig, bytes, Path, str], list[str]]

MAX_EXAMPLES = 3


@dataclass(frozen=True)
class ExplainContext:
    """A data folder and its configuration.

    `describe` returns the evidence, a line each, in the records of one model on a raw page: source, body, path, model key.
    """

    data: DataDir
    config: Config
    describe: Describe
    _streams: dict[str, StoredStreams] = field(default_factory=dict)
    _pages: dict[Path, Any] = field(default_factory=dict)

    def streams(self, source: SourceConfig) -> StoredStreams:
        """Return the complete streams of a source, loaded once."""
        if source.name not in self._streams:
            self._streams[source.name] = StoredStreams(self.data, source)
        return self._streams[source.name]

    def fields(self, source: SourceConfig, stream: str, model: ModelRef, names: Sequence[str]) -> dict[str, Any]:
        """Return some fields of a model as conditions tested them: of its record fetched last, and as all its records decide."""
        streams, key = self.streams(source), model_key(model.id)
        fields = streams.respelled.get(key) or self._page(self.data.models(source.name, stream) / model.file)[model.page_index]
        selection = streams.all_streams()[stream].selection
        position = selection.position_of(model.id)
        ruling = None if position is None else selection.rulings.get(position)
        decided = ruling.fields if ruling else {}
        return {name: decided.get(name, fields[name]) for name in names}

    def _page(self, path: Path) -> Any:
        """Return the models of a page, read once."""
        if path not in self._pages:
            self._pages[path] = read_json(path)
        return self._pages[path]

    def rejected(self, source: SourceConfig, stream: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the records of a stream that the transform rejected, each with the file of its page."""
        pages = read_summary(self.data, source.name)["streams"].get(stream, [])
        return [(page["file"], record) for page in pages for record in page["set_aside"]]

    def jq_for_models(self, source: SourceConfig, stream: str, models: Sequence[ModelRef]) -> list[str]:
        """Return two jq commands that show models of a stream: their raw records, and what the transform built."""
        if not models:
            return []
        ids = [json.dumps(model.record_id) for model in models]
        files = list(dict.fromkeys(model.file for model in models))
        raw, built = self.data.raw(source.name, stream), self.data.models(source.name, stream)
        return [
            _jq(f"{_records(source)}[] | select(.id | tostring | IN({', '.join(ids)}))", *(raw / file for file in files)),
            _jq(f".[] | select(.id | IN({', '.join(ids)}))", *(built / file for file in files)),
        ]

    def jq_for_rejected(self, source: SourceConfig, stream: str, records: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        """Return jq commands that show rejected records: each raw record, and all entries of the stream in summary.json."""
        raw = self.data.raw(source.name, stream)
        entries = _jq(f".streams[{json.dumps(stream)}][].set_aside[]", self.data.summary(source.name))
        return [*(_jq(f"{_records(source)}[{record['record']}]", raw / file) for file, record in records), entries]


def _records(source: SourceConfig) -> str:
    return get_source(source.name).records_path


def _jq(program: str, *files: object) -> str:
    return shlex.join(["jq", program, *(f"./{file}" if str(file).startswith("-") else str(file) for file in files)])
