"""One page of an API to models: a pure function of its bytes and the size classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jq
import orjson

from etl.core.display_name import clean_display_name
from etl.core.errors import InvalidDataError
from etl.core.layout import SOURCES
from etl.core.schemas import load_schema
from etl.sources.civitai.levels import SAFE_SITE, content_levels, is_set
from etl.sources.huggingface.size import SizeEstimator, SizeEvidence, bases
from etl.sources.source import DEFAULT_SIZE_CLASSES
from etl.storage.json_files import parse_json_body
from etl.transform.repair import DroppedField, expected, is_required, repair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.sources.source import SizeClass

Model = dict[str, Any]


@dataclass(frozen=True)
class RejectedRecord:
    """A record that is not published.

    Attributes:
        record: Its place in the page, from 0.
        id: Its id, if it has one.
        reason: poi, minor, takendown, notpublic, private or disabled; id or type where that is missing or not valid.
        detail: What is wrong with it, where the reason does not say so.
        levels: What an id or type that is not valid leaves to be known of its safety: level, level_most and flagged.
    """

    record: int
    id: str | int | None
    reason: str
    detail: str | None = None
    levels: dict[str, Any] | None = None


@dataclass(frozen=True)
class Dropped:
    """A value that a model lost, since it violates the schema: the place of its record in the page from 0, its field, and why."""

    record: int
    id: str
    field: str
    reason: str


@dataclass(frozen=True)
class PageResult:
    """What became of the records of one page; each is in `models` or in `set_aside`, in their order.

    `dropped` has the values that models lost. `derived` names, by their place in `models`, those that were made of other
    models, with the evidence of their size.
    """

    records: int
    models: list[Model]
    set_aside: list[RejectedRecord]
    dropped: list[Dropped]
    derived: dict[int, SizeEvidence]


def transform_page(source: str, body: bytes, where: object, sizes: Sequence[SizeClass] = DEFAULT_SIZE_CLASSES) -> PageResult:
    """Turn the body of a page into models, their sizes decided by what the page alone says.

    Raises:
        BadAnswer: the page as a whole is not what the source answers; `where` is only named in the message.
    """
    text, value = parse_json_body(body, where)
    refused: dict[int, str] = {}
    for violation in load_schema(f"{source}.raw").violations(value):
        place = next((part for part in violation.path if isinstance(part, int)), None)
        if place is None:
            raise InvalidDataError(f"{where}: {violation}; the source answers in another shape than it did")
        refused.setdefault(place, str(violation))
    entries = project(source, text, where)
    records = value if isinstance(value, list) else value["items"]
    if len(entries) != len(records):
        raise InvalidDataError(f"{where}: {source}.jq made {len(entries)} entries of {len(records)} records")
    page = PageResult(len(records), [], [], [], {})
    sizer = SizeEstimator(sizes)
    for place, entry in enumerate(entries):
        if "set_aside" in entry:
            detail = refused.get(place) if entry["set_aside"] == "id" else None
            page.set_aside.append(RejectedRecord(place, _short(entry["id"]), entry["set_aside"], detail))
            continue
        lost = _finish(source, entry, sizer)
        if place in refused:
            page.set_aside.append(RejectedRecord(place, _short(entry["id"]), "id", refused[place], _levels(entry["model"])))
        else:
            _add(source, page, place, entry, lost)
    return page


def _add(source: str, page: PageResult, place: int, entry: dict[str, Any], lost: list[DroppedField]) -> None:
    """Add the model of an entry to its page without the values that violate its schema, or set it aside.

    `lost` is evidence that was of no use.
    """
    model = entry["model"]
    if not load_schema("model", source).is_valid(model):
        dropped = repair(model, source)
        if wrong := next((each for each in dropped if is_required(each.field, source)), None):
            reason = "type" if wrong.field == "type" else "id"
            detail = f"{reason}: {wrong.reason} (expected {expected(reason, source)})"
            page.set_aside.append(RejectedRecord(place, _short(entry["id"]), reason, detail, _levels(model)))
            return
        lost = [*lost, *dropped]
    page.dropped.extend(Dropped(place, model["id"], each.field, each.reason) for each in lost)
    if model.get("size_from", "safetensors") != "safetensors" and bases(entry["evidence"].tags):
        page.derived[len(page.models)] = entry["evidence"]
    page.models.append(model)


def _levels(model: Model) -> dict[str, Any] | None:
    """Return what is known of the safety of a record that is not a model; None of a source without levels."""
    return {field: model[field] for field in ("level", "level_most", "flagged")} if "level" in model else None


def project(source: str, text: str, where: object) -> list[dict[str, Any]]:
    """Run the source's jq program over the text of a page: one entry for each record.

    Raises:
        BadAnswer: jq cannot read it; `where` is only named in the message.
    """
    try:
        results = _program(source).input_text(text).text()
        entries: list[dict[str, Any]] = orjson.loads(results)
    except ValueError as error:  # what jq cannot read although json can, such as nesting beyond its depth
        raise InvalidDataError(f"{where}: {source}.jq cannot read it: {error}") from error
    return entries


@cache
def _program(source: str) -> Any:
    return jq.compile((SOURCES / source / "transform.jq").read_text(encoding="utf-8"))


def _finish(source: str, entry: dict[str, Any], sizer: SizeEstimator) -> list[DroppedField]:
    """Add to a model what is decided from its evidence; return what of that has the wrong type, by the field it decides."""
    model, evidence = entry["model"], entry["evidence"]
    if source == "huggingface":
        entry["evidence"] = evidence_of(model["name"], model["tags"], **evidence)
        model.update(sizer.verdict(entry["evidence"])._asdict())
        return [DroppedField("size", "wrong type")] if has_wrong_counts(**evidence) else []
    if isinstance(model["name"], str):
        model["name"] = clean_display_name(model["name"])
    flag = evidence["flag"]
    found = content_levels(flagged=is_set(flag), mask=evidence["mask"], images=evidence["images"])
    model |= {"level": found.level, "level_most": found.level_most, "flagged": is_set(flag)}
    site = "civitai.com" if found.level in SAFE_SITE else "civitai.red"
    model["url"] = f"https://{site}/models/{model['id']}"
    wrong = found.wrong if isinstance(flag, bool | None) else ("flagged", *found.wrong)
    return [DroppedField(field, "wrong type") for field in wrong]


def evidence_of(  # noqa: PLR0913, PLR0917 -- the fields of the evidence, as the program of jq names them
    name: object, tags: object, elements: object, total: object, gguf: object, gguf_architecture: object = None
) -> SizeEvidence:
    """Return the evidence of a model's size, of values as the API gave them: what has a wrong type is none."""
    lines = "\n".join(("", *(tag for tag in tags if isinstance(tag, str)), "")) if isinstance(tags, list) else ""
    parts = elements.items() if isinstance(elements, dict) else ()
    return SizeEvidence(
        str(name).lower(), lines, {dtype: count for dtype, count in parts if type(count) in {int, float} and count > 0},
        _number(total), _number(gguf), gguf_architecture if isinstance(gguf_architecture, str) else None,
    )  # fmt: skip


def has_wrong_counts(elements: object, total: object, gguf: object, gguf_architecture: object = None) -> bool:
    """Return whether the evidence of a size has a value of the wrong type."""
    parts = list(elements.values()) if isinstance(elements, dict) else [] if elements is None else [elements]
    numbers = [*parts, *(value for value in (total, gguf) if value is not None)]
    return not (all(type(number) in {int, float} for number in numbers) and isinstance(gguf_architecture, str | None))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _short(identity: object) -> str | int | None:
    """Return an id fit for a summary: text cut to 500 characters, a number, or null."""
    if isinstance(identity, str):
        return identity[:500]
    return identity if type(identity) is int and abs(identity) < 2**53 else None
