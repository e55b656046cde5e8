"""One page of a stream on disk: from its raw file to its models, with what the whole source needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.errors import StorageError
from etl.sources.source import get_source
from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.file_hashes import stamp_of
from etl.storage.json_files import dump_json, parse_json_body, read_bytes, sha256, write_atomic
from etl.transform.facts import FactKeys, PageNeeds, find_lines, pack_facts, parse_facts
from etl.transform.hashes import distinct_hashes, numbers
from etl.transform.losses import page_losses
from etl.transform.outcome import Outcome, dump_outcome, parse_outcome, summary_row
from etl.transform.page import followed_keys, needed_keys, resolve_page, transform_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.sources.source import TransformOptions
    from etl.storage.json_files import JsonBody
    from etl.storage.ledger import PageEntry
    from etl.transform.page import Model

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
    needs, follows = distinct_hashes(needed_keys(page, rules)), distinct_hashes(followed_keys(page, rules))
    outcome = Outcome(
        summary_row(task.entry, page), sha256(body.content), page_losses(task.stream, task.entry.file, page), len(facts),
        len(page.deferred), needs, follows, {}, stamps=(raw_stamp, None),
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
    rows = [[*model.values()] for model in page.models]  # all have the same fields
    pending = orjson.dumps([[*page.models[0]], rows, [*page.deferred], [*page.deferred.values()]])
    write_parts(task.outcome, task.program, [dump_outcome(outcome), *packed, pending, b""])
    return outcome


def resolve_file(resolution: Resolution) -> Outcome:
    """Decide the models of a page that was transformed by facts of other pages, write models and outcome, and return the outcome.

    Raises:
        InvalidDataError: a file is missing, or is not a page of the source.
        StorageError: a file cannot be read or written.
    """
    task, needs = resolution.task._replace(guesses=None), resolution.needs
    (head,), _ = _parts(task, [_HEAD])
    if not parse_outcome(head, task.entry).is_pending:  # its models were decided by other facts
        transform_file(task)
    (head, keys, facts, pending), _ = _parts(task, [_HEAD, FACT_KEYS, FACTS, _PENDING])
    fields, rows, indexes, evidence = orjson.loads(pending)
    models = [dict(zip(fields, row, strict=True)) for row in rows]
    deferred = dict(zip(indexes, evidence, strict=True))
    return _decide(task, parse_outcome(head, task.entry), models, deferred, (keys, facts), needs)


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
    write_parts(task.outcome, programs, [dump_outcome(outcome), *facts, b"", needs.to_bytes()])
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
    return parse_outcome(parts[0], task.entry) if parts else None


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
