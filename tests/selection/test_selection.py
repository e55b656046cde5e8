"""What filters choose of a stream, however it is cut into pages, and how the way to there is counted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.selection.funnel import funnel
from etl.selection.selection import Selection
from etl.selection.stored import StoredStream
from etl.storage.ledger import Ledger, PageEntry
from tests.conftest import OWN_FILTERS

Pages = list[list[dict[str, Any]]]

LIMIT = 3
SOURCES = {source.name: source for source in load_config(OWN_FILTERS).sources}
(SKIPPED,) = SOURCES["huggingface"].skip
FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "huggingface": {
        "size": st.sampled_from(["small", "medium", "large", "unknown"]),
        "license": st.sampled_from(["mit", "apache-2.0", "other", None]),
    },
    "civitai": {
        "level": st.sampled_from(["pg", "pg13", "r", "x", "xxx"]),
        "type": st.sampled_from(["Checkpoint", "LORA", "VAE"]),
        "base": st.sampled_from(["SDXL 1.0", "SD 1.5", None]),
    },
}


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, Pages]:
    """Draw a source, and pages of its models."""
    source = draw(st.sampled_from(sorted(FIELDS)))
    ids = st.sampled_from([*"abcdefgh", SKIPPED])
    model = st.fixed_dictionaries({"id": ids, "slug": st.just("s"), "name": st.just("n"), **FIELDS[source]})
    return source, draw(st.lists(st.lists(model, max_size=8), min_size=1, max_size=4))


def fed(source: str, pages: Pages) -> Selection:
    selection = Selection(SOURCES[source])
    for number, page in enumerate(pages):
        selection.add_page(page, str(number))
    return selection


@given(streams())
def test_each_filter_has_the_first_distinct_models_that_it_keeps(told: tuple[str, Pages]) -> None:
    source, pages = told
    selection = fed(source, pages)
    models = [model for page in pages for model in page if model["id"] not in SOURCES[source].skip]
    first = [model for place, model in enumerate(models) if model["id"] not in {each["id"] for each in models[:place]}]
    assert [held.id for held in selection.models] == [model["id"] for model in first]
    assert all(pages[int(held.file)][held.page_index]["id"] == held.id for held in selection.models)
    for each in SOURCES[source].all_filters:
        kept = [model["id"] for model in first if each.matches(model)]
        assert [selection.models[place].id for place in selection.positions(each.matches)] == kept
        assert selection.is_full([each], LIMIT) == (len(kept) >= LIMIT)


@given(streams(), st.integers(0, 3))
def test_a_funnel_adds_up(told: tuple[str, Pages], set_aside: int) -> None:
    source, pages = told
    selection = fed(source, pages)
    records = set_aside + sum(map(len, pages))
    raw = PageEntry("/", "page-0001.json", "0" * 64, 1, None, "2026-01-01T00:00:00.000Z", records, None)
    ledger = Ledger((raw,), raw.fetched_at, complete=True, exhausted=True)
    for each in SOURCES[source].all_filters:
        way = funnel(StoredStream(ledger, selection, records), each, LIMIT)
        numbers = way.counts()
        gone = [sum(step.dropped_values.values()) for step in way.steps]
        assert gone == [len(step.dropped) for step in way.steps]
        others = [numbers[key] for key in ("set_aside", "duplicates", "skipped", "cut", "published")]
        assert others[0] == set_aside
        assert records == numbers["records"] == sum(others) + sum(gone)
        before = len(selection.models)
        for step, dropped in zip(numbers["steps"], gone, strict=True):
            assert before == step["left"] + dropped
            before = step["left"]
        kept = [selection.models[place] for place in selection.positions(each.matches)]
        assert (way.published, way.cut) == (kept[:LIMIT], kept[LIMIT:])


def test_lists_are_fields_too() -> None:
    selection = Selection(SOURCES["civitai"])
    selection.add_page(
        {"id": str(n), "slug": "s", "name": "n", "level": ["pg", "r"][n % 2], "type": [], "base": ["a"]} for n in range(3)
    )
    assert [group.positions for group in selection.groups] == [[0, 2], [1]]
