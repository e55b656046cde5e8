"""data/raw to data/models, one source at a time."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jq
import orjson

from etl.contracts import contract
from etl.errors import BadAnswer, DiskRefused
from etl.files import PROGRAMS, PROJECT, dumps, parse_answer, read, read_json, write
from etl.ledger import read_ledger, streams
from etl.transform import level, size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.files import Data

Model = dict[str, Any]


@dataclass(frozen=True)
class SetAside:
    """A record that is not published: its place in the page from 0, its id if it has one, and why."""

    record: int
    id: str | int | None
    reason: str


@dataclass(frozen=True)
class Page:
    """What became of the records of one page; each is in `models` or in `set_aside`, in their order."""

    records: int
    models: list[Model]
    set_aside: list[SetAside]


def transform(data: Data, source: str) -> dict[str, Any]:
    """Write the models of every stream of a source that is on disk, and return its summary.

    Models of pages that no ledger names are removed. The summary is written last, and only when every page was good. It
    names what it was made of; when that is still the same, nothing but the time of the summary changes.

    Raises:
        BadAnswer: pages do not fit their contract; all of them are named.
    """
    found = streams(data, source)
    made_of = _made_of(data, source, found)
    if made_of and (known := _known(data, source, made_of)):
        return known
    _remove_all_but(data.models(source), {*found, "summary.json"})
    summary: dict[str, Any] = {"source": source, "made_of": made_of, "streams": {}}
    bad: list[str] = []
    for stream in found:
        try:
            summary["streams"][stream] = _stream(data, source, stream)
        except BadAnswer as error:
            bad.append(str(error))
            _remove(data.models(source, stream))
    if bad:
        _remove(data.summary(source))
        raise BadAnswer("\n".join(bad))
    write(data.summary(source), dumps(summary))
    return summary


def _made_of(data: Data, source: str, found: list[str]) -> str | None:
    """Return a hash of all that shapes the models of a source: programs, contracts, pages; null where one is missing."""
    programs = (path for folder in ("etl", "etl/transform", "schemas") for path in sorted((PROJECT / folder).glob("*.*")))
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in programs))
    try:
        for stream in found:
            for page in read_ledger(data, source, stream).pages:
                body = read(data.raw(source, stream) / page.file)
                made_of.update(f"{stream}/{page.file}/{len(body)}/".encode() + body)
    except BadAnswer:
        return None
    return made_of.hexdigest()


def _known(data: Data, source: str, made_of: str) -> dict[str, Any] | None:
    """Return the summary on disk, its time set to now, if it and its models were made of the same; else null."""
    try:
        summary: dict[str, Any] = read_json(data.summary(source))
        streams_of = summary["streams"].items()
        made = {data.models(source, stream) / page["file"]: page["sha256"] for stream, pages in streams_of for page in pages}
        there = {path: _sha256(path.read_bytes()) for path in data.models(source).glob("*/*")}
        if summary["made_of"] != made_of or made != there:
            return None
    except (BadAnswer, LookupError, TypeError, AttributeError):  # there is none, or it is an older one
        return None
    data.summary(source).touch()
    return summary


def _stream(data: Data, source: str, stream: str) -> list[dict[str, Any]]:
    """Write the models of one stream, and return what its pages held."""
    ledger = read_ledger(data, source, stream)
    _remove_all_but(data.models(source, stream), {page.file for page in ledger.pages})
    told = []
    for raw in ledger.pages:
        path = data.raw(source, stream) / raw.file
        page = models_of(source, read(path), path)
        content = dumps(page.models)
        write(data.models(source, stream) / raw.file, content)
        told.append({
            "file": raw.file, "sha256": _sha256(content), "records": page.records, "models": len(page.models),
            "unsized": sum(model.get("size") == "unknown" for model in page.models),
            "set_aside": [asdict(each) for each in page.set_aside],
        })  # fmt: skip
    return told


def models_of(source: str, body: bytes, where: object) -> Page:
    """Turn the body of a page into models.

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
    entries = _project(source, text, where)
    records = value if isinstance(value, list) else value["items"]
    if len(entries) != len(records):
        raise BadAnswer(f"{where}: {source}.jq made {len(entries)} entries of {len(records)} records")
    page = Page(len(records), [], [])
    for place, entry in enumerate(entries):
        reason = refused.get(place) or entry.get("set_aside") or _finish(source, entry)
        if reason:
            identity = entry["id"] if "id" in entry else entry["model"]["id"]
            page.set_aside.append(SetAside(place, _short(identity), reason[:500]))
        else:
            page.models.append(entry["model"])
    return page


def _project(source: str, text: str, where: object) -> list[dict[str, Any]]:
    """Run the source's jq program over a page: one entry for each record."""
    try:
        results = _program(source).input_text(text).text()
        entries: list[dict[str, Any]] = orjson.loads(results)
    except ValueError as error:  # what jq cannot read although json can, such as nesting beyond its depth
        raise BadAnswer(f"{where}: {source}.jq cannot read it: {error}") from error
    return entries


@cache
def _program(source: str) -> Any:
    return jq.compile((PROGRAMS / f"{source}.jq").read_text(encoding="utf-8"))


def _finish(source: str, entry: dict[str, Any]) -> str | None:
    """Add to a model what is decided from its evidence; return why it breaks its contract, None when it keeps it."""
    DECIDE[source](entry["model"], entry["evidence"])
    violations = contract("model", source).violations(entry["model"])
    return str(violations[0]) if violations else None


def _decide_size(model: Model, evidence: dict[str, Any]) -> None:
    model.update(asdict(size.from_evidence(str(model["name"]), **evidence)))


def _decide_level(model: Model, evidence: dict[str, Any]) -> None:
    model["level"] = level.from_evidence(**evidence)


DECIDE: dict[str, Callable[[Model, dict[str, Any]], None]] = {"huggingface": _decide_size, "civitai": _decide_level}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _short(identity: object) -> str | int | None:
    """Return an id fit for a summary: text cut to 200 characters, a number, or null."""
    if isinstance(identity, str):
        return identity[:200]
    return identity if isinstance(identity, int) and abs(identity) < 2**53 else None


def _remove_all_but(folder: Path, keep: set[str]) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in keep:
                _remove(path)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskRefused(f"{path}: cannot be removed: {error.strerror}") from error
