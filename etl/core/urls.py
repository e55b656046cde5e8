"""URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode_query(params: Mapping[str, Any]) -> str:
    """Return parameters as they stand in a request: of a list one each, and truth in small letters."""
    return urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in params.items()}, doseq=True)
