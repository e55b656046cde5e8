"""What explanations look things up in: the streams of a data folder, each counted once, and commands that show its files."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.selection.stored import StoredStreams, read_summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from etl.config.model import Config, SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.selection import ModelRef

    Describe = Callable[[SourceConfig, bytes, Path, str], list[str]]

EXAMPLES = 3


@dataclass(frozen=True)
class ExplainContext:
    """A data folder, and the configuration that explanations are of.

    `describe` returns what the records of a model, given by its key, say in a page of raw records, in words.
    """

    data: DataDir
    config: Config
    describe: Describe
    _streams: dict[str, StoredStreams] = field(default_factory=dict)

    def streams(self, source: SourceConfig) -> StoredStreams:
        """Return the complete streams of a source, read once."""
        if source.name not in self._streams:
            self._streams[source.name] = StoredStreams(self.data, source)
        return self._streams[source.name]

    def set_aside(self, source: SourceConfig, stream: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the records of a stream that the transform set aside, each with the file of its page."""
        pages = read_summary(self.data, source.name)["streams"].get(stream, [])
        return [(page["file"], record) for page in pages for record in page["set_aside"]]

    def show(self, source: SourceConfig, stream: str, models: Sequence[ModelRef]) -> list[str]:
        """Return jq commands that show models of a stream as they came, and as they were made."""
        if not models:
            return []
        ids = [json.dumps(model.record_id) for model in models]
        raw_ids = [model.record_id for model in models] if source.name == "civitai" else ids  # CivitAI's are numbers
        files = list(dict.fromkeys(model.file for model in models))
        raw, made = self.data.raw(source.name, stream), self.data.models(source.name, stream)
        return [
            _jq(f"{_records(source)}[] | select(.id | IN({', '.join(raw_ids)}))", *(raw / file for file in files)),
            _jq(f".[] | select(.id | IN({', '.join(ids)}))", *(made / file for file in files)),
        ]

    def show_set_aside(self, source: SourceConfig, stream: str, records: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        """Return jq commands that show records that were set aside as they came, and what is told of those of their stream."""
        raw = self.data.raw(source.name, stream)
        told = _jq(f".streams[{json.dumps(stream)}][].set_aside[]", self.data.summary(source.name))
        return [*(_jq(f"{_records(source)}[{record['record']}]", raw / file) for file, record in records), told]


def _records(source: SourceConfig) -> str:
    return ".items" if source.name == "civitai" else "."


def _jq(program: str, *files: object) -> str:
    return shlex.join(["jq", program, *(f"./{file}" if str(file).startswith("-") else str(file) for file in files)])
