"""How far extract reads a stream, and which streams it skips."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.storage.ledger import age_s

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from etl.config.filters import Stream
    from etl.config.source_config import SourceConfig
    from etl.selection.sufficiency import Progress
    from etl.storage.json_files import JsonBody
    from etl.storage.ledger import Ledger


@dataclass(frozen=True)
class ExtractOptions:
    """The options of one run of extract.

    Attributes:
        assess: Returns for a stream the function that takes its pages in order, each with its time, and returns what they hold.
        depth: Records after which a stream ends in any case.
        now: Returns the time, in the format of ledgers.
        max_age_s: Streams checked more recently than this are skipped; None skips none.
        resumed_since_ns: When the interrupted run that this one resumes began, by the clock of the disk; None if absent.
        swap_lock: Returns for a source a context that excludes the readers of its streams while one is swapped in.
        on_wait: Called with a message before waiting for another process.
    """

    assess: Callable[[SourceConfig, Stream], Callable[[JsonBody, str], Progress]]
    depth: int
    now: Callable[[], str]
    max_age_s: float | None = None
    resumed_since_ns: int | None = None
    swap_lock: Callable[[str], AbstractContextManager[None]] = lambda _source: nullcontext()
    on_wait: Callable[[str], None] = lambda _message: None

    def is_fresh(self, ledger: Ledger, request: str, written_ns: int = 0) -> bool:
        """Return whether a stream on disk need not be fetched; `request` is its first request today."""
        if not ledger.complete or ledger.failed_at or ledger.pages[0].url != request:
            return False
        is_recent = self.max_age_s is not None and age_s(ledger.checked_at, self.now()) < self.max_age_s
        return is_recent or (self.resumed_since_ns is not None and written_ns >= self.resumed_since_ns)
