"""Why models match conditions or not, once for all models that share the reasons. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.explain.mismatch import describe_mismatch
from etl.explain.model import describe_ruling

if TYPE_CHECKING:
    from etl.config.options import Option
    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.selection.groups import FacetGroup
    from etl.selection.safety import Ruling
    from etl.selection.selection import Selection
    from etl.selection.stored import StoredStreams


class Reasons:
    """The conditions of a source, and tables of groups and texts that grow as streams are added.

    Attributes:
        conditions: What manifests require: the requirement of the source first, then each option that tests models.
        groups: Models with the same results of all conditions, as page/data.d.ts has them.
        texts: Texts, each once; those that continue with values of the model name the fields.
    """

    def __init__(self, data: DataDir, source: SourceConfig, streams: StoredStreams) -> None:
        requirement = [source.requirement] if source.requirement else []
        options = [option for axis in source.axes for option in axis.options if option.is_client_side]
        self.conditions: list[Option] = [*requirement, *options]
        self.groups: list[dict[str, Any]] = []
        self.texts: list[str | dict[str, Any]] = []
        self._data, self._source, self._streams = data, source, streams
        self._group_index: dict[tuple[Any, ...], int] = {}
        self._text_index: dict[tuple[str, tuple[str, ...]], int] = {}

    def text(self, text: str, fields: tuple[str, ...] = ()) -> int:
        """Return the index of a text, which continues with the values of some fields."""
        index = self._text_index.setdefault((text, fields), len(self.texts))
        if index == len(self.texts):
            self.texts.append({"text": text, "fields": list(fields)} if fields else text)
        return index

    def groups_of(self, selection: Selection) -> list[int]:
        """Return the group of each selected model of a stream, in its order."""
        index_by_values: dict[tuple[str, bool], int] = {}
        indexes = []
        for position in selection.positions_in_order:
            group = selection.group_at(position)
            key = (repr((group.values, group.own)), group.values is group.own)
            if key not in index_by_values:
                index_by_values[key] = self._group(group)
            indexes.append(index_by_values[key])
        return indexes

    def _group(self, group: FacetGroup) -> int:
        fails = tuple(
            (number, self.text(*describe_mismatch(condition, group.values)))
            for number, condition in enumerate(self.conditions)
            if not condition.matches(group.values)
        )
        own = None if group.values is group.own else tuple(self._failing(group.own))
        index = self._group_index.setdefault((fails, own), len(self.groups))
        if index == len(self.groups):
            self.groups.append({"fails": fails, "own_fails": own})
        return index

    def _failing(self, values: Any) -> list[int]:
        return [number for number, condition in enumerate(self.conditions) if not condition.matches(values)]

    def rulings_of(self, selection: Selection) -> dict[str, dict[str, Any]]:
        """Return what other records of a model decide, by its rank in the stream, from 0."""
        return {
            str(selection.stream_rank(position) - 1): self._ruling(selection, position, selection.group_at(position), ruling)
            for position, ruling in sorted(selection.rulings.items())
        }

    def _ruling(self, selection: Selection, position: int, group: FacetGroup, ruling: Ruling) -> dict[str, Any]:
        text = self._ruling_text(ruling)
        by_condition: dict[str, int] = {}
        for number in self._failing(group.values):
            own = self._ruling_text(selection.ruling_on(position, group, self.conditions[number]))
            if own != text:
                by_condition[str(number)] = own
        return {"text": text, "forbids": ruling.forbids, "by_condition": by_condition}

    def _ruling_text(self, ruling: Ruling) -> int:
        return self.text(describe_ruling(self._data, self._source, self._streams, ruling))
