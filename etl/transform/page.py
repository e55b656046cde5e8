"""One page of an API to models: a pure function of its bytes and the size classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jq
import orjson

from etl.contracts import contract
from etl.errors import BadAnswer
from etl.files import PROGRAMS, parse_answer
from etl.filters import SIZES
from etl.transform.level import SAFE_SITE, content_levels
from etl.transform.repair import is_required, repair
from etl.transform.size import Evidence, Sizer, bases
from etl.transform.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.filters import SizeClass

Model = dict[str, Any]


@dataclass(frozen=True)
class SetAside:
    """A record that is not published.

    Attributes:
        record: Its place in the page, from 0.
        id: Its id, if it has one.
        reason: poi, minor, takendown, notpublic, private or disabled; id or type where that is missing or not valid.
        detail: What is wrong with it, where the reason does not say so.
    """

    record: int
    id: str | int | None
    reason: str
    detail: str | None = None


@dataclass(frozen=True)
class Dropped:
    """A value that a model lost, since it violates the schema: the place of its record in the page from 0, its field, and why."""

    record: int
    id: str
    field: str
    reason: str


@dataclass(frozen=True)
class Page:
    """What became of the records of one page; each is in `models` or in `set_aside`, in their order.

    `dropped` has the values that models lost. `derived` names, by their place in `models`, those that were made of other
    models, with the evidence of their size.
    """

    records: int
    models: list[Model]
    set_aside: list[SetAside]
    dropped: list[Dropped]
    derived: dict[int, Evidence]


def models_of(source: str, body: bytes, where: object, sizes: Sequence[SizeClass] = SIZES) -> Page:
    """Turn the body of a page into models, their sizes decided by what the page alone says.

    Raises:
        BadAnswer: the page as a whole is not what the source answers; `where` is only named in the message.
    """
    text, value = parse_answer(body, where)
    refused: dict[int, str] = {}
    for violation in contract(f"{source}.raw").violations(value):
        place = next((part for part in violation.path if isinstance(part, int)), None)
        if place is None:
            raise BadAnswer(f"{where}: {violation}; the source answers in another shape than it did")
        refused.setdefault(place, str(violation))
    entries = project(source, text, where)
    records = value if isinstance(value, list) else value["items"]
    if len(entries) != len(records):
        raise BadAnswer(f"{where}: {source}.jq made {len(entries)} entries of {len(records)} records")
    page = Page(len(records), [], [], [], {})
    sizer = Sizer(sizes)
    for place, entry in enumerate(entries):
        if place in refused:
            page.set_aside.append(SetAside(place, _short(entry["id"]), "id", refused[place]))
        elif "set_aside" in entry:
            page.set_aside.append(SetAside(place, _short(entry["id"]), entry["set_aside"]))
        else:
            _finish(source, entry, sizer)
            _add(source, page, place, entry)
    return page


def _add(source: str, page: Page, place: int, entry: dict[str, Any]) -> None:
    """Add the model of an entry to its page without the values that violate its schema, or set it aside."""
    model = entry["model"]
    if not contract("model", source).is_valid(model):
        dropped = repair(model, source)
        if wrong := next((each for each in dropped if is_required(each.field, source)), None):
            reason = "type" if wrong.field == "type" else "id"
            page.set_aside.append(SetAside(place, _short(entry["id"]), reason, f"{wrong.field}: {wrong.reason}"))
            return
        page.dropped.extend(Dropped(place, model["id"], each.field, each.reason) for each in dropped)
    if model.get("size_from", "safetensors") != "safetensors" and bases(entry["evidence"].tags):
        page.derived[len(page.models)] = entry["evidence"]
    page.models.append(model)


def project(source: str, text: str, where: object) -> list[dict[str, Any]]:
    """Run the source's jq program over the text of a page: one entry for each record.

    Raises:
        BadAnswer: jq cannot read it; `where` is only named in the message.
    """
    try:
        results = _program(source).input_text(text).text()
        entries: list[dict[str, Any]] = orjson.loads(results)
    except ValueError as error:  # what jq cannot read although json can, such as nesting beyond its depth
        raise BadAnswer(f"{where}: {source}.jq cannot read it: {error}") from error
    return entries


@cache
def _program(source: str) -> Any:
    return jq.compile((PROGRAMS / f"{source}.jq").read_text(encoding="utf-8"))


def _finish(source: str, entry: dict[str, Any], sizer: Sizer) -> None:
    """Add to a model what is decided from its evidence."""
    model = entry["model"]
    if source == "huggingface":
        entry["evidence"] = evidence_of(model["name"], model["tags"], **entry["evidence"])
        model.update(sizer.verdict(entry["evidence"])._asdict())
        return
    if isinstance(model["name"], str):
        model["name"] = sanitize(model["name"])
    found = content_levels(**entry["evidence"])
    model |= {"level": found.level, "level_most": found.level_most, "flagged": entry["evidence"]["flagged"]}
    site = "civitai.red" if model["flagged"] or found.level not in SAFE_SITE else "civitai.com"
    model["url"] = f"https://{site}/models/{model['id']}"


def evidence_of(  # noqa: PLR0913, PLR0917 -- the fields of the evidence, as the program of jq names them
    name: object,
    tags: object,
    elements: dict[str, Any],
    total: float | None,
    gguf: float | None,
    gguf_architecture: str | None = None,
) -> Evidence:
    """Return the evidence of a model's size, of values as the API gave them: what has a wrong type is none."""
    lines = "\n".join(("", *(tag for tag in tags if isinstance(tag, str)), "")) if isinstance(tags, list) else ""
    counts = {dtype: count for dtype, count in elements.items() if type(count) in {int, float} and count > 0}
    return Evidence(str(name).lower(), lines, counts, total, gguf, gguf_architecture)


def _short(identity: object) -> str | int | None:
    """Return an id fit for a summary: text cut to 500 characters, a number, or null."""
    if isinstance(identity, str):
        return identity[:500]
    return identity if type(identity) is int and abs(identity) < 2**53 else None
