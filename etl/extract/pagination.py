"""Which page of a stream is requested first and next. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from etl.core.errors import InvalidDataError
from etl.core.text import sanitize
from etl.extract.responses import reject_echoed_token

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from etl.extract.credentials import Credentials
    from etl.sources.source import Source


class ParsedPage(NamedTuple):
    """How many records a page has, and the request for the page after it, None for the last one."""

    records: int
    next_request: str | None


@dataclass(frozen=True)
class Pagination:
    """The requests of one source: path and query, without its origin."""

    api: Source
    credentials: Credentials

    @property
    def origin(self) -> str:
        """Scheme, host and port of the endpoint."""
        split = urlsplit(self.credentials.endpoint)
        return f"{split.scheme}://{split.netloc}"

    def first_request(self, params: Mapping[str, Any]) -> str:
        """Return path and query of the first page of a stream."""
        return self._base_path + self.api.first_request(params)

    def parse_page(self, request: str, value: Any, link: str | None) -> ParsedPage:
        """Return the number of records in the response to `request`, and the request for the next page.

        Only path and query of a link are used, and requested from the configured endpoint: the links of a mirror may name the
        host that it copies. Nothing is ever sent to the host of a link.

        Raises:
            InvalidDataError: the value is not a page, or its link is not an http(s) URL with the API's path.
        """
        try:
            records = len(self.api.records(value))
            next_link = self.api.next_page(request, link, value)
        except (TypeError, KeyError, AttributeError) as error:
            raise InvalidDataError(f"{self.origin}: the response is not a page of records; has the source changed?") from error
        if next_link is None:
            return ParsedPage(records, None)
        query = _link_query(self.origin + request, next_link, {self._base_path + self.api.path, self.api.path})
        reject_echoed_token(self.credentials, next_link, query or "")
        if query is None:
            problem = f"the link to the next page has another path (expected {self.api.path}, got {sanitize(next_link)})"
            advice = f"it is not followed; is {self.api.endpoint_variable} the base URL of this API?"
            raise InvalidDataError(f"{self.origin}: {problem}; {advice}")
        return ParsedPage(records, f"{self._base_path}{self.api.path}?{query}")

    @property
    def _base_path(self) -> str:
        return urlsplit(self.credentials.endpoint).path


def _link_query(page_url: str, link: str, paths: Collection[str]) -> str | None:
    """Return the query of a link of a page; None unless it is an http(s) URL with one of the paths."""
    try:
        split = urlsplit(urljoin(page_url, link))
        is_http_url = split.scheme in ("http", "https") and split.hostname and split.port != 0
    except ValueError:  # an invalid host or port
        return None
    return split.query if is_http_url and split.path in paths else None
