"""Facts that pages need of each other: those of a page as bytes, and those of all pages that deferred models need. No I/O."""

from __future__ import annotations

from array import array
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.transform.hashes import BUCKETS, hash_texts, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from etl.sources.source import Rules


class PageFacts(NamedTuple):
    """The facts of a page.

    Attributes:
        keys: The hashes of their keys.
        kinds: Of each the JSON of its kind, which summary.json counts.
        lines: Of each the JSON of key and fact.
    """

    keys: array[int]
    kinds: list[bytes]
    lines: list[bytes]


def pack_facts(facts: Mapping[str, Any], kind: Callable[[Any], Any]) -> bytes:
    """Return the facts of a page as lines; the first one has what decides whether any other is needed."""
    kinds = [orjson.dumps(kind(fact)).decode() for fact in facts.values()]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(kinds))}
    head = {"keys": hash_texts(facts).hex(), "kinds": [*distinct], "kind_of": [distinct[text] for text in kinds]}
    return b"\n".join([orjson.dumps(head), *(orjson.dumps(pair) for pair in facts.items())])


def unpack_facts(content: bytes) -> PageFacts:
    """Return the facts that `pack_facts` made lines of."""
    first, *lines = content.split(b"\n")
    head = orjson.loads(first)
    distinct = [text.encode() for text in head["kinds"]]
    return PageFacts(numbers(bytes.fromhex(head["keys"])), [distinct[number] for number in head["kind_of"]], lines)


class NeededFacts:
    """Of the facts of all pages, those that deferred models need, as lines of JSON; of several with a key, the first counts."""

    def __init__(self, rules: Rules, needed: Iterable[bytes], pages: Callable[[], Iterable[bytes]]) -> None:
        """Find them: `needed` are the keys that each page needs, as hashes; `pages` yields the facts of each page, in order."""
        self._lines: dict[int, bytes] = {}
        self._named: dict[int, bytes] = {}
        self._kinds = _FirstKinds()
        sought = {key for hashes in needed for key in numbers(hashes)}
        for content in pages():
            facts = unpack_facts(content)
            self._kinds.add(facts.keys, facts.kinds)
            self._find(facts, sought)
        while rules.follow and (named := self._follow(rules.follow, sought)):
            for content in pages():
                self._find(unpack_facts(content), named)
            sought |= named

    def of_page(self, needs: bytes) -> list[bytes]:
        """Return the facts that the models of a page need, in an order that depends on nothing else."""
        keys, named = set[int](), {*numbers(needs)}
        while named:
            keys |= named
            named = {name for key in named for name in numbers(self._named.get(key, b""))} - keys
        return [self._lines[key] for key in sorted(keys) if key in self._lines]

    def kinds(self) -> list[tuple[Any, int]]:
        """Return the kinds of the facts of all pages, and how many keys have each."""
        return [(orjson.loads(kind), count) for kind, count in self._kinds.count().items() if kind != b"null"]

    def _find(self, facts: PageFacts, keys: set[int]) -> None:
        for index, key in enumerate(facts.keys):
            if key in keys:
                self._lines.setdefault(key, facts.lines[index])

    def _follow(self, follow: Callable[[Any], Iterable[str]], sought: set[int]) -> set[int]:
        """Return the keys that the facts found last name, except those that were sought."""
        for key in self._lines.keys() - self._named.keys():
            self._named[key] = hash_texts(follow(orjson.loads(self._lines[key])[1]))
        return {name for names in self._named.values() for name in numbers(names)} - sought


class _FirstKinds:
    """Keys and the kind of each; of several with a key, the first counts."""

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._kinds = [array("I") for _ in range(BUCKETS)]
        self._number_of: dict[bytes, int] = {}

    def add(self, keys: Iterable[int], kinds: Iterable[bytes]) -> None:
        """Add keys, each with its kind."""
        all_keys, all_kinds, number_of = self._keys, self._kinds, self._number_of
        for key, kind in zip(keys, kinds, strict=True):
            all_keys[key % BUCKETS].append(key)
            all_kinds[key % BUCKETS].append(number_of.setdefault(kind, len(number_of)))

    def count(self) -> dict[bytes, int]:
        """Return how many distinct keys have each kind."""
        counts = Counter[int]()
        for keys, kinds in zip(self._keys, self._kinds, strict=True):
            counts.update(dict(zip(reversed(keys), reversed(kinds), strict=True)).values())
        return {kind: counts[number] for kind, number in self._number_of.items() if number in counts}


def parse_facts(lines: Iterable[bytes]) -> dict[str, Any]:
    """Return facts by key."""
    return dict(orjson.loads(line) for line in lines)


def facts_digest(lines: Iterable[bytes]) -> str | None:
    """Return a hash of facts; None if there are none, as before any were looked for."""
    content = b"\n".join(lines)
    return blake2b(content, digest_size=16).hexdigest() if content else None
