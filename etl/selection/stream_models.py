"""The models of one stream by position: hashes of their ids in memory; all else is read from their pages on demand."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.hash_arrays import find_repeated
from etl.core.ids import digest, model_key
from etl.selection.hash_index import HashIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Model = Mapping[str, Any]


class ModelRef(NamedTuple):
    """A model of a stream: what is published of it, and where it is on disk.

    Attributes:
        file: The file of its page.
        page_index: Its index in the page.
        record_id: Its id as its own record spells it.
    """

    id: str
    slug: str
    name: str
    file: str
    page_index: int
    record_id: str


class StreamModels:
    """The models of one stream in stream order, added page by page.

    A position counts all models of the pages, also those that are not selected: duplicates and those excluded by id.

    Attributes:
        keys: Hashes of the ids in any spelling, by position.
        spellings: Hashes of the ids as records spell them, by position.
    """

    def __init__(self, read_page: Callable[[str], Sequence[Model]], skip: Iterable[str]) -> None:
        """Start without models; `read_page` returns those of a file, `skip` are the excluded ids."""
        self.keys, self.spellings = array("Q"), array("Q")
        self._read_page, self._skip = read_page, {model_key(id_) for id_ in skip}
        self._files: list[str] = []
        self._starts = array("I")  # the position of the first model of each file
        self._respelled: dict[int, Model] = {}
        self._refs: dict[int, ModelRef] = {}

    def _add(self, file: str, keys: array[int], spellings: array[int]) -> None:
        self._files.append(file)
        self._starts.append(len(self.keys))
        self.keys.extend(keys)
        self.spellings.extend(spellings)

    @cached_property
    def _index(self) -> HashIndex:
        return HashIndex(self.keys)

    @cached_property
    def skipped(self) -> array[int]:
        """The positions of models that filters.toml excludes by id, in any spelling, ascending."""
        return self.find({*map(digest, self._skip)})

    @cached_property
    def duplicates(self) -> array[int]:
        """The positions of later records of a model, in any spelling of its id, ascending."""
        seen: set[int] = set()
        later = array("I")
        for position in self.find(find_repeated(self.keys).difference(map(digest, self._skip))):
            if self.keys[position] in seen:
                later.append(position)
            seen.add(self.keys[position])
        return later

    def find(self, hashes: set[int]) -> array[int]:
        """Return the positions of all records of models, by the hashes of their ids in any spelling, ascending."""
        return array("I", compress(range(len(self.keys)), map(hashes.__contains__, self.keys)) if hashes else ())

    @property
    def count(self) -> int:
        """How many distinct models there are that filters.toml does not exclude by id."""
        return len(self.keys) - len(self.duplicates) - len(self.skipped)

    @property
    def positions_in_order(self) -> Iterator[int]:
        """The positions of these models, ascending."""
        left_out = {*self.duplicates, *self.skipped}
        return (position for position in range(len(self.keys)) if position not in left_out)

    def stream_rank(self, position: int) -> int:
        """Return the rank, from 1, of a model among all distinct ones of the stream."""
        return position + 1 - bisect_left(self.duplicates, position) - bisect_left(self.skipped, position)

    def records_of(self, id_: str) -> list[int]:
        """Return the positions of all records of a model, in any spelling of its id: duplicates and excluded ones as well."""
        return self.records_by_hash(digest(model_key(id_)))

    def records_by_hash(self, hash_: int) -> list[int]:
        """Return the positions of all records of a model, by the hash of its id in any spelling."""
        return self._index.positions(hash_)

    def position_of(self, id_: str) -> int | None:
        """Return the position of a model, in any spelling of its id; None if the stream does not have it."""
        positions = [] if model_key(id_) in self._skip else self.records_of(id_)
        return positions[0] if positions else None

    def file_of(self, position: int) -> tuple[str, int]:
        """Return the file of the page of a position, and the index of the model in it."""
        number = bisect_right(self._starts, position) - 1
        return self._files[number], position - self._starts[number]

    def model(self, position: int) -> Model:
        """Return a model as its record has it that counts: of several spellings, the one fetched last."""
        if position in self._respelled:
            return self._respelled[position]
        file, index = self.file_of(position)
        return self._read_page(file)[index]

    def ref(self, position: int) -> ModelRef:
        """Return the model at a position."""
        if position in self._refs:
            return self._refs[position]
        file, index = self.file_of(position)
        record, model = self._read_page(file)[index], self.model(position)
        return ModelRef(model["id"], model["slug"], model["name"], file, index, record["id"])

    def refs(self, positions: Iterable[int]) -> list[ModelRef]:
        """Return the models at positions, in the same order; each page is read once."""
        wanted = [*positions]
        by_position = {position: self.ref(position) for position in sorted(set(wanted))}
        return [by_position[position] for position in wanted]

    def remember(self, positions: Iterable[int]) -> None:
        """Keep the models at positions in memory, whose pages are read once now."""
        for position in sorted({*positions}.difference(self._refs)):
            self._refs[position] = self.ref(position)
