"""A Hub with as many pages as a test wants: its records are computed when a page of them is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.fake_api.apis import Hub, Query, Record, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

LICENSES = ("apache-2.0", "other", "llama3", "cc-by-4.0")  # not mit, so that a manifest of that is never full
PRIVATE_EVERY = 1009


def record(number: int) -> Record:
    """Return a record with the fields of the real ones that the transform reads."""
    author = f"organisation{number % 977}"
    return {
        "id": f"{author}/a-model-{number}-7b", "author": author, "downloads": 10**8 - number, "likes": number % 1000,
        "private": number % PRIVATE_EVERY == 5, "gated": False, "pipeline_tag": "text-generation",
        "createdAt": "2025-01-01T00:00:00.000Z", "lastModified": "2026-01-01T00:00:00.000Z",
        "tags": ["transformers", "safetensors", f"license:{LICENSES[number % 4]}", "region:us", "conversational"],
        "safetensors": {"parameters": {"BF16": 7 * 10**9}, "total": 7 * 10**9},
    }  # fmt: skip


class LongHub(Hub):
    """A Hub that ends after a number of pages; None for one that never ends."""

    def __init__(self, pages: int | None) -> None:
        super().__init__([])
        self.pages = pages

    def respond(self, query: Query, headers: Mapping[str, str], host: str) -> Response:  # noqa: ARG002 -- as Hub
        params = dict(query)
        size, index = int(params["limit"]), int(params.get("cursor", "0"))
        is_last = self.pages is not None and index + 1 >= self.pages
        link = f'<{host}{self.PATH}?sort={params["sort"]}&limit={size}&cursor={index + 1}>; rel="next"'
        return Response(
            200, [record(number) for number in range(index * size, (index + 1) * size)], {} if is_last else {"Link": link}
        )
