"""What one API is to extraction: where it is, which request is first, which is next. No I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.urls import encode_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class SizeClass(NamedTuple):
    """Models up to so many parameters, those with exactly `upper_bound` included or not."""

    name: str
    upper_bound: float
    is_inclusive: bool = False


DEFAULT_SIZE_CLASSES = (SizeClass("small", 7e9), SizeClass("medium", 13e9, is_inclusive=True), SizeClass("large", math.inf))


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
        return f"{self.path}?{encode_query(asks)}"
