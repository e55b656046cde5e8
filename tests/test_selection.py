"""What filters choose of a stream: prefixes of what they keep, however the stream is cut into pages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from etl.files import PROJECT
from etl.filters import load_filters
from etl.selection import Selection

LIMIT = 3
SOURCE = load_filters(PROJECT / "filters.toml").sources[0]
STREAM = next(stream for stream in SOURCE.streams if stream.name == "default")
MODELS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["small", "medium", "large", "unknown"])), max_size=40)


@given(MODELS, st.integers(0, 40))
def test_each_filter_has_the_first_distinct_models_that_it_keeps(told: list[tuple[int, str]], cut: int) -> None:
    models = [{"id": str(number), "size": size, "license": "mit" if number % 2 else None} for number, size in told]
    selection = Selection(SOURCE, STREAM, LIMIT)
    fresh = selection.feed(models[:cut]) + selection.feed(models[cut:])
    first = list({model["id"]: model for model in reversed(models)}.values())
    first.sort(key=models.index)
    assert fresh == first
    for each, chosen in selection.chosen.items():
        assert chosen == [model for model in first if each.keeps(model)][:LIMIT]
    assert selection.is_full == all(sum(each.keeps(model) for model in first) >= LIMIT for each in STREAM.filters)


def test_what_is_skipped_is_in_none() -> None:
    (skipped,) = SOURCE.skip
    selection = Selection(SOURCE, STREAM, LIMIT)
    assert selection.feed([{"id": skipped, "size": "large", "license": None}]) == []
    assert not any(selection.chosen.values())
