"""One page of an API to models: pure functions of its bytes and the options. No I/O."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from etl.core.errors import InvalidDataError
from etl.core.ids import model_key
from etl.core.schemas import load_list_schema, load_schema
from etl.sources.source import TransformOptions
from etl.storage.json_files import JsonBody, parse_json_body
from etl.transform.hashes import distinct_hashes
from etl.transform.projection import project
from etl.transform.repair import expected, is_required, repair

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from etl.sources.source import DroppedField, Rules, Source

Model = dict[str, Any]
_DEFAULT = TransformOptions()


@dataclass(frozen=True)
class RejectedRecord:
    """A record that did not become a model.

    Attributes:
        record: Its index in the page.
        id: Its id, if it has one.
        reason: One of the source's reasons; `id` or `type` if that is missing or invalid.
        detail: What is wrong with it, where the reason does not say so.
        levels: What is still known of its safety if its id or type is invalid: level, level_most and flagged.
    """

    record: int
    id: str | int | None
    reason: str
    detail: str | None = None
    levels: dict[str, Any] | None = None


@dataclass(frozen=True)
class DroppedValue:
    """A value that a model lost because it is invalid: the index of its record in the page, its field, and why."""

    record: int
    id: str
    field: str
    reason: str


@dataclass(frozen=True)
class PageResult:
    """What became of the records of one page; each is in `models` or in `set_aside`, in page order.

    Attributes:
        records: How many records the page has.
        models: The models, decided by what this page alone says.
        set_aside: The rejected records.
        dropped: The values that models lost.
        deferred: By index in `models`, the evidence of those that facts of other pages may change; JSON values.
        facts: What the records state for other pages; a JSON value, or None.
        forbidden_images: By the ids of records, the URLs of images that they forbid on cards of the model.
    """

    records: int
    models: list[Model] = field(default_factory=list)
    set_aside: list[RejectedRecord] = field(default_factory=list)
    dropped: list[DroppedValue] = field(default_factory=list)
    deferred: dict[int, Any] = field(default_factory=dict)
    facts: Any = None
    forbidden_images: dict[str, list[str]] = field(default_factory=dict)


def transform_page(source: Source, body: JsonBody | bytes, where: object, options: TransformOptions = _DEFAULT) -> PageResult:
    """Return the models of a page, parsed already or not; `where` is only named in messages.

    Raises:
        InvalidDataError: the page as a whole is not a response of the source.
    """
    parsed = body if isinstance(body, JsonBody) else parse_json_body(body, where)
    violations: dict[int, str] = {}
    for violation in load_schema(f"{source.name}/raw").violations(parsed.value):
        index = next((part for part in violation.path if isinstance(part, int)), None)
        if index is None:
            raise InvalidDataError(f"{where}: {violation}; the source has changed its format")
        violations.setdefault(index, str(violation))
    entries = project(source, parsed, where)
    rules = source.load_rules()
    accepted = {index: entry for index, entry in enumerate(entries) if "set_aside" not in entry}
    lost = dict(zip(accepted, rules.complete([*accepted.values()], options), strict=True))
    models = [entry["model"] for entry in accepted.values()]
    are_valid = load_list_schema(f"{source.name}/model").is_valid(models)  # quicker than one by one
    page, evidence, refused = PageResult(len(entries)), [], []
    for index, (entry, record) in enumerate(zip(entries, source.records(parsed.value), strict=True)):
        if "set_aside" in entry:
            detail = violations.get(index) if entry["set_aside"] == "id" else None
            page.set_aside.append(RejectedRecord(index, _short_id(entry["id"]), entry["set_aside"], detail))
            refused.append(record)
            continue
        model, rejected = entry["model"], None
        if urls := rules.forbid_images(entry, options):
            page.forbidden_images.setdefault(model["id"], []).extend(urls)
        if index in violations:
            rejected = RejectedRecord(index, _short_id(record.get("id")), "id", violations[index], _levels(model))
        elif lost[index] or not are_valid:
            rejected = _drop_invalid(source, page, index, record, model, lost[index])
        if rejected:
            page.set_aside.append(rejected)
            continue
        page.models.append(model)
        evidence.append(entry["evidence"])
        deferred = rules.defer(model, entry["evidence"])
        if deferred is not None:
            page.deferred[len(page.models) - 1] = deferred
    facts = rules.collect(page.models, evidence, refused)
    return page if facts is None else replace(page, facts=facts)


def needed_keys(page: PageResult, rules: Rules) -> set[str]:
    """Return the keys of the facts that deferred models of a page need."""
    return {key for index in page.deferred for key in rules.needs(page.models[index])}


def followed_keys(page: PageResult, rules: Rules) -> set[str]:
    """Return the keys that facts of a page name, if some may be of rejected records, whose needs are no model's."""
    if not (page.set_aside and page.facts and rules.follow):
        return set()
    return {key for fact in page.facts.values() for key in rules.follow(fact)}


def _drop_invalid(  # noqa: PLR0913, PLR0917 -- a model, where it is from, and what is known of it
    source: Source, page: PageResult, index: int, record: Mapping[str, Any], model: Model, lost: list[DroppedField]
) -> RejectedRecord | None:  # fmt: skip
    """Drop the values of a model that violate its schema; return the rejection if it cannot be without one of them.

    `lost` are fields whose evidence was invalid.
    """
    if not load_schema(f"{source.name}/model").is_valid(model):
        dropped = repair(model, source.name)
        if wrong := next((value for value in dropped if is_required(value.field, source.name)), None):
            reason = "type" if wrong.field == "type" else "id"
            detail = f"{reason}: {wrong.reason} (expected {expected(reason, source.name)})"
            return RejectedRecord(index, _short_id(record.get("id")), reason, detail, _levels(model))
        lost = [*lost, *dropped]
    page.dropped.extend(DroppedValue(index, model["id"], value.field, value.reason) for value in lost)
    return None


def resolve_page(  # noqa: PLR0913, PLR0917 -- a page, and what may change it
    source: Source, models: Sequence[Model], deferred: Mapping[int, Any], facts: Any, named: Container[str],
    options: TransformOptions,
) -> dict[str, bytes]:  # fmt: skip
    """Decide the models of a page by the facts of all pages, in place.

    `facts` are those that the deferred models need, `named` the keys of the facts of the page that other models need. Return the
    hashes of the ids of models, in any spelling, by what the summary counts of them.
    """
    resolve = source.load_rules().resolve
    counted = defaultdict[str, list[str]](list)
    for index, evidence in deferred.items():
        model = models[index]
        for word in resolve(model, evidence, facts, named, options):
            counted[word].append(model_key(model["id"]))
    return {word: distinct_hashes(keys) for word, keys in counted.items()}


def _levels(model: Model) -> dict[str, Any] | None:
    """Return what is known of the safety of a rejected record; None for a source without levels."""
    return {name: model[name] for name in ("level", "level_most", "flagged")} if "level" in model else None


def _short_id(identity: object) -> str | int | None:
    """Return an id fit for a summary: text cut to 500 characters, a number, or None."""
    if isinstance(identity, str):
        return identity[:500]
    if isinstance(identity, float) and identity.is_integer():
        identity = int(identity)
    return identity if type(identity) is int and abs(identity) < 2**53 else None
