"""filters.toml: its filters and streams, and the messages about invalid files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.load import load_config
from etl.config.options import Option
from etl.core.errors import UsageError
from etl.core.layout import PROJECT
from tests.conftest import FILTERS, OWN_FILTERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.conftest import Workspace

OWN = OWN_FILTERS.read_text()
ALL_COMBINATIONS = re.sub(r"manifests = \[.*?\]", 'manifests = "all"', OWN, flags=re.DOTALL)


def test_the_shipped_file_is_valid() -> None:
    assert load_config(PROJECT / "filters.toml").sources


def test_the_25_filters_share_13_streams() -> None:
    sources = load_config(OWN_FILTERS).sources
    assert [(source.name, len(source.filters), len(source.streams)) for source in sources] == [
        ("huggingface", 9, 3),
        ("civitai", 16, 10),
    ]


def test_all_gives_every_combination_except_the_default(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text(ALL_COMBINATIONS)
    sources = load_config(tmp_path / "f.toml").sources
    assert [(len(source.filters), len(source.streams)) for source in sources] == [(47, 3), (161, 27)]
    files = [filter_.file for source in sources for filter_ in source.filters]
    assert len(set(files)) == 208
    assert "civitai-filter-xxx-week-loras-sd15.json" in files


def test_filters_are_named_by_their_non_default_options() -> None:
    source = load_config(OWN_FILTERS).sources[0]
    last = source.filters[-1]
    assert (last.path, last.manifest_filter, last.file, last.stream) == (
        "likes/small", "filter/likes/small", "hf-filter-likes-small.json", "likes",
    )  # fmt: skip
    assert last.label == "Most liked · Small (<7B)"


INVALID = [
    ("limit = 2", "limit = ", "line 2"),
    ("limit = 2", "limit = 0", "limit"),
    ("limit = 2", "limit = 2\nlimt = 3", "limt"),
    ("depth = 4", "", "depth"),
    ("page = 2", "page = 2\npages = 3", "unknown key pages"),
    ("[huggingface]", "[hugingface]", "hugingface"),
    ('small = { label = "Small", keeps', 'small = { label = "Small", kepes', "kepes"),
    ('small = { label = "Small"', 'Small = { label = "Small"', "huggingface.axes.size"),
    ('small = { label = "Small"', 'default = { label = "Small"', "huggingface.axes.size"),
    (
        'small = { label = "Small", keeps = ["small"]',
        'small = { label = "Small", keeps = ["small"], drops = ["small"]',
        "size.small: small is in keeps and in drops",
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
    ('"small", "large"', '"downloads", "large"', "'downloads' is the default of axis sort"),
    ('"small", "large"', '"small", "small"', "huggingface.manifests: small is listed twice"),
    ("requests = 1,", "requests = 0,", "huggingface.rate.requests"),
    ("page = 2", "page = 2\nsizes = {}", "huggingface.sizes"),
    ("page = 2", "page = 2\nsizes = { unknown = {} }", "huggingface.sizes"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7 } }", "only the last class must have none"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7 }, large = { through = 3 }, huge = {} }", "bounds must increase"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7, through = 8 }, large = {} }", "huggingface.sizes.small"),
    ("page = 2", "page = 2\nsizes = { small = { below = 7 }, rest = {} }", 'size.large.keeps: "large" is not valid for size'),
]


@pytest.mark.parametrize(("valid", "invalid", "message"), INVALID)
def test_invalid_files_are_reported_with_line_or_key(tmp_path: Path, valid: str, invalid: str, message: str) -> None:
    assert valid in FILTERS
    path = tmp_path / "f.toml"
    path.write_text(FILTERS.replace(valid, invalid, 1))
    with pytest.raises(UsageError, match=re.escape(message)) as error:
        load_config(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("valid", "invalid", "message"),
    [
        ('baseModels = ["SD 1.5"]', 'baseModel = "SD 1.5"', "civitai.axes.base.sd15.asks: unknown key baseModel"),
        ("nsfw = true", "nsfwLevel = 1", "civitai.asks: unknown key nsfwLevel"),
        ('"lastModified" }', '"recent" }', 'huggingface.axes.sort.recent.asks.sort: must be "trendingScore", "downloads", '),
        ('"Most Downloaded"', '"Newest"', 'civitai.asks.sort: must be "Highest Rated", '),
        ('period = "Week"', 'period = "week"', 'civitai.axes.period.week.asks.period: must be "Day", '),
        ('"gguf",', '"gguf", "usedStorage",', 'huggingface.asks.expand.13: must be "author", '),
        ("page = 100", "page = 101", "civitai.page: must be at most 100 (got 101)"),
        ('period = "Week"', 'sort = "Most Liked"', "civitai.axes.period: parameter sort is also set by civitai.asks"),
    ],
)
def test_parameters_that_an_api_does_not_honour_are_rejected(tmp_path: Path, valid: str, invalid: str, message: str) -> None:
    assert valid in OWN
    path = tmp_path / "f.toml"
    path.write_text(OWN.replace(valid, invalid, 1))
    with pytest.raises(UsageError, match=re.escape(message)):
        load_config(path)


@pytest.mark.parametrize(
    ("valid", "invalid", "message"),
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
def test_values_that_no_model_can_have_are_rejected_with_the_nearest(
    tmp_path: Path, valid: str, invalid: str, message: str
) -> None:
    assert valid in OWN
    path = tmp_path / "f.toml"
    path.write_text(OWN.replace(valid, invalid, 1))
    with pytest.raises(UsageError, match=re.escape(f"{path}: {message}")):
        load_config(path)


def test_every_invalid_value_has_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(OWN.replace('keeps = ["pg", "pg13"]', 'drops = ["R", "XXX"]', 1).replace("skip = []", 'skip = ["x 9"]'))
    with pytest.raises(UsageError) as error:
        load_config(path)
    lines = str(error.value).split("\n")
    assert [line.startswith(f"{path}: civitai.") for line in lines] == [True] * 3
    assert [line.rpartition("nearest: ")[2] for line in lines] == ["r", "xxx", "9"]


@pytest.mark.parametrize(
    ("valid", "invalid", "message"),
    [
        ('keeps = ["small"]', 'keeps = ["Small"]', "huggingface.axes.size.small.keeps"),
        ('skip = ["o/skipped"]', 'skip = ["https://huggingface.co/o/skipped"]', "nearest: o/skipped"),
    ],
)
def test_invalid_values_end_commands_with_2(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], valid: str, invalid: str, message: str
) -> None:
    text = workspace.filters.read_text()
    assert valid in text
    workspace.filters.write_text(text.replace(valid, invalid, 1))
    assert workspace.run("plan") == 2
    assert message in capsys.readouterr().err


NUMBERS = [
    *(
        (key, number, "must be a whole number without point or exponent")
        for key in ("limit", "depth", "page")
        for number in ("1e3", "5.0")
    ),
    *((f"huggingface.rate.{key}", "3.0", "must be a whole number") for key in ("requests", "in_flight")),
    *(
        (key, number, "must be a finite number")
        for key in ("limit", "huggingface.rate.seconds")
        for number in ("inf", "-inf", "nan", "1e400")
    ),
    ("huggingface.rate.seconds", "1e-9", "must be at least 0.001 (got "),
    ("huggingface.rate.seconds", "0", "must be at least 0.001 (got "),
    ("huggingface.rate.seconds", "86401", "must be at most 86400 (got "),
    ("huggingface.rate.in_flight", "101", "must be at most 100 (got "),
    ("huggingface.rate.requests", "1000001", "must be at most 1000000 (got "),
    ("huggingface.page", "1001", "must be at most 1000 (got "),
    ("limit", "1000000001", "must be at most 1000000000 (got "),
    ("depth", "1000000001", "must be at most 1000000000 (got "),
    *(("limit", number, "must be at most 2^53 (got a number of 65 bits)") for number in (str(2**64), f"-{2**64}", hex(2**64))),
    ("limit", hex(10**5000), "must be at most 2^53"),
    *((key, number, "number (got ") for key in ("limit", "huggingface.rate.seconds") for number in ("true", '"1"', "[1]", "{}")),
    *(("depth", number, "must be at least 1 (got ") for number in ("0", "-1", "-0")),
    *(("limit", number, "must not be a date or time") for number in ("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z")),
    ("limit", "[" * 50 + "]" * 50, "nested too deeply (expected at most 20 levels)"),
]


@pytest.mark.parametrize(("key", "number", "message"), NUMBERS)
def test_invalid_numbers_are_rejected_with_their_key(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], key: str, number: str, message: str
) -> None:
    text, name = workspace.filters.read_text(), key.rpartition(".")[2]
    workspace.filters.write_text(re.sub(rf"\b{name} = [0-9]+", lambda _: f"{name} = {number}", text, count=1))
    assert workspace.run("plan") == 2
    error = capsys.readouterr().err
    assert re.match(rf"{re.escape(str(workspace.filters))}: (huggingface\.)?{key}(\.[0.]+)?: ", error)
    assert message in error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("limit = " + "9" * 5000, "a number has too many digits (at line 2)"),
        ("limit = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (".".join("a" * 1000) + " = 1", "nested too deeply (expected at most 20 levels)"),
        ('limit = "\\ud800"', "not valid TOML"),
    ],
)
def test_toml_beyond_the_limits_of_python_is_rejected(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    workspace.filters.write_text(workspace.filters.read_text().replace("limit = 2", line))
    assert workspace.run("plan") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "expected"), [("0.001", 0.001), ("86400", 86400), ("1e2", 100.0), ("2.5", 2.5)])
def test_seconds_may_have_a_fraction(workspace: Workspace, seconds: str, expected: float) -> None:
    workspace.filters.write_text(workspace.filters.read_text().replace("seconds = 1", f"seconds = {seconds}"))
    assert load_config(workspace.filters).sources[0].rate.seconds == expected


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_limit_and_depth_may_be_large(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(FILTERS.replace("limit = 2", "limit = 1000000").replace("depth = 4", "depth = 900000000"))
    assert load_config(path).depth == 900_000_000


VALUES = st.frozensets(st.sampled_from("abc"))


def option(includes: Iterable[str] = (), excludes: Iterable[str] = (), *, is_multivalued: bool = False) -> Option:
    includes, excludes = frozenset(includes), frozenset(excludes)
    return Option("axis", "x", "X", "size", includes=includes, excludes=excludes, is_multivalued=is_multivalued)


@given(st.tuples(VALUES, VALUES, VALUES, VALUES))
def test_disjoint_options_never_match_the_same_value(sets: tuple[frozenset[str], ...]) -> None:
    left, right = option(sets[0], sets[1]), option(sets[2], sets[3])
    shared = any(left.matches({"size": value}) and right.matches({"size": value}) for value in ("a", "b", "c", "else", None))
    assert left.is_disjoint(right) == (not shared)


@given(st.tuples(VALUES, VALUES, VALUES, VALUES))
def test_disjoint_options_never_match_the_same_list(sets: tuple[frozenset[str], ...]) -> None:
    left, right = option(sets[0], sets[1], is_multivalued=True), option(sets[2], sets[3], is_multivalued=True)
    lists = [[value for value in "abc" if number & 1 << "abc".index(value)] for number in range(8)]
    shared = any(left.matches({"size": items}) and right.matches({"size": items}) for items in [*lists, None])
    assert left.is_disjoint(right) <= (not shared)


def test_a_list_field_matches_by_any_item() -> None:
    assert option("a").matches({"size": ["b", "a"]})
    assert not option(excludes="a").matches({"size": ["b", "a"]})
    assert not option("b", "a").matches({"size": ["b", "a"]})
    assert option("b", "a").matches({"size": ["b", "c"]})
    assert option(excludes="a").matches({"size": None})
    assert not option("a").matches({"size": None})


def test_level_options_include_all_milder_levels() -> None:
    civitai = load_config(OWN_FILTERS).sources[1]
    levels = ["pg", "pg13", "r", "x", "xxx"]
    included = {option.name: [option.matches({"level": level}) for level in levels] for option in civitai.axes[0].options}
    assert list(included) == ["all", *levels]
    for name, matches in included.items():
        assert matches == sorted(matches, reverse=True), name
        assert sum(matches) == (5 if name == "all" else levels.index(name) + 1)


def test_hosts_of_images_are_options_of_the_transform_in_any_order(tmp_path: Path) -> None:
    options = []
    for hosts in ('image_hosts = ["b.example", "a.example"]', 'image_hosts = ["a.example", "b.example"]', "image_hosts = []", ""):
        (tmp_path / "f.toml").write_text(FILTERS.replace("page = 2\n", f"page = 2\n{hosts}\n"))
        options.append(load_config(tmp_path / "f.toml").sources[0].transform_options)
    assert [option.image_hosts for option in options] == [("a.example", "b.example")] * 2 + [()] * 2
    assert repr(options[0]) == repr(options[1])


@pytest.mark.parametrize(
    "hosts",
    ['"a.example"', '["https://a.example"]', '["a.example:443"]', '["u@a.example"]', '["A.example"]', '["a"]', '[""]',
     '["a.example/"]', '["a.example", "a.example"]', '["a.example\\n"]', '["*.example"]', "[5]"],
)  # fmt: skip
def test_hosts_of_images_are_names_alone(tmp_path: Path, hosts: str) -> None:
    (tmp_path / "f.toml").write_text(FILTERS.replace("page = 2\n", f"page = 2\nimage_hosts = {hosts}\n"))
    with pytest.raises(UsageError, match=r"huggingface\.image_hosts"):
        load_config(tmp_path / "f.toml")


def test_expressions_read_the_names_of_listed_objects(tmp_path: Path) -> None:
    where = "where = '.images | any(.width >= 512 and .url != null)'"
    shipped = OWN.replace('pg = { label = "PG", keeps = ["pg"] }', f'pg = {{ label = "PG", keeps = ["pg"], {where} }}')
    assert shipped != OWN
    (tmp_path / "f.toml").write_text(shipped)
    (expression,) = load_config(tmp_path / "f.toml").sources[1].expressions
    assert (expression.fields, expression.is_narrow) == (("url", "images"), True)
    (tmp_path / "f.toml").write_text(shipped.replace(".width", ".widht"))
    with pytest.raises(UsageError, match="models have no field widht"):
        load_config(tmp_path / "f.toml")
