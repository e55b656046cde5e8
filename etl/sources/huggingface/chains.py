"""The chain of a Hub model: its base models, those of these, and so on, by the facts of other models. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.sources.huggingface.evidence import tag_lines
from etl.sources.huggingface.facts import BASES, ID
from etl.sources.huggingface.lineage import read_bases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.sources.huggingface.facts import Facts

MISSING, RENAMED, CYCLE = "missing base", "renamed base", "cycle"


class Chain(NamedTuple):
    """The chain of a model.

    Attributes:
        base_models: As the catalogue spells them.
        root: The end of the chain; None if it forks or is a cycle.
        depth: Its length; None without a root.
        roots: The ends of a chain that forks.
        problems: What is wrong with it.
    """

    base_models: list[str]
    root: str | None
    depth: int | None
    roots: list[str]
    problems: list[str]


def trace(identity: str, bases: Sequence[str], facts: Facts) -> Chain:
    """Return the chain from the bases of a model; a model without a fact is missing, so that the chain ends with its name."""
    base_models: list[str] = []
    problems: dict[str, None] = {}
    for base in bases:
        fact = facts.get(base.casefold())
        spelled = fact[ID] if fact else base
        base_models.append(spelled)
        if fact is None:
            problems[MISSING] = None
        elif spelled != base:
            problems[RENAMED] = None
    root, depth = end_of_chain(identity, bases)
    first = key = bases[0].casefold()
    seen = {key}
    while root is not None and depth and (fact := facts.get(key)):
        root, further = end_of_chain(fact[ID], fact[BASES])
        if not further:
            depth = depth if root else None
            break
        key = fact[BASES][0].casefold()
        if key in seen:
            if key == first and identity.casefold() in seen:
                problems[CYCLE] = None
            root = depth = None
            break
        seen.add(key)
        depth += 1
    return Chain(base_models, root, depth, [] if root else find_roots(identity, bases, facts), [*problems])


def find_roots(identity: str, bases: Sequence[str], facts: Facts) -> list[str]:
    """Return the ends of the chains from the bases of a model, each once; a cycle has none."""
    seen, pending, roots = {identity.casefold()}, [*bases], []
    for base in pending:
        key = base.casefold()
        if key in seen:
            continue
        seen.add(key)
        spelled, further = (fact[ID], fact[BASES]) if (fact := facts.get(key)) else (base, ())
        pending += further
        if not further:
            roots.append(spelled)
    return roots


def end_of_chain(identity: str, bases: Sequence[str]) -> tuple[str | None, int | None]:
    """Return the end of the chain of a model, as far as its own bases tell, and the links to it; None for several bases."""
    if len(bases) == 1:
        return bases[0], 1
    return (None, None) if bases else (identity, 0)


def describe_chain(
    model: Mapping[str, Any], lookup: Callable[[str], Mapping[str, Any] | None],
    describe_more: Callable[[str, Mapping[str, Any] | None], str],
) -> list[str]:  # fmt: skip
    """Return a line for each model of a chain, from the model itself to the end, and for each of several bases.

    `describe_more` gets an id and the fields of the model, if the catalogue has it, and returns the end of the line.
    """
    lines = [f"{_describe(model)}; {describe_more(model['id'], model)}"]
    seen, pending = {model["id"].casefold()}, [*model["base_models"]]
    further = dict.fromkeys(link["id"] for link in model["license_chain"])  # also what rejected records name, which are no models
    while pending := pending or [id_ for id_ in further if id_.casefold() not in seen]:
        base = pending.pop(0)
        if base.casefold() in seen:
            lines.append(f"{base}: named above")
            continue
        seen.add(base.casefold())
        fields = lookup(base)
        start = _describe(fields) if fields else f"{base}: not in the catalogue"
        lines.append(f"{start}; {describe_more(fields['id'] if fields else base, fields)}")
        pending += fields["base_models"] if fields else []
    return lines


def _describe(model: Mapping[str, Any]) -> str:
    """Return the evidence of the relation of a model, as a line."""
    relation, bases = model["relation"], model["base_models"]
    subject = f"{model['id']}: {relation}" + (f" of {', '.join(bases)}" if bases else "")
    copy = ", a copy" if model["is_copy"] else ""
    unclear = ", and of what is not clearly a model, so that its terms are unknown" if has_unclear_bases(model) else ""
    return f"{subject} ({_EVIDENCE[model['relation_from']]}){copy}{unclear}"


def has_unclear_bases(model: Mapping[str, Any]) -> bool:
    """Return whether the tags of a model name something that it may be made of, but not clearly: see `Bases`."""
    return read_bases("", tag_lines(model["tags"] or ())).is_unclear


_EVIDENCE = {
    "tag": "by its tag base_model:<relation>:<id>",
    "weights": "its tag says quantized, but its weights are full-width, and its name and tags show no quantized format",
    "format": "its tag says quantized, but its name and tags show no quantized format, and its weights are not counted",
    "name": "by its name",
    "library": "by its library, peft",
    "chain": "other models name it as their base",
    "none": "no evidence",
}
