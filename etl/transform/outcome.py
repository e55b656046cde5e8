"""What became of a page: as the whole source needs it, as its file has it, and as the summary lists it. No I/O."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.transform.losses import PageLosses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.storage.file_hashes import FileStamp
    from etl.storage.ledger import PageEntry
    from etl.transform.page import PageResult, RejectedRecord


class Outcome(NamedTuple):
    """What became of a page, as far as the whole source needs it; all else is in its file only.

    Attributes:
        row: The entry of the page in the summary; of a pending page, without what its models decide.
        body: The hash of the raw page.
        losses: What it lost.
        facts: How many facts its models state.
        deferred: How many of its models facts of other pages may change.
        needs: The hashes of the keys of the facts that its deferred models need.
        follows: Those of the keys that facts of its rejected records name, and perhaps others.
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
    follows: bytes
    counted: Mapping[str, bytes]
    resolved: str | None = None
    stamps: tuple[FileStamp | None, FileStamp | None] = (None, None)

    @property
    def is_pending(self) -> bool:
        """Whether its models are not written, since facts of other pages may change them."""
        return bool(self.deferred) and self.resolved is None


def dump_outcome(outcome: Outcome) -> bytes:
    """Return an outcome as a file has it, without the stamps."""
    ids, lost = outcome.losses
    return orjson.dumps({
        "row": outcome.row, "body": outcome.body, "ids": ids.hex(), "lost": lost, "facts": outcome.facts,
        "deferred": outcome.deferred, "needs": outcome.needs.hex(), "follows": outcome.follows.hex(),
        "resolved": outcome.resolved, "counted": {word: hashes.hex() for word, hashes in outcome.counted.items()},
    })  # fmt: skip


def parse_outcome(content: bytes, entry: PageEntry) -> Outcome:
    """Return the outcome of a page that `dump_outcome` returned."""
    head = orjson.loads(content)
    row = {**head["row"], "raw_sha256": entry.sha256}
    losses = PageLosses(bytes.fromhex(head["ids"]), head["lost"])
    counted = {word: bytes.fromhex(hashes) for word, hashes in head["counted"].items()}
    needs, follows = bytes.fromhex(head["needs"]), bytes.fromhex(head["follows"])
    return Outcome(row, head["body"], losses, head["facts"], head["deferred"], needs, follows, counted, head["resolved"])


def summary_row(entry: PageEntry, page: PageResult) -> dict[str, Any]:
    """Return the entry of a page in the summary, without what its final models decide."""
    return {
        "file": entry.file, "raw_sha256": entry.sha256, "sha256": "",
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
