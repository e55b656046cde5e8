"""Which image a card shows on which page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.filters import Filter
from etl.config.load import load_config
from etl.config.lookup import resolve_filter
from etl.config.options import Option
from etl.core.levels import LEVELS
from etl.publish.images import choose_image, page_level
from tests.conftest import OWN_FILTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY = Option("level", "any", "Any", "level", is_default=True)


def option(includes: Sequence[str] = (), excludes: Sequence[str] = (), field: str = "level") -> Option:
    return Option("axis", "option", "Label", field, includes=frozenset(includes), excludes=frozenset(excludes))


def level_of(*options: Option) -> str | None:
    return page_level(Filter("civitai", "civitai", options, 100))


def images(*levels: str) -> list[dict[str, Any]]:
    return [{"url": f"https://a.example/{level}", "level": level} for level in levels]


@pytest.mark.parametrize(
    ("levels", "page", "expected"),
    [
        (LEVELS, None, "pg"), (["x", "xxx"], None, "x"), ([], None, None), ([], "xxx", None), (["r", "x"], "pg13", None),
        (["r", "x"], "r", "r"), (["pg", "x"], "x", "pg"), (["x"], "r", None), (["xxx", "r"], "xxx", "r"),
    ],
)  # fmt: skip
def test_the_mildest_image_within_the_level_is_chosen(levels: Sequence[str], page: str | None, expected: str | None) -> None:
    image = choose_image(images(*levels), page)
    assert (image and image["level"]) == expected


@given(st.lists(st.sampled_from(LEVELS), unique=True), st.sampled_from(LEVELS))
def test_no_image_exceeds_the_level_and_none_milder_is_left(levels: list[str], page: str) -> None:
    image = choose_image(images(*levels), page)
    if image is None:
        assert all(LEVELS.index(level) > LEVELS.index(page) for level in levels)
    else:
        assert LEVELS.index(image["level"]) <= LEVELS.index(page)
        assert all(LEVELS.index(level) >= LEVELS.index(image["level"]) for level in levels)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], None), ([ANY], None), ([option(["apache-2.0"], field="license")], None),
        ([option(["pg"], field="level_most")], "pg"), ([option(["pg", "x"]), option(["r"], field="level_most")], "pg"),
        ([option(["pg", "r"])], "r"), ([option(["xxx"])], "xxx"), ([option(excludes=["x", "xxx"])], "r"),
        ([option(excludes=["pg"])], "xxx"), ([option(["pg", "x"], ["x"])], "pg"),
        ([option(["pg", "r"]), option(["r", "x"])], "r"),
        ([option(["pg", "pg13"]), option(excludes=["xxx"])], "pg13"), ([option(["pg"]), option(["xxx"])], "pg"),
    ],
)  # fmt: skip
def test_the_level_of_a_page_is_the_most_explicit_that_its_options_include(options: list[Option], expected: str | None) -> None:
    assert level_of(*options) == expected


def test_levels_of_the_shipped_pages() -> None:
    config = load_config(OWN_FILTERS)
    levels = {filter_.qualified_path: page_level(filter_) for source in config.sources for filter_ in source.filters}
    assert {path: level for path, level in levels.items() if level} == {
        **{f"civitai/{level}": level for level in LEVELS}, "civitai/r/checkpoints": "r", "civitai/r/loras": "r",
    }  # fmt: skip
    assert page_level(resolve_filter(config, "civitai/pg13/week")) == "pg13"
