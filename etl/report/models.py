"""What the scripts of the page read of a source: its models, filters and streams, as page/data.d.ts describes it."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import model_key
from etl.core.levels import LEVELS
from etl.explain.mismatch import deciding_fields
from etl.report.columns import encode_column
from etl.report.reasons import Reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.stored import StoredStream, StoredStreams

HIDDEN_LEVELS = LEVELS[LEVELS.index("pg13") + 1 :]  # names of such models are hidden until the visitor wants to see them
_LEFT_OUT = ("id", "source", "slug", "images")  # the page has no use for them


class Row(NamedTuple):
    """A model of a source: its fields as the first stream that has it decides them, or none if no stream has it."""

    id: str
    fields: Mapping[str, Any]
    max_level: int  # the index in LEVELS of its level in any stream


class Rejected(NamedTuple):
    """A record that did not become a model, in a stream."""

    stream: str
    id: str
    reason: str


class SourceModels:
    """The models of a source, one row for each id in any spelling, sorted by it.

    `rejected` are the rejected records of its streams. All fields of all models are in memory, as in the page: see docs/scale.md.
    """

    def __init__(self, data: DataDir, source: SourceConfig, streams: StoredStreams, rejected: Sequence[Rejected]) -> None:
        self.source, self.streams = source, streams
        self._data, self._rejected = data, rejected
        self._tested = tuple(dict.fromkeys(field for expression in source.expressions for field in expression.fields))
        self._tested_values: dict[tuple[str, int], dict[str, Any]] = {}
        self._rows: dict[str, Row] = {}
        for name, stream in streams.all_streams().items():
            self._read(name, stream)
        for record in rejected:
            self._rows.setdefault(model_key(record.id), Row(record.id, {}, 0))
        for id_ in source.skip:
            self._rows.setdefault(model_key(id_), Row(id_, {}, 0))
        self._rows = dict(sorted(self._rows.items(), key=lambda item: (item[1].id, item[0])))
        self._index = {key: index for index, key in enumerate(self._rows)}

    @property
    def rows(self) -> list[Row]:
        return [*self._rows.values()]

    @property
    def hidden_names(self) -> set[str]:
        """The names of models whose level in any stream is above pg13."""
        return {row.fields["name"] for row in self.rows if row.fields and LEVELS[row.max_level] in HIDDEN_LEVELS}

    def _read(self, name: str, stream: StoredStream) -> None:
        """Add the models of a stream, and the values that expressions read of them."""
        selection = stream.selection
        for position in (*selection.positions_in_order, *selection.skipped):
            model, ruling = selection.model(position), selection.rulings.get(position)
            key = model_key(model["id"])
            fields = {**model, **ruling.fields} if ruling else model
            level = LEVELS.index(fields["level"]) if "level" in fields else 0
            row = self._rows.setdefault(key, Row(model["id"], fields, level))
            if level > row.max_level:
                self._rows[key] = row._replace(max_level=level)
            values = {field: fields[field] for field in self._tested if fields[field] != row.fields.get(field)}
            if values:
                self._tested_values[name, position] = values

    def to_json(self) -> dict[str, Any]:
        """Return the source as the page reads it."""
        source, reasons = self.source, Reasons(self._data, self.source, self.streams)
        streams = [self._stream_json(name, stream, reasons) for name, stream in self.streams.all_streams().items()]
        skip = {model_key(id_) for id_ in source.skip}
        return {
            "name": source.name,
            "prefix": source.prefix,
            "axes": [
                {"name": axis.name, "options": [_option_json(option, reasons) for option in axis.options]} for axis in source.axes
            ],
            "conditions": [condition.title for condition in reasons.conditions],
            "requirement": 0 if source.requirement else None,
            "streams": streams,
            "filters": [self._filter_json(filter_) for filter_ in source.filters],
            "limit": source.limit,
            "groups": reasons.groups,
            "texts": reasons.texts,
            "rows": len(self._rows),
            "columns": self._columns(),
            "hidden": [index for index, row in enumerate(self.rows) if LEVELS[row.max_level] in HIDDEN_LEVELS],
            "excluded": [index for index, key in enumerate(self._rows) if key in skip],
        }

    def _stream_json(self, name: str, stream: StoredStream, reasons: Reasons) -> dict[str, Any]:
        selection = stream.selection
        positions = [*selection.positions_in_order]
        keys = [model_key(selection.model(position)["id"]) for position in positions]
        present, ranks = {*keys}, {position: rank for rank, position in enumerate(positions)}
        rejected: dict[str, int] = {}
        for record in self._rejected:
            if record.stream == name and (key := model_key(record.id)) not in present:
                rejected.setdefault(str(self._index[key]), reasons.text(record.reason))
        tested = {
            str(rank): values for position, rank in ranks.items() if (values := self._tested_values.get((name, position)))
        }  # fmt: skip
        filter_ = self._published_by_stream.get(name) or self._filter_by_stream.get(name)
        return {
            "name": name,
            "missing": self.streams.missing_reason(filter_) if filter_ else None,
            "order": [self._index[key] for key in keys],
            "by_field": {
                field: [ranks[position] for position in selection.in_order(positions, field)]
                for field in self.source.order_fields
            },
            "groups": reasons.groups_of(selection),
            "rulings": reasons.rulings_of(selection),
            "rejected": rejected,
            "fields": tested,
        }

    @cached_property
    def _published_by_stream(self) -> dict[str, Filter]:
        return {stream.name: stream.filters[0] for stream in self.source.streams}

    @cached_property  # of many axes these are many: only a stream that no manifest reads needs them
    def _filter_by_stream(self) -> dict[str, Filter]:
        """A filter that reads each stream, published or not, by the name of the stream."""
        axes = ((axis.options[0], *(option for option in axis.options[1:] if option.params)) for axis in self.source.axes)
        filters = map(self.source.filter, itertools.product(*axes))
        return {filter_.stream: filter_ for filter_ in filters}

    def _filter_json(self, filter_: Filter) -> dict[str, Any]:
        axes = self.source.axes
        return {
            "path": filter_.path,
            "file": filter_.file,
            "label": filter_.label,
            "stream": filter_.stream,
            "limit": filter_.limit,
            "options": [axis.options.index(option) for axis, option in zip(axes, filter_.options, strict=True)],
            "missing": self.streams.missing_reason(filter_),
        }

    def _columns(self) -> dict[str, Any]:
        ids = [row.id for row in self.rows]
        names = dict.fromkeys(name for row in self.rows for name in row.fields)
        columns = {"id": {"values": ids}}
        for name in names:
            if name not in _LEFT_OUT or name in self._tested:
                values = [row.fields.get(name) for row in self.rows]
                columns[name] = encode_column(ids, values, is_exact=name in self._tested)
        return columns


def _option_json(option: Option, reasons: Reasons) -> dict[str, Any]:
    condition = reasons.conditions.index(option) if option in reasons.conditions else None
    return {
        "name": option.name,
        "label": option.label,
        "is_server_side": bool(option.params),
        "condition": condition,
        "order_field": option.order_field,
        "fields": (*deciding_fields(option), *([option.order_field] if option.order_field else ())) or (option.field,),
    }
