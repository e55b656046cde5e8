"""Names of functions and fields in expressions."""

from __future__ import annotations

import jq
import pytest

from etl.expressions.names import REFUSED, collect_names
from etl.expressions.tokens import tokenize

# Every function of the installed jq has been reviewed: it is here or in REFUSED. Those here read nothing but their input and
# arguments, print nothing and do not end the process.
ALLOWED = set(
    """IN INDEX JOIN abs acos acosh add all any arrays ascii_downcase ascii_upcase asin asinh atan atan2 atanh booleans
    bsearch capture cbrt ceil combinations contains copysign cos cosh del delpaths drem empty endswith erf erfc error exp
    exp10 exp2 explode expm1 fabs fdim finites first flatten floor fma fmax fmin fmod format frexp from_entries fromdate
    fromdateiso8601 fromjson fromstream gamma getpath gmtime group_by gsub has hypot implode in index indices infinite
    inside isempty isfinite isinfinite isnan isnormal iterables j0 j1 jn join keys keys_unsorted last ldexp length lgamma
    lgamma_r limit log log10 log1p log2 logb ltrim ltrimstr map map_values match max max_by min min_by mktime modf nan
    nearbyint nextafter nexttoward normals not nth nulls numbers objects path paths pick pow range recurse remainder repeat
    reverse rindex rint round rtrim rtrimstr scalars scalb scalbln scan select setpath significand sin sinh skip sort
    sort_by split splits sqrt startswith strftime strings strptime sub tan tanh test tgamma to_entries toboolean todate
    todateiso8601 tojson tonumber tostream tostring transpose trim trimstr trunc truncate_stream type unique unique_by until
    utf8bytelength values walk while with_entries y0 y1 yn ascii toarray""".split()
)


def test_every_function_of_jq_is_reviewed() -> None:
    functions = {name.split("/")[0] for name in jq.compile("builtins").input_value(None).first()}
    assert functions - ALLOWED - REFUSED.keys() == set()


@pytest.mark.parametrize("name", [*REFUSED, "_plus", "_match_impl", "_seconds"])
@pytest.mark.parametrize(
    "form", ["{}", "[1, {}]", '"\\({})"', "{{a: {}}}", "{{({}): 1}}", "def f: {}; f", "def {}: 1; 2", ".[{}]"]
)
def test_a_refused_function_is_refused_wherever_it_is_called(name: str, form: str) -> None:
    refusal = collect_names(tokenize(form.format(name))).refusal()
    assert refusal is not None
    assert refusal.startswith(f"{name} is not available in filters.toml; ")


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("form", ['"{}"', ".{}", "{{{}: 1}}", "# {}", "1 as ${} | 2", '."{}"'])
def test_its_name_may_be_used_otherwise(name: str, form: str) -> None:
    assert collect_names(tokenize(form.format(name))).refusal() is None


@pytest.mark.parametrize(
    "text", ["$ENV", "$ENV.PATH", "{$ENV}", "$__now", "$__loc__", "{$__loc__}", "$__prog_args", '"\\($ENV)"', "$ ENV"]
)
def test_variables_of_jq_and_of_the_program_are_refused(text: str) -> None:
    assert "is not available in filters.toml" in (collect_names(tokenize(text)).refusal() or "")


@pytest.mark.parametrize(
    ("text", "reads", "makes"),
    [
        (".a", ["a"], []),
        ('."a"', ["a"], []),
        ('. "a"', ["a"], []),
        ('.["a"]', ["a"], []),
        ('.["a", "b"]', ["a", "b"], []),
        ('.x["a"]', ["x", "a"], []),
        ('.x.["a"]', ["x", "a"], []),
        ('.x?["a"]', ["x", "a"], []),
        ('$x["a"].b', ["a", "b"], []),
        ('"\\u0061" | ."\\u0062"', ["b"], []),
        ('"\\(.a)"', ["a"], []),
        ('["a"]', [], []),
        ('.x | ["a"]', ["x"], []),
        ('if ["a"] then ["b"] else ["c"] end', [], []),
        ("{a}", ["a"], []),
        ('{"a"}', ["a"], []),
        ("{a: .b}", ["b"], ["a"]),
        ('{"a": .b, c: 1, d}', ["b", "d"], ["a", "c"]),
        ("{$a}", [], ["a"]),
        (". as {a: $x} | $x", ["a"], []),
        (". as {$a} | $a", ["a"], []),
        (". as {$a: [$b, {c: $d}]} | 1", ["a", "c"], []),
        ('. as [{"a": $x}] | 1', ["a"], []),
        (". as [$x] ?// {a: $x} | {b: 1}", ["a"], ["b"]),
        (". as {(.a): $x} | 1", ["a"], []),
        ("reduce .x as {a: $y} ({b: 1}; .b)", ["x", "a", "b"], ["b"]),
        (".a = 1 | .a", ["a"], ["a"]),
        ('.x["a"] += 1', ["x", "a"], ["a"]),
        ("to_entries | map(.key)", ["key"], ["key", "value"]),
        ('match("a").offset', ["offset"], ["offset", "length", "string", "captures", "name"]),
        ("{a: {b: 1}}", [], ["a", "b"]),
    ],
)  # fmt: skip
def test_names_that_are_read_and_made(text: str, reads: list[str], makes: list[str]) -> None:
    names = collect_names(tokenize(text))
    assert (list(names.reads), names.makes, names.makes_any) == (reads, set(makes), False)


@pytest.mark.parametrize(
    "text",
    ["{(.a): 1}", '{"\\(.a)": 1}', '{@json "a": 1}', ".[.a] = 1", "(.a, .b) = 1", "setpath([1]; 2)", "fromjson",
     "from_entries",
             'capture("(?<x>a)")', 'sub("(?<x>a)"; .x)', "with_entries(.)", "INDEX(.a)"],
)  # fmt: skip
def test_objects_with_any_names(text: str) -> None:
    assert collect_names(tokenize(text)).makes_any
