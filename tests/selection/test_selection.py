"""Which models of a stream filters select, independent of page boundaries, and the counts of the funnel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.config.manifests import all_filters
from etl.core.ids import model_key
from etl.expressions.evaluator import Evaluator
from etl.selection.conditions import FacetSpec
from etl.selection.funnel import count_values, funnel
from etl.selection.safety import RejectedRecord, Safety
from etl.selection.stored import StoredStream
from etl.storage.ledger import Ledger, PageEntry
from tests.conftest import OWN_FILTERS, TIME
from tests.load.test_levels_in_expressions import LEVELS
from tests.selection.test_safety import FIELDS as FIELDS_OF_SAFETY
from tests.selection.test_safety import MODEL, STREAMS
from tests.support.selections import selection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from etl.config.source_config import SourceConfig

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
    """Generate a source and pages of its models."""
    source = draw(st.sampled_from(sorted(FIELDS)))
    ids = st.sampled_from([*"abcdefgh", SKIPPED])
    model = st.fixed_dictionaries({"id": ids, "slug": st.just("s"), "name": st.just("n"), **FIELDS[source]})
    return source, draw(st.lists(st.lists(model, max_size=8), min_size=1, max_size=4))


@given(streams())
def test_filters_select_the_first_distinct_matching_models(stream: tuple[str, Pages]) -> None:
    source, pages = stream
    selection = selection_of(SOURCES[source], pages)
    models = [model for page in pages for model in page if model["id"] not in SOURCES[source].skip]
    first = [model for index, model in enumerate(models) if model["id"] not in {earlier["id"] for earlier in models[:index]}]
    refs = selection.refs([*selection.positions_in_order])
    assert [ref.id for ref in refs] == [model["id"] for model in first]
    assert all(pages[int(ref.file)][ref.page_index]["id"] == ref.id for ref in refs)
    assert [selection.stream_rank(position) for position in selection.positions_in_order] == [*range(1, len(first) + 1)]
    assert len(models) == selection.count + len(selection.duplicates)
    for filter_ in all_filters(SOURCES[source]):
        matching = [model["id"] for model in first if filter_.matches(model)]
        positions = selection.positions(filter_)
        assert [ref.id for ref in selection.refs(positions)] == matching
        assert selection.count_matching(filter_.conditions) == len(matching)
        assert selection.published(replace(filter_, limit=LIMIT)) == positions[:LIMIT]
        assert [selection.rank_of(position, filter_) for position in positions] == [*range(1, len(matching) + 1)]


@given(streams(), st.integers(0, 3))
def test_a_funnel_adds_up(stream: tuple[str, Pages], set_aside: int) -> None:
    source, pages = stream
    selection = selection_of(SOURCES[source], pages)
    records = set_aside + sum(map(len, pages))
    entry = PageEntry("/", "page-0001.json", "0" * 64, 1, None, "2026-01-01T00:00:00.000Z", records, None)
    ledger = Ledger((entry,), entry.fetched_at, complete=True, exhausted=True)
    for filter_ in all_filters(SOURCES[source]):
        result = funnel(StoredStream(ledger, selection, records), replace(filter_, limit=LIMIT))
        counts = result.counts()
        values = count_values(selection, result.steps)
        dropped = [sum(dropped.values()) for _, dropped in values]
        assert dropped == [len(selection.groups.positions(step.dropped)) for step in result.steps]
        assert [sum(kept.values()) for kept, _ in values] == [step.remaining for step in result.steps]
        others = [counts[key] for key in ("set_aside", "duplicates", "skipped", "cut", "published")]
        assert others[0] == set_aside
        assert records == counts["records"] == sum(others) + sum(dropped)
        remaining = selection.count
        for step, count in zip(counts["steps"], dropped, strict=True):
            assert remaining == step["left"] + count
            remaining = step["left"]
        matching = selection.positions(filter_)
        assert (result.published, result.cut) == (matching[:LIMIT], len(matching[LIMIT:]))


def test_models_are_grouped_by_the_values_that_options_name() -> None:
    fields: dict[str, Any] = {"slug": "s", "name": "n", "type": []}
    named = min(dict(FacetSpec.by(SOURCES["civitai"]).named)["base"], key=str)
    bases = [["a"], [named], ["b", named], [], None, named]
    page = [{"id": str(number), "level": "pg", **fields, "base": base} for number, base in enumerate(bases)]
    page.append({**page[0], "id": "r", "level": "r"})
    selection = selection_of(SOURCES["civitai"], [page])
    assert sorted([*group.positions] for group in selection.groups.all) == [[0, 3], [1, 2], [4], [5], [6]]


IDS = st.sampled_from([*"abcA", "s"])
LEVELED = st.builds(lambda model, id_: {**model, "id": id_, "slug": id_, "name": id_}, MODEL, IDS)
FORBIDDEN = st.builds(RejectedRecord, IDS, st.sampled_from(["poi", "type"]), st.none() | MODEL)
RECORDS = st.lists(st.tuples(st.sampled_from(STREAMS), LEVELED | FORBIDDEN), max_size=12)
MATCHES: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "any": lambda _: True,
    "safe": lambda model: model["level_most"] in {"pg", "pg13"},
    "clean": lambda model: model["level_most"] == "pg",
    "explicit": lambda model: model["level"] == "xxx",
}  # what the expressions of LEVELS say


@pytest.fixture(scope="module")
def leveled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SourceConfig, Evaluator]]:
    """Yield a source whose filters test levels by expressions, and what evaluates these."""
    path = tmp_path_factory.mktemp("filters") / "filters.toml"
    path.write_text(LEVELS)
    source = replace(load_config(path).sources[0], skip=frozenset("S"))
    with Evaluator(source.expressions) as evaluator:
        yield source, evaluator


@given(RECORDS, st.integers(1, 4))
def test_expressions_select_by_what_all_records_decide_and_the_funnel_adds_up(
    leveled: tuple[SourceConfig, Evaluator],
    records: list[tuple[str, Any]],
    page_size: int,
) -> None:
    source, evaluator = leveled
    safety = Safety({"poi"})
    pages = []
    for start in range(0, len(records), page_size):
        page = records[start : start + page_size]
        pages.append([record for name, record in page if name == "default" and isinstance(record, dict)])
        for name, record in page:
            is_model = isinstance(record, dict)
            safety.add(name, [record] if is_model else [], [] if is_model else [record], is_partial=name == "sdxl")
    selection = selection_of(source, pages, evaluator)
    selection.apply(safety)
    own = [record for name, record in records if name == "default" and isinstance(record, dict)]
    models = {model_key(model["id"]): model for model in reversed(own) if model["id"] != "s"}
    in_order = [models[key] for key in dict.fromkeys(model_key(model["id"]) for model in own) if key in models]
    rulings = {
        key: safety.ruling("default", key, {name: model[name] for name in FIELDS_OF_SAFETY}) for key, model in models.items()
    }
    entry = PageEntry("/", "page-0001.json", "0" * 64, 1, None, TIME, len(records), None)
    stream = StoredStream(Ledger((entry,), TIME, complete=True, exhausted=True), selection, len(records))
    filters = (source.filter(tuple(axis.options[0] for axis in source.axes)), *all_filters(source))
    for filter_ in (filter_ for filter_ in filters if filter_.stream == "default"):
        (showcase,) = (option.name for option in filter_.options if option.axis == "showcase")
        published, withheld = [], []
        for model in in_order:
            ruling = rulings[model_key(model["id"])]
            decided = {**model, **(ruling.fields if ruling else {})}
            matches_own, matches = (not values["flagged"] and MATCHES[showcase](values) for values in (model, decided))
            if matches and not (ruling and ruling.forbids):
                published.append(model["id"])
            elif matches_own:
                withheld.append(model["id"])
        result = funnel(stream, replace(filter_, limit=LIMIT))
        ranking = selection.ranking(filter_)
        assert [ref.id for ref in selection.refs(ranking)] == published
        assert result.published == ranking[:LIMIT]
        assert [ref.id for ref in selection.refs([*result.withheld])] == withheld
        counts = result.counts()
        assert len(records) == sum(
            counts[key] for key in ("set_aside", "duplicates", "skipped", "withheld", "cut", "published")
        ) + sum(selection.groups.count(step.dropped) for step in result.steps)
        assert [step["left"] for step in counts["steps"]][-1] == len(published)
