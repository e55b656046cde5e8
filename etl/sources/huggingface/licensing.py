"""Whether a Hub model may be used commercially: by its own licences and those of the models that it was made of. No I/O."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.sources.huggingface.evidence import tag_lines
from etl.sources.huggingface.facts import BASES, ID, IS_CLEAR, LICENSES, USE
from etl.sources.licenses import BY_STRICTNESS, license_links, license_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.sources.huggingface.facts import Facts
    from etl.sources.licenses import Link

_TAG = "\nlicense:"
MAX_CHARS = 100  # of a licence: none of licenses.toml is as long
_MAX_LICENSES = 20  # of a model
_MAX_LINKS = 100  # of a chain; what is beyond is unknown
UNKNOWN = BY_STRICTNESS.index("unknown")
_NOT_STATED = ("", "unknown")
_LEFT_TO_REPOSITORY = ("", "other", "unknown")  # licences of which a row of a repository may say more


def shorten(licenses: str) -> str:
    """Return licences, as lines, of which each is at most `MAX_CHARS` long; of too many the rest is one that is not known."""
    ids = [text[:MAX_CHARS] for text in licenses.split("\n")]
    return "\n".join(ids if len(ids) <= _MAX_LICENSES else [*ids[:_MAX_LICENSES], "…"])


def strictness(identity: str, licenses: str) -> int:
    """Return the index in BY_STRICTNESS of the strictest of a model's licences, which are lines."""
    index = _strictness_of(licenses)
    return _strictest(_links(identity, licenses)) if index is None else index


@lru_cache(maxsize=4096)
def _strictness_of(licenses: str) -> int | None:
    """Return the same if the licences alone decide; None if a row of the repository may."""
    ids = licenses.split("\n")
    return None if any(id_.lower() in _LEFT_TO_REPOSITORY for id_ in ids) else _strictest(license_links("", ids))


def _links(identity: str, licenses: str) -> list[Link]:
    return license_links(identity, licenses.split("\n") if licenses else ())


def _strictest(links: Iterable[Link]) -> int:
    return min([BY_STRICTNESS.index(link.terms.commercial) if link.terms else UNKNOWN for link in links])


class Use(NamedTuple):
    """Whether a model may be used commercially: the values of its fields of these names."""

    license_chain: list[dict[str, str | None]]
    commercial: str
    commercial_from: str
    license_conflict: str | None


def own_use(identity: str, own: int, is_unclear: bool) -> Use:  # noqa: FBT001 -- as below
    """Return what `assess_use` returns of a model without bases."""
    return Use([], BY_STRICTNESS[min(own, UNKNOWN) if is_unclear else own], identity, None)


def assess_use(  # noqa: PLR0913, PLR0917 -- a model, what it says itself, and what it was made of
    identity: str, licenses: str, own: int, is_unclear: bool, bases: Sequence[str], facts: Facts  # noqa: FBT001 -- JSON
) -> Use:  # fmt: skip
    """Return what the licences of a model and those of its bases say.

    `own` is the strictness of its own licences, `is_unclear` whether some of its bases are: see `Bases`. A base without a
    fact has no record on disk, so that only a row of licenses.toml may say what its terms are. A base of the same owner is left
    out if the derivative states a licence and no one else's model is among the bases of that base, as far as they are known:
    owners may state other terms for their own models, but not for what they made of others'.
    """
    chain: list[dict[str, str | None]] = []
    decided, decided_by = min(own, UNKNOWN) if is_unclear else own, identity
    strictest, conflict = own, None  # of those that are known
    start = identity.casefold()
    pending = [(start, licenses, bases)]
    seen = {start}
    for derivative, stated, names in pending:
        owner = "" if stated in _NOT_STATED else derivative[: derivative.rfind("/") + 1]  # how the owner's ids start
        for name in names:
            key = name.casefold()
            if key in seen or (owner and key.startswith(owner) and _is_own(owner, key, facts)):
                continue
            seen.add(key)
            if fact := facts.get(key):
                index, base, of_base, further = fact[USE], fact[ID], fact[LICENSES], fact[BASES]
            else:
                base, index, of_base, further = name, _of_repository(key), "", ()
            if is_full := len(chain) >= _MAX_LINKS:
                index = min(index, UNKNOWN)
            if index < decided:
                decided, decided_by = index, base
            if index < strictest and index != UNKNOWN != own:
                strictest, conflict = index, base
            if not is_full:
                chain += [{"id": base, "license": license_ or None} for license_ in of_base.split("\n")]
                if further:
                    pending.append((key, of_base, further))
    return Use(chain, BY_STRICTNESS[decided], decided_by, conflict)


@lru_cache(maxsize=4096)  # many models have few bases
def _of_repository(key: str) -> int:
    """Return the strictness of a model that states no licence, by its id in lower case."""
    return BY_STRICTNESS.index(terms.commercial) if (terms := license_terms(None, key)) else UNKNOWN


def _is_own(owner: str, base: str, facts: Facts) -> bool:
    """Return whether none of the bases of a base, in lower case, is or may be of another owner, which is a start of ids."""
    seen = [base]
    for key in seen:
        fact = facts.get(key)
        if fact and not fact[IS_CLEAR]:
            return False
        for name in fact[BASES] if fact else ():
            further = name.casefold()
            if not further.startswith(owner) or len(seen) > _MAX_LINKS:
                return False
            if further not in seen:
                seen.append(further)
    return True


def describe_licenses(identity: str, licenses: str) -> list[str]:
    """Return a line for each licence of a model, which are lines: what its terms are, and the source of that."""
    return [f"license {link.license or 'not stated'}: {_describe_terms(link)}" for link in _links(identity, licenses)]


def _describe_terms(link: Link) -> str:
    if link.terms is None:
        return "commercial unknown"
    condition = f": {link.terms.condition}" if link.terms.condition else ""
    return f"commercial {link.terms.commercial}, {link.terms.name}, {link.terms.source}{condition}"


def describe_link(model: Mapping[str, Any], identity: str, fields: Mapping[str, Any] | None) -> str:
    """Return what the licences of a base of a model say, and whether they count; `fields` are those of the base, if known."""
    key, chain = identity.casefold(), [(link["id"].casefold(), link["license"]) for link in model["license_chain"]]
    stated = [license_ or "" for id_, license_ in chain if id_ == key]
    licenses = read_licenses(tag_lines(fields["tags"] or ())) if fields else "\n".join(stated)
    left_out = "" if stated or key == model["id"].casefold() else "; not counted, since it is of the same owner"
    return "; ".join(describe_licenses(identity, licenses)) + left_out


def read_licenses(tags: str) -> str:
    """Return the ids in the tags (lines) `license:<id>`, each once, as lines."""
    _, *rests = tags.split(_TAG)
    if not rests:
        return ""
    ids = [rest.partition("\n")[0] for rest in rests]
    return ids[0] if len(ids) == 1 else "\n".join(dict.fromkeys(filter(None, ids)))


def describe_verdict(model: Mapping[str, Any]) -> str:
    """Return whether a model may be used commercially, and what decided it, in a line."""
    conflict = f"; states freer terms than {model['license_conflict']}" if model["license_conflict"] else ""
    return f"commercial {model['commercial']}: decided by {model['commercial_from']}{conflict}"
