"""A diff as text for a terminal, and as Markdown for a pull request, where remote text is neither markup nor a mention."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from etl.core.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.diff.changes import Diff, FieldChange, ManifestChange, RemovedModel

    Escape = Callable[[str], str]

_MAX_LINES = 30  # of a section in Markdown
_MAX_MARKDOWN_CHARS = 60_000  # the body of a pull request has at most 65,536
_MAX_REASON_CHARS = 400  # of what could not be compared, and why
_MAX_ITEMS = 5  # models or manifests of each kind in a line


class Section(NamedTuple):
    """A heading with its lines; sections with `is_safety` are not folded."""

    title: str
    lines: list[str]
    is_safety: bool = False


def text(diff: Diff) -> list[Text]:
    """Return a diff for a terminal: all lines, long ones shortened."""
    notes = (Text(sanitize(note, _MAX_REASON_CHARS), "yellow") for note in diff.untold[:_MAX_LINES])
    parts = [Text(headline(diff), "bold"), *notes]
    for section in _sections(diff, _plain):
        parts.append(Text(f"{section.title} ({len(section.lines)})", "bold red" if section.is_safety else "bold"))
        parts += [Text(f"  {line}") for line in section.lines]
    return parts


def plain_sections(diff: Diff) -> tuple[str, list[str], list[Section]]:
    """Return a diff as plain text: a headline, what could not be compared and why, and its sections."""
    notes = [sanitize(note, _MAX_REASON_CHARS) for note in diff.untold]
    return headline(diff), notes, _sections(diff, _plain)


def markdown(diff: Diff) -> str:
    """Return a diff for a pull request: all but safety is folded, and long sections end with how many lines are left out."""
    notes = (f"Not compared: {_code(note, _MAX_REASON_CHARS)}" for note in diff.untold[:_MAX_LINES])
    parts = [headline(diff, _code), *notes]
    length = sum(map(len, parts))
    for title, lines, is_safety in _sections(diff, _code):
        shown: list[str] = []
        for line in lines[:_MAX_LINES]:
            length += len(line) + len("- \n")
            shown += [f"- {line}"] if length < _MAX_MARKDOWN_CHARS else []
        more = [f"- … and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
        body = "\n".join([*shown, *more])
        if is_safety:
            parts.append(f"### {title} ({len(lines)})\n\n{body}")
        else:
            parts.append(f"<details><summary>{title} ({len(lines)})</summary>\n\n{body}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _plain(remote: str) -> str:
    """Return remote text for a terminal."""
    return sanitize(remote, 100)


def _code(remote: str, max_chars: int = 100) -> str:
    """Return remote text as a code span, in which nothing is markup."""
    content = sanitize(remote, max_chars).replace("`", "'").strip()
    return f"`{content or '?'}`"


def headline(diff: Diff, escape: Escape = _plain) -> str:
    """Return a diff in a line."""
    manifests = len(diff.pages) + diff.unchanged
    added, removed = (sum(map(len, ids.values())) for ids in (diff.added, diff.removed))
    sizes = f"; sizes unknown: {diff.unknown[0]} → {diff.unknown[1]}" if diff.unknown else ""
    return (
        f"{escape(diff.new)} against {escape(diff.base)}: {len(diff.pages)} of {manifests} manifests differ"
        f"; models: {added} came, {removed} went{sizes}"
    )


def _sections(diff: Diff, escape: Escape) -> list[Section]:
    sections = [
        Section("Content level", [_field_change(change, escape) for change in diff.levels], is_safety=True),
        Section("Commercial use", [_field_change(change, escape) for change in diff.commercial], is_safety=True),
        Section("Gone", [_removed_model(model, escape) for model in diff.gone], is_safety=True),
        Section("Size class", [_field_change(change, escape) for change in diff.sizes]),
        Section("Licence", [_field_change(change, escape) for change in diff.licenses]),
        Section("Newly gated", [_gated(change, escape) for change in diff.gated]),
        Section("Manifests", [_manifest_change(change, escape) for change in diff.pages]),
    ]
    return [section for section in sections if section.lines]


def _model(identity: str, name: str, escape: Escape) -> str:
    return escape(identity) if identity.endswith(name) else f"{escape(identity)} {escape(name)}"


def _field_change(change: FieldChange, escape: Escape) -> str:
    before, after = ("none" if value is None else escape(str(value)) for value in (change.before, change.after))
    evidence = f" (by {escape(change.evidence[0])}, now by {escape(change.evidence[1])})" if change.evidence else ""
    return f"{_model(change.id, change.name, escape)}: {before} → {after}{evidence}; {_manifests(change.pages, escape)}"


def _gated(change: FieldChange, escape: Escape) -> str:
    return f"{_model(change.id, change.name, escape)}: {escape(str(change.after))}; {_manifests(change.pages, escape)}"


def _removed_model(model: RemovedModel, escape: Escape) -> str:
    return f"{_model(model.id, model.name, escape)}: {escape(model.why)}; {_manifests(model.pages, escape)}"


def _manifests(files: Sequence[str], escape: Escape) -> str:
    return _truncate([escape(file) for file in files])


def _manifest_change(change: ManifestChange, escape: Escape) -> str:
    if change.after is None:
        return f"{escape(change.file)}: gone, it held {change.before}"
    if change.before is None:
        return f"{escape(change.file)}: new, it holds {change.after}"
    details = [
        _signed_list("+", change.added, escape),
        _signed_list("-", change.removed, escape),
        _truncate([f"{_model(move.id, move.name, escape)} from {move.before} to {move.after}" for move in change.moved]),
        _truncate([f"{escape(identity)} is now called {escape(name)}" for identity, name in change.renamed.items()]),
    ]
    description = "; ".join(filter(None, details)) or "the same models in another order"
    return f"{escape(change.file)}: {change.before} → {change.after}: {description}"


def _signed_list(sign: str, models: Mapping[str, str], escape: Escape) -> str:
    return _truncate([f"{sign}{_model(identity, name, escape)}" for identity, name in models.items()])


def _truncate(items: list[str]) -> str:
    more = [f"and {len(items) - _MAX_ITEMS} more"] if len(items) > _MAX_ITEMS else []
    return ", ".join([*items[:_MAX_ITEMS], *more])
