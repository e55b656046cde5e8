"""CivitAI: a response is an object with `items`, and `metadata.nextCursor` if a page follows.

`metadata.nextPage` is not followed: it repeats the whole query, a token included, on a host that may be another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from etl.sources.civitai.address import model_url
from etl.sources.source import Source

if TYPE_CHECKING:
    from collections.abc import Container, Mapping


def _next_page(request: str, _link: str | None, value: Any) -> str | None:
    cursor = (value.get("metadata") or {}).get("nextCursor")
    if cursor is None:
        return None
    split = urlsplit(request)
    query = [pair for pair in parse_qsl(split.query) if pair[0] != "cursor"]
    return f"{split.path}?{urlencode([*query, ('cursor', cursor)])}"


def _has_partial_records(param_names: Container[str]) -> bool:
    return "baseModels" in param_names  # the server leaves out the versions of other base models


def _dependent_fields(model: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": model_url(model["id"], model["level"])}


SOURCE = Source(
    name="civitai",
    endpoint="https://civitai.com",
    path="/api/v1/models",
    endpoint_variable="CIVITAI_ENDPOINT",
    token_variables=("CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN"),
    records_key="items",
    page_param="limit",
    next_page=_next_page,
    neutral_params=frozenset(("limit",)),
    card_fields=("level", "level_most", "flagged", "base", "file_bytes"),
    sort_param="sort",
    never_published=frozenset(("poi", "minor", "takendown", "notpublic")),
    has_partial_records=_has_partial_records,
    dependent_fields=_dependent_fields,
)
