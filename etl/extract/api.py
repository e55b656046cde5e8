"""What one API is to extraction: where it is, which request is first, which is next. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from etl.filters import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Api:
    """The conventions of one source.

    Attributes:
        endpoint: Where it is unless the environment says otherwise; without a final slash.
        path: What is asked below the endpoint.
        endpoint_variable: The name of the environment's variable for `endpoint`.
        token_variables: The names of the environment's variables for a token; the first that is set counts.
        records: A page's value to its records; raises TypeError or KeyError where it has none.
        following: The request of a page, the address that its `Link` header gives as next (null without one) and its value
            to the address or target of the page that follows; null at the end.
    """

    endpoint: str
    path: str
    endpoint_variable: str
    token_variables: tuple[str, ...]
    records: Callable[[Any], list[Any]]
    following: Callable[[str, str | None, Any], str | None]

    def first(self, asks: Mapping[str, Any]) -> str:
        """Return path and query of the first page of a stream."""
        return f"{self.path}?{query(asks)}"


def is_endpoint(text: str) -> bool:
    """Tell whether a text is the address of a server: no user, no query, and a port that there is."""
    host = r"([\w-]+(\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\])"
    try:
        return bool(re.fullmatch(rf"https?://{host}(:\d+)?(/[^\s?#]*)?", text)) and urlsplit(text).port != 0
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """Where a source is asked, and as whom: `endpoint` has no final slash; without a `token`, as anybody."""

    endpoint: str
    token: str | None

    def conceal(self, text: str) -> str:
        """Return the text without the token, as it is or as an address spells it."""
        for spelled in (self.token, quote(self.token, safe="")) if self.token else ():
            text = text.replace(spelled, "(the token)")
        return text
