"""One page of a stream on disk: from its raw file to its models, with what the whole source needs of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.errors import StorageError
from etl.sources.source import get_source
from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.file_hashes import FileStamp, stamp_of
from etl.storage.json_files import dump_json, parse_json_body, read_bytes, sha256, write_atomic
from etl.transform.facts import FactKeys, PageNeeds, find_lines, pack_facts, parse_facts
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

# The parts of the file of an outcome: while the models wait for facts of other pages, these models, then what decided them.
_HEAD, FACT_KEYS, FACTS, _PENDING, _NEEDS = range(5)


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

    def kept(self, models: Sequence[Model]) -> Sequence[Model]:
        """Return the models with the fields that are kept."""
        fields = self.fields
        return models if fields is None else [{name: model[name] for name in model if name in fields} for model in models]


class Resolution(NamedTuple):
    """A page whose models are to be decided by the facts of all pages."""

    task: Task
    needs: PageNeeds


class Outcome(NamedTuple):
    """What became of a page, as far as the whole source needs it; all else is in its file only.

    Attributes:
        row: The entry of the page in the summary; of a pending page, without what its models decide.
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

    @property
    def is_pending(self) -> bool:
        """Whether its models are not written, since facts of other pages may change them."""
        return bool(self.deferred) and self.resolved is None


def transform_file(task: Task) -> Outcome:
    """Write the models and the outcome of one page, and return the outcome.

    Models that facts of other pages may change are decided by the guess, if there is one, as the outcome says. Else
    `resolve_file` writes them; until then they are in the file of the outcome.

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
    rules, facts = source.load_rules(), page.facts or {}
    needs = distinct_hashes(key for index in page.deferred for key in rules.needs(page.models[index]))
    outcome = Outcome(
        _summary_row(task, page), sha256(body.content), page_losses(task.stream, task.entry.file, page), len(facts),
        len(page.deferred), needs, {}, stamps=(raw_stamp, None),
    )  # fmt: skip
    packed = pack_facts(facts, rules.kind)
    try:
        deciding = _read_guess(task, outcome.body) if page.deferred else PageNeeds([], b"")
        if deciding:
            return _decide(task, outcome, page.models, page.deferred, packed, deciding)
    except Exception:
        if not task.guesses:
            raise
        return transform_file(task._replace(guesses=None))  # anyone may have written the guess
    pending = orjson.dumps([page.models, page.deferred], option=orjson.OPT_NON_STR_KEYS)
    write_parts(task.outcome, task.program, [_dump(outcome), *packed, pending, b""])
    return outcome


def resolve_file(resolution: Resolution) -> Outcome:
    """Decide the models of a page that was transformed by facts of other pages, write models and outcome, and return the outcome.

    Raises:
        InvalidDataError: a file is missing, or is not a page of the source.
        StorageError: a file cannot be read or written.
    """
    task, needs = resolution.task._replace(guesses=None), resolution.needs
    (head,), _ = _parts(task, [_HEAD])
    if not _parse(head, task).is_pending:  # its models were decided by other facts
        transform_file(task)
    (head, keys, facts, pending), _ = _parts(task, [_HEAD, FACT_KEYS, FACTS, _PENDING])
    models, deferred = orjson.loads(pending)
    evidence = {int(index): value for index, value in deferred.items()}
    return _decide(task, _parse(head, task), models, evidence, (keys, facts), needs)


def _decide(  # noqa: PLR0913, PLR0917 -- a page that was transformed, and what decides it
    task: Task, outcome: Outcome, models: Sequence[Model], deferred: Mapping[int, Any], facts: tuple[bytes, bytes],
    needs: PageNeeds,
) -> Outcome:  # fmt: skip
    """Decide the deferred ones of the models of a page, write models and outcome, and return the outcome.

    `facts` are those of the page, see `pack_facts`.
    """
    if deferred:
        keys, lines = facts
        named = parse_facts(find_lines(FactKeys.from_bytes(keys).keys, lines, numbers(needs.named))).keys()
        counted = resolve_page(get_source(task.source), models, deferred, parse_facts(needs.lines), named, task.options)
        outcome = outcome._replace(resolved=needs.digest(), counted=counted)
    content = dump_json(task.kept(models))
    unsized = sum(model.get("size") == "unknown" for model in models)
    outcome = outcome._replace(row={**outcome.row, "sha256": sha256(content), "unsized": unsized})
    programs = [*[task.program] * _NEEDS, _decided_by(task, outcome.body)]
    write_parts(task.outcome, programs, [_dump(outcome), *facts, b"", needs.to_bytes()])
    write_atomic(task.models, content)  # last: if its stream is removed, only its outcome may tell that there are models
    if task.finish:
        task.finish(models)
    return outcome._replace(stamps=(outcome.stamps[0], stamp_of(task.models)))


def _read_guess(task: Task, raw_hash: str) -> PageNeeds | None:
    """Return the facts that decided the models of a page with these bytes in the other data folder; None if absent."""
    if not task.guesses:
        return None
    path = task.guesses.outcomes(task.source, task.stream, task.entry.file)
    parts = read_parts(path, _decided_by(task, raw_hash), [_NEEDS])
    return PageNeeds.from_bytes(*parts) if parts else None


def _decided_by(task: Task, raw_hash: str) -> str:
    return f"{task.program} {raw_hash}"


def read_outcome(task: Task) -> Outcome | None:
    """Return the outcome in the file of a page, if the same program wrote it; other parts of the file may be damaged."""
    parts = read_parts(task.outcome, task.program, [_HEAD])
    return _parse(parts[0], task) if parts else None


def read_facts(task: Task, part: int) -> tuple[bytes, Outcome | None]:
    """Return FACT_KEYS or FACTS of a page that was transformed, see `pack_facts`.

    If its file is damaged, it is transformed again, and its new outcome returned, too.

    Raises:
        InvalidDataError, StorageError: as `transform_file`.
    """
    (facts,), outcome = _parts(task, [part])
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


def _summary_row(task: Task, page: PageResult) -> dict[str, Any]:
    return {
        "file": task.entry.file, "raw_sha256": task.entry.sha256, "sha256": "",
        "records": page.records, "models": len(page.models), "unsized": 0,
        "set_aside": [_rejected_row(record) for record in page.set_aside], "dropped": _dropped_rows(page),
        "forbidden_images": page.forbidden_images,
    }  # fmt: skip


def _rejected_row(record: RejectedRecord) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if key == "id" or value is not None}


def _dropped_rows(page: PageResult) -> list[dict[str, Any]]:
    """Return how many models of a page lost a field, by field and reason, with the id of the first."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for value in page.dropped:
        row = {"field": value.field, "reason": value.reason, "models": 0, "first": value.id}
        rows.setdefault((value.field, value.reason), row)["models"] += 1
    return [*rows.values()]
