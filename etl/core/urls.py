"""URL query strings. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode_query(params: Mapping[str, Any]) -> str:
    """Return the query string of a request: a list repeats its key, a boolean is `true` or `false`."""
    return urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in params.items()}, doseq=True)
