"""A catalogue of many distinct models: records of the snapshot with ids, names, counts, dates and rare tags of their own."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from etl.core.layout import PROJECT
from etl.sources.source import get_source
from etl.storage.json_files import dump_json, sha256
from etl.storage.ledger import page_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.core.layout import DataDir

FETCHED_AT = "2026-06-20T12:00:00.000Z"
_STREAMS = {"huggingface": (("default", "likes", "recent"), 500), "civitai": (("default",), 100)}
_SEPARATORS = re.compile(r"([-_ ./]+)")
_TIME = "%Y-%m-%dT%H:%M:%S.000Z"
_MANIFESTS = '["pg", "pg13", "r", "x", "xxx"]'  # of CivitAI, all from its stream `default`


def write_catalogue(data: DataDir, models: dict[str, int]) -> str:
    """Write streams with so many distinct models of each source; return filters that publish manifests of them."""
    for source, count in models.items():
        rng = random.Random(source)  # noqa: S311 -- the same catalogue in every run
        records = [*Generator(source, rng).records(count)]
        names, page = _STREAMS[source]
        share = count // len(names)
        for index, name in enumerate(names):
            is_last = index + 1 == len(names)
            own = records[index * share : None if is_last else (index + 1) * share + share // 10]  # some are in two streams
            ledger = json.loads((PROJECT / "data" / "raw" / source / name / "stream.json").read_bytes())
            write_stream(data, source, name, ledger["pages"][0]["url"], pages_of(rng.sample(own, len(own)), page))
    text = (PROJECT / "bench" / "208.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^depth = \d+", f"depth = {max(models.values())}", text)
    before, table, after = text.partition("[civitai]\n")
    before = before.replace('manifests = "all"', 'manifests = ["likes", "recent", "small", "medium", "large", "apache", "mit"]')
    return before + table + after.replace('manifests = "all"', f"manifests = {_MANIFESTS}")


class Generator:
    """Makes records of a source from those of the snapshot, each of which is in `records_of_snapshot` once."""

    def __init__(self, source: str, rng: random.Random) -> None:
        self._source, self._rng = source, rng
        paths = sorted((PROJECT / "data" / "raw" / source).glob("*/page-*.json"))
        records = [record for path in paths for record in get_source(source).records(json.loads(path.read_bytes()))]
        self.records_of_snapshot = [*{record["id"]: record for record in records}.values()]
        words = Counter(word for record in self.records_of_snapshot for word in _SEPARATORS.split(self._name(record)))
        self._words = sorted(word for word, count in words.items() if count == 1 and word.isalpha())
        occurrences = Counter(tag for record in self.records_of_snapshot for tag in record["tags"])
        self._rare = {tag for tag, count in occurrences.items() if count == 1}

    def records(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield so many records with distinct ids."""
        ids: set[Any] = set()
        while len(ids) < count:
            record = self.record()
            if record["id"] not in ids:
                ids.add(record["id"])
                yield record

    def record(self) -> dict[str, Any]:
        """Return a record like one of the snapshot."""
        return self._record(self._rng.choice(self.records_of_snapshot))

    def _name(self, record: dict[str, Any]) -> str:
        name: str = record.get("name") or record["id"].rpartition("/")[2]
        return name

    def _record(self, like: dict[str, Any]) -> dict[str, Any]:
        name = self._renamed(self._name(like))
        tags = self._tags(like["tags"])
        if self._source == "huggingface":
            author = self._rng.choice(self.records_of_snapshot)["id"].partition("/")[0] + self._rng.choice(
                ["", "", "-ai", "lab", "x"]
            )
            counts = {key: self._near(like[key]) for key in ("downloads", "likes")}
            then = datetime.fromisoformat(like["lastModified"]) - timedelta(hours=self._rng.random() * 5000)
            own = {"id": f"{author}/{name}", "author": author, "tags": tags, "lastModified": then.strftime(_TIME)}
            return {**like, **counts, **own}
        stats = {key: self._near(value) for key, value in (like.get("stats") or {}).items()}
        return {**like, "id": self._rng.randint(1000, 3_000_000), "name": name, "tags": tags, "stats": stats}

    def _renamed(self, name: str) -> str:
        """Return the name with another last word; the first ones and numbers stay, since they tell of its counts."""
        parts, word = _SEPARATORS.split(name), self._rng.choice(self._words)
        indexes = [index for index, part in enumerate(parts) if part.isalpha()]
        if len(indexes) < 2:
            return f"{name}-{word}"
        parts[indexes[-1]] = word
        return "".join(parts)

    def _tags(self, tags: Sequence[str]) -> list[str]:
        """Return tags of which rare ones are others; what several name, such as a base model, stays the same in these."""
        parts = [tag.rpartition(":") for tag in tags]
        others = {value: self._other(value) for tag, (_, _, value) in zip(tags, parts, strict=True) if tag in self._rare}
        return [f"{kind}{colon}{others.get(value, value)}" for kind, colon, value in parts]

    def _other(self, value: str) -> str:
        """Return another value of the same kind: another number or another name."""
        if value.replace(".", "").isdecimal():
            return f"{self._rng.randint(1601, 2612)}.{self._rng.randint(0, 19999):05}"
        if "/" in value:
            name: str = self._rng.choice(self.records_of_snapshot)["id"]
            return name
        return "-".join(self._rng.sample(self._words, 2)).lower()

    def _near(self, count: int | None) -> int | None:
        return None if count is None else int(count * self._rng.uniform(0.3, 1.7))


def pages_of(records: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the records in pages of at most so many."""
    iterator = iter(records)
    while page := list(islice(iterator, size)):
        yield page


def write_stream(data: DataDir, source: str, name: str, request: str, pages: Iterable[Sequence[dict[str, Any]]]) -> None:
    """Write an exhausted stream of pages, the first of which was requested so; one page is in memory at a time."""
    folder = data.raw(source, name)
    folder.mkdir(parents=True)
    entries = [write_page(folder, source, request, number, content) for number, content in enumerate(pages, 1)]
    write_ledger(data, source, name, entries)


def write_page(folder: Path, source: str, request: str, number: int, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Write a page of a stream, the first of which was requested so; return its entry in the ledger."""
    api = get_source(source)
    metadata = {"nextCursor": str(number)}  # also on the last page, which nobody follows
    body = json.dumps(records if api.records_key is None else {api.records_key: records, "metadata": metadata}).encode()
    file = page_file(number)
    (folder / file).write_bytes(body)
    return {
        "url": request if number == 1 else f"{request}&cursor={number - 1}", "file": file, "sha256": sha256(body),
        "bytes": len(body), "etag": None, "fetched_at": FETCHED_AT, "records": len(records), "next": f"{request}&cursor={number}",
    }  # fmt: skip


def write_ledger(data: DataDir, source: str, name: str, entries: Sequence[dict[str, Any]]) -> None:
    """Write the ledger of an exhausted stream of these pages."""
    pages = [*entries[:-1], {**entries[-1], "next": None}]
    ledger = {"pages": pages, "checked_at": FETCHED_AT, "complete": True, "exhausted": True}
    data.ledger(source, name).write_bytes(dump_json(ledger))
