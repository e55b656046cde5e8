"""A small catalogue as the publisher writes it, with cards that tests choose."""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import product
from typing import TYPE_CHECKING, Any

from etl.core.schemas import load_schema
from etl.publish.files import Files, dump_minified
from etl.publish.store import Store, make_publication

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Cards = Mapping[tuple[str, str], Sequence[dict[str, Any]]]

AXES = {
    "huggingface": {"sort": ["downloads", "likes"], "size": ["all", "small"]},
    "civitai": {"level": ["all", "pg", "r"], "period": ["all", "month"]},
}
BLURHASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"
DAY = "2026-01-0{}T00:00:00.000Z"


def card(id_: str, source: str = "huggingface", **fields: Any) -> dict[str, Any]:
    """Return the card of a model."""
    value = {
        "id": id_, "slug": id_.replace("/", "--"), "name": id_.rpartition("/")[2], "source": source,
        "author": id_.partition("/")[0],
        "type": None, "downloads": 1_200_000, "likes": 34, "license": "mit", "gated": False, "updated": DAY.format(1),
        "created": None, "url": f"https://models.test/{id_}", "tags": ["tag"], "image": None,
    }  # fmt: skip
    return value | ({"size": "small", "parameters": 600_000_000, "size_from": "name"} if source == "huggingface" else {}) | fields


def image(level: str, **fields: Any) -> dict[str, Any]:
    """Return the image of a card."""
    return {"url": f"https://images.test/{level}.png", "width": 450, "height": 600, "level": level, "blurhash": BLURHASH} | fields


class Site:
    """The folder of a catalogue."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.folder = folder

    def publish(self, day: int, cards: Cards, **entry: Any) -> str:
        """Publish manifests with these cards as the data of a day of January; return the name of the entry's copy."""
        files, current = Files(), self.store.current()
        previous = [current.name, *current.value["previous"]] if current else []
        generated = DAY.format(day)
        value: dict[str, Any] = {
            "version": 1, "generated": generated, "max_age_s": 0, "previous": previous[:10],
            "index": _index(files, cards, generated), "models": _models(files, cards), "search": _search(files, cards),
            "changes": _add(files, "changes", {"publications": []}),
            "tables": {"sqlite": files.add("tables/catalogue", b"", "sqlite"), "parquet": None},
        }  # fmt: skip
        publication = make_publication(value | entry)
        if not entry:
            assert load_schema("site", "entry").violations(value) == []
        self.store.write({**files.content, publication.name: publication.content})
        self.store.commit(publication)
        return publication.name

    def file(self, stem: str) -> str:
        """Return the name of the newest file of a stem, such as `pages/huggingface-default`, in the current publication."""
        entry = json.loads((self.folder / "entry.json").read_bytes())
        if stem in entry:
            return str(entry[stem]["file"])
        lists = (self._load(entry["index"])["manifests"], self._load(entry["models"])["shards"].values())
        return next(str(item["file"]) for items in lists for item in items if item["file"].startswith(f"{stem}."))

    def _load(self, reference: Mapping[str, Any]) -> Any:
        return json.loads((self.folder / reference["file"]).read_bytes())


def _add(files: Files, stem: str, value: object) -> dict[str, Any]:
    """Add a JSON file; pages and shards may violate their schema, as those of a hostile publisher could."""
    if stem in {"index", "models", "search", "changes"}:
        assert load_schema("site", stem).violations(value) == []
    return files.add(stem, dump_minified(value), "json")


def _index(files: Files, cards: Cards, updated: str) -> dict[str, Any]:
    manifests = []
    for (source, filter_), models in cards.items():
        label = f"{source} {filter_}"
        page = {"source": source, "filter": filter_, "label": label, "updated": updated, "models": models}
        links = {axis: _links(cards, source, filter_, axis) for axis in AXES[source]}
        reference = _add(files, f"pages/{source}-{filter_.replace('/', '-')}", page | {"links": links})
        summary = {"source": source, "filter": filter_, "label": label, "count": len(models), "updated": updated}
        manifests.append(summary | {"status": "full", "status_text": f"The first {len(models)} models."} | reference)
    sources = [
        {
            "source": source,
            "axes": [
                {"axis": axis, "options": [{"option": option, "label": option.title(), "models": 1} for option in options]}
                for axis, options in axes.items()
            ],
        }
        for source, axes in AXES.items()
    ]
    return _add(files, "index", {"sources": sources, "manifests": manifests})


def _path(source: str, options: Sequence[str]) -> str:
    """Return a filter: the options that are not the first of their axis."""
    return "/".join(option for axis, option in zip(AXES[source].values(), options, strict=True) if option != axis[0]) or "default"


def _links(cards: Cards, source: str, filter_: str, axis: str) -> dict[str, str | None]:
    options = next(options for options in product(*AXES[source].values()) if _path(source, options) == filter_)
    index = list(AXES[source]).index(axis)
    paths = {option: _path(source, [*options[:index], option, *options[index + 1 :]]) for option in AXES[source][axis]}
    return {option: path if (source, path) in cards else None for option, path in paths.items()}


def _models(files: Files, cards: Cards) -> dict[str, Any]:
    shards: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for (source, filter_), models in cards.items():
        for rank, model in enumerate(models, 1):
            shard = shards.setdefault(sha256(model["id"].encode()).hexdigest()[:1], {})
            published = shard.setdefault((source, model["id"]), {**model, "manifests": []})
            published["manifests"].append({"filter": filter_, "rank": rank})
    references = {key: _add(files, f"models/{key}", {"models": list(shard.values())}) for key, shard in shards.items()}
    return _add(files, "models", {"prefix_length": 1, "count": sum(map(len, shards.values())), "shards": references})


def _search(files: Files, cards: Cards) -> dict[str, Any]:
    rows = {
        (model["source"], model["id"]): {key: model[key] for key in ("source", "id", "name", "author", "tags")}
        for models in cards.values()
        for model in models
    }
    return _add(files, "search", {"rows": [rows[key] for key in sorted(rows)]})
