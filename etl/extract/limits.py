"""Limits on what a source may send in one stream. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.core.errors import InvalidDataError, UpstreamContractError

if TYPE_CHECKING:
    from collections.abc import Container

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


def check_next_page(page: PageEntry, requested: Container[str], empty_pages: int) -> None:
    """Check where a page links to.

    `requested` are the URLs of the pages before it, and `empty_pages` is how many pages without a record precede it directly.

    Raises:
        InvalidDataError: to itself or a previous page, or on and on without a record.
    """
    if page.next is None:
        return
    if page.next == page.url or page.next in requested:
        raise InvalidDataError("the next page was fetched before, so the stream would never end; has the source changed?")
    if not page.records and empty_pages + 1 >= MAX_EMPTY_PAGES:
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


def max_pages(depth: int, page_size: int) -> int:
    """Return how many pages a stream may have: it follows `depth`, and half-full pages suffice to reach that."""
    return 2 * depth // page_size + SPARE_PAGES


def check_page_count(pages: int, records: int, depth: int, page_size: int) -> None:
    """Check how many pages, with so many records, a stream has that is not complete yet.

    Raises:
        InvalidDataError: far more than `depth` records need.
    """
    if pages >= max_pages(depth, page_size):
        expected = f"expected {depth:,} records in at most 2 * depth / page + {SPARE_PAGES} pages"
        raise InvalidDataError(f"{pages:,} pages have {records:,} records ({expected}); has the source changed?")
