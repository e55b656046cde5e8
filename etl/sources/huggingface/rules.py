"""What the transform decides of a Hub record after jq: its address, licence, size and lineage. No I/O."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from etl.sources.huggingface.chains import MISSING, describe_chain, end_of_chain, has_unclear_bases, trace
from etl.sources.huggingface.evidence import MAX_ID, SizeEvidence, tag_lines
from etl.sources.huggingface.facts import BASES, ID, NO_FACT, NO_FACTS, PARAMETERS, ROWS, Fact, add_fact
from etl.sources.huggingface.families import TABLE, check_family
from etl.sources.huggingface.formats import find_format
from etl.sources.huggingface.licensing import (
    MAX_CHARS,
    UNKNOWN,
    assess_use,
    describe_licenses,
    describe_link,
    describe_verdict,
    own_use,
    read_licenses,
    shorten,
    strictness,
)
from etl.sources.huggingface.lineage import COPY, Bases, is_copy, is_id, read_bases, relate
from etl.sources.huggingface.size import SizeEstimator, depends_on_bases
from etl.sources.source import DroppedField, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from etl.sources.huggingface.evidence import SizeEstimate
    from etl.sources.source import TransformOptions

_NUMBERS = frozenset((int, float))
_OPTIONAL_NUMBERS = _NUMBERS | {type(None)}
_ORIGINAL = {"relation": "original", "relation_from": "chain"}
_NO_ELEMENTS: dict[str, float] = {}
_ROWS = "/".join(TABLE.parts[-4:])

_Evidence = tuple[SizeEvidence, Bases, str, int]  # of size and lineage; the licences as lines, and their strictness


def _complete(entries: Sequence[dict[str, Any]], options: TransformOptions) -> list[list[DroppedField]]:
    estimate = SizeEstimator(options.size_classes).estimate
    return [_complete_model(entry, estimate) for entry in entries]


def _complete_model(entry: dict[str, Any], estimate: Callable[[SizeEvidence], SizeEstimate]) -> list[DroppedField]:
    model = entry["model"]
    identity, tags = model["id"], model["tags"]
    owner, slash, name = identity.rpartition("/")
    model["slug"], model["name"] = identity.replace("/", "--"), name
    model["url"] = f"https://huggingface.co/{identity}"
    if model["author"] is None or model["author"] is False:
        model["author"] = owner if slash else None
    evidence, has_wrong_counts = read_size_evidence(name, tags, **entry["evidence"])
    model["parameters"], model["size"], model["size_from"], model["size_against"] = estimate(evidence)
    bases = read_bases(identity, evidence.tags)
    ids = model["base_models"] = [*bases.ids]
    relation, model["relation_from"] = relate(bases, evidence)
    model["relation"] = relation
    model["format"] = find_format(evidence.name, _list(tags), relation)
    model["root"], model["depth"] = end_of_chain(identity, ids)
    model["roots"] = ids[:] if len(ids) > 1 else []
    model["is_copy"] = is_copy(identity, ids, relation) if ids else False
    licenses = read_licenses(evidence.tags)  # here, since a search in tags takes a quarter of the time of jq
    model["license"] = licenses.partition("\n")[0] or None
    licenses = licenses if len(licenses) <= MAX_CHARS else shorten(licenses)
    own = strictness(identity, licenses)
    is_unclear = bases.is_unclear
    use = assess_use(identity, licenses, own, is_unclear, ids, NO_FACTS) if ids else own_use(identity, own, is_unclear)
    model["license_chain"], model["commercial"], model["commercial_from"], model["license_conflict"] = use
    entry["evidence"] = evidence, bases, licenses, own
    return [DroppedField("size", "wrong type")] if has_wrong_counts else []


def read_size_evidence(
    name: str, tags: object, safetensors: object, gguf: object, library: object = None
) -> tuple[SizeEvidence, bool]:  # fmt: skip
    """Return the evidence of a model's size from values as the API gave them, and whether any of its counts is of a wrong type.

    Values of a wrong type are ignored. The library peft counts as its tag, which models of this library have.
    """
    lines = tag_lines(tags) if isinstance(tags, list) else ""
    if library == "peft" and "\npeft\n" not in lines:
        lines = f"{lines}peft\n" if lines else "\npeft\n"
    name = name[:MAX_ID].lower()  # the name of a model may be longer only until its schema is checked
    if safetensors is None and gguf is None:
        return SizeEvidence(name, lines, _NO_ELEMENTS, None, None), False
    elements, total, is_wrong = _read_safetensors(safetensors)
    gguf_total, architecture, is_wrong_gguf = (None, None, False) if gguf is None else _read_gguf(gguf)
    return SizeEvidence(name, lines, elements, total, gguf_total, architecture), is_wrong or is_wrong_gguf


def _read_safetensors(value: object) -> tuple[Mapping[str, float], float | None, bool]:
    """Return the elements by dtype, their total, and whether there is a value of a wrong type."""
    if not isinstance(value, dict):
        return _NO_ELEMENTS, None, value is not None
    total, is_wrong = _read_number(value.get("total"))
    parts = value.get("parameters")
    if not isinstance(parts, dict):
        return _NO_ELEMENTS, total, is_wrong or parts is not None
    if not _NUMBERS.issuperset(map(type, parts.values())):
        parts, is_wrong = {dtype: count for dtype, count in parts.items() if type(count) in _NUMBERS}, True
    return {dtype: count for dtype, count in parts.items() if count > 0}, total, is_wrong


def _read_gguf(value: object) -> tuple[float | None, str | None, bool]:
    """Return the total of a GGUF file, its architecture, and whether there is a value of a wrong type."""
    if not isinstance(value, dict):
        return None, None, True
    total, is_wrong = _read_number(value.get("total"))
    architecture = value.get("architecture")
    is_text = isinstance(architecture, str)
    return total, architecture if is_text else None, is_wrong or not (is_text or architecture is None)


def _read_number(value: Any) -> tuple[float | None, bool]:
    """Return a number, and whether the value is neither a number nor null."""
    return (value, False) if type(value) in _OPTIONAL_NUMBERS else (None, True)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _defer(model: Mapping[str, Any], evidence: _Evidence) -> list[Any] | None:
    """Return what is wrong with its tags; of a model with bases also what decides its use, and the evidence of an open size."""
    size, (ids, _, problems, is_unclear), licenses, own = evidence
    if not ids:
        return [problems] if problems or model["relation"] == "unknown" else None
    is_open = model["size_from"] != "safetensors" and depends_on_bases(size)
    own_terms = [licenses, own, is_unclear]
    return [problems, own_terms, list(size)] if is_open else [problems, own_terms]


def _collect(
    models: Sequence[Mapping[str, Any]], evidence: Sequence[_Evidence], rejected: Sequence[Any]
) -> dict[str, Fact] | None:  # fmt: skip
    facts: dict[str, Fact] = {}
    for model, (size, bases, licenses, own) in zip(models, evidence, strict=True):
        identity, counted = model["id"], model["size_from"] == "safetensors"
        parameters = model["parameters"] if counted else None  # null where packed elements decide the class only
        rows = check_family(size.name, model["tags"] or (), parameters) if parameters else {}
        if model["size_against"]:
            parameters = None
        use = min(own, UNKNOWN) if bases.is_unclear else own
        add_fact([0, use, parameters, identity, rows, licenses, not bases.is_unclear, model["base_models"]], facts)
    for fact in filter(None, map(_rejected_fact, rejected)):
        add_fact(fact, facts)
    return facts or None


def _rejected_fact(record: Any) -> Fact | None:
    """Return the fact of a rejected record, so that what was made of it is not free of its terms, or of those of its bases."""
    identity = record.get("id") if isinstance(record, dict) else None
    if not is_id(identity):
        return None
    tags = record.get("tags")
    lines = tag_lines(tags) if isinstance(tags, list) else ""
    bases, licenses = read_bases(identity, lines), shorten(read_licenses(lines))
    own = strictness(identity, licenses)
    use = min(own, UNKNOWN) if bases.is_unclear else own
    return [1, use, None, identity, {}, licenses, not bases.is_unclear, [*bases.ids]]


def _needs(model: Mapping[str, Any]) -> list[str]:
    return [base.casefold() for base in model["base_models"]]


def _follow(fact: Fact) -> list[str]:
    return [base.casefold() for base in fact[BASES]]


def _resolve(
    model: dict[str, Any], deferred: Sequence[Any], facts: Mapping[str, Fact], named: Container[str], options: TransformOptions
) -> Sequence[str]:  # fmt: skip
    identity, ids = model["id"], model["base_models"]
    problems: Sequence[str] = deferred[0]
    if not ids:
        if model["relation"] == "unknown" and identity.casefold() in named:
            model |= _ORIGINAL
        return problems
    _, (licenses, own, is_unclear), *size = deferred
    words = [*problems, COPY] if model["is_copy"] else problems
    if facts.keys().isdisjoint([base.casefold() for base in ids]):
        return [*words, MISSING]
    chain = trace(identity, ids, facts)
    model["base_models"], model["root"], model["depth"], model["roots"], _ = chain
    use = assess_use(identity, licenses, own, is_unclear, ids, facts)
    model["license_chain"], model["commercial"], model["commercial_from"], model["license_conflict"] = use
    if size:
        matches = ((base, facts.get(base.casefold(), NO_FACT)) for base in ids)
        if counts := {base: fact[PARAMETERS] for base, fact in matches if fact[ID] == base and fact[PARAMETERS] is not None}:
            model |= SizeEstimator(options.size_classes, counts).estimate(SizeEvidence(*size[0]))._asdict()
    return [*words, *chain.problems]


def _kind(fact: Fact) -> Mapping[str, bool] | None:
    return fact[ROWS] or None


def _summarize(kinds: Iterable[tuple[Mapping[str, bool], int]]) -> dict[str, dict[str, int]]:
    """Return, by row of families.toml, how many counted models are consistent with it, and how many conflict."""
    families: dict[str, dict[str, int]] = {}
    for rows, models in kinds:
        for row, is_consistent in rows.items():
            families.setdefault(row, {"borne_out": 0, "against": 0})["borne_out" if is_consistent else "against"] += models
    return dict(sorted(families.items()))


def _warnings(families: Mapping[str, Mapping[str, int]]) -> list[str]:
    return [
        f"{counts['against']} of {sum(counts.values())} counted models of {row} have other parameters than its row in {_ROWS}; "
        "check the row"
        for row, counts in families.items()
        if counts["against"] > max(1, counts["borne_out"])  # a single count may be the one that is wrong
    ]


def _describe(_record: Mapping[str, Any], entry: dict[str, Any], options: TransformOptions) -> list[str]:
    """Return a line for each count and each other evidence that was not believed, and for each licence."""
    if "evidence" not in entry:
        return []
    model = entry["model"]
    evidence, _ = read_size_evidence(model["id"].rpartition("/")[2], model["tags"], **entry["evidence"])
    licenses = describe_licenses(model["id"], shorten(read_licenses(evidence.tags)))
    return [*SizeEstimator(options.size_classes).describe_conflicts(evidence), *licenses]


def _describe_chain(model: Mapping[str, Any], lookup: Callable[[str], Mapping[str, Any] | None]) -> list[str]:
    """Return a line for each model of a chain, with what its licences say, and one for the verdict over all."""
    lines = describe_chain(model, lookup, partial(describe_link, model))
    return [*lines, describe_verdict(model)] if len(lines) > 1 or has_unclear_bases(model) else lines


RULES = Rules(
    complete=_complete, describe=_describe, defer=_defer, collect=_collect, needs=_needs, follow=_follow, resolve=_resolve,
    kind=_kind, summarize=_summarize, warnings=_warnings, chain=_describe_chain,
)  # fmt: skip
