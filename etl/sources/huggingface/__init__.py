"""The Hugging Face Hub: a response is a list of records, and its `Link` header names the next page."""

from __future__ import annotations

from typing import Any

from etl.sources.source import Source


def _next_page(_request: str, link: str | None, _value: Any) -> str | None:
    return link


SOURCE = Source(
    name="huggingface",
    endpoint="https://huggingface.co",
    path="/api/models",
    endpoint_variable="HF_ENDPOINT",
    token_variables=("HF_TOKEN",),
    records_key=None,
    page_param="limit",
    next_page=_next_page,
    neutral_params=frozenset(("limit", "expand")),
    read_fields=("id", "private", "disabled"),
    card_fields=("size", "parameters", "size_from"),
    sort_param="sort",
    narrowing_params=frozenset(("filter",)),
    never_published=frozenset(("private", "disabled")),
)
