"""What the filters of a stream choose of its models: extraction's "enough", load and every explanation use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.filters import Filter, Source, Stream

Model = dict[str, Any]


class Selection:
    """The first `limit` models that each filter of a stream keeps, fed in the stream's order.

    `chosen` holds those of each filter. `duplicates` counts models fed again, `strangers` those that an asked option does
    not keep, so that the API should not have sent them; they are in no filter.
    """

    def __init__(self, source: Source, stream: Stream, limit: int) -> None:
        self.chosen: dict[Filter, list[Model]] = {each: [] for each in stream.filters}
        self.duplicates = self.strangers = self.models = 0
        self._limit = limit
        self._skip = source.skip
        self._asked = [option for option in stream.filters[0].options if option.asks]
        self._known = set(source.skip)

    def feed(self, models: Iterable[Model]) -> list[Model]:
        """Take the next models of the stream; return those that are neither skipped nor were fed before."""
        fresh = []
        for model in models:
            if model["id"] in self._known:
                self.duplicates += model["id"] not in self._skip
                continue
            self._known.add(model["id"])
            fresh.append(model)
            self.models += 1
            self.strangers += not all(option.keeps(model) for option in self._asked)
            for each, chosen in self.chosen.items():
                if len(chosen) < self._limit and each.keeps(model):
                    chosen.append(model)
        return fresh

    @property
    def is_full(self) -> bool:
        """Whether no further model could be chosen."""
        return all(len(chosen) == self._limit for chosen in self.chosen.values())
