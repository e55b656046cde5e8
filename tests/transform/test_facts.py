"""Facts that pages need of each other."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.core.ids import hash_text
from etl.sources.source import Rules
from etl.transform.facts import NeededFacts, facts_digest, pack_facts, parse_facts, unpack_facts
from etl.transform.hashes import distinct_hashes, numbers

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
    packed = [pack_facts(page, kind) for page in pages]
    return NeededFacts(rules(chained=chained), needs, lambda: packed)


def first_of(pages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the first fact of each key."""
    return {key: fact for page in reversed(pages) for key, fact in page.items()}


@given(PAGES, NEEDS)
def test_pages_get_the_first_fact_of_each_key_that_they_need(pages: list[dict[str, Any]], needs: list[frozenset[str]]) -> None:
    facts, first = find(pages, [distinct_hashes(keys) for keys in needs]), first_of(pages)
    for keys in needs:
        lines = facts.of_page(distinct_hashes(keys))
        assert parse_facts(lines) == {key: first[key] for key in keys & first.keys()}
        assert lines == sorted(lines, key=lambda line: hash_text(*parse_facts([line])))
    assert dict(facts.kinds()) == Counter(fact[2] for fact in first.values() if fact[2])


@given(PAGES, NEEDS)
def test_facts_that_facts_name_are_found_in_any_page(pages: list[dict[str, Any]], needs: list[frozenset[str]]) -> None:
    facts, first = find(pages, [distinct_hashes(keys) for keys in needs], chained=True), first_of(pages)
    for keys in needs:
        expected: dict[str, Any] = {}
        pending = [*keys]
        while pending:
            key = pending.pop()
            if key in first and key not in expected:
                expected[key] = first[key]
                pending.append(first[key][1])
        assert parse_facts(facts.of_page(distinct_hashes(keys))) == expected


@given(PAGES, NEEDS, st.integers(0, 5))
def test_it_does_not_matter_how_facts_are_split_into_pages(
    pages: list[dict[str, Any]], needs: list[frozenset[str]], index: int
) -> None:
    merged = [*pages[:index], first_of(pages[index : index + 2]), *pages[index + 2 :]]
    hashes = [distinct_hashes(sorted(keys)) for keys in needs]
    left, right = find(pages, hashes), find(merged, hashes)
    assert [left.of_page(keys) for keys in hashes] == [right.of_page(keys) for keys in hashes]
    assert dict(left.kinds()) == dict(right.kinds())


@given(st.dictionaries(st.text(), FACTS))
def test_facts_of_a_page_are_read_as_they_were_written(facts: dict[str, Any]) -> None:
    page = unpack_facts(pack_facts(facts, kind))
    assert parse_facts(page.lines) == facts
    kinds = [json.loads(page.kinds[index]) for index in page.kind_of]
    assert dict(zip(page.keys, kinds, strict=True)) == {numbers(hash_text(key))[0]: fact[2] for key, fact in facts.items()}


def test_no_facts_are_as_before_any_were_looked_for() -> None:
    assert facts_digest([]) is None
    assert facts_digest([b"a", b"b"]) not in {None, facts_digest([b"a"])}
