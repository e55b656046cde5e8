"""The jq programs in which expressions run. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.expressions.expression import Expression

# The form of times in schemas/model.schema.json.
_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = rf"^{_DATE}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?$"
# The clock of an expression. The two names with an underscore cannot be used in an expression.
_CLOCK = (
    rf"""
def _seconds:
  if type == "string" and test("{_TIME}") then .
  else error("days_since(\(tojson[:60])): expected a time such as 2026-01-31T12:00:00Z") end
"""
    r"""
  | (.[0:4] | tonumber) as $y | (.[5:7] | tonumber) as $m | (.[8:10] | tonumber) as $d
  | (if $m < 3 then $y - 1 else $y end) as $year  # begins in March, so that a leap day is its last
  | (365 * $year + ($year / 4 | floor) - ($year / 100 | floor) + ($year / 400 | floor)
      + ((153 * (($m + 9) % 12) + 2) / 5 | floor) + $d) * 86400
    + (.[11:13] | tonumber) * 3600 + (.[14:16] | tonumber) * 60
    + (.[16:] | if startswith(":") then .[1:] | rtrimstr("Z") | split("+")[0] | split("-")[0] | tonumber else 0 end)
    - (.[16:] | if index("+") or index("-") then
        (if index("-") then -1 else 1 end) * ((.[-2:] | tonumber) * 60 + (split("[+-]"; null)[1][0:2] | tonumber) * 3600)
      else 0 end);
(.now | _seconds) as $__now |
def days_since($time): ($__now - ($time | _seconds)) / 86400;
"""
)
_LONGEST_ERROR = 400  # characters; whoever reads it truncates it


def batch_program(expressions: Sequence[Expression]) -> str:
    """Return the program that evaluates expressions on `{now, models}`: a row for each model, with a result for each expression.

    A result is whether the expression gave `true` and nothing else, or the message of its error.
    """
    results = ",\n".join(_result(expression.text) for expression in expressions)
    clock = _CLOCK if any(expression.is_timed for expression in expressions) else ""
    return f"{clock}[.models[] | [{results}]]"


def _result(text: str) -> str:
    return (
        f"(try ([limit(2; ({text}\n))] == [true])"
        f' catch (if type == "string" then . else tojson end | .[:{_LONGEST_ERROR}] | if . == "" then "failed" else . end))'
    )


def check_programs(expression: Expression) -> tuple[str, str]:
    """Return programs that compile if an expression does: alone, so that it closes no bracket of another, and in parentheses.

    The expression begins in line 2.
    """
    declaration = "def days_since($time): $time;\n"
    return f"{declaration}{expression.text}", f"{declaration}({expression.text}\n)"
