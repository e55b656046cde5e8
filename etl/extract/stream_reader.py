"""One stream, from the API to the disk: downloaded to a temporary directory, swapped in once complete."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from etl.core.errors import EtlError, InvalidDataError
from etl.extract.limits import check_next_page, check_page_count, check_record_count, check_unrequested
from etl.selection.sufficiency import Progress
from etl.storage.json_files import parse_json_body, sha256, write_atomic
from etl.storage.ledger import Ledger, PageEntry, age_s, page_file, read_ledger_or_none, read_verified_body, write_ledger
from etl.storage.partial import PartialStream
from etl.storage.swap import link, remove, swap_directories

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.filters import Stream
    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir
    from etl.extract.options import ExtractOptions
    from etl.extract.pagination import Pagination
    from etl.extract.responses import PageResponse
    from etl.storage.json_files import JsonBody

RESUME_WINDOW_S = 6 * 3600  # the APIs' cursors are positions in an order that changes


class StreamReader:
    """Reads the pages of one stream until its manifests are full, `depth` records are read, or the API has no more.

    Attributes:
        next_request: Path and query of the next page; None when the stream has ended.
        failed: Why it ended without success, else None.
        warning: What could not be removed after a success, else None.
        was_requested: Whether its last step sent a request.
        is_fresh: Whether it was skipped.
        changed: How many pages differ from those on disk before.
        resumed: How many pages an earlier run had read.
        records: How many records were read.
        size_bytes: The length of all bodies, decompressed.
        progress: What its pages contain so far.
    """

    def __init__(
        self, data: DataDir, source: SourceConfig, stream: Stream, pagination: Pagination, options: ExtractOptions
    ) -> None:  # fmt: skip
        self.source, self.stream = source, stream
        self.next_request: str | None
        self.pages: list[PageEntry]
        self.failed: EtlError | None = None
        self.warning: str | None = None
        self.was_requested = self.is_fresh = False
        self._pagination, self._options = pagination, options
        self._dest = data.raw(source.name, stream.name)
        self._ledger = data.ledger(source.name, stream.name)
        self._partial = PartialStream(data.raw(source.name, f".{stream.name}"), self._ledger.name)
        self._old: Ledger | None = None
        self._reset()

    def open(self, on_page: Callable[[], None] = lambda: None) -> None:
        """Inspect the disk: skip a fresh stream, or resume a partial one, whose pages are read again.

        `on_page` is called before each of these.

        Raises:
            StorageError: a ledger cannot be read, or a complete stream not swapped in.
        """
        self._old = read_ledger_or_none(self._ledger)
        partial = self._partial.read()
        if partial and partial.complete and self._is_newer(partial):
            self._partial.tidy(partial)
            with self._options.swap_lock(self.source.name):
                swap_directories(self._partial.folder, self._dest, self._ledger.name)  # interrupted just before its swap
            self._old, partial = partial, None
        first = self._pagination.first_request(self.stream.params)
        if self._old and self._options.is_fresh(self._old, first, self._ledger.stat().st_mtime_ns):
            self.is_fresh, self.next_request = True, None
        elif partial and not partial.complete and partial.pages[0].url == first:
            self._resume(partial, on_page)
        if self.resumed == 0:
            self._partial.remove()

    def accept(self, response: PageResponse) -> None:
        """Store the response to `next_request`, and decide what to request next.

        Raises:
            InvalidDataError: it is not a page, or exceeds a limit.
            StorageError: it cannot be written.
        """
        cached, cached_body = self._cached_page()
        body = response.body
        if body is None:
            if cached_body is None or self.etag is None:
                raise InvalidDataError("got a 304 response to a request without an ETag; is there a caching proxy?")
            body = parse_json_body(cached_body, self._dest)
        page = self._entry(body, response, cached)
        is_changed = body.content != cached_body
        if not is_changed:
            self._partial.folder.mkdir(parents=True, exist_ok=True)
            link(self._dest / page.file, self._partial.folder / page.file)
        else:
            write_atomic(self._partial.folder / page.file, body.content)
        self._append(page, body, is_changed=is_changed)
        if self.next_request is None:
            self._commit()
        else:
            self._partial.append(page, self._options.now())
        self._has_accepted = True

    def fail(self, error: EtlError) -> None:
        """End the stream; what is on disk stays, marked with its first failure since the last success.

        The pages read so far are kept for a later run to resume at the page that failed. If that page is invalid, or its request
        rejected, as soon as a run resumes, the stream starts over instead: its position may no longer exist.
        """
        if isinstance(error, InvalidDataError) and not self._has_accepted:
            with suppress(OSError):
                self._partial.remove()
            if self.resumed:
                self._reset()
                return
        self.next_request, self.failed = None, error
        if self._old:
            since = self._old.failed_at or self._options.now()
            try:
                with self._options.swap_lock(self.source.name):
                    write_ledger(self._ledger, replace(self._old, failed_at=since, failed=str(error)))
            except EtlError as write_error:
                self.failed = write_error

    @property
    def etag(self) -> str | None:
        """The ETag of the valid page on disk that `next_request` would fetch again; None if absent."""
        cached, _ = self._cached_page()
        return cached.etag if cached and cached.url == self.next_request else None

    def _is_newer(self, partial: Ledger) -> bool:
        """Return whether a complete stream in the temporary directory is newer than that on disk, even if the clock is fixed."""
        if self._old is None:
            return True
        written_ns = [path.stat().st_mtime_ns for path in (self._partial.ledger, self._ledger)]
        return (partial.checked_at, written_ns[0]) > (self._old.checked_at, written_ns[1])

    def _reset(self) -> None:
        """Start with the first page."""
        self.next_request = self._pagination.first_request(self.stream.params)
        self.pages = []
        self.changed = self.resumed = self.records = self.size_bytes = self._empty_pages = 0
        self._requested: set[str] = set()
        self.exhausted = self._has_accepted = False
        self.progress = Progress(is_sufficient=False)
        self._assess = self._options.assess(self.source, self.stream)

    def _resume(self, partial: Ledger, on_page: Callable[[], None]) -> None:
        """Continue an interrupted run that is recent enough."""
        if age_s(partial.checked_at, self._options.now()) >= RESUME_WINDOW_S:
            return
        try:
            self._replay(partial, on_page)
        except InvalidDataError:  # it exceeds a limit of today
            self._reset()
        if self.next_request is None:
            self._commit()
        elif self.resumed:
            self._partial.resume(self.pages, partial.checked_at)

    def _replay(self, partial: Ledger, on_page: Callable[[], None]) -> None:
        for page in partial.pages:
            body = read_verified_body(self._partial.folder, page)
            if body is None or self.next_request is None:
                break
            on_page()
            _, cached_body = self._cached_page()
            self._append(page, parse_json_body(body, self._partial.folder / page.file), is_changed=body != cached_body)
            self.resumed += 1

    def _append(self, page: PageEntry, body: JsonBody, *, is_changed: bool) -> None:
        """Count a page that is on disk, and decide what to request next.

        Raises:
            UpstreamContractError: most models so far were not requested.
            InvalidDataError: there are far more pages than `depth` needs.
        """
        self.progress = self._assess(body, page.fetched_at)
        check_unrequested(self.progress)
        self.pages.append(page)
        self._requested.add(page.url)
        self.records += page.records
        self.size_bytes += page.bytes
        self.changed += is_changed
        self._empty_pages = 0 if page.records else self._empty_pages + 1
        self.exhausted = page.next is None
        self.next_request = None if self.progress.is_sufficient or self.records >= self._options.depth else page.next
        if self.next_request:
            check_page_count(len(self.pages), self.records, self._options.depth, self.source.page_size)

    def _entry(self, body: JsonBody, response: PageResponse, cached: PageEntry | None) -> PageEntry:
        """Return the ledger's entry of a response; `cached` is the page on disk at its index."""
        if self.next_request is None:
            raise AssertionError("the stream has ended")
        records, next_request = self._pagination.parse_page(self.next_request, body.value, response.link)
        if self.source.page_param:  # without it, the source decides how many records a page has
            check_record_count(records, self.source.page_size)
        content_sha256 = sha256(body.content)
        etag, fetched_at = response.etag, self._options.now()
        if cached and cached.sha256 == content_sha256:
            etag, fetched_at = etag or cached.etag, cached.fetched_at
            next_request = cached.next if response.body is None else next_request  # a 304 need not repeat its Link header
        file = page_file(len(self.pages) + 1)
        page = PageEntry(self.next_request, file, content_sha256, len(body.content), etag, fetched_at, records, next_request)
        check_next_page(page, self._requested, self._empty_pages)
        return page

    def _commit(self) -> None:
        """Swap in the new pages; if none changed, update the ledger only."""
        ledger = Ledger(
            tuple(self.pages), self._options.now(), complete=True, exhausted=self.exhausted,
            duplicates=self.progress.duplicates, strangers=self.progress.unrequested,
        )  # fmt: skip
        if self.changed == 0 and self._old and len(self._old.pages) == len(self.pages):
            write_ledger(self._ledger, ledger)
            self.warning = remove(self._partial.folder)
            return
        self._partial.complete(ledger)
        with self._options.swap_lock(self.source.name):
            self.warning = swap_directories(self._partial.folder, self._dest, self._ledger.name).warning

    def _cached_page(self) -> tuple[PageEntry, bytes] | tuple[None, None]:
        """Return the page on disk at the index of the next one, with its body; None if absent or not valid."""
        if not self._old or len(self.pages) >= len(self._old.pages):
            return None, None
        page = self._old.pages[len(self.pages)]
        body = read_verified_body(self._dest, page)
        return (None, None) if body is None else (page, body)
