"""Limits on what a source may send in one stream. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.core.errors import InvalidDataError, UpstreamContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.selection.sufficiency import Progress
    from etl.storage.ledger import PageEntry

MAX_EMPTY_PAGES = 50  # consecutive pages without a record, each linking to a next one
MIN_RECORD_LIMIT = 1000  # records of a page; the limit is twice the page size where that is more
SPARE_PAGES = 50  # of a stream, beyond twice as many as full pages need to reach `depth`


def check_record_count(records: int, page_size: int) -> None:
    """Check how many records a page has.

    Raises:
        InvalidDataError: far more than were requested.
    """
    limit = max(2 * page_size, MIN_RECORD_LIMIT)
    if records > limit:
        problem = f"the page has {records:,} records (expected at most {limit:,} for a page size of {page_size:,})"
        raise InvalidDataError(f"{problem}; does the source ignore the page size?")


def check_next_page(page: PageEntry, previous: Sequence[PageEntry]) -> None:
    """Check where a page links to; `previous` are the pages before it.

    Raises:
        InvalidDataError: to itself or a previous page, or on and on without a record.
    """
    if page.next is None:
        return
    if page.next in (page.url, *(entry.url for entry in previous)):
        raise InvalidDataError("the next page was fetched before, so the stream would never end; has the source changed?")
    latest = [*previous[1 - MAX_EMPTY_PAGES :], page]
    if len(latest) == MAX_EMPTY_PAGES and not any(entry.records for entry in latest):
        raise InvalidDataError(
            f"the last {MAX_EMPTY_PAGES} pages have no records, but link to a next page; has the source changed?"
        )  # fmt: skip


def check_unrequested(progress: Progress) -> None:
    """Check how many models of a stream do not match its request.

    Raises:
        UpstreamContractError: most of them.
    """
    if 2 * progress.unrequested > progress.models:
        raise UpstreamContractError(
            f"{progress.unrequested} of {progress.models} models do not match the request; the source ignores a parameter"
        )  # fmt: skip


def check_page_count(pages: Sequence[PageEntry], depth: int, page_size: int) -> None:
    """Check how many pages a stream has that is not complete yet.

    Raises:
        InvalidDataError: far more than `depth` records need.
    """
    if len(pages) >= 2 * depth // page_size + SPARE_PAGES:
        records = sum(page.records for page in pages)
        expected = f"expected {depth:,} records in at most 2 * depth / page + {SPARE_PAGES} pages"
        raise InvalidDataError(f"{len(pages):,} pages have {records:,} records ({expected}); has the source changed?")
