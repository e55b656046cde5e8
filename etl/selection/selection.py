"""What filters choose of a stream: extraction's "enough", load, verify and every explanation use it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import model_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from etl.config.model import Filter, SourceConfig
    from etl.selection.safety import Ruling, Safety


class ModelRef(NamedTuple):
    """A model of a stream: what is published of it, and where it lies.

    `file` is that of its page and `place` the place in it from 0; `record_id` is its id as its own record spells it.
    """

    id: str
    slug: str
    name: str
    file: str
    place: int
    record_id: str


class FacetGroup(NamedTuple):
    """Models that no option tells apart, by their places in the stream.

    `facts` are the fields that options look at, as all records of these models decide them, `own` as their own records have
    them; what `is_forbidden` is on no manifest.
    """

    facts: Mapping[str, Any]
    own: Mapping[str, Any]
    is_forbidden: bool
    places: list[int]


class Selection:
    """The models of one stream in its order, each once and none that is skipped; fed page by page.

    `duplicates` are those that came again, `skipped` those that filters.toml names, both in any spelling of the id. `rulings`
    has what other records decide of a model, by its place, once `apply` was called.
    """

    def __init__(self, source: SourceConfig, stream: str = "") -> None:
        self.models: list[ModelRef] = []
        self.duplicates: list[ModelRef] = []
        self.skipped: list[ModelRef] = []
        self.rulings: dict[int, Ruling] = {}
        self._stream = stream
        self._skip = {model_key(identity) for identity in source.skip}
        self._axes = [axis.name for axis in source.axes if any(option.values for option in axis.options)]
        self._known: dict[str, int] = {}
        self._groups: dict[tuple[Any, ...], FacetGroup] = {}

    @property
    def groups(self) -> list[FacetGroup]:
        """The models in groups, so that what looks at their fields need not look at each of them."""
        return list(self._groups.values())

    def refs(self, groups: Iterable[FacetGroup]) -> list[ModelRef]:
        """Return the models of some groups, in the order of the stream."""
        return [self.models[place] for place in _places(groups)]

    def position_of(self, identity: str) -> int | None:
        """Return the place in the stream of a model, in any spelling of its id."""
        return self._known.get(model_key(identity))

    def add_page(self, models: Iterable[Mapping[str, Any]], file: str = "") -> None:
        """Take the models of the next page, which lies in `file`.

        Raises:
            TypeError, KeyError, AttributeError: they are not what the transform makes.
        """
        for place, model in enumerate(models):
            if not all(isinstance(model[field], str) for field in ("id", "slug", "name")):
                raise TypeError("the id, slug and name of a model must be text")
            held = ModelRef(model["id"], model["slug"], model["name"], file, place, model["id"])
            key = model_key(held.id)
            if key in self._skip:
                self.skipped.append(held)
            elif key in self._known:
                self.duplicates.append(held)
            else:
                self._known[key] = len(self.models)
                facts = {axis: model[axis] for axis in self._axes}
                self._groups.setdefault(_key(facts), FacetGroup(facts, facts, False, [])).places.append(len(self.models))  # noqa: FBT003  of a tuple
                self.models.append(held)

    def apply(self, safety: Safety) -> None:
        """Regroup the models by what all their records decide."""
        owned = [(group.own, group.places) for group in self.groups]
        self._groups, self.rulings = {}, {}
        for own, places in owned:
            for place in places:
                ruling = safety.ruling(self._stream, model_key(self.models[place].id), own)
                facts, forbids = ({**own, **ruling.fields}, ruling.forbids) if ruling else (own, False)
                if ruling:
                    self.rulings[place] = ruling
                key = (*_key(own), *_key(facts), forbids) if ruling else _key(own)
                self._groups.setdefault(key, FacetGroup(facts, own, forbids, [])).places.append(place)

    def spell(self, models: Mapping[str, Mapping[str, Any]]) -> None:
        """Let models, by key, be what another record of them says; their places stay."""
        for identity in self._known.keys() & models.keys():
            place, model = self._known[identity], models[identity]
            self.models[place] = self.models[place]._replace(id=model["id"], slug=model["slug"], name=model["name"])
            facts = {axis: model[axis] for axis in self._axes}
            for group in self.groups:
                if place in group.places:
                    group.places.remove(place)
            self._groups = {key: group for key, group in self._groups.items() if group.places}
            self._groups.setdefault(_key(facts), FacetGroup(facts, facts, False, [])).places.append(place)  # noqa: FBT003  of a tuple

    def places(self, keeps: Callable[[Mapping[str, Any]], bool]) -> list[int]:
        """Return the places in the stream, rising, of the models whose fields are kept and that nothing forbids."""
        return _places(group for group in self._groups.values() if not group.is_forbidden and keeps(group.facts))

    def withheld(self, keeps: Callable[[Mapping[str, Any]], bool]) -> list[int]:
        """Return the places, rising, of the models that their own fields would keep and all their records do not."""
        if not self.rulings:
            return []
        return _places(
            group
            for group in self._groups.values()
            if (group.is_forbidden or group.facts is not group.own) and keeps(group.own)
            if group.is_forbidden or not keeps(group.facts)
        )

    def is_full(self, filters: Iterable[Filter], limit: int) -> bool:
        """Tell whether each filter has as many models as a manifest takes, so that no further one could be chosen."""
        return all(len(self.places(each.matches)) >= limit for each in filters)


def _key(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(tuple(fact) if isinstance(fact, list) else fact for fact in facts.values())


def _places(groups: Iterable[FacetGroup]) -> list[int]:
    return sorted(chain.from_iterable(group.places for group in groups))
