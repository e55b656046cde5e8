"""The jq programs in which expressions run. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.expressions.expression import Expression

# The form of times in schemas/model.schema.json.
_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = rf"^{_DATE}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?\\z"
_SECONDS = "%Y-%m-%dT%H:%M:%S"
# The clock of an expression. The names with an underscore cannot be used in an expression. The first way takes a tenth of the
# second, and is right if what it read is written the same.
_CLOCK = (
    rf"""
def _whole: strptime("{_SECONDS}") | mktime;
def _quick:
  .[:19] as $whole | ($whole | _whole) as $seconds
  | if ($seconds | strftime("{_SECONDS}")) == $whole
      and endswith("Z") and (endswith(".Z") or contains("e") or contains("E") | not)
    then $seconds + ("0" + .[19:-1] | tonumber) else null end;
def _any_form:
  if type == "string" and test("{_TIME}") then .
  else error("days_since(\(tojson[:60])): expected a time such as 2026-01-31T12:00:00Z") end
"""
    r"""
  | (.[:16] + ":00" | _whole)
    + (.[16:] | if startswith(":") then .[1:] | rtrimstr("Z") | split("+")[0] | split("-")[0] | tonumber else 0 end)
    - (.[16:] | if index("+") or index("-") then
        (if index("-") then -1 else 1 end) * ((.[-2:] | tonumber) * 60 + (split("[+-]"; null)[1][:2] | tonumber) * 3600)
      else 0 end);
def _seconds: (try _quick catch null) // _any_form;
(.now | _seconds) as $__now |
def days_since($time): ($__now - ($time | _seconds)) / 86400;
"""
)
_DECLARATION = "def days_since($time): $time;\n"
_LONGEST_ERROR = 400  # characters; whoever reads it truncates it


def batch_program(expressions: Sequence[Expression]) -> str:
    """Return the program that evaluates expressions on `{now, models}`: a row for each model, with a result for each expression.

    A result is whether the expression gave `true` and nothing else, the message of its error, or, in a list, what it gave instead
    of true, false and null.
    """
    results = ",\n".join(_result(expression.text) for expression in expressions)
    clock = _CLOCK if any(expression.is_timed for expression in expressions) else ""
    return f"{clock}[.models[] | [{results}]]"


def _result(text: str) -> str:
    kind = '"a \\(.[0] | type)" | sub("^a (?=array|object)"; "an ")'
    unexpected = f'if length == 1 then {kind} elif . == [] then "no result" else "several results" end'
    return (
        f"(try ([({text}\n)] | if . == [true] then true elif . == [false] or . == [null] then false else [{unexpected}] end)"
        f' catch (if type == "string" then . else tojson end | .[:{_LONGEST_ERROR}] | if . == "" then "failed" else . end))'
    )


def alone_program(expression: Expression) -> str:
    """Return a program that compiles if an expression does; the expression begins in line 2."""
    return _DECLARATION + expression.text


def parentheses_program(expressions: Sequence[Expression]) -> str:
    """Return a program that compiles if all expressions do in parentheses; the first begins in line 2."""
    return _DECLARATION + ",\n".join(f"({expression.text}\n)" for expression in expressions)
