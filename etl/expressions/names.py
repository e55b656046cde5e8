"""The names in a jq expression: functions it calls, fields it reads, names of objects it makes. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.expressions.tokens import Token

DAYS_SINCE = "days_since"
_NO_CLOCK = "use days_since(.updated), which goes by the time of the data"
_NO_INPUT = "an expression has one input, the model"
# Functions that read something other than the model, print, end the process, or depend on how jq was built.
REFUSED = {
    **dict.fromkeys(("now", "localtime", "strflocaltime"), _NO_CLOCK),
    **dict.fromkeys(("input", "inputs", "input_filename", "input_line_number"), _NO_INPUT),
    **dict.fromkeys(("import", "include", "module", "modulemeta"), "an expression has no modules"),
    **dict.fromkeys(("get_search_list", "get_jq_origin", "get_prog_origin", "env"), "an expression reads the model only"),
    **dict.fromkeys(("halt", "halt_error"), "use error, which fails on this model only"),
    **dict.fromkeys(("debug", "stderr"), "an expression prints nothing"),
    **dict.fromkeys(("builtins", "have_decnum", "have_literal_numbers"), "its result depends on the build of jq"),
}
# What the objects that a function makes are called; None if any name is possible.
_OUTPUTS: dict[str, tuple[str, ...] | None] = {
    "to_entries": ("key", "value"),
    "match": ("offset", "length", "string", "captures", "name"),
    **dict.fromkeys(("capture", "sub", "gsub", "from_entries", "with_entries", "fromjson", "fromstream", "setpath", "INDEX")),
}  # fmt: skip
_ASSIGNMENTS = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")
_KEYWORDS = frozenset("as def if then elif else end and or reduce foreach try catch label break true false null".split())
_BEFORE_A_VALUE = frozenset("as if then elif else and or reduce foreach try catch def label break".split())


@dataclass
class Names:
    """The names in an expression.

    Attributes:
        calls: Functions that it calls or defines.
        variables: Variables, without `$`.
        reads: Names of fields that it reads, of the model or of another object.
        makes: Names in objects that it makes.
        makes_any: Whether it makes objects whose names are not in its text.
    """

    calls: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    reads: dict[str, None] = field(default_factory=dict)  # ordered
    makes: set[str] = field(default_factory=set)
    makes_any: bool = False

    def refusal(self) -> str | None:
        """Return why a function or variable is not available, and what to do; None if all are."""
        for name in sorted(self.calls):
            if name in REFUSED or name.startswith("_"):
                return f"{name} is not available in filters.toml; {REFUSED.get(name, 'it is internal to jq')}"
        for name in sorted(self.variables):
            if name == "ENV" or name.startswith("__"):
                return f"${name} is not available in filters.toml; an expression reads the model only"
        return None


def collect_names(tokens: Sequence[Token]) -> Names:
    """Return the names in an expression."""
    names = Names()
    _walk(tokens, names)
    for name in names.calls & _OUTPUTS.keys():
        outputs = _OUTPUTS[name]
        names.makes.update(outputs or ())
        names.makes_any |= outputs is None
    return names


def is_index(previous: Token | None) -> bool:
    """Return whether `[` after this token begins an index, and not an array."""
    if previous is None:
        return False
    if previous.kind == "operator":
        return previous.text in {".", "..", "?"}
    return previous.kind != "word" or previous.text not in _BEFORE_A_VALUE


def literal_names(group: Token) -> list[str] | None:
    """Return the names that an index such as `["a", "b"]` reads; None if it is anything else."""
    strings, commas = group.items[::2], group.items[1::2]
    is_list = len(strings) > len(commas) and all(item.is_literal for item in strings)
    return [item.text for item in strings] if is_list and all(item.is_operator(",") for item in commas) else None


def _walk(tokens: Sequence[Token], names: Names, *, in_braces: bool = False, is_pattern: bool = False) -> None:
    """Collect the names of a group; a pattern is what follows `as`, such as `{name: [$first]}`."""
    for index, token in enumerate(tokens):
        previous = tokens[index - 1] if index else None
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if in_braces and (previous is None or previous.is_operator(",")):
            _add_key(token, following, names, is_pattern=is_pattern)
        else:
            _add_token(token, previous, following, names)
        starts_pattern = previous is not None and (
            previous.is_operator("?//") or (previous.kind, previous.text) == ("word", "as")
        )
        if token.kind == "string":
            for group in token.items:
                _walk(group.items, names)
        elif token.items:
            is_inner_pattern = token.kind != "(" and (is_pattern or starts_pattern)
            _walk(token.items, names, in_braces=token.kind == "{", is_pattern=is_inner_pattern)


def _add_key(token: Token, following: Token | None, names: Names, *, is_pattern: bool) -> None:
    """Add what stands at a key of `{…}`: a pattern reads it, an object with a value makes it, `{name}` does both."""
    is_made = not is_pattern
    if token.kind == "variable":
        names.variables.add(token.text)
        if is_pattern:
            names.reads[token.text] = None
    elif token.kind == "word" or token.is_literal:
        if is_pattern or following is None or not following.is_operator(":"):
            names.reads[token.text] = None
            is_made = False  # it is a field of the model, or else unknown
    else:
        names.makes_any |= not is_pattern
        return
    if is_made:
        names.makes.add(token.text)


def _add_token(token: Token, previous: Token | None, following: Token | None, names: Names) -> None:
    """Add what stands anywhere else."""
    read: list[str] = []
    match token.kind:
        case "field":
            read = [token.text]
        case "string" if token.is_literal and previous is not None and previous.is_operator("."):
            read = [token.text]
        case "[" if is_index(previous):
            read = literal_names(token) or []
        case "variable":
            names.variables.add(token.text)
        case "word" if token.text not in _KEYWORDS:
            names.calls.add(token.text)
    names.reads.update(dict.fromkeys(read))
    if following is not None and following.is_operator(*_ASSIGNMENTS):
        names.makes.update(read)
        names.makes_any |= not read  # `.[$name] = …`, `(.a, .b) = …`
