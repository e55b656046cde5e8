"""A diff in words: for a terminal, and as Markdown for a pull request, where remote words can be neither markup nor mention."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from etl.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from etl.diff.compare import Change, Diff, Gone, Page

    Quote = Callable[[str], str]

_MOST = 30  # lines of a section in Markdown: the body of a pull request has a limit
_FEW = 5  # models named of each kind in a line, and manifests


class Section(NamedTuple):
    """A heading with its lines; what `is_safety` stays unfolded."""

    title: str
    lines: list[str]
    is_safety: bool = False


def text(diff: Diff) -> list[Text]:
    """Return a diff for a terminal, in full but for long lines."""
    parts = [Text(headline(diff), "bold"), *(Text(inert(each, 1000), "yellow") for each in diff.untold)]
    for section in _sections(diff, lambda words: inert(words, 100)):
        parts.append(Text(f"{section.title} ({len(section.lines)})", "bold red" if section.is_safety else "bold"))
        parts += [Text(f"  {line}") for line in section.lines]
    return parts


def markdown(diff: Diff) -> str:
    """Return a diff for a pull request: short, what is not about safety folded."""
    parts = [headline(diff), *(f"Not compared: {inert(each, 1000)}" for each in diff.untold)]
    for title, lines, is_safety in _sections(diff, _code):
        more = [f"- … and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
        body = "\n".join([*(f"- {line}" for line in lines[:_MOST]), *more])
        if is_safety:
            parts.append(f"### {title} ({len(lines)})\n\n{body}")
        else:
            parts.append(f"<details><summary>{title} ({len(lines)})</summary>\n\n{body}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def headline(diff: Diff) -> str:
    """Return a diff in a line."""
    manifests = len(diff.pages) + diff.unchanged
    told = f"{diff.new} against {diff.base}: {len(diff.pages)} of {manifests} manifests differ"
    came, went = (sum(map(len, ids.values())) for ids in (diff.added, diff.removed))
    told += f"; models: {came} came, {went} went"
    return told + (f"; sizes unknown: {diff.unknown[0]} → {diff.unknown[1]}" if diff.unknown else "")


def _code(words: str) -> str:
    """Return remote words as code, in which nothing is markup."""
    inside = inert(words, 100).replace("`", "'")
    return f"`{inside}`"


def _sections(diff: Diff, quote: Quote) -> list[Section]:
    sections = [
        Section("Content level", [_change(each, quote) for each in diff.levels], is_safety=True),
        Section("Gone", [_gone(each, quote) for each in diff.gone], is_safety=True),
        Section("Size class", [_change(each, quote) for each in diff.sizes]),
        Section("Licence", [_change(each, quote) for each in diff.licenses]),
        Section("Newly gated", [_change(each, quote) for each in diff.gated]),
        Section("Manifests", [_page(each, quote) for each in diff.pages]),
    ]
    return [each for each in sections if each.lines]


def _model(identity: str, name: str, quote: Quote) -> str:
    return quote(identity) if identity.endswith(name) else f"{quote(identity)} {quote(name)}"


def _change(each: Change, quote: Quote) -> str:
    before, after = ({None: "none", False: "no"}.get(value) or quote(str(value)) for value in (each.before, each.after))
    evidence = f" (by {each.evidence[0]}, now by {each.evidence[1]})" if each.evidence else ""
    return f"{_model(each.id, each.name, quote)}: {before} → {after}{evidence}; {_on(each.pages, quote)}"


def _gone(each: Gone, quote: Quote) -> str:
    why = each.why if each.why.startswith("in no stream") else quote(each.why)
    return f"{_model(each.id, each.name, quote)}: {why}; {_on(each.pages, quote)}"


def _on(pages: Sequence[str], quote: Quote) -> str:
    return _few([quote(page) for page in pages])


def _page(each: Page, quote: Quote) -> str:
    if each.after is None:
        return f"{quote(each.file)}: gone, it held {each.before}"
    if each.before is None:
        return f"{quote(each.file)}: new, it holds {each.after}"
    told = [_some("+", each.added, quote), _some("-", each.removed, quote)]
    told.append(_few([f"{_model(move.id, move.name, quote)} from {move.before} to {move.after}" for move in each.moved]))
    words = "; ".join(filter(None, told)) or "the same models in another order"
    return f"{quote(each.file)}: {each.before} → {each.after}: {words}"


def _some(sign: str, models: Mapping[str, str], quote: Quote) -> str:
    return _few([f"{sign}{_model(identity, name, quote)}" for identity, name in models.items()])


def _few(words: Iterable[str]) -> str:
    all_of = list(words)
    return ", ".join([*all_of[:_FEW], *([f"and {len(all_of) - _FEW} more"] if len(all_of) > _FEW else [])])
