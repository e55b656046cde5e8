"""What explanations look things up in: the streams of a data folder, each counted once, and commands that show its files."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.selection import on_disk, read_summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.files import Data
    from etl.filters import Filters, Source
    from etl.selection import Held, OnDisk

EXAMPLES = 3


@dataclass(frozen=True)
class Desk:
    """A data folder, and the filters that explanations are of."""

    data: Data
    filters: Filters
    _drawn: dict[tuple[str, str], OnDisk | None] = field(default_factory=dict)

    def drawn(self, source: Source, stream: str) -> OnDisk | None:
        """Return a stream with its models, null when no complete one is on disk.

        Raises:
            Missing: its models were not made yet.
        """
        key = source.name, stream
        if key not in self._drawn:
            self._drawn[key] = on_disk(self.data, source, stream)
        return self._drawn[key]

    def set_aside(self, source: Source, stream: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the records of a stream that the transform set aside, each with the file of its page."""
        pages = read_summary(self.data, source.name)["streams"].get(stream, [])
        return [(page["file"], record) for page in pages for record in page["set_aside"]]

    def show(self, source: Source, stream: str, models: Sequence[Held]) -> list[str]:
        """Return jq commands that show models of a stream as they came, and as they were made."""
        if not models:
            return []
        ids = [json.dumps(model.id) for model in models]
        raw_ids = [model.id for model in models] if source.name == "civitai" else ids  # CivitAI's are numbers
        files = list(dict.fromkeys(model.file for model in models))
        raw, made = self.data.raw(source.name, stream), self.data.models(source.name, stream)
        return [
            _jq(f"{_records(source)}[] | select(.id | IN({', '.join(raw_ids)}))", *(raw / file for file in files)),
            _jq(f".[] | select(.id | IN({', '.join(ids)}))", *(made / file for file in files)),
        ]

    def show_set_aside(self, source: Source, stream: str, records: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        """Return jq commands that show records that were set aside as they came, and what is told of those of their stream."""
        raw = self.data.raw(source.name, stream)
        told = _jq(f".streams[{json.dumps(stream)}][].set_aside[]", self.data.summary(source.name))
        return [*(_jq(f"{_records(source)}[{record['record']}]", raw / file) for file, record in records), told]


def _records(source: Source) -> str:
    return ".items" if source.name == "civitai" else "."


def _jq(program: str, *files: object) -> str:
    return shlex.join(["jq", program, *(f"./{file}" if str(file).startswith("-") else str(file) for file in files)])
