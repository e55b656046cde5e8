"""The safety of a model by all its records, in one stream or several: the worst record counts. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import model_key
from etl.core.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping

_MIN_FLAGGED = LEVELS.index("r")  # a flagged model is never milder


class Ruling(NamedTuple):
    """What all records of a model decide about it in one stream, where they are worse than its own record there.

    Attributes:
        word: The reason why it is never published, its level, or `flagged`.
        stream: The stream of the deciding record.
        forbids: Whether the model is never published.
        fields: The field values that replace those of its own record.
    """

    word: str
    stream: str
    forbids: bool
    fields: Mapping[str, Any]


class RejectedRecord(NamedTuple):
    """A record that did not become a model: its id, the reason, and its levels and flag unless the reason decides alone."""

    id: object
    reason: str
    levels: Mapping[str, Any] | None = None


class _Worst(NamedTuple):
    """The index of a level in LEVELS, and the stream of the record that has it."""

    level: int
    stream: str


_NONE = _Worst(-1, "")


class Safety:
    """The worst that the records of a source's complete streams say about each model, by `model_key`.

    A stream requested by base model has partial records, because the server leaves out the versions of other bases: their flags
    and most explicit level count everywhere, their mildest level only in their own stream. Of equally bad records the one
    added first decides. `never_published` are the rejection reasons that forbid a model everywhere.
    """

    def __init__(self, never_published: Container[str]) -> None:
        self._never_published = never_published
        self._forbidden: dict[str, tuple[str, str]] = {}
        self._flagged: dict[str, str] = {}
        self._level: dict[str, _Worst] = {}
        self._partial_level: dict[tuple[str, str], int] = {}
        self._level_most: dict[str, _Worst] = {}
        self._image_levels: dict[str, dict[str, int]] = {}
        self._forbidden_images: dict[str, set[str]] = {}

    @property
    def forbidden(self) -> Collection[str]:
        """The keys of the models that are never published."""
        return self._forbidden.keys()

    @property
    def keys(self) -> Iterator[str]:
        """The keys of the models of which records say something that may rule others; each once."""
        yield from self._level_most
        yield from (key for key in self._forbidden if key not in self._level_most)

    def add(
        self, stream: str, models: Iterable[Mapping[str, Any]], rejected: Iterable[RejectedRecord], *, is_partial: bool
    ) -> None:
        """Add the models of a page and its rejected records."""
        for record in rejected:
            if record.reason in self._never_published and record.id is not None:
                self._forbidden.setdefault(model_key(record.id), (record.reason, stream))
            elif record.levels and record.id is not None:
                self._add(stream, model_key(record.id), record.levels, is_partial=is_partial)
        for model in models:
            if "level" in model:
                self._add(stream, model_key(model["id"]), model, is_partial=is_partial)
            for image in model.get("images") or ():
                levels = self._image_levels.setdefault(model_key(model["id"]), {})
                levels[image["url"]] = max(LEVELS.index(image["level"]), levels.get(image["url"], 0))

    def forbid_images(self, images: Mapping[str, Iterable[str]]) -> None:
        """Forbid images of models on cards, by the ids of the records that say so; they are named by their URLs."""
        for identity, urls in images.items():
            self._forbidden_images.setdefault(model_key(identity), set()).update(urls)

    def images(self, key: str, images: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return images of a model that none of its records forbids, each at the highest level that any of them says."""
        levels, forbidden = self._image_levels[key], self._forbidden_images.get(key, ())
        return [{**image, "level": LEVELS[levels[image["url"]]]} for image in images if image["url"] not in forbidden]

    def _add(self, stream: str, key: str, levels: Mapping[str, Any], *, is_partial: bool) -> None:
        mildest, most = LEVELS.index(levels["level"]), LEVELS.index(levels["level_most"])
        if is_partial:
            self._partial_level[stream, key] = max(mildest, self._partial_level.get((stream, key), 0))
        elif mildest > self._level.get(key, _NONE).level:
            self._level[key] = _Worst(mildest, stream)
        if most > self._level_most.get(key, _NONE).level:
            self._level_most[key] = _Worst(most, stream)
        if levels["flagged"]:
            self._flagged.setdefault(key, stream)

    def ruling(self, stream: str, key: str, own: Mapping[str, Any]) -> Ruling | None:
        """Return what all records decide about a model in a stream; None if that agrees with `own`, any of its own fields."""
        if key in self._forbidden:
            reason, origin = self._forbidden[key]
            return Ruling(reason, origin, forbids=True, fields={})
        if key not in self._level_most:
            return None
        flag = self._flagged.get(key)
        partial = _Worst(self._partial_level.get((stream, key), -1), stream)
        level = max(partial, self._level.get(key, _NONE), key=lambda worst: worst.level)
        word = LEVELS[level.level]
        if flag is not None and level.level < _MIN_FLAGGED:
            level, word = _Worst(_MIN_FLAGGED, flag), "flagged"
        most = self._level_most.get(key, _NONE)
        worst = {
            "level": (LEVELS[level.level], level.stream, word),
            "level_most": (LEVELS[most.level], most.stream, LEVELS[most.level]),
            "flagged": (flag is not None, flag or "", "flagged"),
        }
        raised = {field: worst[field] for field in worst if field in own and own[field] != worst[field][0]}
        if not raised:
            return None
        _, origin, word = next(iter(raised.values()))
        return Ruling(word, origin, forbids=False, fields={field: value for field, (value, _, _) in raised.items()})
