"""Every regular expression of etl/ takes time that grows no faster than its input."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import etl
from etl import commands, fields, files, ours, repository
from etl.extract import api, network, secret, verdict
from etl.filters import SIZES
from etl.transform import counts, families, names, size, stage, text, witness

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTHS = (6_250, 25_000, 100_000)  # characters
# Of 4 times as much, 4 times the work is linear, and 16 times is not: what is between is for a machine that is busy.
MOST = 10
LEAST_S = 0.0005  # what is quicker is not measured well


def _request(value: str) -> None:
    verdict._told_wait_s({"ratelimit": value, "retry-after": value}, 429)  # noqa: SLF001


def _problem(source: str, field: str) -> Callable[[str], object]:
    return fields.fields(source, SIZES)[field].problem


def _size(value: str) -> None:
    size.Sizer(SIZES).verdict(size.Evidence(value, f"\n{value}\n", {}, None, None, value))


def _answer(value: str) -> None:
    files.parse_answer(f'["{value}"]'.encode(), "x", unique=True)


def _family(value: str) -> None:
    families.which(value)
    witness.Witnesses({}).by_origin(value, value)


# Each pattern, by its module and name or by the function in which it stands, with what is called and its worst inputs: what is
# repeated, and what stands at the end.
CASES: dict[str, tuple[Callable[[str], object], list[tuple[str, str]]]] = {
    "etl.commands._COMMAND": (
        lambda value: commands.pasteable(value, Path("../c"), Path("o.toml")),
        [("make verify ", ""), ("make verify A=", ""), (" A=b", ""), ("make verify A='", "x"), ("A_", "=")],
    ),
    "etl.extract.api:is_endpoint": (api.is_endpoint, [("http://a.", "!"), ("a.", "!"), ("-", ""), (":0", "x")]),
    "etl.extract.network._TUNNEL": (network._TUNNEL.match, [("Tunnel connection failed: 9", ""), ("9", ""), ("T", "")]),  # noqa: SLF001
    "etl.extract.secret:_escapes": (
        lambda value: secret.repeats(value.encode(), "hf_s3cr3t/="),
        [("%68", ""), ("%25", ""), ("\\", ""), ("\\u0068", ""), ("%", "x"), ("\\u0025", "68")],
    ),
    "etl.extract.verdict.TAG": (verdict.TAG.fullmatch, [('W/"', ""), ('"', "\n"), ("W/", "")]),
    "etl.extract.verdict:_told_wait_s": (
        _request,
        [(";r=0", ""), ('"a";r=0,', ""), (";", ""), ("; ", "t"), (" ", ""), ("9", "")],
    ),
    "etl.fields._BEFORE_AN_ID": (
        _problem("huggingface", "id"),
        [("a:", ""), ("http://", ""), ("a@a.", ""), ("a.", ""), ("-", "@"), ("a.aa/", "!"), ("https://a", "")],
    ),
    "etl.fields:_conversions": (_problem("civitai", "downloads"), [("1", "x"), (", ", ""), ("1,", "")]),
    "etl.fields:_likely_ids": (_problem("civitai", "id"), [("-", ""), (" /", ""), ("--", ""), ("1", "a"), ("1a", ""), ("?", "")]),
    "etl.files._ESCAPE": (_answer, [(r"\ud800", ""), ("\\\\", r"\ud800"), (r"\ud800\udc00", r"\udfff")]),
    "etl.files._SURROGATE": (_answer, [(r"\u00e9", ""), ("\\\\", ""), (r"\\ud", "")]),
    "etl.ours._MANIFEST": (
        lambda value: ours.is_ours(value, ()),
        [("a-", "!"), ("-filter", "!"), ("a-filter-a", ".json"), ("a", "-")],
    ),
    "etl.repository._NAME": (repository._NAME.fullmatch, [("a", "!"), ("0", "g"), ("0", "")]),  # noqa: SLF001
    "etl.transform.counts._BITS": (lambda value: counts.unpacked({}, value, ""), [("-4bit", ""), ("w", "4"), ("int-", "")]),
    "etl.transform.counts._DECLARED": (lambda value: counts.unpacked({}, "", value), [("\n4-bit", ""), ("\n4-", "")]),
    "etl.transform.counts._GGUF_PARTS": (
        counts.gguf_part,
        [("vision", "\n"), ("mmproj", "\nx"), ("vit", "x"), ("-", "vae\n"), ("eagle1", ""), ("_draft", "x")],
    ),
    "etl.transform.counts._QUANTISED": (lambda value: counts.is_quantised(value, ""), [("w1", ""), ("quantum", ""), ("1-", "")]),
    "etl.transform.counts._QUANTISED_TAGS": (
        lambda value: counts.is_quantised("", value),
        [("\nquant", ""), ("\nw1a", ""), ("quant", "\n"), ("\nbase_model:", "")],
    ),
    "etl.transform.families._PARTS": (families.is_part, [("-reap0", ""), ("-encoder", "x"), ("-tiny-", ""), ("-reap", "a")]),
    "etl.transform.families:_first": (_family, [("qwen-", ""), ("bert", "-"), ("-", "")]),
    "etl.transform.families:_pattern": (
        _family,
        [("qwen-image-edit", "-2.1"), ("kimi-k2-", "v3"), ("bert-base-", ""), ("kimi-k2-instruct-chat", "-1"), ("flux.1-", "9")],
    ),
    "etl.transform.names._DIMENSIONS": (names.reading, [("0d", ""), ("300", "d"), ("-10d", "x")]),
    "etl.transform.names._GLUED": (names.reading, [("abcd7", "b"), ("abcd7b", "x"), ("abcd1.", "")]),
    "etl.transform.names._IMITATION": (names.reading, [("tiny-", ""), ("tiny-for", ""), ("tiny-fo", "r")]),
    "etl.transform.names._PAIR": (names.reading, [(".", "-7b-8b"), ("7b-8b-", ""), (".1", "-7b-8b"), ("1.", "b-7b-8b")]),
    "etl.transform.names._SERVANT": (names.is_servant, [("-eagle0", ""), ("-lora", "x"), ("-assistant-", "1bit"), ("-q", "")]),
    "etl.transform.names._SIZE": (names.reading, [("-7b", ""), ("-7b-0", ""), ("-8x7", "b"), ("-1_", ""), ("-a7b-tok", "")]),
    "etl.transform.size._MIXTURE": (_size, [("\na", ""), ("_moe", "\n"), ("\nmixtral", ""), ("\n_mo", "e")]),
    "etl.transform.stage._PAGE": (stage._PAGE.fullmatch, [("page-0000", "x"), ("0", ".json"), (".page-", "")]),  # noqa: SLF001
    "etl.transform.stage._STREAM": (stage._STREAM.fullmatch, [("a-", "!"), ("a", "!"), ("-", "")]),  # noqa: SLF001
    "etl.transform.text._INVISIBLE": (text.sanitize, [("\u200b", ""), ("a\u200b", ""), (" ", "")]),
    "etl.transform.text._JOINING": (text.sanitize, [("\u0628\u200d", ""), ("\u200d", "\u0628")]),
    "etl.transform.text._SHAPERS": (text.sanitize, [("\u200d", ""), ("a\ufe0f", ""), ("\u2764\ufe0f", "")]),
    "etl.transform.witness._VERSION": (
        witness._any_version,  # noqa: SLF001
        [("-v1", ""), ("-v1.", "x"), ("-v", ""), ("-version-", "1"), ("_v1_1", "")],
    ),
    "etl.transform.witness._BASES": (witness.bases, [("\nbase_model:", ""), ("\nbase_model:merge:", "\n"), ("base_model", "\n")]),
    "etl.transform.witness._GENERATIVE": (_size, [("phi", ""), ("-gp", "t"), ("text-", "generation"), ("vl", "x")]),
}


def _patterns() -> set[str]:
    """Return every pattern of etl/, by its module and name or by the function in which it stands."""
    found = set()
    for module in pkgutil.walk_packages(etl.__path__, "etl."):
        if module.name == "etl.__main__":
            continue
        loaded: Any = importlib.import_module(module.name)
        source = inspect.getsource(loaded)
        named = (name for name, value in vars(loaded).items() if isinstance(value, re.Pattern))
        found |= {f"{module.name}.{name}" for name in named if f"\n{name} = " in source}  # others are imported
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef) and any(_uses_re(node) for node in ast.walk(function)):
                found.add(f"{module.name}:{function.name}")
    return found


def _uses_re(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"


def test_every_pattern_has_its_worst_input() -> None:
    known = _patterns() | {"etl.extract.verdict:_told_wait_s"}  # was a pattern, and the slowest
    assert known == CASES.keys()


def _work_s(call: Callable[[str], object], value: str) -> float:
    """Return the least processor time of three calls."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        call(value)
        taken.append(time.process_time() - start)
    return min(taken)


@pytest.mark.parametrize("name", CASES)
def test_the_work_of_a_pattern_is_linear_in_its_input(name: str) -> None:
    call, inputs = CASES[name]
    for unit, end in inputs:
        for lengths in itertools.pairwise(LENGTHS):
            few, many = (unit * (length // len(unit)) + end for length in lengths)
            assert _work_s(call, many) < MOST * max(_work_s(call, few), LEAST_S), (unit, end)
