"""One page of a stream on disk: from its raw file to its models, with what the whole source needs of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.errors import StorageError
from etl.sources.source import get_source
from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.file_hashes import FileStamp, stamp_of
from etl.storage.json_files import dump_json, parse_json_body, read_bytes, read_json, sha256, write_atomic
from etl.transform.facts import PageNeeds, pack_facts, parse_facts, unpack_facts
from etl.transform.hashes import distinct_hashes, numbers
from etl.transform.losses import PageLosses, page_losses
from etl.transform.page import resolve_page, transform_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.sources.source import TransformOptions
    from etl.storage.json_files import JsonBody
    from etl.storage.ledger import PageEntry
    from etl.transform.page import Model, PageResult, RejectedRecord

_HEAD, _FACTS, _DEFERRED, _NEEDS = range(4)  # the parts of the file of an outcome


class Task(NamedTuple):
    """A page to transform, with what another process needs for it.

    Attributes:
        program: The fingerprint of program and options.
        finish: Called with the final models of the page, in the process that made them; again if a guess was wrong.
        observe: Called with the page as it was read, before it is transformed; it must not change the value.
        fields: The fields of models that are kept, where not all of them are read afterwards; None: all.
        guesses: Another data folder, of which the facts that decided models are tried first; None if absent.
    """

    data: DataDir
    source: str
    stream: str
    entry: PageEntry
    options: TransformOptions
    program: str
    finish: Callable[[Sequence[Model]], None] | None = None
    observe: Callable[[JsonBody], None] | None = None
    fields: frozenset[str] | None = None
    guesses: DataDir | None = None

    @property
    def raw(self) -> Path:
        return self.data.raw(self.source, self.stream, self.entry.file)

    @property
    def models(self) -> Path:
        return self.data.models(self.source, self.stream, self.entry.file)

    @property
    def outcome(self) -> Path:
        return self.data.outcomes(self.source, self.stream, self.entry.file)

    def kept(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return those of some fields of a model that are kept."""
        return fields if self.fields is None else {name: fields[name] for name in self.fields if name in fields}


class Resolution(NamedTuple):
    """A page whose models are to be decided by the facts of all pages."""

    task: Task
    needs: PageNeeds


class Outcome(NamedTuple):
    """What became of a page, as far as the whole source needs it; all else is in its file only.

    Attributes:
        row: The entry of the page in the summary.
        body: The hash of the raw page.
        losses: What it lost.
        facts: How many facts its models state.
        deferred: How many of its models facts of other pages may change.
        needs: The hashes of the keys of the facts that its deferred models need.
        counted: The hashes of the ids of its models, by what the summary counts of them.
        resolved: The digest of the facts that decided its deferred models; None before.
        stamps: Those of the raw page and of the models when they had these hashes, as far as this run read or wrote them.
    """

    row: dict[str, Any]
    body: str
    losses: PageLosses
    facts: int
    deferred: int
    needs: bytes
    counted: Mapping[str, bytes]
    resolved: str | None = None
    stamps: tuple[FileStamp | None, FileStamp | None] = (None, None)


def transform_file(task: Task) -> Outcome:
    """Write the models and the outcome of one page, and return the outcome.

    If there are guesses, deferred models are decided by them, and the outcome says so.

    Raises:
        InvalidDataError: it is not a page of the source.
        StorageError: a file cannot be read or written.
    """
    raw_stamp = stamp_of(task.raw)
    body = parse_json_body(read_bytes(task.raw), task.raw)
    if task.observe:
        task.observe(body)
    source = get_source(task.source)
    page = transform_page(source, body, task.raw, task.options)
    rules, facts, hash_ = source.load_rules(), page.facts or {}, sha256(body.content)
    packed = pack_facts(facts, rules.kind)
    guess = _read_guess(task, hash_) if page.deferred else None
    counted: Mapping[str, bytes] = {}
    if guess:
        fields, counted = _decide(task, packed, page.deferred, guess)
        for index, changed in fields.items():
            page.models[index] |= changed
    content = dump_json([*map(task.kept, page.models)])
    write_atomic(task.models, content)
    needs = distinct_hashes(key for evidence in page.deferred.values() for key in rules.needs(evidence))
    outcome = Outcome(
        _summary_row(task, page, content), hash_, page_losses(task.stream, task.entry.file, page), len(facts), len(page.deferred),
        needs, counted, guess and guess.digest(), stamps=(raw_stamp, stamp_of(task.models)),
    )  # fmt: skip
    deferred = b"{}" if guess else orjson.dumps(page.deferred, option=orjson.OPT_NON_STR_KEYS)
    write_parts(task.outcome, task.program, [_dump(outcome), packed, deferred])
    if task.finish and (guess or not page.deferred):  # else the models may change
        task.finish(page.models)
    return outcome


def _read_guess(task: Task, raw_hash: str) -> PageNeeds | None:
    """Return the facts that decided the models of a page with these bytes in the other data folder; None if absent."""
    if not task.guesses:
        return None
    path = task.guesses.outcomes(task.source, task.stream, task.entry.file)
    parts = read_parts(path, _decided_by(task, raw_hash), [_NEEDS])
    return PageNeeds.from_bytes(*parts) if parts else None


def _decided_by(task: Task, raw_hash: str) -> str:
    return f"{task.program} {raw_hash}"


def _decide(
    task: Task, facts: bytes, deferred: Mapping[int, Any], needs: PageNeeds
) -> tuple[dict[int, Mapping[str, Any]], Mapping[str, bytes]]:  # fmt: skip
    """Return `resolve_page` of a page that states these facts."""
    stated = unpack_facts(facts)
    named = parse_facts(stated.line(key) for key in numbers(needs.named)).keys()
    return resolve_page(get_source(task.source), deferred, parse_facts(needs.lines), named, task.options)


def resolve_file(resolution: Resolution) -> Outcome:
    """Decide the models of a page that was transformed by facts of other pages, write models and outcome, and return the outcome.

    Raises:
        InvalidDataError: a file is missing.
        StorageError: a file cannot be read or written.
    """
    task, needs = resolution.task._replace(guesses=None), resolution.needs
    (head, facts, deferred), _ = _parts(task, [_HEAD, _FACTS, _DEFERRED])
    outcome = _parse(head, task)
    if outcome.resolved is not None:  # its models were decided by other facts
        outcome = transform_file(task)
        (facts, deferred), _ = _parts(task, [_FACTS, _DEFERRED])
    evidence = {int(index): value for index, value in orjson.loads(deferred).items()}
    fields, counted = _decide(task, facts, evidence, needs)
    models, row = read_json(task.models), outcome.row
    if fields := {index: kept for index, changed in fields.items() if (kept := task.kept(changed))}:
        for index, changed in fields.items():
            models[index] |= changed
        content = dump_json(models)
        write_atomic(task.models, content)
        row = {**row, "sha256": sha256(content), "unsized": count_unknown_sizes(models)}
    outcome = outcome._replace(row=row, resolved=needs.digest(), counted=counted)
    programs = [*[task.program] * _NEEDS, _decided_by(task, outcome.body)]
    write_parts(task.outcome, programs, [_dump(outcome), facts, deferred, needs.to_bytes()])
    if task.finish:
        task.finish(models)
    return outcome._replace(stamps=(None, stamp_of(task.models) if fields else None))


def read_outcome(task: Task) -> Outcome | None:
    """Return the outcome in the file of a page, if the same program wrote it; other parts of the file may be damaged."""
    parts = read_parts(task.outcome, task.program, [_HEAD])
    return _parse(parts[0], task) if parts else None


def read_facts(task: Task) -> tuple[bytes, Outcome | None]:
    """Return the facts of a page that was transformed; if its file is damaged, it is transformed again, and its new outcome.

    Raises:
        InvalidDataError, StorageError: as `transform_file`.
    """
    (facts,), outcome = _parts(task, [_FACTS])
    return facts, outcome


def _parts(task: Task, numbers: list[int]) -> tuple[list[bytes], Outcome | None]:
    if parts := read_parts(task.outcome, task.program, numbers):
        return parts, None
    outcome = transform_file(task)
    if parts := read_parts(task.outcome, task.program, numbers):
        return parts, outcome
    raise StorageError(f"{task.outcome}: another program changed it during the run; run it again")


def _dump(outcome: Outcome) -> bytes:
    ids, lost = outcome.losses
    return orjson.dumps({
        "row": outcome.row, "body": outcome.body, "ids": ids.hex(), "lost": lost, "facts": outcome.facts,
        "deferred": outcome.deferred, "needs": outcome.needs.hex(), "resolved": outcome.resolved,
        "counted": {word: hashes.hex() for word, hashes in outcome.counted.items()},
    })  # fmt: skip


def _parse(content: bytes, task: Task) -> Outcome:
    head = orjson.loads(content)
    row = {**head["row"], "raw_sha256": task.entry.sha256}
    losses = PageLosses(bytes.fromhex(head["ids"]), head["lost"])
    counted = {word: bytes.fromhex(hashes) for word, hashes in head["counted"].items()}
    needs = bytes.fromhex(head["needs"])
    return Outcome(row, head["body"], losses, head["facts"], head["deferred"], needs, counted, head["resolved"])


def _summary_row(task: Task, page: PageResult, models: bytes) -> dict[str, Any]:
    return {
        "file": task.entry.file, "raw_sha256": task.entry.sha256, "sha256": sha256(models),
        "records": page.records, "models": len(page.models), "unsized": count_unknown_sizes(page.models),
        "set_aside": [_rejected_row(record) for record in page.set_aside], "dropped": _dropped_rows(page),
        "forbidden_images": page.forbidden_images,
    }  # fmt: skip


def count_unknown_sizes(models: Sequence[Model]) -> int:
    """Return how many models are of unknown size."""
    return sum(model.get("size") == "unknown" for model in models)


def _rejected_row(record: RejectedRecord) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if key == "id" or value is not None}


def _dropped_rows(page: PageResult) -> list[dict[str, Any]]:
    """Return how many models of a page lost a field, by field and reason, with the id of the first."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for value in page.dropped:
        row = {"field": value.field, "reason": value.reason, "models": 0, "first": value.id}
        rows.setdefault((value.field, value.reason), row)["models"] += 1
    return [*rows.values()]
