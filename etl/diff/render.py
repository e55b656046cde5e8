"""A diff in words: for a terminal, and as Markdown for a pull request, where remote words can be neither markup nor mention."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from etl.core.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from etl.diff.compare import Diff, FieldChange, ManifestChange, RemovedModel

    Quote = Callable[[str], str]

_MOST = 30  # lines of a section in Markdown
_BODY = 60_000  # characters of Markdown: the body of a pull request has at most 65,536
_LONG = 400  # characters of what could not be compared, and why
_FEW = 5  # models and manifests named of each kind in a line


class Section(NamedTuple):
    """A heading with its lines; what `is_safety` stays unfolded."""

    title: str
    lines: list[str]
    is_safety: bool = False


def text(diff: Diff) -> list[Text]:
    """Return a diff for a terminal, in full but for long lines."""
    parts = [Text(headline(diff), "bold"), *(Text(sanitize(each, _LONG), "yellow") for each in diff.untold[:_MOST])]
    for section in _sections(diff, _plain):
        parts.append(Text(f"{section.title} ({len(section.lines)})", "bold red" if section.is_safety else "bold"))
        parts += [Text(f"  {line}") for line in section.lines]
    return parts


def markdown(diff: Diff) -> str:
    """Return a diff for a pull request: short, what is not about safety folded, what is too much left out and told."""
    parts = [headline(diff, _code), *(f"Not compared: {_code(each, _LONG)}" for each in diff.untold[:_MOST])]
    length = sum(map(len, parts))
    for title, lines, is_safety in _sections(diff, _code):
        shown: list[str] = []
        for line in lines[:_MOST]:
            length += len(line) + len("- \n")
            shown += [f"- {line}"] if length < _BODY else []
        more = [f"- … and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
        body = "\n".join([*shown, *more])
        if is_safety:
            parts.append(f"### {title} ({len(lines)})\n\n{body}")
        else:
            parts.append(f"<details><summary>{title} ({len(lines)})</summary>\n\n{body}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _plain(words: str) -> str:
    """Return remote words for a terminal."""
    return sanitize(words, 100)


def _code(words: str, most: int = 100) -> str:
    """Return remote words as code, in which nothing is markup."""
    inside = sanitize(words, most).replace("`", "'").strip()
    return f"`{inside or '?'}`"


def headline(diff: Diff, quote: Quote = _plain) -> str:
    """Return a diff in a line."""
    manifests = len(diff.pages) + diff.unchanged
    told = f"{quote(diff.new)} against {quote(diff.base)}: {len(diff.pages)} of {manifests} manifests differ"
    came, went = (sum(map(len, ids.values())) for ids in (diff.added, diff.removed))
    told += f"; models: {came} came, {went} went"
    return told + (f"; sizes unknown: {diff.unknown[0]} → {diff.unknown[1]}" if diff.unknown else "")


def _sections(diff: Diff, quote: Quote) -> list[Section]:
    sections = [
        Section("Content level", [_change(each, quote) for each in diff.levels], is_safety=True),
        Section("Gone", [_gone(each, quote) for each in diff.gone], is_safety=True),
        Section("Size class", [_change(each, quote) for each in diff.sizes]),
        Section("Licence", [_change(each, quote) for each in diff.licenses]),
        Section("Newly gated", [_gated(each, quote) for each in diff.gated]),
        Section("Manifests", [_page(each, quote) for each in diff.pages]),
    ]
    return [each for each in sections if each.lines]


def _model(identity: str, name: str, quote: Quote) -> str:
    return quote(identity) if identity.endswith(name) else f"{quote(identity)} {quote(name)}"


def _change(each: FieldChange, quote: Quote) -> str:
    before, after = ("none" if value is None else quote(str(value)) for value in (each.before, each.after))
    evidence = f" (by {quote(each.evidence[0])}, now by {quote(each.evidence[1])})" if each.evidence else ""
    return f"{_model(each.id, each.name, quote)}: {before} → {after}{evidence}; {_on(each.pages, quote)}"


def _gated(each: FieldChange, quote: Quote) -> str:
    return f"{_model(each.id, each.name, quote)}: {quote(str(each.after))}; {_on(each.pages, quote)}"


def _gone(each: RemovedModel, quote: Quote) -> str:
    return f"{_model(each.id, each.name, quote)}: {quote(each.why)}; {_on(each.pages, quote)}"


def _on(pages: Sequence[str], quote: Quote) -> str:
    return _few([quote(page) for page in pages])


def _page(each: ManifestChange, quote: Quote) -> str:
    if each.after is None:
        return f"{quote(each.file)}: gone, it held {each.before}"
    if each.before is None:
        return f"{quote(each.file)}: new, it holds {each.after}"
    told = [_some("+", each.added, quote), _some("-", each.removed, quote)]
    told.append(_few([f"{_model(move.id, move.name, quote)} from {move.before} to {move.after}" for move in each.moved]))
    told.append(_few([f"{quote(identity)} is now called {quote(name)}" for identity, name in each.renamed.items()]))
    words = "; ".join(filter(None, told)) or "the same models in another order"
    return f"{quote(each.file)}: {each.before} → {each.after}: {words}"


def _some(sign: str, models: Mapping[str, str], quote: Quote) -> str:
    return _few([f"{sign}{_model(identity, name, quote)}" for identity, name in models.items()])


def _few(words: Iterable[str]) -> str:
    all_of = list(words)
    return ", ".join([*all_of[:_FEW], *([f"and {len(all_of) - _FEW} more"] if len(all_of) > _FEW else [])])
