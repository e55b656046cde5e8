"""The records that `make bench-hub` measures on: what decides about them is decided as often as in the snapshot."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from bench.catalogue import Generator
from bench.hub_stream import PAGE, SOURCE, hub_page
from etl.sources.source import get_source
from etl.transform.page import transform_page

FIELDS = ("size_from", "size_against", "relation", "relation_from", "format", "depth", "license", "gated")


def shares(records: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Return the share of the models that have a value, by field and value."""
    models = transform_page(get_source(SOURCE), json.dumps(records).encode(), "records").models
    counts = Counter((field, str(model[field])) for model in models for field in FIELDS)
    return {key: count / len(models) for key, count in counts.items()}


def test_generated_records_are_like_those_of_the_snapshot() -> None:
    snapshot = Generator(SOURCE, random.Random(0)).records_of_snapshot  # noqa: S311 -- nothing is drawn from it
    first = len(snapshot) // PAGE + 2  # the pages before have those of the snapshot themselves
    generated = shares([record for number in range(first, first + 4) for record in hub_page(number)])
    expected = shares(snapshot)
    differences = {key: generated.get(key, 0.0) - expected.get(key, 0.0) for key in expected.keys() | generated.keys()}
    assert not {key: value for key, value in differences.items() if abs(value) > 0.06}
