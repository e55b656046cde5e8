"""Which fields of models are read after the transform: what the rebuild of verify keeps."""

from __future__ import annotations

import pytest

from etl.expressions.expression import parse_expression
from etl.selection.conditions import FacetSpec

ALWAYS = {"id", "slug", "name", "level", "level_most", "flagged"}


@pytest.mark.parametrize(
    ("texts", "fields"),
    [
        ((), {"license", "likes"}),
        ((".downloads > 9 and .author != null",), {"license", "likes", "downloads", "author"}),
        (('.root == "x"',), {"license", "likes", "root", "roots", "relation", "format"}),
        ((".downloads > 9", "keys | length > 3"), None),
        (("[.[]] | length > 3",), None),
    ],
)
def test_the_fields_that_are_read_are_known_unless_an_expression_may_read_any(
    texts: tuple[str, ...], fields: set[str] | None
) -> None:  # fmt: skip
    names = ("author", "downloads", "likes", "root")
    expressions = tuple(parse_expression(f"key-{number}", text, names) for number, text in enumerate(texts))
    spec = FacetSpec((("license", frozenset({"mit"})),), expressions, ("likes",))
    assert spec.fields == (None if fields is None else fields | ALWAYS)
