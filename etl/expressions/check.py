"""Checks that jq expressions compile, in a child process with limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.core.errors import UsageError
from etl.core.text import sanitize
from etl.expressions.child import CPU_S, Child, ChildDiedError
from etl.expressions.programs import alone_program, parentheses_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.expressions.expression import Expression

_ERROR = re.compile(r"^jq: error: (.*?)(?: at <top-level>, line ([0-9]+), column ([0-9]+):)?$", re.MULTILINE)


def check_expressions(expressions: Sequence[Expression]) -> None:
    """Compile each expression alone and in parentheses.

    Raises:
        UsageError: some do not compile; a line for each, with its key and jq's message.
    """
    if not expressions:
        return
    try:
        problems = _compile(expressions)
    except ChildDiedError as error:
        problems = [_compile_alone(expression) for expression in expressions]
        if not any(problems):
            problems = [f"all expressions together: {error} to compile"] * len(expressions)
    lines = [
        f"{expression.key}: {problem}; fix the jq expression"
        for expression, problem in zip(expressions, problems, strict=True)
        if problem is not None
    ]
    if lines:
        raise UsageError("\n".join(lines))
    check_tokens(expressions)


def check_tokens(expressions: Sequence[Expression]) -> None:
    """Refuse expressions that could not be read as tokens: nothing is known of what they call.

    Raises:
        UsageError: there are some; a line for each.
    """
    lines = [
        f"{expression.key}: {sanitize(expression.token_error)}; fix the jq expression"
        for expression in expressions
        if expression.token_error is not None
    ]
    if lines:
        raise UsageError("\n".join(lines))


def _compile(expressions: Sequence[Expression]) -> list[str | None]:
    """Return jq's message for each expression that does not compile.

    Alone, it may close no bracket of its surroundings; in parentheses, it may leave none of them open.
    """
    alone = [alone_program(expression) for expression in expressions]
    with Child(CPU_S) as child:
        *problems, in_parentheses = child.request([*alone, parentheses_program(expressions)])
        if in_parentheses is not None:
            inside = child.request([parentheses_program([expression]) for expression in expressions])
            problems = [left or right for left, right in zip(problems, inside, strict=True)]
    return [_describe(problem) for problem in problems]


def _compile_alone(expression: Expression) -> str | None:
    try:
        return _compile([expression])[0]
    except ChildDiedError as error:
        return f"{error} to compile"


def _describe(message: str | None) -> str | None:
    """Return jq's message on one line, with line and column counted in the expression; None without a message."""
    if message is None:
        return None
    errors = [
        match[1] + (f" at line {int(match[2]) - 1}, column {match[3]}" if match[2] else "") for match in _ERROR.finditer(message)
    ]
    return f"does not compile: {sanitize('; '.join(errors) or message)}"
