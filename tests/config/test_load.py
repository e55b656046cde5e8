"""filters.toml: which filters, which streams, and what is refused with which words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.config.model import Option
from etl.core.errors import UsageError
from etl.core.layout import PROJECT
from tests.conftest import FILTERS, OWN_FILTERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workspace

OWN = OWN_FILTERS.read_text()
EVERY = re.sub(r"manifests = \[.*?\]", 'manifests = "all"', OWN, flags=re.DOTALL)


def test_the_shipped_file_is_good_whatever_a_user_adds_to_it() -> None:
    assert load_config(PROJECT / "filters.toml").sources


def test_the_25_filters_draw_on_as_few_streams_as_they_can() -> None:
    sources = load_config(OWN_FILTERS).sources
    assert [(source.name, len(source.filters), len(source.streams)) for source in sources] == [
        ("huggingface", 9, 3),
        ("civitai", 16, 10),
    ]


def test_all_is_every_combination_but_the_default(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text(EVERY)
    sources = load_config(tmp_path / "f.toml").sources
    assert [(len(source.filters), len(source.streams)) for source in sources] == [(47, 3), (161, 27)]
    files = [each.file for source in sources for each in source.filters]
    assert len(set(files)) == 208
    assert "civitai-filter-xxx-week-loras-sd15.json" in files


def test_a_filter_is_named_by_its_options_that_are_not_defaults() -> None:
    source = load_config(OWN_FILTERS).sources[0]
    last = source.filters[-1]
    assert (last.path, last.manifest_filter, last.file, last.stream) == (
        "likes/small", "filter/likes/small", "hf-filter-likes-small.json", "likes",
    )  # fmt: skip
    assert last.label == "Most liked · Small (<7B)"


BROKEN = [
    ("limit = 2", "limit = ", "line 2"),
    ("limit = 2", "limit = 0", "limit"),
    ("limit = 2", "limit = 2\nlimt = 3", "limt"),
    ("depth = 4", "", "depth"),
    ("page = 2", "page = 2\npages = 3", "'pages' was unexpected"),
    ("[huggingface]", "[hugingface]", "hugingface"),
    ('small = { label = "Small", keeps', 'small = { label = "Small", kepes', "kepes"),
    ('small = { label = "Small"', 'Small = { label = "Small"', "huggingface.axes.size"),
    ('small = { label = "Small"', 'default = { label = "Small"', "huggingface.axes.size"),
    (
        'small = { label = "Small", keeps = ["small"]',
        'small = { label = "Small", keeps = ["small"], drops = ["large"]',
        "size.small",
    ),
    (
        'large = { label = "Large"',
        'likes = { label = "Large"',
        "huggingface.axes.size.likes: axis sort already has an option with this name",
    ),
    ("[huggingface.axes.license]", "[huggingface.axes.empty]\n[huggingface.axes.license]", "huggingface.axes.empty"),
    ("[huggingface.axes.license]", "[huggingface.axes.licence]", "field licence"),
    ('"small", "large"', '"tiny", "large"', "unknown option 'tiny'; choose from likes, "),
    ('"small", "large"', '"small/likes", "large"', "in the order of the axes; write likes/small"),
    ('"small", "large"', '"small/large", "large"', "two options belong to the same axis"),
    ('"small", "large"', '"downloads", "large"', "unknown option 'downloads'"),
    ('"small", "large"', '"small", "small"', "non-unique"),
    ("requests = 1,", "requests = 0,", "huggingface.rate.requests"),
    ("page = 2", "page = 2\nsizes = {}", "huggingface.sizes"),
    ("page = 2", "page = 2\nsizes = { unknown = {} }", "huggingface.sizes"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7 } }", "only the last class must have none"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7 }, large = { through = 3 }, huge = {} }", "bounds must increase"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7, through = 8 }, large = {} }", "huggingface.sizes.small"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7 }, rest = {} }", 'size.large.keeps: "large" is not valid for size'),
]


@pytest.mark.parametrize(("good", "bad", "words"), BROKEN)
def test_what_is_wrong_is_named_with_its_line_or_key(tmp_path: Path, good: str, bad: str, words: str) -> None:
    assert good in FILTERS
    path = tmp_path / "f.toml"
    path.write_text(FILTERS.replace(good, bad, 1))
    with pytest.raises(UsageError, match=re.escape(words)) as error:
        load_config(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ('baseModels = ["SD 1.5"]', 'baseModel = "SD 1.5"', "civitai.axes.base.sd15.asks: $: Additional properties"),
        ("nsfw = true", "nsfwLevel = 1", "civitai.asks: $: Additional properties are not allowed ('nsfwLevel'"),
        ('"lastModified" }', '"recent" }', "huggingface.axes.sort.recent.asks: $.sort: 'recent' is not one of"),
        ('"Most Downloaded"', '"Newest"', "civitai.asks: $.sort: 'Newest' is not one of"),
        ('period = "Week"', 'period = "week"', "civitai.axes.period.week.asks: $.period: 'week' is not one of"),
        ('"gguf",', '"gguf", "usedStorage",', "huggingface.asks: $.expand[13]: 'usedStorage' is not one of"),
        ("page = 100", "page = 101", "civitai.page: $.limit: 101 is greater than the maximum of 100"),
        ('period = "Week"', 'sort = "Most Liked"', "civitai: parameter sort is set twice"),
    ],
)
def test_what_an_api_would_ignore_or_refuse_is_never_asked(tmp_path: Path, good: str, bad: str, words: str) -> None:
    assert good in OWN
    path = tmp_path / "f.toml"
    path.write_text(OWN.replace(good, bad, 1))
    with pytest.raises(UsageError, match=re.escape(words)):
        load_config(path)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (
            'keeps = ["pg", "pg13"]',
            'drops = ["R"]',
            'civitai.axes.level.pg13.drops: "R" is not valid for level (expected pg, pg13, r, x or xxx); nearest: r',
        ),
        ('keeps = ["mit"]', "keeps = [true]", "huggingface.axes.license.mit.keeps: true is not valid for license"),
        ("skip = []", 'skip = ["7", "#12"]', 'civitai.skip: "#12" is not valid for id'),
        ("civitai.axes.base]", "civitai.axes.bass]", "civitai.axes.bass.sdxl.keeps: models have no field bass"),
    ],
)
def test_what_no_model_can_have_is_refused_with_the_nearest(tmp_path: Path, good: str, bad: str, words: str) -> None:
    assert good in OWN
    path = tmp_path / "f.toml"
    path.write_text(OWN.replace(good, bad, 1))
    with pytest.raises(UsageError, match=re.escape(f"{path}: {words}")):
        load_config(path)


def test_every_wrong_value_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(OWN.replace('keeps = ["pg", "pg13"]', 'drops = ["R", "XXX"]', 1).replace("skip = []", 'skip = ["x 9"]'))
    with pytest.raises(UsageError) as error:
        load_config(path)
    lines = str(error.value).split("\n")
    assert [line.startswith(f"{path}: civitai.") for line in lines] == [True] * 3
    assert [line.rpartition("nearest: ")[2] for line in lines] == ["r", "xxx", "9"]


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ('keeps = ["small"]', 'keeps = ["Small"]', "huggingface.axes.size.small.keeps"),
        ('skip = ["o/skipped"]', 'skip = ["https://huggingface.co/o/skipped"]', "nearest: o/skipped"),
    ],
)
def test_the_command_line_refuses_them_with_2(
    house: Workspace, capsys: pytest.CaptureFixture[str], good: str, bad: str, words: str
) -> None:
    text = house.filters.read_text()
    assert good in text
    house.filters.write_text(text.replace(good, bad, 1))
    assert house.run("plan") == 2
    assert words in capsys.readouterr().err


NUMBERS = [
    *(
        (key, each, "must be a whole number without point or exponent")
        for key in ("limit", "depth", "page")
        for each in ("1e3", "5.0")
    ),
    *((f"huggingface.rate.{key}", "3.0", "must be a whole number") for key in ("requests", "in_flight")),
    *(
        (key, each, "must be a finite number")
        for key in ("limit", "huggingface.rate.seconds")
        for each in ("inf", "-inf", "nan", "1e400")
    ),
    ("huggingface.rate.seconds", "1e-9", "is less than the minimum of 0.001"),
    ("huggingface.rate.seconds", "0", "is less than the minimum of 0.001"),
    ("huggingface.rate.seconds", "86401", "is greater than the maximum of 86400"),
    ("huggingface.rate.in_flight", "101", "is greater than the maximum of 100"),
    ("huggingface.rate.requests", "1000001", "is greater than the maximum of 1000000"),
    ("huggingface.page", "501", "is greater than the maximum of 500"),
    ("limit", "1000000001", "is greater than the maximum of 1000000000"),
    ("depth", "1000000001", "is greater than the maximum of 1000000000"),
    *(("limit", each, "must be at most 2^53 (got a number of 65 bits)") for each in (str(2**64), f"-{2**64}", hex(2**64))),
    ("limit", hex(10**5000), "must be at most 2^53"),
    *((key, each, "is not of type") for key in ("limit", "huggingface.rate.seconds") for each in ("true", '"1"', "[1]", "{}")),
    *(("depth", each, "is less than the minimum of 1") for each in ("0", "-1", "-0")),
    *(("limit", each, "must not be a date or time") for each in ("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z")),
    ("limit", "[" * 50 + "]" * 50, "nested too deeply (expected at most 20 levels)"),
]


@pytest.mark.parametrize(("key", "number", "words"), NUMBERS)
def test_a_number_that_a_key_does_not_take_is_refused_with_the_key(
    house: Workspace, capsys: pytest.CaptureFixture[str], key: str, number: str, words: str
) -> None:
    text, name = house.filters.read_text(), key.rpartition(".")[2]
    house.filters.write_text(re.sub(rf"\b{name} = [0-9]+", lambda _: f"{name} = {number}", text, count=1))
    assert house.run("plan") == 2
    told = capsys.readouterr().err
    assert re.match(rf"{re.escape(str(house.filters))}: (huggingface\.)?{key}(\.[0.]+)?: ", told)
    assert words in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("limit = " + "9" * 5000, "a number has too many digits (at line 2)"),
        ("limit = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (".".join("a" * 1000) + " = 1", "nested too deeply (expected at most 20 levels)"),
        ('limit = "\\ud800"', "not valid TOML"),
    ],
)
def test_what_is_beyond_a_reader_of_toml_is_refused(
    house: Workspace, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    house.filters.write_text(house.filters.read_text().replace("limit = 2", line))
    assert house.run("plan") == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "kept"), [("0.001", 0.001), ("86400", 86400), ("1e2", 100.0), ("2.5", 2.5)])
def test_a_number_of_seconds_may_have_a_fraction(house: Workspace, seconds: str, kept: float) -> None:
    house.filters.write_text(house.filters.read_text().replace("seconds = 1", f"seconds = {seconds}"))
    assert load_config(house.filters).sources[0].rate.seconds == kept


def test_a_missing_file_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_limit_and_depth_have_no_small_maximum(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(FILTERS.replace("limit = 2", "limit = 1000000").replace("depth = 4", "depth = 900000000"))
    assert load_config(path).depth == 900_000_000


def option(values: set[str], *, drops: bool) -> Option:
    return Option("size", "x", "X", {}, frozenset(values), drops, is_default=False)


@given(st.sets(st.sampled_from("abc")), st.booleans(), st.sets(st.sampled_from("abc")), st.booleans())
def test_disjoint_options_never_keep_the_same_value(one: set[str], one_drops: bool, two: set[str], two_drops: bool) -> None:  # noqa: FBT001  drawn
    first, second = option(one, drops=one_drops), option(two, drops=two_drops)
    shared = any(first.matches({"size": value}) and second.matches({"size": value}) for value in ("a", "b", "c", "else", None))
    assert first.is_disjoint(second) <= (not shared)


def test_a_list_field_is_kept_for_any_of_its_values() -> None:
    assert option({"a"}, drops=False).matches({"size": ["b", "a"]})
    assert not option({"a"}, drops=True).matches({"size": ["b", "a"]})
    assert option({"a"}, drops=True).matches({"size": None})
    assert not option({"a"}, drops=False).matches({"size": None})


def test_a_higher_level_is_never_on_a_page_that_a_lower_one_is_not_on() -> None:
    civitai = load_config(OWN_FILTERS).sources[1]
    levels = ["pg", "pg13", "r", "x", "xxx"]
    kept = {each.name: [each.matches({"level": level}) for level in levels] for each in civitai.axes[0].options}
    assert list(kept) == ["all", *levels]
    for name, keeps in kept.items():
        assert keeps == sorted(keeps, reverse=True), name
        assert sum(keeps) == (5 if name == "all" else levels.index(name) + 1)
