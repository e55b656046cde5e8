"""data/raw to data/models, one source at a time."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from etl.core.errors import InvalidDataError, StorageError, describe_os_error
from etl.core.layout import PROJECT
from etl.core.schemas import load_schema
from etl.sources.huggingface.families import check_family
from etl.sources.huggingface.size import SizeEstimator
from etl.sources.source import DEFAULT_SIZE_CLASSES
from etl.storage.json_files import dump_json, read_bytes, read_json, write_atomic
from etl.storage.ledger import list_streams, parse_ledger, read_ledger
from etl.transform.losses import Losses
from etl.transform.page import transform_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.sources.huggingface.size import SizeEvidence
    from etl.sources.source import SizeClass
    from etl.transform.page import Model, PageResult, RejectedRecord


# Below etl/: all that shapes models, beside the package of the source.
PROGRAM = ("core/*.py", "config/*.py", "sources/*.py", "storage/json_files.py", "storage/ledger.py", "transform/*.py")
_PAGE = re.compile(r"\.?page-[0-9]{4,}\.json(\.partial)?")
_STREAM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def transform(data: DataDir, source: str, sizes: Sequence[SizeClass] = DEFAULT_SIZE_CLASSES) -> dict[str, Any]:
    """Write the models of every stream of a source that is on disk, and return its summary.

    `sizes` are the size classes. A model that was made of another one of the source takes its size from there, where it has
    no better evidence: those are decided again after all pages, of which only the evidence and the counts are remembered.

    Models of pages that no ledger names are removed. The summary is written last, and only when every page was good. It
    names what it was made of; when that is still the same, nothing but the time of the summary changes.

    Raises:
        BadAnswer: pages do not fit their contract; all of them are named.
    """
    if known := current_summary(data, source, sizes):
        data.summary(source).touch()
        return known
    found = list_streams(data, source)
    made_of = _input_fingerprint(data, source, found, sizes)
    for stream in _streams_before(data, source) - set(found):
        _remove_pages(data.models(source, stream), set())
    summary: dict[str, Any] = {"source": source, "made_of": made_of, "streams": {}}
    bad: list[str] = []
    catalogue = _Facts()
    for stream in found:
        try:
            summary["streams"][stream] = _stream(data, source, stream, sizes, catalogue)
        except InvalidDataError as error:
            remove = shlex.join(["rm", "-r", str(data.raw(source, stream))])
            bad.append(f"{error}; ask again: make extract SOURCE={source}; a stream that no filter reads: {remove}")
            _remove_pages(data.models(source, stream), set())
    if bad:
        _remove_summary(data, source)
        raise InvalidDataError("\n".join(bad))
    _resolve_deferred(data, source, summary["streams"], sizes, catalogue)
    summary["families"] = {
        words: {"borne_out": each[0], "against": each[1]} for words, each in sorted(catalogue.families.items())
    }
    summary["losses"] = catalogue.losses.report()
    write_atomic(data.summary(source), dump_json(summary))
    return summary


@dataclass
class _Facts:
    """What is remembered of all pages of a source.

    `counts` are parameters by id, as far as they were counted and nothing disagrees; `derived` the models that were made of
    others, by stream and file; `families` how many counted models bear a family's row out, and how many do not; `counted`
    the ids of these, each of which counts once.
    """

    counts: dict[str, int] = field(default_factory=dict)
    derived: dict[tuple[str, str], dict[int, SizeEvidence]] = field(default_factory=dict)
    families: dict[str, list[int]] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    losses: Losses = field(default_factory=Losses)

    def add(self, stream: str, file: str, page: PageResult) -> None:
        self.losses.add(stream, file, page)
        if page.derived:
            self.derived[stream, file] = page.derived
        for model in page.models:
            if model.get("size_from") == "safetensors" and (key := model["id"].casefold()) not in self.counted:
                self.counted.add(key)
                if not model["size_against"]:
                    self.counts[model["id"]] = model["parameters"]
                for row, fits in check_family(model["name"].lower(), model["tags"] or (), model["parameters"]).items():
                    self.families.setdefault(row, [0, 0])[not fits] += 1


def _resolve_deferred(data: DataDir, source: str, told: dict[str, Any], sizes: Sequence[SizeClass], catalogue: _Facts) -> None:
    """Decide the size of models that were made of others, now that the counts of those are known."""
    decide = SizeEstimator(sizes, catalogue.counts).verdict
    for (stream, file), derived in catalogue.derived.items():
        path = data.models(source, stream) / file
        models = read_json(path)
        before = dump_json(models)
        for place, evidence in derived.items():
            models[place].update(decide(evidence)._asdict())
        content = dump_json(models)
        if content != before:
            write_atomic(path, content)
            entry = next(each for each in told[stream] if each["file"] == file)
            entry |= {"sha256": _sha256(content), "unsized": _unsized(models)}


def _unsized(models: list[Model]) -> int:
    return sum(model.get("size") == "unknown" for model in models)


def _input_fingerprint(data: DataDir, source: str, found: list[str], sizes: Sequence[SizeClass]) -> str | None:
    """Return a hash of all that shapes the models of a source: programs, classes, pages; null where one is missing."""
    shapes = sorted(path for pattern in (*PROGRAM, f"sources/{source}/*.*") for path in (PROJECT / "etl").glob(pattern))
    shapes += [PROJECT / "schemas" / f"{name}.schema.json" for name in ("ledger", "model", f"{source}.raw")]
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in shapes) + repr(sizes).encode())
    try:
        for stream in found:
            for page in read_ledger(data, source, stream).pages:
                body = read_bytes(data.raw(source, stream) / page.file)
                made_of.update(f"{stream}/{page.file}/{len(body)}/".encode() + body)
    except InvalidDataError:
        return None
    return made_of.hexdigest()


def current_summary(data: DataDir, source: str, sizes: Sequence[SizeClass] = DEFAULT_SIZE_CLASSES) -> dict[str, Any] | None:
    """Return the summary on disk if it and its models were made of the pages that are there; else None."""
    made_of = _input_fingerprint(data, source, list_streams(data, source), sizes)
    try:
        summary: dict[str, Any] = read_json(data.summary(source))
        if not made_of or summary["made_of"] != made_of or not load_schema("summary").is_valid(summary):
            return None
        for stream, pages in summary["streams"].items():
            made = {page["file"]: page["sha256"] for page in pages}
            there = (path for path in data.models(source, stream).iterdir() if _is_page(path))
            if made != {path.name: _sha256(path.read_bytes()) for path in there}:
                return None
    except (InvalidDataError, LookupError, TypeError, AttributeError, OSError):  # there is none, or it is an older one
        return None
    return summary


def _stream(data: DataDir, source: str, stream: str, sizes: Sequence[SizeClass], catalogue: _Facts) -> list[dict[str, Any]]:
    """Write the models of one stream, and return what its pages held."""
    ledger = parse_ledger(data.ledger(source, stream))
    _remove_pages(data.models(source, stream), {page.file for page in ledger.pages})
    told = []
    for raw in ledger.pages:
        path = data.raw(source, stream) / raw.file
        page = transform_page(source, read_bytes(path), path, sizes)
        catalogue.add(stream, raw.file, page)
        content = dump_json(page.models)
        write_atomic(data.models(source, stream) / raw.file, content)
        told.append({
            "file": raw.file, "raw_sha256": raw.sha256, "sha256": _sha256(content),
            "records": page.records, "models": len(page.models), "unsized": _unsized(page.models),
            "set_aside": [_told(record) for record in page.set_aside],
            "dropped": _dropped(page),
        })  # fmt: skip
    return told


def _told(record: RejectedRecord) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if key == "id" or value is not None}


def _dropped(page: PageResult) -> list[dict[str, Any]]:
    """Return how many models of a page lost a field, by field and reason, with the id of the first."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for each in page.dropped:
        row = {"field": each.field, "reason": each.reason, "models": 0, "first": each.id}
        rows.setdefault((each.field, each.reason), row)["models"] += 1
    return [*rows.values()]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_page(path: Path) -> bool:
    return _PAGE.fullmatch(path.name) is not None and path.is_file()


def _remove_pages(folder: Path, keep: set[str]) -> None:
    """Remove the pages of models of a stream that are not to be kept, and then the folder if it is empty.

    What is not ours stays.
    """
    if not folder.is_dir():
        return
    try:
        for path in folder.iterdir():
            if path.name not in keep and _is_page(path):
                path.unlink()
        if not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise StorageError(f"{folder}: cannot be cleaned: {describe_os_error(error, folder)}") from error


def _streams_before(data: DataDir, source: str) -> set[str]:
    """Return the streams that the summary on disk lists; none where it is not readable."""
    try:
        return {name for name in read_json(data.summary(source))["streams"] if _STREAM.fullmatch(name)}
    except (InvalidDataError, LookupError, TypeError):
        return set()


def _remove_summary(data: DataDir, source: str) -> None:
    try:
        data.summary(source).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{data.summary(source)}: cannot be removed: {describe_os_error(error, data.summary(source))}"
        ) from error
