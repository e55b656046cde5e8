"""Which models hand-written manifests may not have: of the records in all complete streams the worst counts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from etl.core.layout import DataDir
from etl.core.levels import LEVELS
from etl.verify import raw_checks
from etl.verify.evidence import decide, gather, spelling_notes
from tests.conftest import Workspace, civitai, hf
from tests.verify.audit import filters, option, published, put, read_streams

if TYPE_CHECKING:
    from etl.config.model import Config
    from etl.verify.published import Check

PG = option("level", "pg", "pg")
R = option("level", "r", "pg", "pg13", "r")
XXX = option("level", "xxx", *LEVELS)
MONTH = option("period", "month", period="Month")
SDXL = option("base", "sdxl", "SDXL 1.0", baseModels=["SDXL 1.0"])
ALL = "sort=Most+Downloaded&nsfw=true"
TRIMMED = f"{ALL}&baseModels=SDXL+1.0"


def stale(house: Workspace, source: str, stream: str) -> str:
    told = "no filter of filters.toml reads that stream, so it is never fetched again: if it is stale, remove it"
    return f"; {told}: rm -r {house.data.raw(source, stream)}"


def shows(*levels: Any, base: str = "SD 1.5") -> dict[str, Any]:
    return {"modelVersions": [{"baseModel": base, "images": [{"nsfwLevel": level} for level in levels]}]}


def safety(house: Workspace, chosen: Config, *lists: list[str]) -> Check:
    streams = read_streams(house, chosen.sources[0].name)
    return raw_checks.check_safety(published(chosen, house.data.manifests, *lists), streams)


def page(house: Workspace, stream: str, index: int, source: str = "civitai") -> str:
    items = "$.items" if source == "civitai" else "$"
    return f"{house.data.raw(source, stream)}/page-0001.json: {items}[{index}]"


FORBIDDEN: list[tuple[dict[str, Any], str]] = [
    ({"poi": True}, "poi"),
    ({"minor": True}, "minor"),
    ({"poi": 0, "minor": True}, "poi"),
    ({"mode": "TakenDown"}, "takendown"),
    ({"mode": ["TakenDown"]}, "takendown"),
    ({"availability": "Private"}, "notpublic"),
    ({"availability": "Unsearchable"}, "notpublic"),
]


@pytest.mark.parametrize(("fields", "code"), FORBIDDEN)
@pytest.mark.parametrize("query", [ALL, TRIMMED, "nsfw=true&sort=Newest&types=VAE"])
def test_what_any_stream_forbids_is_on_no_manifest(house: Workspace, fields: dict[str, Any], code: str, query: str) -> None:
    put(house, "civitai", "default", ALL, civitai(7), civitai(8))
    put(house, "civitai", "month", query, civitai(9), civitai(8, **fields))
    check = safety(house, filters("civitai", PG, XXX, MONTH), ["7", "8"], ["8"], [])
    cited = f"8 is {code} in stream month, see {page(house, 'month', 1)}"
    assert check.problems == [
        f"{house.data.manifests / 'm-filter-pg.json'}: $.models[1]: {cited}",
        f"{house.data.manifests / 'm-filter-xxx.json'}: $.models[0]: {cited}",
    ]
    assert check.looked_at == 3


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"nsfwLevel": 16}, "xxx"),
        ({"nsfwLevel": 2}, "pg13"),
        ({"nsfwLevel": "1"}, "xxx"),
        ({"nsfw": True, "nsfwLevel": 60, **shows(1)}, "r"),
        ({"nsfw": True, "nsfwLevel": 60}, "xxx"),
        ({"nsfwLevel": None}, "xxx"),
    ],
)
def test_the_higher_level_counts_in_all_manifests(house: Workspace, fields: dict[str, Any], level: str) -> None:
    put(house, "civitai", "default", ALL, civitai(8))
    put(house, "civitai", "month", ALL, civitai(8, **fields))
    check = safety(house, filters("civitai", PG, XXX, MONTH), ["8"], ["8"], ["8"])
    where = f"{house.data.manifests / 'm-filter-pg.json'}: $.models[0]"
    assert check.problems == [f"{where}: 8 is {level} in stream month, see {page(house, 'month', 0)}"]


def test_a_stream_that_shows_some_versions_only_raises_the_level_in_its_own_manifests(house: Workspace) -> None:
    put(house, "civitai", "default", ALL, civitai(8, nsfwLevel=9))
    put(house, "civitai", "sdxl", TRIMMED, civitai(8, nsfwLevel=8, **shows(8, base="SDXL 1.0")))
    assert safety(house, filters("civitai", PG, SDXL), ["8"], ["8"]).problems == []
    both = filters("civitai", PG, option("level", "r", "pg", "pg13", "r", baseModels=["SDXL 1.0"]))
    (house.data.raw("civitai", "sdxl")).rename(house.data.raw("civitai", "r"))
    (problem,) = safety(house, both, ["8"], ["8"]).problems
    assert problem.endswith(f"m-filter-r.json: $.models[0]: 8 is x in stream r, see {page(house, 'r', 0)}")


def test_a_flag_in_a_stream_that_shows_some_versions_only_counts_everywhere(house: Workspace) -> None:
    put(house, "civitai", "default", ALL, civitai(8, nsfwLevel=1))
    put(house, "civitai", "sdxl", TRIMMED, civitai(8, nsfw=True, nsfwLevel=60, **shows(16, base="SDXL 1.0")))
    check = safety(house, filters("civitai", PG, R), ["8"], ["8"])
    cited = f"8 is r in stream sdxl, see {page(house, 'sdxl', 0)}"
    assert check.problems == [
        f"{house.data.manifests / 'm-filter-pg.json'}: $.models[0]: {cited}{stale(house, 'civitai', 'sdxl')}"
    ]


def test_options_on_the_upper_end_and_on_the_flag(house: Workspace) -> None:
    most = option("level_most", "mostr", "pg", "pg13", "r")
    unflagged = option("flagged", "unflagged", False)  # noqa: FBT003  a value of the field
    flagged = option("flagged", "flagged", False, drops=True)  # noqa: FBT003
    put(house, "civitai", "default", ALL, civitai(7, nsfwLevel=1), civitai(8, nsfwLevel=1), civitai(9, nsfwLevel=1, **shows(16)))
    put(house, "civitai", "sdxl", TRIMMED, civitai(8, nsfw=True, **shows(8, base="SDXL 1.0")))
    chosen = filters("civitai", most, unflagged, flagged, SDXL)
    check = safety(house, chosen, ["7", "8", "9"], ["7", "8", "9"], ["7", "8"], [])
    told = [problem.partition("m-filter-")[2].partition(" in stream ")[0] for problem in check.problems]
    assert told == [
        "mostr.json: $.models[1]: 8 is up to x", "mostr.json: $.models[2]: 9 is up to xxx",
        "unflagged.json: $.models[1]: 8 is flagged", "flagged.json: $.models[0]: 7 is not flagged",
    ]  # fmt: skip


def test_of_one_page_too_the_worst_record_counts(house: Workspace) -> None:
    put(
        house,
        "civitai",
        "default",
        ALL,
        civitai(8),
        civitai(7),
        civitai(8, nsfw=True, nsfwLevel=60, **shows(1)),
        civitai(7, poi=1),
    )
    check = safety(house, filters("civitai", PG, R), ["8", "7"], ["8"])
    assert [problem.partition("m-filter-")[2] for problem in check.problems] == [
        f"pg.json: $.models[0]: 8 is r in stream default, see {page(house, 'default', 2)}",
        f"pg.json: $.models[1]: 7 is poi in stream default, see {page(house, 'default', 3)}",
    ]


def test_streams_that_are_not_complete_do_not_count_elsewhere(house: Workspace) -> None:
    put(house, "civitai", "default", ALL, civitai(8))
    put(house, "civitai", "month", ALL, civitai(8, poi=True), complete=False)
    (problem,) = safety(house, filters("civitai", PG, MONTH), ["8"], ["8"]).problems
    assert "m-filter-month.json: $.models[0]: 8 is poi in stream month" in problem


def test_a_repository_that_one_stream_calls_private_or_disabled(house: Workspace) -> None:
    put(house, "huggingface", "default", "sort=downloads", hf("Org/A"), hf("Org/B"))
    put(house, "huggingface", "old", "sort=likes", hf("org/a", private=True), hf("org/b", disabled=0))
    small = option("size", "small", "small")
    check = safety(house, filters("huggingface", small), ["Org/A", "Org/B"])
    unread = stale(house, "huggingface", "old")
    assert [problem.partition("m-filter-")[2] for problem in check.problems] == [
        f"small.json: $.models[0]: Org/A is private in stream old, see {page(house, 'old', 0, 'huggingface')}{unread}",
        f"small.json: $.models[1]: Org/B is disabled in stream old, see {page(house, 'old', 1, 'huggingface')}{unread}",
    ]


def test_skipped_ids_of_any_case_unrequested_models_and_strangers_to_the_stream(house: Workspace) -> None:
    put(house, "civitai", "loras", f"{ALL}&types=LORA", civitai(1, type="LORA"), civitai(2), civitai(3), civitai(3, type="LORA"))
    chosen = filters("civitai", option("type", "loras", "LORA", types=["LORA"]))
    check = safety(house, chosen, ["1", "2", "3", "4"])
    assert [problem.partition("$.models")[2] for problem in check.problems] == [
        f"[1]: 2 was not requested in stream loras, see {page(house, 'loras', 1)}",
        "[3]: 4 has no raw record in stream loras",
    ]
    put(house, "huggingface", "default", "sort=downloads", hf("Org/A"))
    skipping = filters("huggingface", option("size", "small", "small"), skip=("ORG/a",))
    (problem,) = safety(house, skipping, ["Org/A"]).problems
    assert problem.endswith("m-filter-small.json: $.models[0]: Org/A is excluded by id (skip in filters.toml)")


def test_a_stream_that_is_not_there(house: Workspace) -> None:
    put(house, "civitai", "default", ALL, civitai(1))
    (problem,) = safety(house, filters("civitai", MONTH), ["1"]).problems
    assert problem.endswith("m-filter-month.json: $: its models cannot be looked up in stream month; see above")


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"items":{"1":{}}}', '{"items":"abc"}', '{"items":null}', "1e400"])
def test_a_page_that_has_no_list_of_records(house: Workspace, text: str) -> None:
    put(house, "civitai", "default", ALL, civitai(1))
    (house.data.raw("civitai", "default") / "page-0001.json").write_text(text)
    (problem,) = raw_checks.check_raw_hashes([*read_streams(house, "civitai").values()]).problems
    assert "page-0001.json: $.items must be a list of records; fetch it again" in problem


SMALL = option("size", "small", "small")
LIKES = option("sort", "likes", sort="likes")


def test_two_spellings_of_an_id_are_one_model_and_the_record_fetched_last_counts(house: Workspace) -> None:
    put(house, "huggingface", "default", "sort=downloads", hf("Org/Model-Dynamic"), hf("o/b"))
    put(house, "huggingface", "likes", "sort=likes", hf("o/c"), hf("Org/Model-dynamic"), fetched_at="2026-01-02T00:00:00.000Z")
    chosen = filters("huggingface", SMALL, LIKES)
    check = safety(house, chosen, ["Org/Model-dynamic", "o/b"], ["o/c", "Org/Model-dynamic"])
    assert check.problems == []
    assert check.notes == ["huggingface: Org/Model-dynamic is also spelled Org/Model-Dynamic; the record fetched last counts"]
    (problem,) = safety(house, chosen, ["Org/Model-Dynamic"], []).problems
    cited = f"in stream likes, see {page(house, 'likes', 1, 'huggingface')}"
    assert problem.endswith(f": Org/Model-Dynamic is spelled Org/Model-dynamic by the record fetched last {cited}")


@pytest.mark.parametrize(
    ("first", "second", "latest"),
    [
        (["o/A", "o/a"], ["o/x"], "o/a"),  # in one page the later record
        (["o/a"], ["o/A"], "o/A"),  # at equal times the later stream by name
        (["o/A"], ["o/a", "o/A"], "o/A"),
    ],
)
def test_of_equal_times_the_later_record_counts(house: Workspace, first: list[str], second: list[str], latest: str) -> None:
    put(house, "huggingface", "default", "sort=downloads", *map(hf, first))
    put(house, "huggingface", "likes", "sort=likes", *map(hf, second))
    assert gather(reversed(read_streams(house, "huggingface").values()))["o/a"].latest.id == latest


def test_a_spelling_of_no_record_is_refused(house: Workspace) -> None:
    put(house, "huggingface", "default", "sort=downloads", hf("o/a"))
    (problem,) = safety(house, filters("huggingface", SMALL), ["O/A"]).problems
    assert "$.models[0]: O/A is spelled o/a by the record fetched last" in problem


def test_of_many_spellings_three_are_shown(house: Workspace) -> None:
    put(house, "huggingface", "default", "sort=downloads", *(hf(f"o/{name}") for name in "abcdeABCDEFgG"))
    notes = spelling_notes("huggingface", gather(read_streams(house, "huggingface").values()))
    assert notes == [
        "huggingface: o/A is also spelled o/a; the record fetched last counts",
        "huggingface: o/B is also spelled o/b; the record fetched last counts",
        "huggingface: o/C is also spelled o/c; the record fetched last counts",
        "huggingface: 6 models are spelled in more than one way, 3 not shown",
    ]


@pytest.mark.parametrize(
    ("records", "ids", "count"),
    [
        (["o/a", "o/b", "o/c"], ["o/a", "o/c"], 0),
        (["o/a", "o/b", "o/c"], ["o/c", "o/a"], 1),
        (["o/a", "o/b", "o/c"], ["o/B", "o/C"], 0),
        (["o/a", "o/b", "o/c"], ["o/B", "o/b"], 1),
        (["o/a", "o/b", "o/a"], ["o/a", "o/a"], 1),
        (["o/a", "o/b", "o/A"], ["o/a", "o/b"], 0),
        (["o/a", "o/b", "o/A"], ["o/b", "o/a"], 0),  # its first record may have been rejected
        (["o/a", "o/b", "o/c"], ["o/b", "o/unheard", "o/c"], 0),
    ],
)
def test_the_order_of_a_manifest(house: Workspace, records: list[str], ids: list[str], count: int) -> None:
    put(house, "huggingface", "default", "sort=downloads", *map(hf, records))
    check = raw_checks.check_order(
        published(filters("huggingface", SMALL), house.data.manifests, ids), read_streams(house, "huggingface")
    )  # fmt: skip
    assert (len(check.problems), check.looked_at) == (count, 1)


def test_what_the_apis_own_filter_let_through(house: Workspace) -> None:
    put(
        house,
        "civitai",
        "all",
        "nsfw=true",
        civitai(1, poi=True, minor=True),
        civitai(2, mode="TakenDown"),
        civitai(3, nsfwLevel=8),
    )
    put(house, "civitai", "safe", "sort=Most+Liked", civitai(1, minor=True), civitai(2, nsfw=True), civitai(3, poi=True))
    put(house, "civitai", "sound", "sort=Most+Liked", civitai(1), civitai(2, nsfwLevel=3))
    assert safety(house, filters("civitai")).notes == [
        "civitai/all: the API's own filter let through 1 minor, 1 poi",
        "civitai/safe: the API's own filter let through 1 above pg, 1 poi",
    ]


# Properties of the worst of several records.

BITS = [1, 2, 4, 8, 16]
QUERIES = [ALL, TRIMMED]


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Return a record whose mask is the levels of its images, or the constant, as on the server."""
    images = draw(st.lists(st.sampled_from(BITS), max_size=4))
    nsfw = draw(st.booleans())
    return civitai(1, nsfw=nsfw, nsfwLevel=60 if nsfw else sum(set(images)), **shows(*images))


catalogues = st.lists(st.tuples(st.sampled_from(QUERIES), st.lists(records(), min_size=1, max_size=2)), min_size=1, max_size=3)
Catalogue = list[tuple[str, list[dict[str, Any]]]]


def effective(catalogue: Catalogue) -> tuple[bool, int, int]:
    """Return what holds for model 1 in the manifests of the first stream: whether it is rejected, and its levels."""
    with tempfile.TemporaryDirectory() as folder:
        house = Workspace(DataDir(Path(folder)), Path(folder))
        for index, (query, items) in enumerate(catalogue):
            put(house, "civitai", f"s{index}", query, *items)
        streams = read_streams(house, "civitai")
        assert len(streams) == len(catalogue)
        found = decide(streams["civitai", "s0"].records_of("1"), gather(streams.values())["1"])
    level, level_most = (LEVELS.index(str(found.fields[name].value)) for name in ("level", "level_most"))
    assert level <= level_most
    return found.rejected is not None, level, level_most


def is_not_milder(one: tuple[bool, int, int], other: tuple[bool, int, int]) -> bool:
    return all(after >= before for after, before in zip(one, other, strict=True))


@given(catalogues, st.sampled_from(QUERIES), st.lists(records(), min_size=1, max_size=2))
def test_another_stream_never_makes_a_model_milder(catalogue: Catalogue, query: str, more: list[dict[str, Any]]) -> None:
    assert is_not_milder(effective([*catalogue, (query, more)]), effective(catalogue))


@given(catalogues, st.data())
def test_another_record_of_a_stream_never_makes_a_model_milder(catalogue: Catalogue, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(catalogue) - 1))
    query, items = catalogue[index]
    more = [*catalogue]
    more[index] = (query, [*items, data.draw(records())])
    assert is_not_milder(effective(more), effective(catalogue))


CHANGES: list[dict[str, Any]] = [
    {"poi": True}, {"minor": True}, {"mode": "TakenDown"}, {"availability": "Private"}, {"nsfw": True, "nsfwLevel": 60},
    {"nsfwLevel": 16, "modelVersions": []}, {"nsfwLevel": "?"},
]  # fmt: skip


@given(catalogues, st.sampled_from(CHANGES), st.data())
def test_a_flag_on_any_record_never_makes_a_model_milder(
    catalogue: Catalogue, change: dict[str, Any], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(catalogue) - 1))
    query, items = catalogue[index]
    # Of what is flagged the mask tells nothing.
    assume("nsfw" in change or "nsfwLevel" not in change or not items[0]["nsfw"])
    changed = [*catalogue]
    changed[index] = (query, [items[0] | change, *items[1:]])
    before, after = effective(catalogue), effective(changed)
    assert is_not_milder(after, before)
    if "nsfw" in change:
        assert after[1] >= LEVELS.index("r")
    elif "nsfwLevel" not in change:
        assert after[0]
