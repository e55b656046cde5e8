"""The whole Hub in one stream, made up: any number of records in pages of 500, newest first, and filters that read it.

Records are like those of the snapshot, with ids, dates and rare tags of their own. Most have few likes and downloads; 5 % have
a chat template of 4 KB, as the list API sends it. The first have the ids of the snapshot, which others name as their bases, so
that models of every page depend on other pages. A page depends on nothing but its number.
"""

from __future__ import annotations

import itertools
import json
import random
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from bench.catalogue import Generator, write_ledger, write_page
from etl.config.load import load_config
from etl.core.urls import encode_query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.core.layout import DataDir

SOURCE, STREAM, PAGE = "huggingface", "default", 500
EDITS = {"where": (".downloads >= 1000", ".downloads >= 2000"), "keeps": ('keeps = ["mit"]', 'keeps = ["mit", "bsd-3-clause"]')}
_START = datetime(2026, 6, 20, 12, tzinfo=UTC)
_TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}{% endfor %}" * 50
_TABLE = """
limit = 100
depth = 100000000
[huggingface]
prefix = "hf"
page = 500
rate = { requests = 500, seconds = 300, in_flight = 3 }
asks = { sort = "createdAt", expand = [
    "author", "createdAt", "lastModified", "downloads", "likes", "tags", "pipeline_tag", "library_name",
    "gated", "private", "disabled", "safetensors", "gguf",
] }
"""
_AXES: dict[str, dict[str, str]] = {
    "reach": {"any-reach": "", "popular": f", where = '{EDITS['where'][0]}'"},
    "order": {"newest": "", **{name: f', orders = "{name}"' for name in ("downloads", "likes", "updated", "parameters")}},
    "size": {"any-size": "", **{size: f', keeps = ["{size}"]' for size in ("small", "medium", "large")}},
    "license": {
        "any-license": "",
        "apache": ', keeps = ["apache-2.0"]',
        "mit": f", {EDITS['keeps'][0]}",
        "other": ', drops = ["apache-2.0", "mit"]',
    },
    "type": {
        "any-type": "",
        "text": ', keeps = ["text-generation"]',
        "vision": ', keeps = ["image-text-to-text", "any-to-any"]',
        "no-text": ', drops = ["text-generation", "image-text-to-text"]',
    },
    "tags": {
        "any-tags": "",
        "packed": ', keeps = ["gguf", "mlx", "4-bit"]',
        "plain": ', drops = ["gguf", "custom_code", "conversational"]',
        "diffusers": ', keeps = ["diffusers"]',
    },
}


def hub_filters(count: int, skip: tuple[str, ...] = ()) -> str:
    """Return filters that publish so many manifests of one stream; fewer are among more.

    One has an expression; the others combine orders, sizes, licences, tasks and tags, of which a model has several.
    """
    choices = [["", *list(options)[1:]] for axis, options in _AXES.items() if axis != "reach"]  # a path leaves out the defaults
    paths = ["/".join(filter(None, choice)) for choice in itertools.product(*choices) if any(choice)]
    random.Random("filters").shuffle(paths)  # noqa: S311 -- the same filters in every run
    lines = [_TABLE, f"skip = {json.dumps(skip)}", f"manifests = {json.dumps(['popular', *paths][:count])}"]
    for axis, options in _AXES.items():
        lines.append(f"[{SOURCE}.axes.{axis}]")
        lines += [f'{option} = {{ label = "{option}"{test} }}' for option, test in options.items()]
    return "\n".join(lines) + "\n"


def hub_page(number: int, size: int = PAGE) -> list[dict[str, Any]]:
    """Return the records of a page, counted from 1."""
    rng, generator = _generator()
    rng.seed(f"hub {number}")
    return [_record(rng, generator, (number - 1) * PAGE + index) for index in range(size)]


def first_request(filters: Path) -> str:
    """Return the request of the stream's first page."""
    (source,) = load_config(filters).sources
    return f"/api/models?{encode_query(source.request_params(source.filters[0]))}"


def write_hub(data: DataDir, filters: Path, records: int) -> None:
    """Write the stream with so many records, in as many processes as the machine has cores."""
    folder = data.raw(SOURCE, STREAM)
    folder.mkdir(parents=True)
    sizes = [min(PAGE, records - start) for start in range(0, records, PAGE)]
    with ProcessPoolExecutor() as executor:
        write = partial(_write_page, folder, first_request(filters))
        entries = [*executor.map(write, range(1, len(sizes) + 1), sizes, chunksize=8)]
    write_ledger(data, SOURCE, STREAM, entries)


@contextmanager
def changed_page(data: DataDir, filters: Path) -> Iterator[None]:
    """Give the first record of the middle page more likes, for a while."""
    ledger = data.ledger(SOURCE, STREAM)
    entries = json.loads(ledger.read_bytes())["pages"]
    index = len(entries) // 2
    page = ledger.parent / entries[index]["file"]
    before = {path: path.read_bytes() for path in (page, ledger)}
    records = json.loads(before[page])
    records[0]["likes"] += 1
    entries[index] = write_page(ledger.parent, SOURCE, first_request(filters), index + 1, records)
    write_ledger(data, SOURCE, STREAM, entries)
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


def _write_page(folder: Path, request: str, number: int, size: int) -> dict[str, Any]:
    return write_page(folder, SOURCE, request, number, hub_page(number, size))


@cache
def _generator() -> tuple[random.Random, Generator]:
    rng = random.Random()  # noqa: S311 -- seeded by page
    return rng, Generator(SOURCE, rng)


def _record(rng: random.Random, generator: Generator, number: int) -> dict[str, Any]:
    is_base = number < len(generator.records_of_snapshot)
    record = generator.records_of_snapshot[number] if is_base else generator.record()
    gguf = {"gguf": {**(record.get("gguf") or {}), "chat_template": _TEMPLATE}} if number % 20 == 0 else {}
    created = (_START - timedelta(seconds=20 * number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    share = rng.random() ** 12  # the snapshot has the most popular models only; of all, half have no likes
    counts = {key: int(record[key] * share) for key in ("downloads", "likes")}
    id_ = record["id"] if is_base else f"{record['id']}-{number:x}"
    return {**record, **counts, "id": id_, "createdAt": created, **gguf}
