"""The page of a report: one HTML file that contains its style, its scripts and its data. No I/O but the templates."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.report.content import ManifestRow, Report, StreamRow

PAGE = Path(__file__).parent / "page"
# One script in this order. Each defines functions; the last one starts the page.
SCRIPTS = (
    "dom.js", "format.js", "catalogue.js", "filters.js", "explain.js", "search.js", "names.js", "route.js",
    "lists.js", "filters_view.js", "filter_view.js", "models_view.js", "model_view.js", "main.js",
)  # fmt: skip
_COMMAND = re.compile(
    r"\b(?:make (?:extract manifests|[a-z-]+)(?: [A-Z_]+=(?:'[^']*'|[^\s;,()']+))*|rm -r (?:'[^']*'|[^\s;,()']+))"
)
_ESCAPES = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}


@dataclass(frozen=True)
class Figure:
    """A headline figure: what it counts, and the part of the page that has more of it.

    Attributes:
        kind: A class of the stylesheet: a state, or empty.
    """

    label: str
    count: int
    href: str
    kind: str = ""


class Piece(NamedTuple):
    """A part of a message."""

    text: str
    is_command: bool


def render(report: Report) -> str:
    """Return the page of a report."""
    style = (PAGE / "report.css").read_text("utf-8")
    script = "".join((PAGE / name).read_text("utf-8") for name in SCRIPTS)
    template = _environment().get_template("page.html.j2")
    return template.render(
        report=report, figures=list(_figures(report)), policy=_policy(script, style),
        style=style, script=script, data=embed_json(report.data),
    )  # fmt: skip


def embed_json(value: object) -> str:
    """Return JSON without characters that could end or change the element that contains it."""
    text = orjson.dumps(value).decode()
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def split_commands(text: str) -> list[Piece]:
    """Return the parts of a message, so that the commands in it can be set apart."""
    pieces, end = [], 0
    for match in _COMMAND.finditer(text):
        pieces += [Piece(text[end : match.start()], is_command=False), Piece(match[0], is_command=True)]
        end = match.end()
    return [piece for piece in [*pieces, Piece(text[end:], is_command=False)] if piece.text]


def describe_funnel(row: ManifestRow) -> str:
    """Return the parts of a funnel in words, in place of its bar."""
    parts = ", ".join(f"{segment.count:,} {segment.label}" for segment in row.funnel if segment.count)
    return f"{row.records:,} records: {parts}" if parts else "no records"


def common_query(streams: Sequence[StreamRow]) -> str:
    """Return the path of the first requests of some streams, with the parameters that all of them have."""
    if not streams:
        return ""
    parameters = [_parameters(stream) for stream in streams]
    common = [parameter for parameter in parameters[0] if all(parameter in other for other in parameters)]
    path = streams[0].query.partition("?")[0]
    return f"{path}?{'&'.join(common)}" if common else path


def own_query(stream: StreamRow, common: str) -> list[str]:
    """Return the parameters of the first request of a stream except those of a query."""
    shared = common.partition("?")[2].split("&")
    return [parameter for parameter in _parameters(stream) if parameter not in shared]


def _parameters(stream: StreamRow) -> list[str]:
    return [parameter for parameter in stream.query.partition("?")[2].split("&") if parameter]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": lambda value: f"{value:,}",
        "counted": lambda count, noun: f"{count:,} {noun}{'' if count == 1 else 's'}",
        "minute": lambda time: f"{time[:16].replace('T', ' ')} UTC",
        "commands": split_commands,
        "funnel": describe_funnel,
        "common_query": common_query,
        "own_query": own_query,
    }
    return environment


def _figures(report: Report) -> Iterator[Figure]:
    states = [row.state for row in report.manifests]
    yield Figure("manifests", len(states), "#/filters")
    for state in ("full", "short", "empty", "missing"):
        yield Figure(state, states.count(state), f"#/filters?state={state}", state)
    yield Figure("models", sum(source.models for source in report.sources), "#/models")
    yield Figure("streams", sum(len(source.streams) for source in report.sources), "#/overview")
    failed = sum(check.state == "failed" for check in report.checks)
    yield Figure("checks failed" if failed != 1 else "check failed", failed, "#/health", "failed" if failed else "ok")


def _policy(script: str, style: str) -> str:
    """Return the Content-Security-Policy: nothing but this script and this style, and no network."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
