"""Evaluation of expressions on models: matches, errors, limits."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any

import pytest

from etl.core.errors import UsageError
from etl.expressions import evaluator
from etl.expressions.child import Child
from etl.expressions.evaluator import Evaluator, Outcome
from tests.expressions.examples import parse

NOW = "2026-01-31T12:00:00.000Z"
MODEL = {
    "id": "a/b",
    "tags": ["gguf", "conversational-ai", "license:mit"],
    "license": "cc-by-nc-4.0",
    "updated": "2026-01-01T00:00:00.500Z",
    "created": None,
    "likes": 5,
    "file_bytes": None,
    "gated": False,
}


def _evaluate(text: str, model: dict[str, Any] = MODEL) -> Outcome:
    with Evaluator([parse(text)]) as evaluate:
        [[outcome]] = evaluate.evaluate([model], NOW)
    return outcome


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ('.tags | contains(["gguf", "conversational"])', True),
        ('.tags | index("conversational")', False),
        ('.tags | index("gguf") != null', True),
        (".file_bytes < 8e9", True),  # null is less than any number
        (".file_bytes != null and .file_bytes < 8e9", False),
        ('.license // "" | startswith("cc-by-nc")', True),
        (".gated == false", True),
        (".gated", False),
        ("days_since(.updated) < 30", False),
        ("days_since(.updated) < 31", True),
        ("true", True),
        ("true # comment", True),
        ("true, true", False),
        ("true, false", False),
        ("empty", False),
        ("1", False),
        ("[true]", False),
        ('"true"', False),
        ("null", False),
        ('.tags[] == "gguf"', False),
        ('any(.tags[]; . == "gguf")', True),
        ("def f: .likes; f == 5", True),
        ("label $x | true, break $x", True),
        (". as $model | $model.likes == 5", True),
        ("try error catch true", True),
        ('"2026-01-01" | strptime("%Y-%m-%d") | mktime == 1767225600', True),
        ('0 | strftime("%s") == "0"', True),
    ],
)  # fmt: skip
def test_the_single_result_true_is_a_match(text: str, is_match: bool) -> None:  # noqa: FBT001 -- a column
    outcome = _evaluate(text)
    assert (outcome.is_match, outcome.error) == (is_match, None)


@pytest.mark.parametrize(
    ("text", "unexpected"),
    [
        ("true, true", "several results"),
        ('.tags[] == "gguf"', "several results"),
        ("empty", "no result"),
        ('.tags | index("gguf")', "a number"),
        ('"true"', "a string"),
        ("[true]", "an array"),
        ("{a: true}", "an object"),
        ("false", None),
        ("null", None),
        ("true", None),
    ],
)
def test_other_results_than_true_false_and_null_are_named(text: str, unexpected: str | None) -> None:
    assert _evaluate(text).unexpected == unexpected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (".tags + 1", "array "),
        ("error", '{"id":"a/b'),
        ("error({__jq: 0})", '{"__jq":0}'),
        ('error("x\\ny\\u001b")', "x y\ufffd"),
        ("error({a: 1})", '{"a":1}'),
        ("error(null)", "null"),
        ('error("")', "failed"),
        ("true, error(1)", "1"),
        ("days_since(.created) < 30", "days_since(null): expected a time such as 2026-01-31T12:00:00Z"),
        ("days_since(.id) < 30", 'days_since("a/b"): expected a time'),
        ('("a" * 40) + "b" | test("^(a|a)*$")', "Regex failure"),
    ],
)  # fmt: skip
def test_an_error_is_no_match_and_is_returned(text: str, error: str) -> None:
    outcome = _evaluate(text)
    assert not outcome.is_match
    assert error in (outcome.error or "")


@pytest.mark.parametrize("text", ['error("x" * 1000)', 'error({a: ("x" * 1000)})', 'error("\U0001f600" * 1000)'])
def test_an_error_has_at_most_200_characters(text: str) -> None:
    error = _evaluate(text).error
    assert error is not None
    assert len(error) == 200


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("2026-01-31T12:00:00.000Z", 0),
        ("2026-01-31T12:00:00Z", 0),
        ("2026-01-31T12:00Z", 0),
        ("2026-01-31T12:00", 0),
        ("2026-01-31T12:00:00.000", 0),
        ("2026-01-31T14:30:00+02:30", 0),
        ("2026-01-31T14:30:00.000+0230", 0),
        ("2026-01-31T10:00-0200", 0),
        ("2026-01-30T12:00:00.000Z", 1),
        ("2026-01-30T11:59:59.136Z", 1 + 0.864 / 86400),
        ("2024-02-29T12:00:00Z", 702),
        ("2000-03-01T12:00:00Z", 9467),
        ("1969-07-20T12:00:00Z", 20649),
        ("2026-02-01T00:00:00Z", -0.5),
    ],
)
def test_days_since_reads_all_forms_of_times(moment: str, days: float) -> None:
    outcome = _evaluate(f"days_since(.updated) - {days} | fabs < 1e-8", {"updated": moment})
    assert outcome == Outcome(is_match=True)


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        [],
        "",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-31T12:00:00.1e5Z",
        "2026-01-31T12:00:00z",
        "2026-1-31T012:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31T12:00:00..5Z",
        "x2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.Z",
    ],
)
def test_days_since_refuses_anything_else(value: object) -> None:
    error = _evaluate("days_since(.updated) < 1e9", {"updated": value}).error
    assert str(error).endswith("expected a time such as 2026-01-31T12:00:00Z")


def test_outcomes_are_in_the_order_of_models_and_expressions() -> None:
    expressions = [parse(text) for text in (".likes == 1", "days_since(.updated) > 0", ".likes == 2", "error(.likes)")]
    models: list[dict[str, Any]] = [MODEL | {"likes": number} for number in (2, 1, 2)]
    with Evaluator(expressions) as evaluate:
        rows = evaluate.evaluate(models, NOW)
    assert [[outcome.is_match for outcome in row] for row in rows] == [
        [False, True, True, False], [True, True, False, False], [False, True, True, False],
    ]  # fmt: skip
    assert [row[3].error for row in rows] == ["2", "1", "2"]


def test_days_since_counts_from_the_time_of_each_call() -> None:
    with Evaluator([parse("days_since(.updated) < 30")]) as evaluate:
        assert evaluate.evaluate([MODEL], NOW) == [(Outcome(is_match=False),)]
        assert evaluate.evaluate([MODEL], "2026-01-02T00:00:00.000Z") == [(Outcome(is_match=True),)]


def test_outcomes_are_kept_of_so_many_inputs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.expressions.evaluator._MAX_CACHED", 2)
    models = [MODEL | {"likes": number} for number in range(3)]
    with Evaluator([parse(".likes == 1")]) as evaluate:
        for count in (2, 2, 3, 6):
            rows = evaluate.evaluate(models[: 2 if count == 2 else 3], NOW)
            assert [row[0].is_match for row in rows] == [False, True, False][: len(rows)]
            assert evaluate.inputs_sent == count


def test_what_is_kept_of_an_input_is_small() -> None:
    models = [MODEL | {"likes": number, "id": "o/" + "x" * number} for number in range(100)]
    for text in (".likes == 1", '.id == "o/"'):
        with Evaluator([parse(text)]) as evaluate:
            evaluate.evaluate(models, NOW)
            (program,) = evaluate._programs  # noqa: SLF001 -- what grows with the models
            assert len(program.cache) == 100
            assert max(map(sys.getsizeof, program.cache)) < 120


def test_each_distinct_input_is_evaluated_once() -> None:
    models = [MODEL | {"likes": number % 3, "id": str(number)} for number in range(10)]
    with Evaluator([parse(".likes == 1")]) as evaluate:  # narrow: three different values
        assert sum(row[0].is_match for row in evaluate.evaluate(models, NOW)) == 3
        assert evaluate.inputs_sent == 3
        evaluate.evaluate(models, "2026-02-01T00:00:00.000Z")
        assert evaluate.inputs_sent == 3
    with Evaluator([parse("(. | .likes) == 1")]) as evaluate:
        assert sum(row[0].is_match for row in evaluate.evaluate(models, NOW)) == 3
        assert evaluate.inputs_sent == 10
    with Evaluator([parse(".likes == 1"), parse("days_since(.updated) > 0")]) as evaluate:  # two programs
        evaluate.evaluate(models, NOW)
        assert evaluate.inputs_sent == 3 + 1
        evaluate.evaluate(models, "2026-02-01T00:00:00.000Z")
        assert evaluate.inputs_sent == 3 + 1 + 1


def test_an_expression_that_is_not_narrow_sees_the_whole_model() -> None:
    with Evaluator([parse("keys | length == 8"), parse(".likes == 5")]) as evaluate:
        assert evaluate.evaluate([MODEL], NOW) == [(Outcome(is_match=True), Outcome(is_match=True))]


def test_without_expressions_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "Child", None)
    with Evaluator([]) as evaluate:
        assert evaluate.evaluate([MODEL, MODEL], NOW) == [(), ()]
    assert Evaluator([parse("true")]).evaluate([], NOW) == []


def test_an_expression_that_was_not_read_is_never_evaluated() -> None:
    with pytest.raises(UsageError, match=r"hub.where: has '\)' without its opening bracket"):
        Evaluator([parse("env)")])


def test_a_large_batch_does_not_block() -> None:
    models = [{"id": str(number), "name": "x" * 5000} for number in range(2500)]
    with Evaluator([parse('error("\\(.id) \\("y" * 300)")')]) as evaluate:
        rows = evaluate.evaluate(models, NOW)
    assert [str(row[0].error).split()[0] for row in rows] == [model["id"] for model in models]
    assert evaluate.inputs_sent == 2500


def _failure(*texts: str, models: int = 1) -> str:
    expressions = [parse(text, f"key{number}") for number, text in enumerate(texts, 1)]
    with Evaluator(expressions, cpu_s=0.5) as evaluate, pytest.raises(UsageError) as caught:
        evaluate.evaluate([MODEL | {"id": str(number)} for number in range(models)], NOW)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f: f; f", "took more than 0.5 s of CPU time"),
        ("[recurse(.)]", "took more than 0.5 s of CPU time|needed more than 1 GiB of memory"),
        ("repeat(true)", "took more than 0.5 s of CPU time|needed more than 1 GiB of memory"),
        (".id | until(false; . + .)", "needed more than 1 GiB of memory|took more than 0.5 s of CPU time"),
        ('.likes | . * 1e8 | "xx" * . | length', "needed more than 1 GiB of memory|took more than 0.5 s of CPU time"),
    ],
)
def test_an_expression_that_exceeds_a_limit_is_named(text: str, reason: str) -> None:
    message = _failure("true", text)
    assert message in {f"key2: {choice} for one batch of models; rewrite it" for choice in reason.split("|")}


def test_all_that_exceed_a_limit_are_named() -> None:
    first, second = _failure("def f: f; f", ".likes == 5", "days_since(.updated) > 1", "def g: g; g").splitlines()
    assert (first.partition(":")[0], second.partition(":")[0]) == ("key1", "key4")


@pytest.mark.parametrize(
    "text",
    ["reduce range(1e6) as $i (0; [.])", "reduce range(1e5) as $i (0; [.]) | tojson", "reduce range(1e5) as $i (0; [.]) | error",
     '"x" * 1e12', "def f: [f]; 1", "[limit(3; repeat(1))] | length == 2", '"(" * 1000 | test(.)', "[.[] | .. | ..] | flatten"],
)  # fmt: skip
def test_other_dangers_end_in_an_outcome(text: str) -> None:
    """What is deep, long or wrong costs no other model its outcome."""
    with Evaluator([parse(text), parse("true")]) as evaluate:
        assert evaluate.evaluate([MODEL], NOW)[0][1] == Outcome(is_match=True)


def test_the_limit_on_cpu_time_is_for_a_batch() -> None:
    """Many batches may take longer than the limit of one."""
    with Evaluator([parse(".likes | [range(5e5)] | length == 5e5")], cpu_s=1) as evaluate:
        for number in range(1, 13):
            assert evaluate.evaluate([MODEL | {"likes": number}], NOW) == [(Outcome(is_match=True),)]


def test_expressions_that_only_together_exceed_a_limit_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Child.request

    def limited(self: Child, programs: list[str], payload: bytes = b"") -> list[Any]:
        return request(self, ["def f: f; f", *programs[1:]] if len(programs) > 2 else programs, payload)

    monkeypatch.setattr(Child, "request", limited)
    assert (
        _failure("true", "false") == "key1, key2: together took more than 0.5 s of CPU time for one batch of models; rewrite it"
    )


def test_it_can_be_used_after_a_failure() -> None:
    with closing(Evaluator([parse("if .likes == 1 then def f: f; f else true end")], cpu_s=0.5)) as evaluate:
        with pytest.raises(UsageError):
            evaluate.evaluate([MODEL | {"likes": 1}], NOW)
        assert evaluate.evaluate([MODEL], NOW) == [(Outcome(is_match=True),)]
