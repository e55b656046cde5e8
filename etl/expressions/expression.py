"""A jq expression of filters.toml, and what it reads. No I/O."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.core.errors import UsageError
from etl.core.text import MIN_SIMILARITY, sanitize
from etl.expressions.comparisons import Comparison, literal_comparisons
from etl.expressions.names import DAYS_SINCE, Names, collect_names
from etl.expressions.narrow import is_narrow
from etl.expressions.tokens import SizeError, TokenError, tokenize

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True)
class Expression:
    """A jq expression of filters.toml that tests one model.

    Attributes:
        key: Where it is in filters.toml: `huggingface.axes.license.nc.where`.
        text: The expression.
        fields: The model fields that it names, in the order of the schema.
        is_narrow: Whether it reads no other field than those.
        is_timed: Whether it calls days_since.
        comparisons: Its comparisons of a field with a literal.
        token_error: Why it could not be read as tokens; it is never evaluated, and jq's message is better if jq has one.
    """

    key: str
    text: str
    fields: tuple[str, ...]
    is_narrow: bool
    is_timed: bool
    comparisons: tuple[Comparison, ...] = ()
    token_error: str | None = None


def parse_expression(key: str, text: str, model_fields: Sequence[str], item_names: Collection[str] = ()) -> Expression:
    """Return an expression with what it reads; it may still not compile.

    Args:
        key: Its key in filters.toml, with which messages begin.
        text: The expression.
        model_fields: The fields of the source's models, in the order of the schema.
        item_names: The names in the objects that some of these fields list.

    Raises:
        UsageError: it is too long, calls what is not available, or names a field that models do not have.
    """
    try:
        tokens = tokenize(text)
    except SizeError as error:
        raise UsageError(f"{key}: {error}; split it into several options, or shorten it") from error
    except TokenError as error:
        return Expression(key, text, (), is_narrow=False, is_timed=False, token_error=str(error))
    names = collect_names(tokens)
    if refusal := names.refusal():
        raise UsageError(f"{key}: {refusal}")
    _check_fields(key, names, model_fields, item_names)
    fields = tuple(name for name in model_fields if name in names.reads)
    is_timed, comparisons = DAYS_SINCE in names.calls, tuple(literal_comparisons(tokens))
    return Expression(key, text, fields, is_narrow=is_narrow(tokens), is_timed=is_timed, comparisons=comparisons)


def _check_fields(key: str, names: Names, model_fields: Sequence[str], item_names: Collection[str]) -> None:
    valid = {*model_fields, *item_names, *names.makes}
    unknown = [name for name in names.reads if name not in valid]
    if not unknown or names.makes_any:
        return
    nearest = difflib.get_close_matches(unknown[0].casefold(), model_fields, n=1, cutoff=MIN_SIMILARITY)
    suffix = f"; nearest: {nearest[0]}" if nearest else ""
    raise UsageError(f"{key}: models have no field {sanitize(unknown[0])} (expected {', '.join(model_fields)}){suffix}")
