"""One page of a stream on disk: from its raw file to its models, with what the whole source needs of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.sources.source import TransformOptions, get_source
from etl.storage.json_files import dump_json, read_bytes, sha256, write_atomic
from etl.transform.losses import page_losses
from etl.transform.page import transform_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.core.layout import DataDir
    from etl.storage.ledger import PageEntry
    from etl.transform.page import Model, PageResult, RejectedRecord

Outcome = dict[str, Any]  # JSON values, as `transform_file` returns them


class Task(NamedTuple):
    """A page to transform, with what another process needs for it."""

    data: DataDir
    source: str
    stream: str
    entry: PageEntry
    options: TransformOptions

    @property
    def raw(self) -> Path:
        return self.data.raw(self.source, self.stream) / self.entry.file

    @property
    def models(self) -> Path:
        return self.data.models(self.source, self.stream) / self.entry.file


def transform_file(task: Task) -> Outcome:
    """Write the models of one page, and return its outcome.

    `row` is its entry in the summary, `body` the hash of the raw page, `losses`, `deferred` and `facts` are what is needed to
    finish the source, and `resolved` the narrowed facts that its models were last decided with.

    Raises:
        InvalidDataError: it is not a page of the source.
        StorageError: a file cannot be read or written.
    """
    body = read_bytes(task.raw)
    page = transform_page(get_source(task.source), body, task.raw, task.options)
    content = dump_json(page.models)
    write_atomic(task.models, content)
    return {
        "row": {
            "file": task.entry.file, "raw_sha256": task.entry.sha256, "sha256": sha256(content),
            "records": page.records, "models": len(page.models), "unsized": count_unknown_sizes(page.models),
            "set_aside": [_rejected_row(record) for record in page.set_aside], "dropped": _dropped_rows(page),
            "forbidden_images": page.forbidden_images,
        },
        "body": sha256(body),
        "losses": page_losses(task.stream, task.entry.file, page),
        "deferred": page.deferred,
        "facts": page.facts,
        "resolved": None,
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
