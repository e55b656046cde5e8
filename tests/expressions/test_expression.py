"""What an expression reads, and what is refused."""

from __future__ import annotations

import pytest

from etl.core.errors import UsageError
from tests.expressions.examples import FIELDS, parse


def test_fields_are_in_the_order_of_the_schema() -> None:
    expression = parse('.license == "mit" and .tags and .id and .license')
    assert expression.fields == ("id", "tags", "license")
    assert (expression.is_narrow, expression.is_timed, expression.token_error) == (True, False, None)


@pytest.mark.parametrize(
    ("text", "is_timed"),
    [
        ("days_since(.updated) < 3", True),
        ('"\\(days_since(.updated))"', True),
        ('"days_since"', False),
        ("# days_since\n1", False),
    ],
)
def test_an_expression_is_timed_if_it_calls_days_since(text: str, is_timed: bool) -> None:  # noqa: FBT001 -- a column
    assert parse(text).is_timed is is_timed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (".licence", "models have no field licence (expected id, source, "),
        (".Licence", "; nearest: license"),
        ('.["licence"]', "models have no field licence "),
        (". as {$licence} | 1", "models have no field licence "),
        ("{licence}", "models have no field licence "),
        ("{licence: .licenze}", "models have no field licenze "),
        ('.["a\\u001b[1m"]', "models have no field a\ufffd[1m "),
        ("now > 1", "now is not available in filters.toml; use days_since(.updated)"),
        ("$ENV", "$ENV is not available in filters.toml; an expression reads the model only"),
        ("[" * 100 + "]" * 100, "has brackets within brackets (expected at most 100 levels); split it"),
        ("1" * 10_001, "has 10,001 characters (expected at most 10,000); split it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_key(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "hub.axes.license.nc.where")
    assert str(caught.value).startswith("hub.axes.license.nc.where: ")
    assert problem in str(caught.value)


def test_a_name_that_resembles_no_field_has_no_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        parse(".zzzzzz")
    assert str(caught.value) == f"hub.where: models have no field zzzzzz (expected {', '.join(FIELDS)})"


@pytest.mark.parametrize(
    "text", ["{licence: .license} | .licence", "to_entries | any(.key == .value)", '.id | capture("(?<licence>a)") | .licence',
             ".licence = 1 | .licence", "[.tags[] | {(.): 1}] | add | .gguf", '.id | match("a") | .offset'],
)  # fmt: skip
def test_names_that_the_expression_makes_are_accepted(text: str) -> None:
    assert parse(text).token_error is None


def test_what_cannot_be_read_is_left_to_jq() -> None:
    expression = parse("now )")
    assert str(expression.token_error) == "has ')' without its opening bracket"
    assert (expression.fields, expression.is_narrow) == ((), False)
