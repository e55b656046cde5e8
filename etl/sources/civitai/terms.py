"""Whether a CivitAI model may be used commercially: by its base models, and by what its author permits. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.sources.licenses import Link, Terms, base_model_terms, decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sources.licenses import Verdict

_WORDS = frozenset(("None", "Image", "RentCivit", "Rent", "Sell"))
_ALLOWING = frozenset(("Image", "Sell"))  # to sell images, or the model; Rent and RentCivit are about inference services
_BASE, _PERMISSIONS = "base", "permissions"
_SOURCE = "https://civitai.com"


def permissions(value: Any) -> Any:
    """Return allowCommercialUse as a list of words, each once: the API gives a list, a text such as `{Image,Rent}`, or one word.

    A list may contain such texts. Any other value is returned as it is, any other item after the words: the schema rejects it.
    """
    items = [value] if isinstance(value, str) and value else value
    if not isinstance(items, list):
        return value
    words = [word for item in items if isinstance(item, str) for word in _split(item)]
    return [*dict.fromkeys(words), *(item for item in items if not isinstance(item, str))]


def _split(text: str) -> list[str]:
    stripped = text.strip()
    inner = stripped[1:-1] if stripped[:1] == "{" and stripped[-1:] == "}" else stripped
    if not inner.strip():
        return [] if inner != stripped else [text]
    return [word.strip().strip('"') for word in inner.split(",")]


def decide_use(bases: Sequence[Any], permitted: Any) -> Verdict:
    """Return the verdict over the base models of all versions and the permissions, as `permissions` returned them.

    A version without a base model, and a model without versions, is of an unknown one.
    """
    names = [base if isinstance(base, str) else None for base in bases or [None]]
    links = [Link(_BASE, name, base_model_terms(name) if name else None) for name in dict.fromkeys(names)]
    return decide([*links, Link(_PERMISSIONS, None, _permission_terms(permitted))])


def describe_use(bases: Sequence[Any], permitted: Any) -> str:
    """Return the verdict, what decided it, and the source of that, in one line."""
    commercial, link = decide_use(bases, permitted)
    if link is None or link.id == _PERMISSIONS:
        why = link.terms.name if link and link.terms else "what its author permits is not known"
    elif link.license is None:
        why = "a version has no base model"
    elif link.terms is None:
        why = f"the terms of base model {link.license} are not known"
    else:
        why = f"base model {link.license} is under {link.terms.name}, {link.terms.source}"
        why += f": {link.terms.condition}" if link.terms.condition else ""
    return f"commercial {commercial}: {why}"


def _permission_terms(permitted: Any) -> Terms | None:
    """Return what the author permits; None if the record does not say, or only in words that are not known."""
    if not isinstance(permitted, list):
        return None
    words = {word for word in permitted if isinstance(word, str)}
    if words & _ALLOWING:
        return Terms(f"its author permits {', '.join(sorted(words & _ALLOWING))}", "yes", None, _SOURCE)
    if len(words) < len(permitted) or not words <= _WORDS:
        return None
    return Terms("its author permits neither Image nor Sell", "no", None, _SOURCE)
