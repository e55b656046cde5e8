"""Shards and search rows against the pages: every published model once, as its newest page has it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.verify.site.files import Site
    from etl.verify.site.pages import Page

    Key = tuple[str, str]  # source and id
    Card = Mapping[str, Any]

MAX_SHARD_BYTES = 64 * 1024
_ENVELOPE = len('{"models":[]}')
_ROW = ("source", "id", "name", "author", "tags")


class _Listed(NamedTuple):
    """The cards of a model on its newest pages, and the pages that have it, with ranks, in the order of the index."""

    updated: str
    cards: list[Card]
    manifests: list[dict[str, Any]]


def _listed_models(pages: Sequence[Page]) -> dict[Key, _Listed]:
    listed: dict[Key, _Listed] = {}
    for page in pages:
        for rank, card in enumerate(page.value["models"], 1):
            key, updated = (card["source"], card["id"]), page.value["updated"]
            before = listed.get(key) or _Listed("", [], [])
            before.manifests.append({"filter": page.value["filter"], "rank": rank})
            cards = [*before.cards, card] if updated == before.updated else before.cards if updated < before.updated else [card]
            listed[key] = _Listed(max(updated, before.updated), cards, before.manifests)
    return listed


def check_shards(site: Site, pages: Sequence[Page]) -> Check:
    """Every model of a page is in the shard of its id, once, with its ranks; shards are as small and as few as stated."""
    check = Check("shards", fix=site.fix)
    models, listed = site.value("models"), _listed_models(pages)
    if models is None:
        return check
    length = models["prefix_length"]
    seen: set[Key] = set()
    shards = (site.values.get(reference["file"], {"models": []}) for reference in models["shards"].values())
    cards = {(model["source"], model["id"]): model for shard in shards for model in shard["models"]}
    for prefix, reference in models["shards"].items():
        file, shard = reference["file"], site.values.get(reference["file"], {"models": []})
        keys = [(model["source"], model["id"]) for model in shard["models"]]
        seen.update(keys)
        check.looked_at += len(keys)
        if (size := _size(shard["models"])) > MAX_SHARD_BYTES:
            site.problem(check, file, "$", f"has {size} bytes (expected at most {MAX_SHARD_BYTES})")
        if keys != sorted(set(keys)):
            site.problem(check, file, "$.models", "is not sorted by source and id, each once")
        for number, model in enumerate(shard["models"]):
            digits = hashlib.sha256(model["id"].encode()).hexdigest()[:length]
            if digits != prefix:
                site.problem(check, file, f"$.models[{number}].id", f"{model['id']} belongs in the shard {digits!r}")
            for path, text in [*_model_problems(model, listed.get(keys[number])), *_variant_problems(model, cards)]:
                site.problem(check, file, f"$.models[{number}]{path}", text)
    if all(reference["file"] in site.values for reference in models["shards"].values()):
        _check_map(site, check, models, len(seen))
        for source, identity in sorted(listed.keys() - seen):
            site.problem(check, site.file("models"), "$.shards", f"{source}: {identity} of a page is in no shard")
    return check


def _model_problems(model: Card, listed: _Listed | None) -> list[tuple[str, str]]:
    """Return the JSON path and the text of each problem of a model of a shard."""
    if listed is None:
        return [(".id", f"{model['id']} is on no page")]
    problems = []
    if model["manifests"] != listed.manifests:
        problems.append((".manifests", f"{model['id']}: is not where the pages have it (expected {listed.manifests})"))
    own = {key: value for key, value in model.items() if key not in ("manifests", "image")}
    if own not in [{key: value for key, value in card.items() if key != "image"} for card in listed.cards]:
        fields = [key for key in own if own[key] not in [card.get(key) for card in listed.cards]]
        problems.append((f".{(fields or ['id'])[0]}", f"{model['id']}: is not as on its newest page"))
    images = [card["image"] for card in listed.cards if card.get("image")]
    if images and model.get("image") not in images:
        problems.append((".image", f"{model['id']}: is not the image of its newest page"))
    return problems


def _variant_problems(model: Card, cards: Mapping[Key, Card]) -> list[tuple[str, str]]:
    """Return the JSON path and the text of each problem of the variants of a model, as far as cards tell."""
    problems = []
    rows = model.get("variants") or []
    order = [(-row["models"], row["relation"], row["format"] or "") for row in rows]
    if order != sorted(order) or len({key[1:] for key in order}) < len(order):
        problems.append((".variants", f"{model['id']}: is not sorted, or has a relation and format twice"))
    for number, row in enumerate(rows):
        top = [card for id_ in row["top"] if id_ != model["id"] and (card := cards.get((model["source"], id_)))]
        ranks = [(1 if card["downloads"] is None else -card["downloads"], card["id"]) for card in top]
        if len(top) < len(row["top"]) or len(top) > row["models"] or ranks != sorted(set(ranks)):
            text = f"{model['id']}: expected other published models, at most {row['models']}, most downloads first"
            problems.append((f".variants[{number}].top", text))
    return problems


def _size(models: Sequence[Card]) -> int:
    """Return the length of a shard of these models, without those that fit no shard and so may be in any."""
    lengths = (len(orjson.dumps(model)) + 1 for model in models)
    return _ENVELOPE + sum(length for length in lengths if length <= MAX_SHARD_BYTES) - 1


def _check_map(site: Site, check: Check, models: Mapping[str, Any], count: int) -> None:
    """Check the file that maps prefixes to shards: its keys, its count, and that no shorter prefix fits."""
    file, length, shards = site.file("models"), models["prefix_length"], models["shards"]
    if models["count"] != count:
        site.problem(check, file, "$.count", f"says {models['count']}, but the shards have {count} models")
    for prefix in shards:
        if len(prefix) != length or not set(prefix) <= set("0123456789abcdef"):
            site.problem(check, file, f"$.shards.{prefix}", f"must be a prefix of {length} hex digits")
    joined: dict[str, list[Card]] = {}
    for prefix, reference in shards.items():
        joined.setdefault(prefix[:-1], []).extend(site.values[reference["file"]]["models"])
    if length and max(map(_size, joined.values()), default=0) < MAX_SHARD_BYTES:
        text = f"says {length}, but shards of {length - 1} digits are within {MAX_SHARD_BYTES} bytes"
        site.problem(check, file, "$.prefix_length", text)


def check_search(site: Site) -> Check:
    """The search rows are the models of the shards, sorted by source and id."""
    check = Check("search rows", fix=site.fix)
    search, models = site.value("search"), site.value("models")
    if search is None or models is None:
        return check
    check.looked_at = len(search["rows"])
    shards = [site.values.get(reference["file"]) for reference in models["shards"].values()]
    if None in shards:
        return check
    expected = {(model["source"], model["id"]): model for shard in shards if shard for model in shard["models"]}
    keys = [(row["source"], row["id"]) for row in search["rows"]]
    file = site.file("search")
    if keys != sorted(set(keys)):
        site.problem(check, file, "$.rows", "is not sorted by source and id, each once")
    for number, row in enumerate(search["rows"]):
        model = expected.get(keys[number], {})
        for field in _ROW:
            if field in model and row[field] != model[field]:
                site.problem(check, file, f"$.rows[{number}].{field}", f"{row['id']}: is not as in its shard")
        if not model:
            site.problem(check, file, f"$.rows[{number}].id", f"{row['id']} is in no shard")
    for source, identity in sorted(expected.keys() - set(keys)):
        site.problem(check, file, "$.rows", f"{source}: {identity} of a shard has no row")
    return check
