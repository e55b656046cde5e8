"""The safety check of verify: for each model, its worst record in all complete streams decides."""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from etl.core.layout import DataDir
from etl.core.levels import LEVELS
from etl.verify import raw_checks, safety
from etl.verify.evidence import decide, gather, spelling_notes
from tests.conftest import Workspace, civitai, hf
from tests.verify.audit import config_of, option, published, read_raw, read_streams, write_page

if TYPE_CHECKING:
    from etl.config.source_config import Config
    from etl.verify.published import Check

PG = option("level", "pg", "pg")
R = option("level", "r", "pg", "pg13", "r")
XXX = option("level", "xxx", *LEVELS)
MONTH = option("period", "month", period="Month")
SDXL = option("base", "sdxl", "SDXL 1.0", baseModels=["SDXL 1.0"])
ALL = "sort=Most+Downloaded&nsfw=true"
TRIMMED = f"{ALL}&baseModels=SDXL+1.0"


def removal_advice(workspace: Workspace, source: str, stream: str) -> str:
    """Return the end of a message about a record in a stream that no filter reads."""
    reason = "no filter of filters.toml reads that stream, so it is never fetched again: if it is stale, remove it"
    return f"; {reason}: rm -r {workspace.data.raw(source, stream)}"


def with_images(*levels: Any, base: str = "SD 1.5") -> dict[str, Any]:
    return {"modelVersions": [{"baseModel": base, "images": [{"nsfwLevel": level} for level in levels]}]}


def check_safety(workspace: Workspace, config: Config, *lists: list[str]) -> Check:
    """Check manifests of the config's filters with these lists of ids."""
    raw = read_raw(workspace, config, *chain.from_iterable(lists))
    return safety.check_safety(published(config, workspace.data.manifests, *lists), raw.streams, {})


def location(workspace: Workspace, stream: str, index: int, source: str = "civitai") -> str:
    """Return the path and JSON path of a record, as in messages."""
    items = "$.items" if source == "civitai" else "$"
    return f"{workspace.data.raw(source, stream)}/page-0001.json: {items}[{index}]"


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
def test_models_forbidden_by_any_stream_fail(workspace: Workspace, fields: dict[str, Any], code: str, query: str) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(7), civitai(8))
    write_page(workspace, "civitai", "month", query, civitai(9), civitai(8, **fields))
    check = check_safety(workspace, config_of("civitai", PG, XXX, MONTH), ["7", "8"], ["8"], [])
    cited = f"8 is {code} in stream month, see {location(workspace, 'month', 1)}"
    assert check.problems == [
        f"{workspace.data.manifests / 'm-filter-pg.json'}: $.models[1]: {cited}",
        f"{workspace.data.manifests / 'm-filter-xxx.json'}: $.models[0]: {cited}",
    ]
    assert check.looked_at == 3


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"nsfwLevel": 16}, "xxx"),
        ({"nsfwLevel": 2}, "pg13"),
        ({"nsfwLevel": "1"}, "xxx"),
        ({"nsfw": True, "nsfwLevel": 60, **with_images(1)}, "r"),
        ({"nsfw": True, "nsfwLevel": 60}, "xxx"),
        ({"nsfwLevel": None}, "xxx"),
    ],
)
def test_the_most_explicit_record_counts_in_all_manifests(workspace: Workspace, fields: dict[str, Any], level: str) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(8))
    write_page(workspace, "civitai", "month", ALL, civitai(8, **fields))
    check = check_safety(workspace, config_of("civitai", PG, XXX, MONTH), ["8"], ["8"], ["8"])
    where = f"{workspace.data.manifests / 'm-filter-pg.json'}: $.models[0]"
    assert check.problems == [f"{where}: 8 is {level} in stream month, see {location(workspace, 'month', 0)}"]


def test_partial_records_raise_levels_only_in_manifests_of_their_stream(workspace: Workspace) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(8, nsfwLevel=9))
    write_page(workspace, "civitai", "sdxl", TRIMMED, civitai(8, nsfwLevel=8, **with_images(8, base="SDXL 1.0")))
    assert check_safety(workspace, config_of("civitai", PG, SDXL), ["8"], ["8"]).problems == []
    both = config_of("civitai", PG, option("level", "r", "pg", "pg13", "r", baseModels=["SDXL 1.0"]))
    (workspace.data.raw("civitai", "sdxl")).rename(workspace.data.raw("civitai", "r"))
    (problem,) = check_safety(workspace, both, ["8"], ["8"]).problems
    assert problem.endswith(f"m-filter-r.json: $.models[0]: 8 is x in stream r, see {location(workspace, 'r', 0)}")


def test_flags_of_partial_records_count_in_all_manifests(workspace: Workspace) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(8, nsfwLevel=1))
    write_page(workspace, "civitai", "sdxl", TRIMMED, civitai(8, nsfw=True, nsfwLevel=60, **with_images(16, base="SDXL 1.0")))
    check = check_safety(workspace, config_of("civitai", PG, R), ["8"], ["8"])
    cited = f"8 is r in stream sdxl, see {location(workspace, 'sdxl', 0)}"
    assert check.problems == [
        f"{workspace.data.manifests / 'm-filter-pg.json'}: $.models[0]: {cited}{removal_advice(workspace, 'civitai', 'sdxl')}"
    ]


def test_options_of_level_most_and_flagged_are_checked(workspace: Workspace) -> None:
    most = option("level_most", "mostr", "pg", "pg13", "r")
    unflagged = option("flagged", "unflagged", False)  # noqa: FBT003  a value of the field
    flagged = option("flagged", "flagged", False, drops=True)  # noqa: FBT003
    write_page(
        workspace,
        "civitai",
        "default",
        ALL,
        civitai(7, nsfwLevel=1),
        civitai(8, nsfwLevel=1),
        civitai(9, nsfwLevel=1, **with_images(16)),
    )
    write_page(workspace, "civitai", "sdxl", TRIMMED, civitai(8, nsfw=True, **with_images(8, base="SDXL 1.0")))
    config = config_of("civitai", most, unflagged, flagged, SDXL)
    check = check_safety(workspace, config, ["7", "8", "9"], ["7", "8", "9"], ["7", "8"], [])
    messages = [problem.partition("m-filter-")[2].partition(" in stream ")[0] for problem in check.problems]
    assert messages == [
        "mostr.json: $.models[1]: 8 is up to x", "mostr.json: $.models[2]: 9 is up to xxx",
        "unflagged.json: $.models[1]: 8 is flagged", "flagged.json: $.models[0]: 7 is not flagged",
    ]  # fmt: skip


def test_the_worst_record_of_one_page_counts(workspace: Workspace) -> None:
    write_page(
        workspace,
        "civitai",
        "default",
        ALL,
        civitai(8),
        civitai(7),
        civitai(8, nsfw=True, nsfwLevel=60, **with_images(1)),
        civitai(7, poi=1),
    )
    check = check_safety(workspace, config_of("civitai", PG, R), ["8", "7"], ["8"])
    assert [problem.partition("m-filter-")[2] for problem in check.problems] == [
        f"pg.json: $.models[0]: 8 is r in stream default, see {location(workspace, 'default', 2)}",
        f"pg.json: $.models[1]: 7 is poi in stream default, see {location(workspace, 'default', 3)}",
    ]


def test_incomplete_streams_count_only_in_their_own_manifests(workspace: Workspace) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(8))
    write_page(workspace, "civitai", "month", ALL, civitai(8, poi=True), complete=False)
    (problem,) = check_safety(workspace, config_of("civitai", PG, MONTH), ["8"], ["8"]).problems
    assert "m-filter-month.json: $.models[0]: 8 is poi in stream month" in problem


def test_a_repository_that_is_private_or_disabled_in_one_stream_fails(workspace: Workspace) -> None:
    write_page(workspace, "huggingface", "default", "sort=downloads", hf("Org/A"), hf("Org/B"))
    write_page(workspace, "huggingface", "old", "sort=likes", hf("org/a", private=True), hf("org/b", disabled=0))
    small = option("size", "small", "small")
    check = check_safety(workspace, config_of("huggingface", small), ["Org/A", "Org/B"])
    advice = removal_advice(workspace, "huggingface", "old")
    assert [problem.partition("m-filter-")[2] for problem in check.problems] == [
        f"small.json: $.models[0]: Org/A is private in stream old, see {location(workspace, 'old', 0, 'huggingface')}{advice}",
        f"small.json: $.models[1]: Org/B is disabled in stream old, see {location(workspace, 'old', 1, 'huggingface')}{advice}",
    ]


def test_excluded_ids_unrequested_models_and_unknown_ids_fail(workspace: Workspace) -> None:
    write_page(
        workspace,
        "civitai",
        "loras",
        f"{ALL}&types=LORA",
        civitai(1, type="LORA"),
        civitai(2),
        civitai(3),
        civitai(3, type="LORA"),
    )
    config = config_of("civitai", option("type", "loras", "LORA", types=["LORA"]))
    check = check_safety(workspace, config, ["1", "2", "3", "4"])
    assert [problem.partition("$.models")[2] for problem in check.problems] == [
        f"[1]: 2 was not requested in stream loras, see {location(workspace, 'loras', 1)}",
        "[3]: 4 has no raw record in stream loras",
    ]
    write_page(workspace, "huggingface", "default", "sort=downloads", hf("Org/A"))
    skipping = config_of("huggingface", option("size", "small", "small"), skip=("ORG/a",))
    (problem,) = check_safety(workspace, skipping, ["Org/A"]).problems
    assert problem.endswith("m-filter-small.json: $.models[0]: Org/A is excluded by id (skip in filters.toml)")


def test_a_missing_stream_fails(workspace: Workspace) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(1))
    (problem,) = check_safety(workspace, config_of("civitai", MONTH), ["1"]).problems
    assert problem.endswith("m-filter-month.json: $: its models cannot be looked up in stream month; see above")


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"items":{"1":{}}}', '{"items":"abc"}', '{"items":null}', "1e400"])
def test_a_page_without_a_list_of_records_fails(workspace: Workspace, text: str) -> None:
    write_page(workspace, "civitai", "default", ALL, civitai(1))
    (workspace.data.raw("civitai", "default") / "page-0001.json").write_text(text)
    (problem,) = raw_checks.check_raw_hashes([*read_streams(workspace, "civitai").values()]).problems
    assert "page-0001.json: $.items must be a list of records; fetch it again" in problem


SMALL = option("size", "small", "small")
LIKES = option("sort", "likes", sort="likes")


def test_two_spellings_of_an_id_are_one_model_and_the_latest_record_counts(workspace: Workspace) -> None:
    write_page(workspace, "huggingface", "default", "sort=downloads", hf("Org/Model-Dynamic"), hf("o/b"))
    write_page(
        workspace, "huggingface", "likes", "sort=likes", hf("o/c"), hf("Org/Model-dynamic"), fetched_at="2026-01-02T00:00:00.000Z"
    )
    config = config_of("huggingface", SMALL, LIKES)
    check = check_safety(workspace, config, ["Org/Model-dynamic", "o/b"], ["o/c", "Org/Model-dynamic"])
    assert check.problems == []
    assert check.notes == ["huggingface: Org/Model-dynamic is also spelled Org/Model-Dynamic; the record fetched last counts"]
    (problem,) = check_safety(workspace, config, ["Org/Model-Dynamic"], []).problems
    cited = f"in stream likes, see {location(workspace, 'likes', 1, 'huggingface')}"
    assert problem.endswith(f": Org/Model-Dynamic is spelled Org/Model-dynamic by the record fetched last {cited}")


@pytest.mark.parametrize(
    ("first", "second", "latest"),
    [
        (["o/A", "o/a"], ["o/x"], "o/a"),  # in one page the later record
        (["o/a"], ["o/A"], "o/A"),  # at equal times the later stream by name
        (["o/A"], ["o/a", "o/A"], "o/A"),
    ],
)
def test_the_later_record_counts_at_equal_times(workspace: Workspace, first: list[str], second: list[str], latest: str) -> None:
    write_page(workspace, "huggingface", "default", "sort=downloads", *map(hf, first))
    write_page(workspace, "huggingface", "likes", "sort=likes", *map(hf, second))
    assert gather(reversed(read_streams(workspace, "huggingface", "o/a").values()))["o/a"].latest.id == latest


def test_a_spelling_that_no_record_has_fails(workspace: Workspace) -> None:
    write_page(workspace, "huggingface", "default", "sort=downloads", hf("o/a"))
    (problem,) = check_safety(workspace, config_of("huggingface", SMALL), ["O/A"]).problems
    assert "$.models[0]: O/A is spelled o/a by the record fetched last" in problem


def test_only_three_spellings_are_shown(workspace: Workspace) -> None:
    write_page(workspace, "huggingface", "default", "sort=downloads", *(hf(f"o/{name}") for name in "abcdeABCDEFgG"))
    notes = spelling_notes("huggingface", gather(read_streams(workspace, "huggingface").values()))
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
        (["o/a", "o/b", "o/c"], ["o/b", "o/unlisted", "o/c"], 0),
    ],
)
def test_manifests_must_be_in_stream_order(workspace: Workspace, records: list[str], ids: list[str], count: int) -> None:
    write_page(workspace, "huggingface", "default", "sort=downloads", *map(hf, records))
    config = config_of("huggingface", SMALL)
    check = raw_checks.check_order(published(config, workspace.data.manifests, ids), read_raw(workspace, config, *ids), {})
    assert (len(check.problems), check.looked_at) == (count, 1)


def test_records_the_api_should_have_excluded_are_counted(workspace: Workspace) -> None:
    write_page(
        workspace,
        "civitai",
        "all",
        "nsfw=true",
        civitai(1, poi=True, minor=True),
        civitai(2, mode="TakenDown"),
        civitai(3, nsfwLevel=8),
    )
    write_page(
        workspace, "civitai", "safe", "sort=Most+Liked", civitai(1, minor=True), civitai(2, nsfw=True), civitai(3, poi=True)
    )
    write_page(workspace, "civitai", "valid", "sort=Most+Liked", civitai(1), civitai(2, nsfwLevel=3))
    assert check_safety(workspace, config_of("civitai")).notes == [
        "civitai/all: the API's own filter let through 1 minor, 1 poi",
        "civitai/safe: the API's own filter let through 1 above pg, 1 poi",
    ]


# Properties

BITS = [1, 2, 4, 8, 16]
QUERIES = [ALL, TRIMMED]


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Generate records with the masks that the server computes: the union of the image levels, or the constant."""
    images = draw(st.lists(st.sampled_from(BITS), max_size=4))
    nsfw = draw(st.booleans())
    return civitai(1, nsfw=nsfw, nsfwLevel=60 if nsfw else sum(set(images)), **with_images(*images))


stream_specs = st.lists(st.tuples(st.sampled_from(QUERIES), st.lists(records(), min_size=1, max_size=2)), min_size=1, max_size=3)
StreamSpecs = list[tuple[str, list[dict[str, Any]]]]


def effective(specs: StreamSpecs) -> tuple[bool, int, int]:
    """Return whether model 1 is rejected in the manifests of the first stream, and its levels there."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(DataDir(Path(folder)), Path(folder))
        for index, (query, items) in enumerate(specs):
            write_page(workspace, "civitai", f"s{index}", query, *items)
        streams = read_streams(workspace, "civitai", "1")
        assert len(streams) == len(specs)
        result = decide(streams["civitai", "s0"].records_of("1"), gather(streams.values())["1"])
    level, level_most = (LEVELS.index(str(result.fields[name].value)) for name in ("level", "level_most"))
    assert level <= level_most
    return result.rejected is not None, level, level_most


def is_not_milder(left: tuple[bool, int, int], right: tuple[bool, int, int]) -> bool:
    return all(after >= before for after, before in zip(left, right, strict=True))


@given(stream_specs, st.sampled_from(QUERIES), st.lists(records(), min_size=1, max_size=2))
def test_more_streams_never_make_a_model_milder(specs: StreamSpecs, query: str, more: list[dict[str, Any]]) -> None:
    assert is_not_milder(effective([*specs, (query, more)]), effective(specs))


@given(stream_specs, st.data())
def test_more_records_never_make_a_model_milder(specs: StreamSpecs, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(specs) - 1))
    query, items = specs[index]
    more = [*specs]
    more[index] = (query, [*items, data.draw(records())])
    assert is_not_milder(effective(more), effective(specs))


CHANGES: list[dict[str, Any]] = [
    {"poi": True}, {"minor": True}, {"mode": "TakenDown"}, {"availability": "Private"}, {"nsfw": True, "nsfwLevel": 60},
    {"nsfwLevel": 16, "modelVersions": []}, {"nsfwLevel": "?"},
]  # fmt: skip


@given(stream_specs, st.sampled_from(CHANGES), st.data())
def test_a_flag_on_any_record_never_makes_a_model_milder(specs: StreamSpecs, change: dict[str, Any], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(specs) - 1))
    query, items = specs[index]
    # The mask of a flagged model carries no information.
    assume("nsfw" in change or "nsfwLevel" not in change or not items[0]["nsfw"])
    changed = [*specs]
    changed[index] = (query, [items[0] | change, *items[1:]])
    before, after = effective(specs), effective(changed)
    assert is_not_milder(after, before)
    if "nsfw" in change:
        assert after[1] >= LEVELS.index("r")
    elif "nsfwLevel" not in change:
        assert after[0]
