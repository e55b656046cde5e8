"""Explanations laid out for people; remote words stay inert, whatever they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from etl.core.text import replace_unprintable, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from etl.explain.comparison import Comparison
    from etl.explain.manifest import ManifestExplanation
    from etl.explain.model import ModelExplanation

_MOST = 15  # values of a histogram
_WORD = 60  # characters of a value or an id
_STYLES = {"full": "green", "option": "red", "missing": "red"}


def page(told: ManifestExplanation, typed: Callable[[str], str]) -> list[RenderableType]:
    """Return the funnel of a page, its verdict and warnings, and the commands that show what went.

    `typed` turns commands in our own words to what must be typed.
    """
    facts = {
        "stream": f"{told.source}/{told.stream}"
        + (f": {told.pages} page{'s' * (told.pages != 1)}, checked {told.checked_at}" if told.request else "")
        + (f"; failing: {told.failed}" if told.failed else "")
        + (f"; {told.missing}" if told.request and told.missing else ""),
        "asked": told.request or f"nothing yet; it would be {told.query}",
        "file": told.file + ("" if told.is_in_manifests else ", which filters.toml does not publish"),
    }
    parts: list[RenderableType] = [Text(f"{told.filter}: {told.label}", "bold"), _facts(facts)]
    if told.funnel:
        rows = [(str(told.funnel["records"]), "", "records", "", "")]
        rows += [(str(each.left), str(each.gone), each.what, _counts(each.dropped), _some(each.examples)) for each in told.drops]
        rows.append((str(told.funnel["published"]), "", "published", "", ""))
        parts.append(_table(("left", "gone", "at", "which were", "such as"), rows, numbers=2))
    parts.append(Text(typed(told.verdict.words), _STYLES.get(told.verdict.reason, "yellow")))
    parts += [Text(f"warning: {warning}", "yellow") for warning in told.warnings]
    for drop in (drop for drop in told.drops if drop.commands):
        parts += [Text(f"{drop.what}:"), *(Text(f"  {replace_unprintable(command)}", "dim") for command in drop.commands)]
    return parts


def model(told: ModelExplanation) -> list[RenderableType]:
    """Return where a model is, with its fields, and why it is not elsewhere."""
    fields = told.fields or {}
    parts: list[RenderableType] = [Text(f"{told.source}:{sanitize(told.id)}", "bold")]
    parts.append(_facts({key: _value(value) for key, value in fields.items() if key not in ("id", "source", "slug")}))
    streams = {stream: f"number {rank}" for stream, rank in told.ranks.items()}
    streams |= {stream: f"set aside: {reason}" for stream, reason in told.set_aside.items()}
    places = {file: f"number {place}" for file, place in told.manifests.items()}
    if told.evidence:
        parts.append(Text("what its records say:", "bold"))
        for names, lines in told.evidence.items():
            parts += [Text(f"  {sanitize(names)}"), *(Text(f"    {sanitize(line, 300)}") for line in lines)]
    for head, rows in (
        ("in streams", streams), ("decided by other records", told.rulings), ("in manifests", places), ("not in", told.not_in)
    ):  # fmt: skip
        if head == "decided by other records" and not rows:
            continue
        parts += [Text(f"{head}:" if rows else f"{head}: none", "bold"), _facts(rows)]
    return [*parts, *(Text(replace_unprintable(command), "dim") for command in told.commands)]


def pair(told: Comparison, typed: Callable[[str], str]) -> list[RenderableType]:
    """Return what tells two pages apart; `typed` as for `page`."""
    one, other = told.filters
    shared = f"{told.shared} models on both, {told.only[0]} on {one} only, {told.only[1]} on {other} only"
    parts = [Text(f"{one} and {other}", "bold"), Text(shared), *(Text(typed(sanitize(each, 1000))) for each in told.apart)]
    if told.alike:
        parts.append(Text(f"the lists are the same: {told.alike}", "yellow"))
    elif told.shared and not any(told.only):
        parts.append(Text(typed("the same models, and nothing explains it; see make verify"), "red"))
    return list(parts)


def _facts(rows: Mapping[str, str]) -> Table:
    table = Table.grid("", Column(overflow="fold"), padding=(0, 2))
    for name, value in rows.items():
        table.add_row(f"  {sanitize(name)}", sanitize(value, 1000))
    return table


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> Table:
    """Return a table whose first columns are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, word in enumerate(head):
        table.add_column(word, justify="right" if place < numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _counts(values: Mapping[str, int]) -> str:
    shown = [f"{sanitize(value, _WORD)} {count}" for value, count in list(values.items())[:_MOST]]
    rest = list(values.values())[_MOST:]
    return ", ".join([*shown, f"{len(rest)} others {sum(rest)}"] if rest else shown)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(sanitize(each, _WORD) for each in ids)


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)
