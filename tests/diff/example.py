"""Two small snapshots with one change of each kind; `python -m tests.support.goldens` writes their diff."""

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


def hub_model(identity: str, size: str = "small", license_: str | None = "mit", *, gated: bool | str = False) -> dict[str, Any]:
    name = identity.rpartition("/")[2]
    fields = {"size": size, "size_from": "name" if size == "small" else "safetensors", "license": license_, "gated": gated}
    return {"id": identity, "source": "huggingface", "name": name, **fields}


def civitai_model(identity: str, level: str = "pg", name: str = "A work") -> dict[str, Any]:
    return {"id": identity, "source": "civitai", "name": name, "level": level, "license": None}


def snapshot(
    name: str, manifests: Mapping[str, Sequence[dict[str, Any]]], models: Sequence[dict[str, Any]] | None = None,
    rejected: Mapping[str, str] | None = None,
) -> Snapshot:  # fmt: skip
    """Return a snapshot with these manifests by file, and with these models, or all that are in a manifest."""
    files: dict[str, Any] = {}
    entries = []
    for file, members in manifests.items():
        listed = [{"id": model["id"], "slug": model["id"].replace("/", "--"), "name": model["name"]} for model in members]
        files[file] = {"filter": "filter/x", "models": listed, "timestamp": TIME}
        entries.append(
            {"file": file, "source": "civitai" if file.startswith("civitai") else "huggingface", "count": len(members)}
        )
    files["index.json"] = index(entries)
    all_models = [model for members in manifests.values() for model in members] if models is None else models
    pages = {
        f"{source}/default/page-0001.json": dump_json([model for model in all_models if model["source"] == source])
        for source in ("civitai", "huggingface")
    }
    records = [{"record": 0, "id": identity, "reason": reason} for identity, reason in (rejected or {}).items()]
    entry = {"file": "page-0001.json", "sha256": "0" * 64, "records": 1, "models": 1, "unsized": 0, "set_aside": records}
    summary = {"source": "civitai", "made_of": "0" * 64, "streams": {"default": [entry]}, "families": {}}
    pages["civitai/summary.json"] = dump_json(summary)
    return Snapshot(name, {file: dump_json(value) for file, value in files.items()}, pages if all_models else {})


def index(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a valid index of these manifests."""
    content = {"bytes": 1, "sha256": "0" * 64, "timestamp": TIME}
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
    about = {"filter": "filter/x", "label": "X", "options": {}, "limit": 100, "stream": "default", "short": None, "stale": None}
    common = {"funnel": funnel, "verdict": "full", **content, **about}
    return {
        "version": 1,
        "manifests": [entry | common for entry in entries],
        "all_models": {"file": "all-models.json", "count": 1, **content},
        "sources": {"huggingface": {"axes": [{"axis": "size", "options": [{"option": "all", "label": "All"}]}]}},
        "missing": [],
    }


def example() -> tuple[Snapshot, Snapshot]:
    """Return a base snapshot and a later one."""
    unchanged = [hub_model(f"o/m{n:02}") for n in range(30)]
    before = [
        *unchanged,
        hub_model("o/grew"),
        hub_model("o/freed", license_=None),
        hub_model("o/closed"),
        hub_model("o/left"),
        hub_model("o/unlisted"),
    ]
    before += [hub_model("o/used") | {"commercial": "no"}, hub_model("o/forbidden") | {"commercial": "yes"}]
    changed = [hub_model("o/grew", "unknown"), hub_model("o/freed", license_="apache-2.0"), hub_model("o/closed", gated="manual")]
    changed[0]["commercial"] = "no"  # which it had no field for
    changed += [hub_model("o/used") | {"commercial": "conditions"}, hub_model("o/forbidden") | {"commercial": "no"}]
    after = [*unchanged[1:20], unchanged[0], *unchanged[20:], *changed, hub_model("o/new")]
    works = [
        civitai_model("1"),
        civitai_model("2", "xxx", HOSTILE),
        civitai_model("3", "r"),
        civitai_model("4"),
        civitai_model("5", name=HOSTILE),
    ]
    later = [
        civitai_model("1", "r"),
        civitai_model("2", "pg", HOSTILE),
        civitai_model("3", "pg13"),
        civitai_model("5", name=HOSTILE),
    ]
    base = snapshot(
        "base",
        {"civitai-filter-pg.json": [works[0], works[3]], "civitai-filter-xxx.json": works, "hf-filter-small.json": before,
         "hf-filter-old.json": [hub_model("o/left")]},
    )  # fmt: skip
    new = snapshot(
        "now",
        {"civitai-filter-pg.json": [later[1]], "civitai-filter-xxx.json": later, "hf-filter-small.json": after,
         "hf-filter-new.json": [hub_model("o/new")]},
        [*after, *later, hub_model("o/unlisted")], {"4": f"poi \u202e\x1b[31m{HOSTILE}"},
    )  # fmt: skip
    return base, new


def write() -> None:
    """Write the golden files of the example."""
    diff = compare(*example())
    GOLDEN_MARKDOWN.write_text(markdown(diff))
    GOLDEN_JSON.write_bytes(dump_json(asdict(diff)))
