"""What filters choose of a stream: extraction's "enough", load, verify and every explanation use it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.contracts import contract
from etl.errors import BadAnswer, Missing
from etl.files import read_json
from etl.ledger import Ledger, read_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from etl.files import Data
    from etl.filters import Filter, Source


class Held(NamedTuple):
    """A model of a stream: what is published of it, and where it lies, by the file of its page and the place in it from 0."""

    id: str
    slug: str
    name: str
    file: str
    place: int


class Group(NamedTuple):
    """Models that no option tells apart: the fields that options look at, and their places in the stream, rising."""

    facts: dict[str, Any]
    places: list[int]


class Selection:
    """The models of one stream in its order, each once and none that is skipped; fed page by page.

    `duplicates` are those that came again, `skipped` those that filters.toml names.
    """

    def __init__(self, source: Source) -> None:
        self.models: list[Held] = []
        self.duplicates: list[Held] = []
        self.skipped: list[Held] = []
        self._skip = source.skip
        self._axes = [axis.name for axis in source.axes if any(option.values for option in axis.options)]
        self._known: set[str] = set()
        self._groups: dict[tuple[Any, ...], Group] = {}

    @property
    def groups(self) -> list[Group]:
        """The models in groups, so that what looks at their fields need not look at each of them."""
        return list(self._groups.values())

    def held(self, groups: Iterable[Group]) -> list[Held]:
        """Return the models of some groups, in the order of the stream."""
        return [self.models[place] for place in _places(groups)]

    def feed(self, models: Iterable[Mapping[str, Any]], file: str = "") -> None:
        """Take the models of the next page, which lies in `file`."""
        for place, model in enumerate(models):
            held = Held(model["id"], model["slug"], model["name"], file, place)
            if held.id in self._skip:
                self.skipped.append(held)
            elif held.id in self._known:
                self.duplicates.append(held)
            else:
                self._known.add(held.id)
                facts = {axis: model[axis] for axis in self._axes}
                key = tuple(tuple(fact) if isinstance(fact, list) else fact for fact in facts.values())
                self._groups.setdefault(key, Group(facts, [])).places.append(len(self.models))
                self.models.append(held)

    def places(self, keeps: Callable[[Mapping[str, Any]], bool]) -> list[int]:
        """Return the places in the stream, rising, of the models whose fields are kept."""
        return _places(group for group in self._groups.values() if keeps(group.facts))

    def is_full(self, filters: Iterable[Filter], limit: int) -> bool:
        """Tell whether each filter has as many models as a manifest takes, so that no further one could be chosen."""
        return all(len(self.places(each.keeps)) >= limit for each in filters)


def _places(groups: Iterable[Group]) -> list[int]:
    return sorted(chain.from_iterable(group.places for group in groups))


class OnDisk(NamedTuple):
    """A complete stream on disk: its ledger, its models, and how many records they were made of."""

    ledger: Ledger
    selection: Selection
    records: int


def on_disk(data: Data, source: Source, stream: str) -> OnDisk | None:
    """Return a stream as data/models has it; null where no complete one is on disk.

    Raises:
        Missing: its models were not made yet.
        BadAnswer: the ledger, the summary or the models do not keep their contracts.
    """
    if not data.ledger(source.name, stream).is_file():
        return None
    ledger = read_ledger(data, source.name, stream)
    if not ledger.complete:
        return None
    told = {page["file"]: page for page in read_summary(data, source.name)["streams"].get(stream, [])}
    selection = Selection(source)
    for page in ledger.pages:
        path = data.models(source.name, stream) / page.file
        if page.file not in told or not path.is_file():
            raise Missing(f"{path}: is not there; make the models first: python -m etl manifests")
        models, about = read_json(path), told[page.file]
        try:
            selection.feed(models, page.file)
        except (TypeError, KeyError, AttributeError) as error:
            raise BadAnswer(f"{path}: holds what the transform does not make; make it again: python -m etl transform") from error
        if len(models) + len(about["set_aside"]) != about["records"]:
            aside = f"{len(models)} models and {len(about['set_aside'])} set aside"
            raise BadAnswer(f"{path}: {about['records']} records became {aside}; make it again: python -m etl transform")
    return OnDisk(ledger, selection, sum(told[page.file]["records"] for page in ledger.pages))


def read_summary(data: Data, source: str) -> dict[str, Any]:
    """Return what the transform tells of a source.

    Raises:
        Missing: it was not made yet.
        BadAnswer: it does not keep its contract.
    """
    path = data.summary(source)
    if not path.is_file():
        raise Missing(f"{path}: is not there; make the models first: python -m etl manifests")
    summary: dict[str, Any] = read_json(path)
    if violations := contract("summary").violations(summary):
        raise BadAnswer(f"{path}: {violations[0]}; make it again: python -m etl transform")
    return summary
