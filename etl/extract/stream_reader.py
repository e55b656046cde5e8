"""One stream on its way from the API to the disk, page by page, beside its predecessor until it is complete."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, InvalidDataError, UpstreamContractError
from etl.selection.sufficiency import Progress
from etl.storage.json_files import write_atomic
from etl.storage.ledger import Ledger, PageEntry, age_s, read_ledger_or_none, read_verified_body, write_ledger
from etl.storage.swap import link, remove, swap_directories

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from etl.config.model import SourceConfig, Stream
    from etl.core.layout import DataDir
    from etl.extract.http_client import Client
    from etl.extract.responses import PageResponse

RESUME_WINDOW_S = 6 * 3600  # the APIs' cursors point into an order that moves
MAX_EMPTY_PAGES = 50  # pages in a row without a record, each naming a next
MIN_RECORD_LIMIT = 1000  # of a page, or twice as many as were asked
SPARE_PAGES = 50  # of a stream, beyond twice as many as full pages would take to reach `depth`


@dataclass(frozen=True)
class ExtractOptions:
    """When a stream has been read far enough, and what time it is.

    Attributes:
        judge: Of a stream, a function to which its pages are given in order, and which tells what they hold so far.
        depth: Records after which a stream ends in any case.
        now: The time, as it is written into ledgers.
        max_age_s: Streams whose last good reading is younger are not asked again; all are asked without it.
        since_ns: When the run began that this one goes on with, by the clock of the disk; null where it goes on with none.
        swapping: Of a source, a context in which nobody reads its streams, so that one may take the place of another.
        on_wait: Called with a line where another process has to be waited for.
    """

    judge: Callable[[SourceConfig, Stream], Callable[[bytes], Progress]]
    depth: int
    now: Callable[[], str]
    max_age_s: float | None = None
    since_ns: int | None = None
    swapping: Callable[[str], AbstractContextManager[None]] = lambda _source: nullcontext()
    on_wait: Callable[[str], None] = lambda _line: None

    def is_fresh(self, ledger: Ledger, request: str, written_ns: int = 0) -> bool:
        """Tell whether a stream on disk need not be asked again; `request` is what would be asked."""
        if not ledger.complete or ledger.failed_at or ledger.pages[0].url != request:
            return False
        is_young = self.max_age_s is not None and age_s(ledger.checked_at, self.now()) < self.max_age_s
        return is_young or (self.since_ns is not None and written_ns >= self.since_ns)


class StreamReader:
    """The pages of one stream, read until they suffice, `depth` records were read, or the API has no more.

    `target` is what to ask next, null when the reading has ended; `failed` says why it ended badly, null otherwise, `warning`
    what could not be removed after a good end;
    `changed` counts pages whose bytes are not those that were on disk; `resumed` those that an earlier run had read.
    """

    def __init__(self, data: DataDir, source: SourceConfig, stream: Stream, client: Client, terms: ExtractOptions) -> None:
        self.source, self.stream, self.client = source, stream, client
        self.target: str | None
        self.pages: list[PageEntry]
        self.failed: EtlError | None = None
        self.warning: str | None = None
        self.is_asked = self.is_fresh = False  # whether what is told of it last came of a request; whether it needs none
        self._terms = terms
        self._place = data.raw(source.name, stream.name)
        self._ledger = data.ledger(source.name, stream.name)
        self._folder = data.raw(source.name, f".{stream.name}")
        self._old: Ledger | None = None
        self._start()

    def begin(self) -> None:
        """Look what is on disk: whether it need not be asked again, or what an earlier run had read of it.

        Raises:
            DiskRefused: it cannot be read or put in its place.
        """
        self._old = read_ledger_or_none(self._ledger)
        left = read_ledger_or_none(self._folder / self._ledger.name)
        if left and left.complete and self._is_newer(left):
            with self._terms.swapping(self.source.name):
                swap_directories(self._folder, self._place, self._ledger.name)  # it was stopped at the last moment
            self._old, left = left, None
        request = self.client.first(self.stream.params)
        if self._old and self._terms.is_fresh(self._old, request, self._ledger.stat().st_mtime_ns):
            self.is_fresh, self.target = True, None
        elif left and not left.complete and left.pages[0].url == request:
            self._resume(left)
        if self.resumed == 0 and self._folder.exists():
            shutil.rmtree(self._folder)

    def _is_newer(self, left: Ledger) -> bool:
        """Tell whether a whole stream that lies beside is newer than that in place, also where the clock stands still."""
        if self._old is None:
            return True
        written = [path.stat().st_mtime_ns for path in (self._folder / self._ledger.name, self._ledger)]
        return (left.checked_at, written[0]) > (self._old.checked_at, written[1])

    @property
    def records(self) -> int:
        return sum(page.records for page in self.pages)

    @property
    def size_bytes(self) -> int:
        """The length of all bodies, decompressed."""
        return sum(page.bytes for page in self.pages)

    @property
    def etag(self) -> str | None:
        """The tag of the page on disk that `target` asks for again, if it has one and is still what came."""
        old, _ = self._before()
        return old.etag if old and old.url == self.target else None

    def take(self, answer: PageResponse) -> None:
        """Keep the answer to `target`, and decide what to ask next.

        Raises:
            BadAnswer: it is not a page.
            DiskRefused: it cannot be kept.
        """
        old, before = self._before()
        body = answer.body if answer.body is not None or self.etag is None else before
        if body is None:
            raise InvalidDataError("answered 304 to a request that told of no page on disk; is there a cache between?")
        page = self._page(body, answer, old)
        if body == before:
            self._folder.mkdir(parents=True, exist_ok=True)
            link(self._place / page.file, self._folder / page.file)
        else:
            write_atomic(self._folder / page.file, body)
        self._count(page, body, is_same=body == before)
        if self.target is None:
            self._finish()
        else:
            unfinished = Ledger(tuple(self.pages), self._terms.now(), complete=False, exhausted=False)
            write_ledger(self._folder / self._ledger.name, unfinished)

    def fail(self, error: EtlError) -> None:
        """End the reading; what was on disk stays, marked with the first failure since it was read.

        What was read stays beside it, for a later run to go on, unless the source refused to. When it refuses to go on with
        what an earlier run had read, the reading begins anew instead.
        """
        if isinstance(error, InvalidDataError):
            shutil.rmtree(self._folder, ignore_errors=True)
            if self.resumed:
                self._start()
                return
        self.target, self.failed = None, error
        if self._old:
            since = self._old.failed_at or self._terms.now()
            try:
                with self._terms.swapping(self.source.name):
                    write_ledger(self._ledger, replace(self._old, failed_at=since, failed=str(error)))
            except EtlError as refused:
                self.failed = refused

    def _start(self) -> None:
        """Begin with the first page."""
        self.target = self.client.first(self.stream.params)
        self.pages = []
        self.changed = self.resumed = 0
        self.exhausted = False
        self.judged = Progress(is_sufficient=False)
        self._judge = self._terms.judge(self.source, self.stream)

    def _resume(self, left: Ledger) -> None:
        """Go on where an earlier run was stopped, if that was not long ago."""
        if age_s(left.checked_at, self._terms.now()) >= RESUME_WINDOW_S:
            return
        try:
            self._replay(left)
        except InvalidDataError:  # it would not be kept today
            self._start()
        if self.target is None:
            self._finish()

    def _replay(self, left: Ledger) -> None:
        for page in left.pages:
            body = read_verified_body(self._folder, page)
            if body is None or self.target is None:
                break
            _, before = self._before()
            self._count(page, body, is_same=body == before)
            self.resumed += 1

    def _count(self, page: PageEntry, body: bytes, *, is_same: bool) -> None:
        """Count a page that is on disk, and decide what to ask next.

        Raises:
            SourceChanged: most models so far are not what was asked.
            BadAnswer: there are far more pages than `depth` needs, and no end.
        """
        self.judged = self._judge(body)
        if 2 * self.judged.strangers > self.judged.models:
            told = f"{self.judged.strangers} of {self.judged.models} models are not what was asked"
            raise UpstreamContractError(f"{told}: the source ignores an option")
        self.pages.append(page)
        self.changed += not is_same
        self.exhausted = page.next is None
        self.target = None if self.judged.is_sufficient or self.records >= self._terms.depth else page.next
        most = 2 * self._terms.depth // self.source.page_size + SPARE_PAGES
        if self.target and len(self.pages) >= most:
            told = f"{most:,} pages have {self.records:,} records, and there is a next (expected {self._terms.depth:,} records in"
            raise InvalidDataError(f"{told} at most 2 * depth / page + {SPARE_PAGES} pages); has the source changed?")

    def _page(self, body: bytes, answer: PageResponse, old: PageEntry | None) -> PageEntry:
        """Return what the ledger says of an answer; `old` is the page on disk that it may repeat."""
        if self.target is None:
            raise AssertionError("the reading has ended")
        value = json.loads(body) if answer.body is None else answer.value
        records, following = self.client.read(self.target, value, answer.link)
        if records > (most := max(2 * self.source.page_size, MIN_RECORD_LIMIT)):
            told = f"the page has {records:,} records (expected at most {most:,}, for {self.source.page_size:,} were asked)"
            raise InvalidDataError(f"{told}; does the source ignore the size of a page?")
        sha256 = hashlib.sha256(body).hexdigest()
        etag, fetched_at = answer.etag, self._terms.now()
        if old and old.sha256 == sha256:
            etag, fetched_at = etag or old.etag, old.fetched_at
            following = old.next if answer.body is None else following  # a 304 need not repeat its Link header
        if following in (self.target, *(page.url for page in self.pages)):
            raise InvalidDataError("the next page is one already read, so that the stream would never end")
        lately = [*(page.records for page in self.pages[1 - MAX_EMPTY_PAGES :]), records]
        if following and len(lately) == MAX_EMPTY_PAGES and not any(lately):
            raise InvalidDataError(
                f"the last {MAX_EMPTY_PAGES} pages hold no record, and there is a next; has the source changed?"
            )
        file = f"page-{len(self.pages) + 1:04}.json"
        return PageEntry(self.target, file, sha256, len(body), etag, fetched_at, records, following)

    def _finish(self) -> None:
        """Put the new pages in the place of the old; where no page changed, leave the files alone."""
        ledger = Ledger(
            tuple(self.pages), self._terms.now(), complete=True, exhausted=self.exhausted,
            duplicates=self.judged.duplicates, strangers=self.judged.strangers,
        )  # fmt: skip
        if self.changed == 0 and self._old and len(self._old.pages) == len(self.pages):
            write_ledger(self._ledger, ledger)
            self.warning = remove(self._folder)
            return
        write_ledger(self._folder / self._ledger.name, ledger)
        with self._terms.swapping(self.source.name):
            self.warning = swap_directories(self._folder, self._place, self._ledger.name).warning

    def _before(self) -> tuple[PageEntry, bytes] | tuple[None, None]:
        """Return the page on disk at the place of `target`, with its bytes, if they are those of its ledger."""
        if not self._old or len(self.pages) >= len(self._old.pages):
            return None, None
        page = self._old.pages[len(self.pages)]
        body = read_verified_body(self._place, page)
        return (None, None) if body is None else (page, body)
