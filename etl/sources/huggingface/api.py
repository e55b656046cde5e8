"""The Hugging Face Hub: a page is an array, and its `Link` header holds the address of the next."""

from __future__ import annotations

from typing import Any

from etl.sources.source import Api


def _records(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("an array was due")
    return value


def _following(_request: str, link: str | None, _value: Any) -> str | None:
    return link


API = Api("https://huggingface.co", "/api/models", "HF_ENDPOINT", ("HF_TOKEN",), _records, _following)
