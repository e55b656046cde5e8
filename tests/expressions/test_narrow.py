"""Expressions that read only the fields they name, and others."""

from __future__ import annotations

from typing import Any

import jq
import pytest
from hypothesis import assume, given, settings

from etl.core.errors import UsageError
from etl.expressions.narrow import is_narrow
from etl.expressions.tokens import tokenize
from tests.expressions.examples import EXPRESSIONS, MODELS, parse

NARROW = r"""
.tags
."tags"
.["tags"]
.["tags", "id"]
.tags[0]
.tags.[0]
.tags[]
.tags[1:2]
.tags[.likes]
.tags | contains(["gguf"])
.license // "" | startswith("cc-by-nc")
.file_bytes != null and .file_bytes < 8e9
days_since(.updated) < 30
(.tags | index("gguf")) and (.tags | index("id"))
.level_most | IN("pg", "pg13")
[.id, .tags[]] | any
"\(.id)" | length
.id?
-.likes < 1
.id | . as $x | $x
.tags | if . then keys else .. end
.tags | any(. == "x") # keys
true
.tags[.likes | tostring | length:]
""".strip().splitlines()
BROAD = r"""
.
..
keys
length
.[]
.[0]
.[.id]
.["a" + "b"]
."\(.id)"
to_entries
has("id")
tojson
{id}
.id as $x | keys
. as $x | $x
def f: keys; f
if .id then keys else 1 end
try .id catch .
reduce .id as $x (.; .)
label $x | .id
.id |= keys
.id = keys
$x
@json
"\(keys)"
.id + keys
.id, keys
.tags[keys[0]]
.tags[.likes | 0:keys[0]]
.tags[.likes | 0:(keys | length)]
days_since(keys)
(.id | keys), keys
[keys]
any(.id; .)
days_since(.id | 1; keys)
| .id
not
empty
now
.id and not
""".strip().splitlines()


@pytest.mark.parametrize("text", NARROW)
def test_expressions_on_fields_are_narrow(text: str) -> None:
    assert is_narrow(tokenize(text))


@pytest.mark.parametrize("text", ["", *BROAD])
def test_expressions_that_may_read_more_are_not(text: str) -> None:
    assert not is_narrow(tokenize(text))


def _results(text: str, model: dict[str, Any]) -> Any:
    program = f"def days_since($x): $x; [limit(20; try ({text}\n) catch [.])]"
    return jq.compile(program).input_value(model).all()


@given(EXPRESSIONS, MODELS)
@settings(max_examples=300)
def test_a_narrow_expression_gives_the_same_on_its_fields(text: str, model: dict[str, Any]) -> None:
    assume(is_narrow(tokenize(text)))
    try:
        expression = parse(text)
        results = _results(text, model)
    except (UsageError, ValueError):
        return
    restricted = {name: value for name, value in model.items() if name in expression.fields}
    assert _results(text, restricted) == results
