"""What a Hub record tells models of other pages: its fact, a JSON array, by its id regardless of case. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

# Indexes in a fact: 1 for a rejected record, else 0; the strictness of its licences, at most unknown if its bases are unclear;
# parameters, or null if other evidence disagrees or none were counted; id; {row of families.toml: whether it fits}; licences as
# lines; whether its bases are clear; base models.
# Of several facts the least as JSON counts, however their ids are spelled: of a model, then the strictest, then a counted one.
IS_REJECTED, USE, PARAMETERS, ID, ROWS, LICENSES, IS_CLEAR, BASES = range(8)

Fact = list[Any]
Facts = Mapping[str, Fact]
NO_FACT: Fact = [0, 0, None, "", {}, "", True, []]
NO_FACTS: Facts = {}


def add_fact(fact: Fact, facts: dict[str, Fact]) -> None:
    """Add a fact to those of a page, unless another one of its id counts."""
    key = fact[ID].casefold()
    if key not in facts or orjson.dumps(fact) < orjson.dumps(facts[key]):
        facts[key] = fact
