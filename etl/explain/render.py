"""Explanations laid out for a terminal; remote text is sanitized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from etl.core.text import replace_unprintable, sanitize
from etl.explain.manifest import STEP_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from etl.explain.comparison import Comparison
    from etl.explain.manifest import DropStep, ManifestExplanation
    from etl.explain.model import ModelExplanation

_MAX_VALUES = 15  # of a histogram
_MAX_CHARS = 60  # of a value or an id
_STYLES = {"full": "green", "option": "red", "missing": "red"}


def manifest(explanation: ManifestExplanation, with_commands: Callable[[str], str]) -> list[RenderableType]:
    """Return the funnel of a manifest, its status and warnings, and the commands that show what was dropped.

    `with_commands` completes the `make` commands in our own messages.
    """
    status = explanation.verdict
    parts: list[RenderableType] = [
        Text(f"{explanation.filter}: {explanation.label}", "bold"),
        _key_values(_properties(explanation)),
    ]
    if explanation.funnel:
        rows = [(str(explanation.funnel["records"]), "", "records", "", "")]
        rows += [
            (str(drop.left), str(drop.gone), STEP_NAMES.get(drop.what, drop.what), _counts(drop.dropped), _examples(drop))
            for drop in explanation.drops
        ]
        rows.append((str(explanation.funnel["published"]), "", "published", "", ""))
        parts.append(table(("remaining", "dropped", "step", "dropped values", "examples"), rows, numbers=2))
    parts.append(Text(with_commands(status.words), _STYLES.get(status.reason, "yellow")))
    parts += [Text(f"warning: {warning}", "yellow") for warning in explanation.warnings]
    for drop in (drop for drop in explanation.drops if drop.commands):
        parts.append(Text(f"{STEP_NAMES.get(drop.what, drop.what)}:"))
        parts += [Text(f"  {replace_unprintable(command)}", "dim") for command in drop.commands]
    return parts


def _properties(explanation: ManifestExplanation) -> dict[str, str]:
    pages = explanation.pages
    nulls = f"; {explanation.without_value} of the published have none" if explanation.without_value else ""
    order = {"order": f"{explanation.order}, greatest first{nulls}"} if explanation.order else {}
    return {
        "stream": f"{explanation.source}/{explanation.stream}"
        + (f": {pages} page{'s' * (pages != 1)}, checked {explanation.checked_at}" if explanation.request else "")
        + (f"; last fetch failed: {explanation.failed}" if explanation.failed else "")
        + (f"; {explanation.missing}" if explanation.request and explanation.missing else ""),
        "request": explanation.request or f"not sent yet: {explanation.query}",
        **order,
        "file": explanation.file + ("" if explanation.is_in_manifests else ", not among the manifests in filters.toml"),
    }


def model(explanation: ModelExplanation) -> list[RenderableType]:
    """Return where a model is, with its fields, and why it is absent elsewhere."""
    fields = explanation.fields or {}
    parts: list[RenderableType] = [Text(f"{explanation.source}:{sanitize(explanation.id)}", "bold")]
    parts.append(_key_values({key: _value(value) for key, value in fields.items() if key not in ("id", "source", "slug")}))
    streams = {stream: f"rank {rank}" for stream, rank in explanation.ranks.items()}
    streams |= {stream: f"rejected: {reason}" for stream, reason in explanation.set_aside.items()}
    manifests = {file: f"rank {rank}" for file, rank in explanation.manifests.items()}
    if explanation.evidence:
        parts.append(Text("evidence in its records:", "bold"))
        for names, lines in explanation.evidence.items():
            parts += [Text(f"  {sanitize(names)}"), *(Text(f"    {sanitize(line, 300)}") for line in lines)]
    if len(explanation.chain) > 1:
        parts += [Text("made of:", "bold"), *(Text(f"  {sanitize(line, 1000)}") for line in explanation.chain)]
    parts += _section("in streams", streams)
    parts += _section("decided by other records", explanation.rulings) if explanation.rulings else []
    parts += [*_section("in manifests", manifests), *_section("absent from", explanation.not_in)]
    return [*parts, *(Text(replace_unprintable(command), "dim") for command in explanation.commands)]


def _section(title: str, rows: Mapping[str, str]) -> list[RenderableType]:
    return [Text(f"{title}:" if rows else f"{title}: none", "bold"), _key_values(rows)]


def comparison(compared: Comparison, with_commands: Callable[[str], str]) -> list[RenderableType]:
    """Return how two manifests differ; `with_commands` as for `manifest`."""
    left, right = compared.filters
    counts = f"{compared.shared} models in both, {compared.only[0]} in {left} only, {compared.only[1]} in {right} only"
    parts = [Text(f"{left} and {right}", "bold"), Text(counts)]
    parts += [Text(with_commands(sanitize(difference, 1000))) for difference in compared.apart]
    if compared.alike:
        parts.append(Text(f"the lists are equal: {compared.alike}", "yellow"))
    elif compared.shared and not any(compared.only):
        parts.append(Text(with_commands("the same models, for no known reason; see make verify"), "red"))
    return list(parts)


def _key_values(rows: Mapping[str, str]) -> Table:
    table = Table.grid("", Column(overflow="fold"), padding=(0, 2))
    for name, value in rows.items():
        table.add_row(f"  {sanitize(name)}", sanitize(value, 1000))
    return table


def table(head: Sequence[str], rows: Iterable[Iterable[str]], numbers: int) -> Table:
    """Return a table; its first `numbers` columns are aligned right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, title in enumerate(head):
        table.add_column(title, justify="right" if index < numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _counts(values: Mapping[str, int]) -> str:
    shown = [f"{sanitize(value, _MAX_CHARS)} {count}" for value, count in list(values.items())[:_MAX_VALUES]]
    rest = list(values.values())[_MAX_VALUES:]
    return ", ".join([*shown, f"{len(rest)} others {sum(rest)}"] if rest else shown)


def _examples(drop: DropStep) -> str:
    """Return the ids of the examples of a step, with the values that decide."""
    ids = [sanitize(id_, _MAX_CHARS) for id_ in drop.examples]
    if not drop.values:
        return ", ".join(ids)
    fields = (", ".join(f"{name} {_value(value)}" for name, value in values.items()) for values in drop.values)
    texts = (f" ({sanitize(text, _MAX_CHARS)})" if text else "" for text in fields)
    return "; ".join(f"{id_}{text}" for id_, text in zip(ids, texts, strict=True))


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)
