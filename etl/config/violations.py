"""What is wrong with a value of filters.toml that violates a schema, in the words of TOML. No I/O."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from etl.config.fields import nearest_suffix, nearest_value
from etl.core.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from etl.core.schemas import Violation

_TYPES = {
    "string": "text in quotes", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip
_MAX_CHARS = 60  # of a value in a message


def describe(violation: Violation) -> str:
    """Return what is wrong with the value (expected, got), and how to fix it if that is not evident."""
    return _MESSAGES[violation.rule](violation) if violation.rule in _MESSAGES else violation.message


def unknown_key(name: str, names: Iterable[str]) -> str:
    """Return that a key is unknown, with the expected ones and the nearest of them."""
    return f"unknown key {sanitize(name)} (expected {_join([*names])}){nearest_suffix(name, nearest_value(name, names))}"


def misspelt_axis_key(violation: Violation) -> str | None:
    """Return that a key of an axis is unknown if it is similar to `field` and not a table, as options are; else None."""
    is_option = violation.rule == "type" and violation.schema.get("title") == "Option"
    name = str(violation.path[-1]) if is_option else ""
    if (nearest := nearest_value(name, ["field"])) is None:
        return None
    return f"unknown key {sanitize(name)} (expected field, or an option, which is a table){nearest_suffix(name, nearest)}"


def _unknown_keys(violation: Violation) -> str:
    names = violation.schema.get("properties", {})
    return "; ".join(unknown_key(name, names) for name in violation.got if name not in names)


def _missing_keys(violation: Violation) -> str:
    return f"must have {_join([name for name in violation.expected if name not in violation.got], 'and')}"


def _wrong_type(violation: Violation) -> str:
    types = [violation.expected] if isinstance(violation.expected, str) else violation.expected
    got = _quote(violation.got)
    advice = f"; write [{got}]" if types == ["array"] and isinstance(violation.got, str) else ""
    return f"must be {_join([_TYPES[type_] for type_ in types])} (got {got}){advice}"


def _wrong_value(violation: Violation) -> str:
    nearest = nearest_suffix(violation.got, nearest_value(violation.got, violation.expected))
    return f"must be {_join([*map(_quote, violation.expected)])} (got {_quote(violation.got)}){nearest}"


def _wrong_constant(violation: Violation) -> str:
    return f"must be {_description(violation) or _quote(violation.expected)} (got {_quote(violation.got)})"


def _wrong_form(violation: Violation) -> str:
    form = _description(violation)
    return f"{_quote(violation.got)} is not valid (expected {form[:1].lower()}{form[1:]})"


def _repetition(violation: Violation) -> str:
    repeated = next(value for value, count in Counter(map(_quote, violation.got)).items() if count > 1)
    return f"{repeated} is listed twice; remove one of them"


def _too_many_keys(violation: Violation) -> str:
    return f"must have at most {violation.expected} of {_join([*violation.schema['properties']], 'and')}"


def _too_long(violation: Violation) -> str:
    return f"must have at most {violation.expected:,} characters (got {len(violation.got):,})"


def _bound(words: str) -> Callable[[Violation], str]:
    return lambda violation: f"must be {words} {violation.expected} (got {_quote(violation.got)})"


_MESSAGES: dict[str, Callable[[Violation], str]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_keys,
    "type": _wrong_type,
    "enum": _wrong_value,
    "const": _wrong_constant,
    "pattern": _wrong_form,
    "not": lambda violation: f"{_quote(violation.got)} is reserved; choose another name",
    "uniqueItems": _repetition,
    "maxProperties": _too_many_keys,
    "maxLength": _too_long,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("more than"),
    **dict.fromkeys(("minItems", "minLength", "minProperties"), lambda _: "must not be empty"),
}


def _description(violation: Violation) -> str:
    return str(violation.schema.get("description", "")).rstrip(".")


def _quote(value: Any) -> str:
    """Return a value as TOML would have it, shortened."""
    text = sanitize(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _MAX_CHARS else f"{text[: _MAX_CHARS - 1]}…"


def _join(items: Sequence[str], word: str = "or") -> str:
    return f" {word} ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)
