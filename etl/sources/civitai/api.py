"""CivitAI: a page is an object with `items`, and `metadata.nextCursor` where a page follows.

`metadata.nextPage` is not followed: it repeats the whole query, a token included, on a host that may be another.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from etl.sources.source import Api


def _records(value: Any) -> list[Any]:
    items = value["items"]
    if not isinstance(items, list):
        raise TypeError("an array of items was due")
    return items


def _following(request: str, _link: str | None, value: Any) -> str | None:
    cursor = (value.get("metadata") or {}).get("nextCursor")
    if cursor is None:
        return None
    split = urlsplit(request)
    query = [each for each in parse_qsl(split.query) if each[0] != "cursor"]
    return f"{split.path}?{urlencode([*query, ('cursor', cursor)])}"


TOKENS = ("CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN")
API = Api("https://civitai.com", "/api/v1/models", "CIVITAI_ENDPOINT", TOKENS, _records, _following)
