"""What a card of a model shows. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.publish.images import choose_image
from etl.sources.source import get_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELDS = (
    "id",
    "slug",
    "name",
    "source",
    "author",
    "type",
    "downloads",
    "likes",
    "license",
    "gated",
    "updated",
    "created",
    "url",
)
STATED_FIELDS = ("commercial",)  # of every source whose models have them
MAX_TAGS = 20


def card(
    model: Mapping[str, Any], level: str | None = None, variants: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Any]:  # fmt: skip
    """Return the card of a model; its image is at most as explicit as `level`, and it has variants, if these are not None."""
    tags = model["tags"]
    return {
        **{field: model.get(field) for field in FIELDS},
        "tags": None if tags is None else tags[:MAX_TAGS],
        **{field: model[field] for field in get_source(model["source"]).card_fields},
        **{field: model[field] for field in STATED_FIELDS if field in model},
        "image": choose_image(model.get("images") or [], level),
        **({} if variants is None else {"variants": variants}),
    }
