"""What all records of a model say of its safety: of several, in one stream or in many, the worst counts. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.ids import model_key
from etl.core.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_FLAGGED = LEVELS.index("r")  # what a flagged model is at least


class Ruling(NamedTuple):
    """What all records of a model decide of it in one stream, where that is worse than what its own record says.

    Attributes:
        word: The reason why it is never published, its level, or `flagged`.
        stream: The stream of the record that decides.
        forbids: Whether the model is never published.
        fields: Values of its fields that replace those of its own record.
    """

    word: str
    stream: str
    forbids: bool
    fields: Mapping[str, Any]


class RejectedRecord(NamedTuple):
    """A record that is not a model: its id, the reason, and its levels and flag where the reason does not decide."""

    id: object
    reason: str
    levels: Mapping[str, Any] | None = None


class _Worst(NamedTuple):
    """The index of a level, and the stream that says so."""

    level: int
    stream: str


_NOTHING = _Worst(-1, "")


class Safety:
    """The worst that the complete streams of a source say of each model, by its key; see `key_of`.

    Records of a stream that asked for base models show only a part, since the server leaves out the versions of others: their
    flags and their most explicit level count everywhere, their mildest level in their own stream only. Of records that are
    equally bad, the one added first decides. `never_published` are the rejection reasons that forbid a model everywhere.
    """

    def __init__(self, never_published: Container[str]) -> None:
        self._never_published = never_published
        self._forbidden: dict[str, tuple[str, str]] = {}
        self._flagged: dict[str, str] = {}
        self._level: dict[str, _Worst] = {}
        self._part: dict[tuple[str, str], int] = {}
        self._most: dict[str, _Worst] = {}

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

    def _add(self, stream: str, key: str, levels: Mapping[str, Any], *, is_partial: bool) -> None:
        mildest, most = LEVELS.index(levels["level"]), LEVELS.index(levels["level_most"])
        if is_partial:
            self._part[stream, key] = max(mildest, self._part.get((stream, key), 0))
        elif mildest > self._level.get(key, _NOTHING).level:
            self._level[key] = _Worst(mildest, stream)
        if most > self._most.get(key, _NOTHING).level:
            self._most[key] = _Worst(most, stream)
        if levels["flagged"]:
            self._flagged.setdefault(key, stream)

    def ruling(self, stream: str, key: str, own: Mapping[str, Any]) -> Ruling | None:
        """Return what is decided of a model in a stream; None where its own fields, of which `own` may have any, say the same."""
        if key in self._forbidden:
            word, where = self._forbidden[key]
            return Ruling(word, where, forbids=True, fields={})
        if key not in self._most:
            return None
        flag = self._flagged.get(key)
        part = _Worst(self._part.get((stream, key), -1), stream)
        level = max(part, self._level.get(key, _NOTHING), key=lambda worst: worst.level)
        word = LEVELS[level.level]
        if flag is not None and level.level < _FLAGGED:
            level, word = _Worst(_FLAGGED, flag), "flagged"
        most = self._most.get(key, _NOTHING)
        worst = {
            "level": (LEVELS[level.level], level.stream, word),
            "level_most": (LEVELS[most.level], most.stream, LEVELS[most.level]),
            "flagged": (flag is not None, flag or "", "flagged"),
        }
        raised = {field: worst[field] for field in worst if field in own and own[field] != worst[field][0]}
        if not raised:
            return None
        _, where, word = next(iter(raised.values()))
        return Ruling(word, where, forbids=False, fields={field: value for field, (value, _, _) in raised.items()})
