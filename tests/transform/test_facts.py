"""Facts that pages need of each other."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from etl.core.ids import hash_text
from etl.sources.source import Rules
from etl.transform.facts import FactKeys, NeededFacts, PageNeeds, find_lines, pack_facts, parse_facts
from etl.transform.hashes import distinct_hashes, numbers

if TYPE_CHECKING:
    from random import Random

KEYS = "abcdefg"
# A fact: its own value, the key that it names, and its kind.
FACTS = st.tuples(st.integers(0, 3), st.sampled_from(KEYS), st.none() | st.sampled_from(["x", "y"])).map(list)
PAGES = st.lists(st.dictionaries(st.sampled_from(KEYS), FACTS, max_size=4), max_size=5)
NEEDS = st.lists(st.frozensets(st.sampled_from(KEYS), max_size=3), max_size=4)


def kind(fact: Any) -> Any:
    return fact[2]


def rules(*, chained: bool) -> Rules:
    return Rules(
        complete=lambda _entry, _options: [], describe=lambda _record, _entry, _options: [], kind=kind,
        follow=(lambda fact: [fact[1]]) if chained else None,
    )  # fmt: skip


def find(pages: list[dict[str, Any]], needs: list[bytes], *, chained: bool = False) -> NeededFacts:
    packed = [pack_facts(page, kind) if page else (b"", b"") for page in pages] or [(b"", b"")]
    return NeededFacts(
        rules(chained=chained), ((hashes, b"") for hashes in needs), (keys for keys, _ in packed), lambda index: packed[index][1]
    )


def names(pages: list[dict[str, Any]]) -> set[str]:
    """Return the keys that the facts of pages name."""
    return {fact[1] for page in pages for fact in page.values()}


def least_of(pages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fact of each key whose JSON is least."""
    facts: dict[str, Any] = {}
    for page in pages:
        for key, fact in page.items():
            facts[key] = min(fact, facts.get(key, fact), key=lambda value: json.dumps(value, separators=(",", ":")))
    return facts


def count_kinds(pages: list[dict[str, Any]]) -> Counter[str]:
    """Return how many keys have each kind, the least of those that are stated."""
    kinds: dict[str, list[str]] = {}
    for page in pages:
        for key, fact in page.items():
            kinds.setdefault(key, []).extend([fact[2]] if fact[2] else [])
    return Counter(min(values) for values in kinds.values() if values)


@given(PAGES, NEEDS)
def test_pages_get_the_least_fact_of_each_key_that_they_need(pages: list[dict[str, Any]], needs: list[frozenset[str]]) -> None:
    facts, least = find(pages, [distinct_hashes(keys) for keys in needs]), least_of(pages)
    for keys in needs:
        lines = facts.of_page(0, distinct_hashes(keys)).lines
        assert parse_facts(lines) == {key: least[key] for key in keys & least.keys()}
        assert lines == sorted(lines, key=lambda line: hash_text(*parse_facts([line])))
    assert dict(facts.kinds()) == count_kinds(pages)


@given(PAGES, NEEDS)
def test_facts_that_facts_name_are_found_in_any_page(pages: list[dict[str, Any]], needs: list[frozenset[str]]) -> None:
    facts, least = find(pages, [distinct_hashes(keys) for keys in (*needs, names(pages))], chained=True), least_of(pages)
    for keys in needs:
        expected: dict[str, Any] = {}
        pending = [*keys]
        while pending:
            key = pending.pop()
            if key in least and key not in expected:
                expected[key] = least[key]
                pending.append(least[key][1])
        assert parse_facts(facts.of_page(0, distinct_hashes(keys)).lines) == expected


@given(PAGES, NEEDS)
def test_pages_know_which_of_their_facts_others_need(pages: list[dict[str, Any]], needs: list[frozenset[str]]) -> None:
    facts = find(pages, [distinct_hashes(keys) for keys in needs])
    for index, page in enumerate(pages):
        assert facts.of_page(index, b"").named == distinct_hashes({key for keys in needs for key in keys} & page.keys())


@given(pages=PAGES, needs=NEEDS, random=st.randoms(use_true_random=False), chained=st.booleans())
def test_neither_the_order_of_pages_nor_how_facts_are_split_into_them_matters(
    pages: list[dict[str, Any]], needs: list[frozenset[str]], random: Random, *, chained: bool
) -> None:
    index = random.randint(0, 5)
    other = [*pages[:index], least_of(pages[index : index + 2]), *pages[index + 2 :]]
    random.shuffle(other)
    hashes = [distinct_hashes(sorted(keys)) for keys in [*needs, names(pages)]]
    left, right = find(pages, hashes, chained=chained), find(other, [*reversed(hashes)], chained=chained)
    assert [left.of_page(0, keys).lines for keys in hashes] == [right.of_page(0, keys).lines for keys in hashes]
    if not chained:  # merged facts have one kind
        assert left.kinds() == find(random.sample(pages, len(pages)), hashes).kinds()


@given(st.dictionaries(st.text(), FACTS))
def test_facts_of_a_page_are_read_as_they_were_written(facts: dict[str, Any]) -> None:
    packed, lines = pack_facts(facts, kind)
    page = FactKeys.from_bytes(packed)
    hashes = {key: numbers(hash_text(key))[0] for key in facts}
    assert [*page.keys] == sorted(hashes.values())
    assert parse_facts(find_lines(page.keys, lines, page.keys)) == facts
    for key, fact in facts.items():
        assert parse_facts(find_lines(page.keys, lines, [hashes[key]])) == {key: fact}
    kinds = [json.loads(page.kinds[index]) for index in page.kind_of]
    assert dict(zip(page.counted, kinds, strict=True)) == {hashes[key]: fact[2] for key, fact in facts.items() if fact[2]}


@given(PAGES, NEEDS)
def test_lines_are_read_of_pages_only_that_state_what_is_needed(
    pages: list[dict[str, Any]], needs: list[frozenset[str]]
) -> None:  # fmt: skip
    packed, read = [pack_facts(page, kind) for page in pages], []

    def lines_of(index: int) -> bytes:
        read.append(index)
        return packed[index][1]

    NeededFacts(rules(chained=False), ((distinct_hashes(keys), b"") for keys in needs), (keys for keys, _ in packed), lines_of)
    assert read == [index for index, page in enumerate(pages) if page.keys() & {key for keys in needs for key in keys}]


def test_the_digest_of_facts_depends_on_all_of_them() -> None:
    needs = [PageNeeds([], b""), PageNeeds([b"a"], b""), PageNeeds([b"a", b"b"], b""), PageNeeds([], b"12345678")]
    assert len({need.digest() for need in needs}) == len(needs)
