"""Names, comments, docstrings, messages and documentation use the terms of the field, and none of the retired words."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import tokenize
from typing import TYPE_CHECKING, Any

import pytest

from etl.core.layout import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# In prose: a regular expression of the retired words, and what replaces them.
_PHRASES = {
    r"tells? whether": "return whether",
    r"told": "name the message, the value or the caller",
    r"mend(s|ed|ing)?": "fix",
    r"(set|sets|setting) aside": "reject",
    r"(came|comes?) (again|twice)": "duplicate",
    r"strangers?": "unrequested records",
    r"(?<!there\s)is no (?!longer|more)\w+": "is not a valid X, must be X",
    r"holds no \w+": "has no X",
    r"(where|if) there (is|are) none": "None if absent",
    r"(un)?sound": "valid, invalid",
    r"spoil(t|ed)": "corrupted",
    r"half-read": "partial",
    r"(keeps?|breaks?) (its|their) contracts?": "conforms to its schema, violates its schema",
    r"(draws?|drawn|drawing) on": "reads from",
    r"the (disk|system) refused": "I/O error, could not write",
    r"later may work": "retry later",
    r"(go|goes|gone|going) on with": "resume",
    r"(ask|asks|asked|asking)( again)?": "request, re-fetch, retry",
    r"answer(s|ed|ing)?": "response, respond",
    r"held against": "compared with",
    r"at the most": "at most",
    r"less what": "except",
    r"pages? for people": "HTML page",
    r"judge(s|d)?": "check, assess",
    r"pure\.": "No I/O.",
}
# As a name of a variable, parameter, function or class.
_NAMES = {
    **dict.fromkeys(("told", "said"), "message, entry, ref, summary"),
    **dict.fromkeys(("each", "one", "another", "some"), "the noun: filter_, option, model, page; left, right"),
    **dict.fromkeys(("place", "places"), "index, position, rank, dest, json_path"),
    **dict.fromkeys(("made", "found", "given", "there", "again", "known"), "result, matches, args, on_disk, rebuilt, seen"),
    **dict.fromkeys(("drawn", "drawing"), "stream"),
    **dict.fromkeys(("sound", "unsound"), "valid, invalid"),
    "house": "workspace",
}
# Retired words that files and `--json` contain, with the reason.
_KEYS = {"asks": "a key of filters.toml", "strangers": "a key of ledgers"}  # between quotes, or where TOML has a key
_TEXTS = {  # wherever they occur
    '"came again"': "a step of explain --json",
    '"set aside"': "a step of explain --json",
    "set aside:": "a reason in the Markdown of diff, which tests/diff/golden.md has",
    "it asked ": "a reason in index.json",
    "filters.toml asks": "a reason in index.json",
    "ask with: make": "a status in index.json",
    "rate, asks, sizes": "keys of filters.toml, in a message",
    "label, asks, keeps": "keys of filters.toml, in a message",
    "question-answering": "a tag of the Hub",
}
_EXEMPT = {
    "data/": "published, byte for byte",
    "tests/golden/": "published, byte for byte",
    "tests/diff/golden.": "an example diff, byte for byte",
    "tests/test_wording.py": "contains the words",
}

_GAP = r"[\s#]+"  # a phrase may continue in the next line
_PATTERN = re.compile(
    "|".join(rf"(?P<p{number}>\b{phrase.replace(' ', _GAP)})(?!\w)" for number, phrase in enumerate(_PHRASES)), re.IGNORECASE
)
_REPLACEMENTS = list(_PHRASES.values())
_ANY_KEY = "|".join(_KEYS)
_DATA = re.compile(
    "|".join(
        [
            rf"(?<=[`\"'])(?:{_ANY_KEY})(?=[`\"'])",
            rf"(?<=\.)(?:{_ANY_KEY})\b",
            rf"\b(?:{_ANY_KEY})(?= ?[=.:(])",
            *map(re.escape, _TEXTS),
        ]
    )
)
_TEXT_SUFFIXES = {".md", ".toml", ".yml", ".sh", ".jq", ".j2", ".js", ".mjs", ".ts", ".css", ".html"}

Finding = tuple[int, str, str]  # line, retired word, replacement


def in_text(text: str, first_line: int = 1) -> Iterator[Finding]:
    """Yield the retired words of a text; a line break may be within a phrase."""
    text = _DATA.sub(lambda match: "_" * len(match[0]), text)
    for match in _PATTERN.finditer(text):
        line = first_line + text.count("\n", 0, match.start())
        yield line, " ".join(match[0].split()), _REPLACEMENTS[int((match.lastgroup or "p0")[1:])]


def in_python(source: str) -> Iterator[Finding]:
    """Yield the retired words in the names, strings and comments of a program."""
    for node in ast.walk(ast.parse(source)):
        name: object = None
        match node:
            case ast.Constant(value=str() as text) if text not in {*_KEYS, "set aside", "came again"}:
                yield from in_text(text, node.lineno)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
        if isinstance(name, str) and (key := name.strip("_").lower()) in _NAMES:
            yield getattr(node, "lineno", 0), name, _NAMES[key]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from in_text(token.string, token.start[0])


def in_schema(value: Any) -> Iterator[Finding]:
    """Yield the retired words in the titles, descriptions and comments of a JSON Schema."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in {"title", "description", "$comment"} and isinstance(item, str):
                yield from in_text(item)
            else:
                yield from in_schema(item)
    elif isinstance(value, list):
        for item in value:
            yield from in_schema(item)


def findings(path: Path, root: Path = PROJECT) -> list[str]:
    """Return the retired words in a file, as `file:line: word; write replacement`."""
    text = path.read_text()
    if path.suffix == ".py":
        words = in_python(text)
    elif path.name.endswith(".schema.json"):
        words = in_schema(json.loads(text))
    else:
        words = in_text(text)
    name = path.relative_to(root).as_posix()
    return [f"{name}:{line}: {word!r}; write {replacement}" for line, word, replacement in sorted(set(words))]


def files() -> list[Path]:
    """Return the files that people write."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    names = sorted(
        name for name in listed.stdout.splitlines() if (PROJECT / name).is_file() and not (PROJECT / name).is_symlink()
    )
    return [
        path
        for name in names
        if not name.startswith(tuple(_EXEMPT))
        if (path := PROJECT / name).suffix in {".py", *_TEXT_SUFFIXES} or path.name == "Makefile" or name.endswith(".schema.json")
    ]


def test_no_file_contains_a_retired_word() -> None:
    paths = files()
    assert len(paths) > 50
    assert {path.suffix for path in paths} > _TEXT_SUFFIXES
    assert [line for path in paths for line in findings(path)] == []


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("x.py", '"""Tell whether it is."""\n', "Tell whether"),
        ("x.py", "def f(told: str) -> None:\n    pass\n", "told"),
        ("x.py", "each = 1\n", "each"),
        ("x.py", "class Unsound: ...\n", "Unsound"),
        ("x.py", "class House: ...\n", "House"),
        ("x.py", "x = 1  # to be mended\n", "mended"),
        ("x.py", 'raise ValueError(f"{x}: is no address")\n', "is no address"),
        ("x.py", '"""Drawn\n    on twice."""\n', "Drawn on"),
        ("x.md", "Records are set\naside.\n", "set aside"),
        ("Makefile", "# the disk refused it\n", "the disk refused"),
        ("x.toml", 'label = "x"  # what the API answers\n', "answers"),
        ("x.schema.json", '{"properties": {"a": {"description": "None came again."}}}\n', "came again"),
    ],
)  # fmt: skip
def test_a_retired_word_is_refused(tmp_path: Path, name: str, text: str, word: str) -> None:
    (tmp_path / name).write_text(text)
    (line,) = findings(tmp_path / name, tmp_path)
    assert line.startswith(f"{name}:1: {word!r}; write ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.py", 'counts["strangers"] = params["asks"]\n'),
        ("x.py", 'path = f"{source}.asks"\n'),
        ("x.py", "for name in names:\n    one_each = name\n"),
        ("x.md", "`asks` changes the request; there is no longer a limit, and `set_aside` lists each rejected record.\n"),
        ("x.toml", "asks = { sort = 1 }\n"),
        ("x.schema.json", '{"properties": {"asks": {"enum": ["told"]}}}\n'),
    ],
)  # fmt: skip
def test_keys_and_data_are_accepted(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert findings(tmp_path / name, tmp_path) == []
