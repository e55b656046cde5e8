"""Facts that pages need of each other: those of a page as bytes, and those of all pages that deferred models need. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.hash_arrays import partition
from etl.transform.hashes import as_bytes, distinct_hashes, hash_key, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from etl.sources.source import Rules


class FactKeys(NamedTuple):
    """What of the facts of a page decides whether any is needed, and what summary.json counts of them.

    Attributes:
        keys: The hashes of their keys, sorted.
        kinds: The distinct kinds but null, as JSON.
        counted: The hashes of the keys of the facts that have one, sorted.
        kind_of: Of each of these the index of its kind.
    """

    keys: array[int]
    kinds: list[str]
    counted: array[int]
    kind_of: array[int]

    def to_bytes(self) -> bytes:
        """Return it as a file has it: a line of JSON, hashes, and big-endian numbers of 8 bytes."""
        head = orjson.dumps({"kinds": self.kinds, "keys": len(self.keys)})
        return b"".join([head, b"\n", *map(as_bytes, (self.keys, self.counted, self.kind_of))])

    @classmethod
    def from_bytes(cls, content: bytes) -> FactKeys:
        """Return what `to_bytes` gave."""
        line, _, rest = content.partition(b"\n")
        head, values = orjson.loads(line), numbers(rest)
        start = head["keys"]
        middle = (start + len(values)) // 2
        return cls(values[:start], head["kinds"], values[start:middle], values[middle:])


_NO_FACTS = FactKeys(array("Q"), [], array("Q"), array("Q"))


def pack_facts(facts: Mapping[str, Any], kind: Callable[[Any], Any]) -> tuple[bytes, bytes]:
    """Return the keys of the facts of a page, see `FactKeys`, and as lines in the same order the JSON of each key and fact."""
    items = sorted((hash_key(key), key, fact) for key, fact in facts.items())
    values = [kind(fact) for _, _, fact in items]
    kinds = [None if value is None else orjson.dumps(value).decode() for value in values]
    number_of = {text: number for number, text in enumerate(dict.fromkeys(filter(None, kinds)))}
    keys = numbers(b"".join(hash_ for hash_, _, _ in items))
    counted = array("Q", [key for key, text in zip(keys, kinds, strict=True) if text])
    kind_of = array("Q", [number_of[text] for text in kinds if text])
    lines = b"\n".join(orjson.dumps([key, fact]) for _, key, fact in items)
    return FactKeys(keys, [*number_of], counted, kind_of).to_bytes(), lines


def find_lines(keys: array[int], lines: bytes, wanted: Iterable[int]) -> list[bytes]:
    """Return the lines of facts that a page has, by the hashes of their keys."""
    split = lines.split(b"\n")
    return [split[bisect_left(keys, key)] for key in wanted]


class PageNeeds(NamedTuple):
    """What the models of a page are decided by: facts as lines, and the hashes of the keys of its own facts that others need."""

    lines: list[bytes]
    named: bytes

    def digest(self) -> str:
        """Return a hash of it."""
        return blake2b(self.to_bytes(), digest_size=16).hexdigest()

    def to_bytes(self) -> bytes:
        """Return it as lines."""
        return b"\n".join([self.named.hex().encode(), *self.lines])

    @classmethod
    def from_bytes(cls, content: bytes) -> PageNeeds:
        """Return what `to_bytes` made lines of."""
        named, *lines = content.split(b"\n")
        return cls(lines, bytes.fromhex(named.decode()))


class NeededFacts:
    """Of the facts of all pages, those that deferred models need, as lines of JSON; of several with a key, the least counts."""

    def __init__(
        self, rules: Rules, needed: Iterable[tuple[bytes, bytes]], pages: Iterable[bytes], lines_of: Callable[[int], bytes]
    ) -> None:  # fmt: skip
        """Find them.

        `needed` are, of each page, the keys that its models need, as hashes, and some that its facts name; `pages` are the keys
        of the facts of each page, or nothing; `lines_of` returns the lines of a page by its index, see `pack_facts`.
        """
        self._lines: dict[int, bytes] = {}
        self._named: list[bytes] = []
        self._kinds = _Kinds()
        by_models, sought = set[int](), set[int]()
        for hashes, follows in needed:
            by_models.update(numbers(hashes))
            sought.update(numbers(follows))
        others = sought - by_models
        sought = by_models | others if others else by_models
        for index, content in enumerate(pages):
            facts = FactKeys.from_bytes(content) if content else _NO_FACTS
            self._kinds.add(facts)
            matches = sorted(sought.intersection(facts.keys))
            if matches:
                for key, line in zip(matches, find_lines(facts.keys, lines_of(index), matches), strict=True):
                    self._lines[key] = min(line, self._lines.get(key, line))
            self._named.append(as_bytes(key for key in matches if key not in others) if others else as_bytes(matches))
        self._follows = self._follow(rules.follow) if rules.follow else {}

    def of_page(self, index: int, needs: bytes) -> PageNeeds:
        """Return what decides the models of a page, by its index and what it needs, in an order that depends on nothing else."""
        own = [*filter(self._lines.__contains__, numbers(needs))]  # sorted, as the hashes are
        further = keys = {*own}
        while following := further & self._follows.keys():
            further = set[int]().union(*map(self._follows.__getitem__, following)) - keys
            keys = keys | further
        ordered = chain(own, sorted(keys.difference(own)))
        return PageNeeds([*map(self._lines.__getitem__, ordered)], self._named[index])

    def kinds(self) -> list[tuple[Any, int]]:
        """Return the kinds of the facts of all pages, and how many keys have each."""
        return [(orjson.loads(kind), count) for kind, count in self._kinds.count().items()]

    def _follow(self, follow: Callable[[Any], Iterable[str]]) -> dict[int, tuple[int, ...]]:
        """Return the keys that facts name, as far as there are facts of them, by the key of each that names any."""
        named = ((key, distinct_hashes(follow(orjson.loads(line)[1]))) for key, line in self._lines.items())
        present = ((key, tuple(filter(self._lines.__contains__, numbers(hashes)))) for key, hashes in named)
        return {key: names for key, names in present if names}


class _Kinds:
    """Keys and the kind of each; of several with a key, the least counts, but null only if there is no other."""

    def __init__(self) -> None:
        self._keys, self._kinds = array("Q"), array("I")
        self._number_of: dict[str, int] = {}

    def add(self, facts: FactKeys) -> None:
        """Add the facts of a page."""
        number_of = [self._number_of.setdefault(kind, len(self._number_of)) for kind in facts.kinds]
        self._keys.extend(facts.counted)
        self._kinds.extend([number_of[index] for index in facts.kind_of])

    def count(self) -> dict[str, int]:
        """Return how many distinct keys have each kind."""
        kinds = sorted(self._number_of)
        rank_of = {self._number_of[kind]: rank for rank, kind in enumerate(kinds)}
        counts = Counter[int]()
        for keys, numbers_ in zip(partition([self._keys]), partition([self._kinds], by=[self._keys]), strict=True):
            ranks = map(rank_of.__getitem__, numbers_)
            counts.update(dict(sorted(zip(keys, ranks, strict=True), reverse=True)).values())
        return {kind: counts[rank] for rank, kind in enumerate(kinds) if rank in counts}


def parse_facts(lines: Iterable[bytes]) -> dict[str, Any]:
    """Return facts by key."""
    return dict(orjson.loads(line) for line in lines)
