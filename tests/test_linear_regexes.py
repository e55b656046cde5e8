"""Every regular expression of etl/, and what reads lists of a record, takes time that grows no faster than its input."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import time
from argparse import ArgumentTypeError
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import etl
from etl.cli import hints, parser
from etl.config import fields
from etl.core import display_name
from etl.explain import values
from etl.expressions import check, tokens
from etl.extract import credentials, network_errors, responses, token_echo
from etl.publish import store
from etl.report import render
from etl.sources import auditing
from etl.sources.civitai import audit as civitai_audit
from etl.sources.civitai import images, terms
from etl.sources.huggingface import audit as hub_audit
from etl.sources.huggingface import chains, corroboration, counts, evidence, facts, families, formats, lineage, names, size
from etl.sources.source import DEFAULT_SIZE_CLASSES
from etl.storage import git, json_files, owned, swap
from etl.transform import files, projection
from etl.verify.site import files as site_files
from etl.verify.site import signature

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTHS = (6_250, 25_000, 100_000)  # characters
# Of 4 times as much, 4 times the work is linear, and 16 times is not: what is between is for a machine that is busy.
MOST = 10
LEAST_S = 0.0005  # what is quicker is not measured well


def _request(value: str) -> None:
    responses._retry_after_s({"ratelimit": value, "retry-after": value}, 429)  # noqa: SLF001


def _scheduler(value: str) -> None:
    with suppress(ArgumentTypeError):
        parser._scheduler(value)  # noqa: SLF001


def _problem(source: str, field: str) -> Callable[[str], object]:
    return fields.model_fields(source, DEFAULT_SIZE_CLASSES)[field].problem


def _relate(name: str, tags: str) -> None:
    lineage.relate(lineage.read_bases("o/a", tags), evidence.SizeEvidence(name, tags, {}, None, None))


def _size(value: str) -> None:
    size.SizeEstimator(DEFAULT_SIZE_CLASSES).estimate(evidence.SizeEvidence(value, f"\n{value}\n", {}, None, None, value))


def _answer(value: str) -> None:
    json_files.parse_json_body(f'["{value}"]'.encode(), "x", unique=True)


def _family(value: str) -> None:
    families.match_family(value)
    corroboration.Corroborator({}).by_origin(value, value)


# Each pattern, by its module and name or by the function in which it stands, with what is called and its worst inputs: what is
# repeated, and what stands at the end.
CASES: dict[str, tuple[Callable[[str], object], list[tuple[str, str]]]] = {
    "etl.cli.hints._COMMAND": (
        lambda value: hints.complete_commands(value, Path("../c"), Path("o.toml")),
        [("make verify ", ""), ("make verify A=", ""), (" A=b", ""), ("make verify A='", "x"), ("A_", "=")],
    ),
    "etl.cli.parser:_scheduler": (_scheduler, [("tcp://a", "!"), ("a.", "!"), ("tcp://[0:", ""), ("1", "x")]),
    "etl.expressions.tokens._TOKEN": (
        tokens._TOKEN.match,  # noqa: SLF001
        [("#", "\r"), ("#\\", "\n"), ("a::", ""), ("1", "e"), ("$ ", "!"), (" ", "\r"), (".a", "")],
    ),
    "etl.expressions.tokens._TEXT": (tokens._TEXT.match, [("a", "\\"), ("\\u", ""), ("\\", "(")]),  # noqa: SLF001
    "etl.expressions.check._ERROR": (
        lambda value: list(check._ERROR.finditer(value)),  # noqa: SLF001
        [("jq: error: ", ""), ("jq: error: \n", ""), (" at <top-level>, line 1, column 1", "x"), ("1", ":")],
    ),
    "etl.extract.credentials:is_base_url": (credentials.is_base_url, [("http://a.", "!"), ("a.", "!"), ("-", ""), (":0", "x")]),
    "etl.extract.network_errors._TUNNEL": (
        network_errors._TUNNEL.match,  # noqa: SLF001
        [("Tunnel connection failed: 9", ""), ("9", ""), ("T", "")],
    ),
    "etl.extract.token_echo:_escapes": (
        lambda value: token_echo.contains_token(value.encode(), "hf_s3cr3t/="),
        [("%68", ""), ("%25", ""), ("\\", ""), ("\\u0068", ""), ("%", "x"), ("\\u0025", "68")],
    ),
    "etl.extract.responses.ETAG": (responses.ETAG.fullmatch, [('W/"', ""), ('"', "\n"), ("W/", "")]),
    "etl.extract.responses:_retry_after_s": (
        _request,
        [(";r=0", ""), ('"a";r=0,', ""), (";", ""), ("; ", "t"), (" ", ""), ("9", "")],
    ),
    "etl.explain.values._TIME": (values._TIME.match, [("2026-01-01T00:00", ""), ("0", ""), ("2026-", "")]),  # noqa: SLF001
    "etl.config.fields._ID_PREFIX": (
        _problem("huggingface", "id"),
        [("a:", ""), ("http://", ""), ("a@a.", ""), ("a.", ""), ("-", "@"), ("a.aa/", "!"), ("https://a", "")],
    ),
    "etl.config.fields:_conversions": (_problem("civitai", "downloads"), [("1", "x"), (", ", ""), ("1,", "")]),
    "etl.config.fields:_likely_ids": (
        _problem("civitai", "id"),
        [("-", ""), (" /", ""), ("--", ""), ("1", "a"), ("1a", ""), ("?", "")],
    ),
    "etl.report.render._COMMAND": (
        render.split_commands,
        [
            ("make verify ", ""),
            ("make a A='", ""),
            ("make a A=b", " A='"),
            (" A=b", ""),
            ("rm -r '", ""),
            ("rm -r ", "'"),
            ("make -", ""),
        ],
    ),
    "etl.transform.projection._COPIED": (
        projection._COPIED.findall,  # noqa: SLF001
        [("def copied_model: {", ""), ("\ndef copied_model: {", ""), ("def copied_model: {};", "x"), ("}", "")],
    ),
    "etl.storage.json_files._ESCAPE": (_answer, [(r"\ud800", ""), ("\\\\", r"\ud800"), (r"\ud800\udc00", r"\udfff")]),
    "etl.storage.json_files._SURROGATE": (_answer, [(r"\u00e9", ""), ("\\\\", ""), (r"\\ud", "")]),
    "etl.storage.swap._PARTIAL": (lambda value: swap._PARTIAL.sub("", value), [(".a", ".partial"), (".partial", "x"), (".", "")]),  # noqa: SLF001
    "etl.verify.site.signature._DETACHED": (
        lambda value: signature._DETACHED.fullmatch(value.encode()),  # noqa: SLF001
        [("a", "."), ("a..", ""), ("a" * 86, ".")],
    ),
    "etl.verify.site.files._NAME": (
        site_files._NAME.fullmatch,  # noqa: SLF001
        [("a-", "!"), ("a/", "!"), ("a", ".0123456789abcdef.json!"), ("0", "")],
    ),
    "etl.verify.site.files._ENTRY_NAME": (site_files._ENTRY_NAME.fullmatch, [("entry.", "!"), ("0", ".json")]),  # noqa: SLF001
    "etl.publish.store._PARTIAL": (
        lambda value: store._PARTIAL.sub("", value),  # noqa: SLF001
        [(".a", ".partial"), (".partial", "x"), (".", ""), ("/.", "a")],
    ),
    "etl.publish.store._OURS": (
        store._OURS.fullmatch,  # noqa: SLF001
        [("a-", "!"), ("pages/", "!"), ("a", ".0123456789abcdef.json!"), ("0", "")],
    ),
    "etl.storage.owned._MANIFEST": (
        lambda value: owned.is_owned(value, ()),
        [("a-", "!"), ("-filter", "!"), ("a-filter-a", ".json"), ("a", "-")],
    ),
    "etl.storage.git._NAME": (git._NAME.fullmatch, [("a", "!"), ("0", "g"), ("0", "")]),  # noqa: SLF001
    "etl.sources.auditing._TIME": (auditing._TIME.fullmatch, [("0", ""), ("2026-01-01T00:00:00.", "0")]),  # noqa: SLF001
    "etl.sources.huggingface.counts._BITS": (
        lambda value: counts.unpacked_candidates({}, value, ""),
        [("-4bit", ""), ("w", "4"), ("int-", "")],
    ),
    "etl.sources.huggingface.counts._DECLARED": (
        lambda value: counts.unpacked_candidates({}, "", value),
        [("\n4-bit", ""), ("\n4-", "")],
    ),
    "etl.sources.huggingface.counts._GGUF_PARTS": (
        counts.gguf_part,
        [("vision", "\n"), ("mmproj", "\nx"), ("vit", "x"), ("-", "vae\n"), ("eagle1", ""), ("_draft", "x")],
    ),
    "etl.sources.huggingface.counts._QUANTIZED": (
        lambda value: counts.is_quantized(value, ""),
        [("w1", ""), ("quantum", ""), ("1-", "")],
    ),
    "etl.sources.huggingface.counts._QUANTIZED_TAGS": (
        lambda value: counts.is_quantized("", value),
        [("\nquant", ""), ("\nw1a", ""), ("quant", "\n"), ("\nbase_model:", "")],
    ),
    "etl.sources.huggingface.families._COMPONENTS": (
        families.is_component,
        [("-reap0", ""), ("-encoder", "x"), ("-tiny-", ""), ("-reap", "a")],
    ),
    "etl.sources.huggingface.families:_index_by_first_token": (_family, [("qwen-", ""), ("bert", "-"), ("-", "")]),
    "etl.sources.huggingface.families:_regexes": (
        _family,
        [("qwen-image-edit", "-2.1"), ("kimi-k2-", "v3"), ("bert-base-", ""), ("kimi-k2-instruct-chat", "-1"), ("flux.1-", "9")],
    ),
    "etl.sources.huggingface.formats._WORD": (
        lambda value: formats.find_format(value, [], "quantized"),
        [("a", ""), ("-", ""), ("a-", ""), ("-gguf", "")],
    ),
    "etl.sources.civitai.audit._WORD": (
        lambda value: civitai_audit._use({"allowCommercialUse": value}),  # noqa: SLF001
        [("Image", ""), ("{", "Image}"), ("a-", "")],
    ),
    "etl.sources.huggingface.audit._BASE": (
        lambda value: hub_audit._use({"tags": [f"base_model:{value}"]}),  # noqa: SLF001
        [("a", "/b"), ("merge:", "a"), ("a/", "a"), (".", "/:")],
    ),
    "etl.sources.huggingface.lineage._ID": (
        lambda value: lineage.read_bases("o/a", f"\nbase_model:{value[:500]}\n"),
        [("a", ""), ("a/", ""), ("a.", "/")],
    ),
    "etl.sources.huggingface.lineage._FORMAT_IN_NAME": (
        lambda value: _relate(value, "\n"),
        [("-w4a1", ""), ("-q4_", ""), ("-4-", ""), ("-4.", "bp"), ("-quant", ""), ("-auto-", "")],
    ),
    "etl.sources.huggingface.lineage._FORMAT_IN_TAGS": (
        lambda value: _relate("a", f"\nbase_model:quantized:o/b\n{value}\n"),
        [("\nw4a1", ""), ("\nq4_", ""), ("\nquantized-", ""), ("\n4.", "bp"), ("\n", ""), ("quantized-a", "1")],
    ),
    "etl.sources.huggingface.lineage._CONVERTED": (
        lambda value: _relate("a", f"\nbase_model:quantized:o/b\n{value}\n"),
        [("\nonnx", "x"), ("\nopenvin", ""), ("\n", "")],
    ),
    "etl.sources.huggingface.lineage._ADAPTER_IN_NAME": (
        lambda value: _relate(value, "\n"),
        [("-lora", "a"), ("-adapter", "a"), ("-q", "")],
    ),
    "etl.sources.huggingface.names._DIMENSIONS": (names.parse_size, [("0d", ""), ("300", "d"), ("-10d", "x")]),
    "etl.sources.huggingface.names._ATTACHED": (names.parse_size, [("abcd7", "b"), ("abcd7b", "x"), ("abcd1.", "")]),
    "etl.sources.huggingface.names._TEST_MODEL": (names.parse_size, [("tiny-", ""), ("tiny-for", ""), ("tiny-fo", "r")]),
    "etl.sources.huggingface.names._UNITS": (names.parse_size, [("7", ""), ("7", "b"), ("b7", "")]),
    "etl.sources.huggingface.names._PAIR": (
        names.parse_size,
        [(".", "-7b-8b"), ("7b-8b-", ""), (".1", "-7b-8b"), ("1.", "b-7b-8b")],
    ),
    "etl.sources.huggingface.names._AUXILIARY": (
        names.is_auxiliary,
        [("-eagle0", ""), ("-lora", "x"), ("-assistant-", "1bit"), ("-q", "")],
    ),
    "etl.sources.huggingface.names._SIZE": (
        names.parse_size,
        [("-7b", ""), ("-7b-0", ""), ("-8x7", "b"), ("-1_", ""), ("-a7b-tok", "")],
    ),
    "etl.sources.huggingface.size._MIXTURE": (_size, [("\na", ""), ("_moe", "\n"), ("\nmixtral", ""), ("\n_mo", "e")]),
    "etl.transform.files._PAGE": (
        files._PAGE.fullmatch,  # noqa: SLF001
        [("page-0000", "x"), ("0", ".json"), (".page-", ""), ("0", ".json.0123456789abcdef.")],
    ),
    "etl.transform.files._STREAM": (files._STREAM.fullmatch, [("a-", "!"), ("a", "!"), ("-", "")]),  # noqa: SLF001
    "etl.sources.civitai.images._URL": (
        images._URL.fullmatch,  # noqa: SLF001
        [("https://", ""), ("https://a.", ""), ("https://a/a", '"'), ("a", "/")],
    ),
    "etl.core.display_name._INVISIBLE": (display_name.clean_display_name, [("\u200b", ""), ("a\u200b", ""), (" ", "")]),
    "etl.core.display_name._JOINING": (display_name.clean_display_name, [("\u0628\u200d", ""), ("\u200d", "\u0628")]),
    "etl.core.display_name._SHAPERS": (display_name.clean_display_name, [("\u200d", ""), ("a\ufe0f", ""), ("\u2764\ufe0f", "")]),
    "etl.sources.huggingface.corroboration._VERSION": (
        corroboration._any_version,  # noqa: SLF001
        [("-v1", ""), ("-v1.", "x"), ("-v", ""), ("-version-", "1"), ("_v1_1", "")],
    ),
    "etl.sources.huggingface.corroboration._BASES": (
        corroboration.bases,
        [("\nbase_model:", ""), ("\nbase_model:merge:", "\n"), ("base_model", "\n")],
    ),
    "etl.sources.huggingface.corroboration._GENERATIVE": (
        _size,
        [("phi", ""), ("-gp", "t"), ("text-", "generation"), ("vl", "x")],
    ),
}


def _patterns() -> set[str]:
    """Return every pattern of etl/, by its module and name or by the function in which it stands."""
    names = set()
    for module in pkgutil.walk_packages(etl.__path__, "etl."):
        if module.name == "etl.__main__":
            continue
        loaded: Any = importlib.import_module(module.name)
        source = inspect.getsource(loaded)
        named = (name for name, value in vars(loaded).items() if isinstance(value, re.Pattern))
        names |= {f"{module.name}.{name}" for name in named if f"\n{name} = " in source}  # others are imported
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef) and any(_uses_re(node) for node in ast.walk(function)):
                names.add(f"{module.name}:{function.name}")
    return names


def _uses_re(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"


def test_every_pattern_has_its_worst_input() -> None:
    patterns = _patterns() | {"etl.extract.responses:_retry_after_s"}  # was a pattern, and the slowest
    assert patterns == CASES.keys()


def _work_s(call: Callable[[Any], object], value: object) -> float:
    """Return the least processor time of three calls."""
    taken = []
    for _ in range(3):
        for cached in (names.parse_size, names.is_auxiliary, families.match_family):
            cached.cache_clear()
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


def _read_bases(count: int) -> None:
    lineage.read_bases("o/a", "".join(f"\ndataset:o/{number}\nbase_model:p/{number}" for number in range(count)) + "\n")


@cache  # only the first of several calls makes them
def _chain_of_facts(count: int) -> dict[str, list[Any]]:
    return {str(number): [*facts.NO_FACT[: facts.ID], str(number), {}, "", True, [str(number + 1)]] for number in range(count)}


def _trace(count: int) -> None:
    links = count // 4  # of more, the facts are larger than the cache of a core, and a link takes longer
    assert chains.trace("o/a", ["0"], _chain_of_facts(links)).depth == links + 1


def _permissions(count: int) -> None:
    terms.permissions([*map(str, range(count))])


@pytest.mark.parametrize("call", [_read_bases, _trace, _permissions])
def test_the_work_of_a_list_is_linear_in_its_length(call: Callable[[int], None]) -> None:
    for few, many in itertools.pairwise((1_000, 4_000, 16_000)):
        assert _work_s(call, many) < MOST * max(_work_s(call, few), LEAST_S)
