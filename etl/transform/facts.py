"""Facts that pages need of each other: those of a page as bytes, and those of all pages that deferred models need. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.ids import hash_text
from etl.transform.hashes import BUCKETS, distinct_hashes, numbers, ranges

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


class NeededFacts:
    """Of the facts of all pages, those that deferred models need, as lines of JSON; of several with a key, the first counts."""

    def __init__(self, rules: Rules, needed: Iterable[bytes], pages: Callable[[], Iterable[bytes]]) -> None:
        """Find them: `needed` are the keys that each page needs, as hashes; `pages` yields the facts of each page, in order."""
        self._lines: dict[int, bytes] = {}
        self._named: dict[int, bytes] = {}
        self._kinds = _FirstKinds()
        sought = set[int]()
        for hashes in needed:
            sought.update(numbers(hashes))
        for content in pages():
            facts = unpack_facts(content)
            self._kinds.add(facts)
            self._find(facts, sought)
        while rules.follow and (named := self._follow(rules.follow, sought)):
            for content in pages():
                self._find(unpack_facts(content), named)
            sought |= named

    def of_page(self, needs: bytes) -> list[bytes]:
        """Return the facts that the models of a page need, in an order that depends on nothing else."""
        keys = {*numbers(needs)}
        named = keys
        while self._named and named:
            named = {name for key in named for name in numbers(self._named.get(key, b""))} - keys
            keys |= named
        return [self._lines[key] for key in sorted(keys & self._lines.keys())]

    def kinds(self) -> list[tuple[Any, int]]:
        """Return the kinds of the facts of all pages, and how many keys have each."""
        return [(orjson.loads(kind), count) for kind, count in self._kinds.count().items() if kind != "null"]

    def _find(self, facts: PageFacts, keys: set[int]) -> None:
        for key in keys.intersection(facts.keys):
            self._lines.setdefault(key, facts.lines[bisect_left(facts.keys, key)])

    def _follow(self, follow: Callable[[Any], Iterable[str]], sought: set[int]) -> set[int]:
        """Return the keys that the facts found last name, except those that were sought."""
        for key in self._lines.keys() - self._named.keys():
            self._named[key] = distinct_hashes(follow(orjson.loads(self._lines[key])[1]))
        return {name for names in self._named.values() for name in numbers(names)} - sought


class _FirstKinds:
    """Keys and the kind of each; of several with a key, the first counts."""

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._kinds = [array("I") for _ in range(BUCKETS)]
        self._number_of: dict[str, int] = {}

    def add(self, facts: PageFacts) -> None:
        """Add the facts of a page."""
        number_of = [self._number_of.setdefault(kind, len(self._number_of)) for kind in facts.kinds]
        kinds = array("I", [number_of[index] for index in facts.kind_of])
        for range_, all_keys, all_kinds in zip(ranges(facts.keys), self._keys, self._kinds, strict=True):
            all_keys.extend(facts.keys[range_])
            all_kinds.extend(kinds[range_])

    def count(self) -> dict[str, int]:
        """Return how many distinct keys have each kind."""
        counts = Counter[int]()
        for keys, kinds in zip(self._keys, self._kinds, strict=True):
            counts.update(dict(zip(reversed(keys), reversed(kinds), strict=True)).values())
        return {kind: counts[number] for kind, number in self._number_of.items() if number in counts}


def parse_facts(lines: Iterable[bytes]) -> dict[str, Any]:
    """Return facts by key."""
    return dict(orjson.loads(line) for line in lines)


def facts_digest(lines: Iterable[bytes]) -> str | None:
    """Return a hash of facts; None for no facts, as before any were looked for."""
    content = b"\n".join(lines)
    return blake2b(content, digest_size=16).hexdigest() if content else None
