"""data/raw to data/models, one source at a time."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import jq
import orjson

from etl.contracts import contract
from etl.errors import BadAnswer, DiskRefused
from etl.files import PROGRAMS, PROJECT, dumps, parse_answer, read, read_json, write
from etl.filters import SIZES
from etl.ledger import read_ledger, streams
from etl.transform import level
from etl.transform.families import bears_out
from etl.transform.size import Evidence, Sizer, bases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.files import Data
    from etl.filters import SizeClass

Model = dict[str, Any]


@dataclass(frozen=True)
class SetAside:
    """A record that is not published: its place in the page from 0, its id if it has one, and why."""

    record: int
    id: str | int | None
    reason: str


@dataclass(frozen=True)
class Page:
    """What became of the records of one page; each is in `models` or in `set_aside`, in their order.

    `derived` names, by their place in `models`, those that were made of other models, with the evidence of their size.
    """

    records: int
    models: list[Model]
    set_aside: list[SetAside]
    derived: dict[int, Evidence]


def transform(data: Data, source: str, sizes: Sequence[SizeClass] = SIZES) -> dict[str, Any]:
    """Write the models of every stream of a source that is on disk, and return its summary.

    `sizes` are the size classes. A model that was made of another one of the source takes its size from there, where it has
    no better evidence: those are decided again after all pages, of which only the evidence and the counts are remembered.

    Models of pages that no ledger names are removed. The summary is written last, and only when every page was good. It
    names what it was made of; when that is still the same, nothing but the time of the summary changes.

    Raises:
        BadAnswer: pages do not fit their contract; all of them are named.
    """
    found = streams(data, source)
    made_of = _made_of(data, source, found, sizes)
    if made_of and (known := _known(data, source, made_of)):
        return known
    _remove_all_but(data.models(source), {*found, "summary.json"})
    summary: dict[str, Any] = {"source": source, "made_of": made_of, "streams": {}}
    bad: list[str] = []
    catalogue = _Catalogue()
    for stream in found:
        try:
            summary["streams"][stream] = _stream(data, source, stream, sizes, catalogue)
        except BadAnswer as error:
            bad.append(f"{error}; ask again: make extract SOURCE={source}")
            _remove(data.models(source, stream))
    if bad:
        _remove(data.summary(source))
        raise BadAnswer("\n".join(bad))
    _decide_again(data, source, summary["streams"], sizes, catalogue)
    summary["families"] = {
        words: {"borne_out": each[0], "against": each[1]} for words, each in sorted(catalogue.families.items())
    }
    write(data.summary(source), dumps(summary))
    return summary


@dataclass
class _Catalogue:
    """What is remembered of all pages of a source.

    `counts` are parameters by id, as far as they were counted and nothing disagrees; `derived` the models that were made of
    others, by stream and file; `families` how many counted models bear a family's row out, and how many do not.
    """

    counts: dict[str, int] = field(default_factory=dict)
    derived: dict[tuple[str, str], dict[int, Evidence]] = field(default_factory=dict)
    families: dict[str, list[int]] = field(default_factory=dict)

    def add(self, stream: str, file: str, page: Page) -> None:
        if page.derived:
            self.derived[stream, file] = page.derived
        for model in page.models:
            if model.get("size_from") == "safetensors" and model["id"] not in self.counts:
                if not model["size_against"]:
                    self.counts[model["id"]] = model["parameters"]
                for row, fits in bears_out(model["name"].lower(), model["tags"] or (), model["parameters"]).items():
                    self.families.setdefault(row, [0, 0])[not fits] += 1


def _decide_again(data: Data, source: str, told: dict[str, Any], sizes: Sequence[SizeClass], catalogue: _Catalogue) -> None:
    """Decide the size of models that were made of others, now that the counts of those are known."""
    decide = Sizer(sizes, catalogue.counts).verdict
    for (stream, file), derived in catalogue.derived.items():
        path = data.models(source, stream) / file
        models = read_json(path)
        before = dumps(models)
        for place, evidence in derived.items():
            models[place].update(decide(evidence)._asdict())
        content = dumps(models)
        if content != before:
            write(path, content)
            entry = next(each for each in told[stream] if each["file"] == file)
            entry |= {"sha256": _sha256(content), "unsized": _unsized(models)}


def _unsized(models: list[Model]) -> int:
    return sum(model.get("size") == "unknown" for model in models)


def _made_of(data: Data, source: str, found: list[str], sizes: Sequence[SizeClass]) -> str | None:
    """Return a hash of all that shapes the models of a source: programs, classes, pages; null where one is missing."""
    programs = (path for folder in ("etl", "etl/transform", "schemas") for path in sorted((PROJECT / folder).glob("*.*")))
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in programs) + repr(sizes).encode())
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


def _stream(data: Data, source: str, stream: str, sizes: Sequence[SizeClass], catalogue: _Catalogue) -> list[dict[str, Any]]:
    """Write the models of one stream, and return what its pages held."""
    ledger = read_ledger(data, source, stream)
    _remove_all_but(data.models(source, stream), {page.file for page in ledger.pages})
    told = []
    for raw in ledger.pages:
        path = data.raw(source, stream) / raw.file
        page = models_of(source, read(path), path, sizes)
        catalogue.add(stream, raw.file, page)
        content = dumps(page.models)
        write(data.models(source, stream) / raw.file, content)
        told.append({
            "file": raw.file, "sha256": _sha256(content), "records": page.records, "models": len(page.models),
            "unsized": _unsized(page.models),
            "set_aside": [asdict(each) for each in page.set_aside],
        })  # fmt: skip
    return told


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
    entries = _project(source, text, where)
    records = value if isinstance(value, list) else value["items"]
    if len(entries) != len(records):
        raise BadAnswer(f"{where}: {source}.jq made {len(entries)} entries of {len(records)} records")
    page = Page(len(records), [], [], {})
    sizer = Sizer(sizes)
    for place, entry in enumerate(entries):
        reason = refused.get(place) or entry.get("set_aside") or _finish(source, entry, sizer)
        if reason:
            identity = entry["id"] if "id" in entry else entry["model"]["id"]
            page.set_aside.append(SetAside(place, _short(identity), reason[:500]))
        else:
            model = entry["model"]
            if model.get("size_from", "safetensors") != "safetensors" and bases(entry["evidence"].tags):
                page.derived[len(page.models)] = entry["evidence"]
            page.models.append(model)
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


def _finish(source: str, entry: dict[str, Any], sizer: Sizer) -> str | None:
    """Add to a model what is decided from its evidence; return why it breaks its contract, None when it keeps it."""
    model = entry["model"]
    if source == "huggingface":
        entry["evidence"] = evidence_of(model["name"], model["tags"], **entry["evidence"])
        model.update(sizer.verdict(entry["evidence"])._asdict())
    else:
        model["level"] = level.from_evidence(**entry["evidence"])
    violations = contract("model", source).violations(entry["model"])
    return str(violations[0]) if violations else None


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


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _short(identity: object) -> str | int | None:
    """Return an id fit for a summary: text cut to 200 characters, a number, or null."""
    if isinstance(identity, str):
        return identity[:200]
    return identity if type(identity) is int and abs(identity) < 2**53 else None


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
