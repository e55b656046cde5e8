"""Facts that pages need of each other: those of a page as bytes, and those of all pages that deferred models need. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.ids import hash_text
from etl.transform.hashes import BUCKETS, as_bytes, distinct_hashes, numbers, ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from etl.sources.source import Rules


class PageFacts(NamedTuple):
    """The facts of a page.

    Attributes:
        keys: The hashes of their keys, sorted.
        kinds: The distinct kinds, which summary.json counts, as JSON.
        kind_of: Of each fact the index of its kind.
        lines: Of each the JSON of key and fact.
    """

    keys: array[int]
    kinds: list[str]
    kind_of: list[int]
    lines: list[bytes]

    def line(self, key: int) -> bytes:
        """Return the line of a fact that the page has, by the hash of its key."""
        return self.lines[bisect_left(self.keys, key)]


_NO_FACTS = PageFacts(array("Q"), [], [], [])
_NULL = "null"


def pack_facts(facts: Mapping[str, Any], kind: Callable[[Any], Any]) -> bytes:
    """Return the facts of a page as lines; the first one has what decides whether any other is needed."""
    items = sorted((hash_text(key), key, fact) for key, fact in facts.items())
    kinds = [orjson.dumps(kind(fact)).decode() for _, _, fact in items]
    number_of = {text: number for number, text in enumerate(dict.fromkeys(kinds))}
    keys = b"".join(hash_ for hash_, _, _ in items)
    head = {"keys": keys.hex(), "kinds": [*number_of], "kind_of": [number_of[text] for text in kinds]}
    return b"\n".join([orjson.dumps(head), *(orjson.dumps([key, fact]) for _, key, fact in items)])


def unpack_facts(content: bytes) -> PageFacts:
    """Return the facts that `pack_facts` made lines of."""
    first, *lines = content.split(b"\n")
    head = orjson.loads(first)
    return PageFacts(numbers(bytes.fromhex(head["keys"])), head["kinds"], head["kind_of"], lines)


class PageNeeds(NamedTuple):
    """What the models of a page are decided by: facts as lines, and the hashes of the keys of its own facts that others need."""

    lines: list[bytes]
    named: bytes

    def digest(self) -> str:
        """Return a hash of it."""
        return blake2b(b"\n".join([*self.lines, self.named]), digest_size=16).hexdigest()

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

    def __init__(self, rules: Rules, needed: Iterable[bytes], pages: Iterable[bytes]) -> None:
        """Find them: `needed` are the keys that each page needs, as hashes; `pages` are the facts of each page, or nothing."""
        self._lines: dict[int, bytes] = {}
        self._named: list[bytes] = []
        self._kinds = _Kinds()
        sought = set[int]()
        for hashes in needed:
            sought.update(numbers(hashes))
        for content in pages:
            facts = unpack_facts(content) if content else _NO_FACTS
            self._kinds.add(facts)
            self._named.append(self._find(facts, sought))
        self._follows = self._follow(rules.follow) if rules.follow else {}

    def of_page(self, index: int, needs: bytes) -> PageNeeds:
        """Return what decides the models of a page, by its index and what it needs, in an order that depends on nothing else."""
        keys = {*numbers(needs)}
        further = keys
        while self._follows and further:
            further = {name for key in further if key in self._follows for name in numbers(self._follows[key])} - keys
            keys |= further
        return PageNeeds([self._lines[key] for key in sorted(keys & self._lines.keys())], self._named[index])

    def kinds(self) -> list[tuple[Any, int]]:
        """Return the kinds of the facts of all pages, and how many keys have each."""
        return [(orjson.loads(kind), count) for kind, count in self._kinds.count().items()]

    def _find(self, facts: PageFacts, keys: set[int]) -> bytes:
        """Keep the facts of a page that have some keys, and return the hashes of these."""
        matches = sorted(keys.intersection(facts.keys))
        for key in matches:
            line = facts.line(key)
            self._lines[key] = min(line, self._lines.get(key, line))
        return as_bytes(matches)

    def _follow(self, follow: Callable[[Any], Iterable[str]]) -> dict[int, bytes]:
        """Return the keys that facts name, by the key of each that names any."""
        named = ((key, distinct_hashes(follow(orjson.loads(line)[1]))) for key, line in self._lines.items())
        return {key: hashes for key, hashes in named if hashes}


class _Kinds:
    """Keys and the kind of each; of several with a key, the least counts, but null only if there is no other."""

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._kinds = [array("I") for _ in range(BUCKETS)]
        self._number_of: dict[str, int] = {}

    def add(self, facts: PageFacts) -> None:
        """Add the facts of a page."""
        number_of = [self._number_of.setdefault(kind, len(self._number_of)) for kind in facts.kinds]
        counted = [(key, index) for key, index in zip(facts.keys, facts.kind_of, strict=True) if facts.kinds[index] != _NULL]
        page_keys, page_kinds = array("Q", [key for key, _ in counted]), array("I", [number_of[index] for _, index in counted])
        for range_, all_keys, all_kinds in zip(ranges(page_keys), self._keys, self._kinds, strict=True):
            all_keys.extend(page_keys[range_])
            all_kinds.extend(page_kinds[range_])

    def count(self) -> dict[str, int]:
        """Return how many distinct keys have each kind."""
        kinds = sorted(self._number_of)
        rank_of = {self._number_of[kind]: rank for rank, kind in enumerate(kinds)}
        counts = Counter[int]()
        for keys, numbers_ in zip(self._keys, self._kinds, strict=True):
            ranks = map(rank_of.__getitem__, numbers_)
            counts.update(dict(sorted(zip(keys, ranks, strict=True), reverse=True)).values())
        return {kind: counts[rank] for rank, kind in enumerate(kinds) if rank in counts}


def parse_facts(lines: Iterable[bytes]) -> dict[str, Any]:
    """Return facts by key."""
    return dict(orjson.loads(line) for line in lines)
