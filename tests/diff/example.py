"""Two small sets with one of every change; `python -m tests.support.goldens` writes what is said of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.diff.compare import compare
from etl.diff.render import markdown
from etl.storage.json_files import dump_json
from etl.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GOLDEN_MARKDOWN = Path(__file__).with_name("golden.md")
GOLDEN_JSON = Path(__file__).with_name("golden.json")
HOSTILE = "<img src=x> `@team` [x](http://evil) | ![y](z)"
TIME = "2026-01-01T00:00:00.000Z"


def hub(identity: str, size: str = "small", license_: str | None = "mit", *, gated: bool | str = False) -> dict[str, Any]:
    name = identity.rpartition("/")[2]
    fields = {"size": size, "size_from": "name" if size == "small" else "safetensors", "license": license_, "gated": gated}
    return {"id": identity, "source": "huggingface", "name": name, **fields}


def work(identity: str, level: str = "pg", name: str = "A work") -> dict[str, Any]:
    return {"id": identity, "source": "civitai", "name": name, "level": level, "license": None}


def side(
    name: str, manifests: Mapping[str, Sequence[dict[str, Any]]], models: Sequence[dict[str, Any]] | None = None,
    set_aside: Mapping[str, str] | None = None,
) -> Snapshot:  # fmt: skip
    """Return a side with these manifests by file, and with these models, or all that are in a manifest."""
    files: dict[str, Any] = {}
    entries = []
    for file, held in manifests.items():
        page = [{"id": each["id"], "slug": each["id"].replace("/", "--"), "name": each["name"]} for each in held]
        files[file] = {"filter": "filter/x", "models": page, "timestamp": TIME}
        entries.append({"file": file, "source": "civitai" if file.startswith("civitai") else "huggingface", "count": len(held)})
    files["index.json"] = index(entries)
    known = [each for held in manifests.values() for each in held] if models is None else models
    pages = {
        f"{source}/default/page-0001.json": dump_json([each for each in known if each["source"] == source])
        for source in ("civitai", "huggingface")
    }
    aside = [{"record": 0, "id": identity, "reason": why} for identity, why in (set_aside or {}).items()]
    about = {"file": "page-0001.json", "sha256": "0" * 64, "records": 1, "models": 1, "unsized": 0, "set_aside": aside}
    summary = {"source": "civitai", "made_of": "0" * 64, "streams": {"default": [about]}, "families": {}}
    pages["civitai/summary.json"] = dump_json(summary)
    return Snapshot(name, {file: dump_json(value) for file, value in files.items()}, pages if known else {})


def index(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return an index of these manifests that keeps its contract."""
    bytes_ = {"bytes": 1, "sha256": "0" * 64, "timestamp": TIME}
    funnel = {
        "exhausted": True,
        "records": 1,
        "set_aside": 0,
        "duplicates": 0,
        "skipped": 0,
        "steps": [],
        "cut": 0,
        "published": 1,
    }
    more = {"filter": "filter/x", "label": "X", "options": {}, "limit": 100, "stream": "default", "short": None, "stale": None}
    rest = {"funnel": funnel, "verdict": "full", **bytes_, **more}
    return {
        "version": 1,
        "manifests": [each | rest for each in entries],
        "all_models": {"file": "all-models.json", "count": 1, **bytes_},
        "sources": {"huggingface": {"axes": [{"axis": "size", "options": [{"option": "all", "label": "All"}]}]}},
        "missing": [],
    }


def example() -> tuple[Snapshot, Snapshot]:
    """Return a base, and what became of it."""
    stayed = [hub(f"o/m{n:02}") for n in range(30)]
    old = [*stayed, hub("o/grew"), hub("o/freed", license_=None), hub("o/closed"), hub("o/left"), hub("o/unlisted")]
    grown = [hub("o/grew", "unknown"), hub("o/freed", license_="apache-2.0"), hub("o/closed", gated="manual")]
    now = [*stayed[1:20], stayed[0], *stayed[20:], *grown, hub("o/new")]
    works = [work("1"), work("2", "xxx", HOSTILE), work("3", "r"), work("4"), work("5", name=HOSTILE)]
    later = [work("1", "r"), work("2", "pg", HOSTILE), work("3", "pg13"), work("5", name=HOSTILE)]
    base = side(
        "base",
        {"civitai-filter-pg.json": [works[0], works[3]], "civitai-filter-xxx.json": works, "hf-filter-small.json": old,
         "hf-filter-old.json": [hub("o/left")]},
    )  # fmt: skip
    new = side(
        "now",
        {"civitai-filter-pg.json": [later[1]], "civitai-filter-xxx.json": later, "hf-filter-small.json": now,
         "hf-filter-new.json": [hub("o/new")]},
        [*now, *later, hub("o/unlisted")], {"4": f"poi \u202e\x1b[31m{HOSTILE}"},
    )  # fmt: skip
    return base, new


def write() -> None:
    """Write the goldens of the example."""
    told = compare(*example())
    GOLDEN_MARKDOWN.write_text(markdown(told))
    GOLDEN_JSON.write_bytes(dump_json(asdict(told)))
