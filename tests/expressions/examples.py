"""Fields, and random jq expressions."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from etl.core.layout import SCHEMAS
from etl.expressions.expression import Expression, parse_expression

_SCHEMAS = [json.loads((SCHEMAS / source / "model.schema.json").read_text()) for source in ("huggingface", "civitai")]
FIELDS = tuple(dict.fromkeys(name for schema in _SCHEMAS for name in schema["properties"]))


def parse(text: str, key: str = "hub.where") -> Expression:
    """Return an expression on a model that has the fields of all sources."""
    return parse_expression(key, text, FIELDS)


# Two fields that are named often, one that is never named; lists, texts, numbers.
MODELS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a/b", "c"]),
        "tags": st.none() | st.lists(st.sampled_from(["gguf", "id", "tags"]), max_size=3),
        "likes": st.none() | st.integers(0, 3),
        "author": st.none() | st.sampled_from(["a", "id"]),
        "size": st.sampled_from(["small", "large"]),
    }
)
_LEAVES = st.sampled_from(
    r"""
.id
.tags
.likes
."id"
.["tags"]
.["id", "likes"]
.
..
1
"id"
null
true
keys
length
.[]
to_entries
.[("author")]
empty
tojson
."\(.id)"
"\(keys)"
"\(.id)"
{id}
{id: .author}
[]
.tags[]
.tags.[0]
.tags[.likes]
.tags[0:1]
. as {author: $a} | $a
@json
@json "\(.)"
first
not
has("author")
days_since(.id)
path(..)
getpath(["size"])
.id?
-1
add
$x
""".strip().splitlines()
)
_SHAPES = st.sampled_from(
    r"""
{0} | {1}
({0})
({0} | {1})
[{0}]
[{0} | {1}]
{0}, {1}
{0} + {1}
{0} == {1}
{0} and {1}
{0} // {1}
({0})[{1}]
.tags[{0}]
.tags[{0}:{1}]
.[{0}]
({0})?
({0}).id
if {0} then {1} else {0} end
try {0} catch {1}
{0} as $x | {1}
{0} as [$x] ?// $x | {1}
def f: {0}; f, ({1})
def g(h): {0} | h; g({1})
reduce {0} as $x (0; {1})
first({0})
any({0}; {1})
select({0})
{{a: ({0})}} | {1}
"\({0})"
.id |= {0}
.id = ({0}) | {1}
days_since({0})
label $x | {0}
limit(1; {0})
map({0})
with_entries({0})
- ({0})
""".strip().splitlines()
)
# All end. In many, `$x` is undefined: the tests leave out what does not compile.
EXPRESSIONS = st.recursive(_LEAVES, lambda inner: st.builds(str.format, _SHAPES, inner, inner), max_leaves=6)
